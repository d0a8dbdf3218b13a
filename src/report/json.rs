//! A report as JSON: one document, described by `report.schema.json` and kept stable.

use crate::run::Report;

/// On one line, so that the reports of a run are JSON Lines; with its line break.
pub fn line(report: &Report) -> String {
    serde_json::to_string(report).unwrap_or_default() + "\n"
}

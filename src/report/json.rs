//! A report as JSON: one document, described by `report.schema.json` and kept stable.

use crate::diagnostics::paint::visible_json;
use crate::run::Report;

/// On one line, so that the reports of a run are JSON Lines; with its line break.
pub fn line(report: &Report) -> String {
    let text = serde_json::to_string(report).unwrap_or_default() + "\n";
    visible_json(&text).into_owned()
}

//! Findings as GitLab's Code Quality report: shown in the merge request, at the line.

use serde::Serialize;

use super::fingerprint::fingerprints;
use super::{Diagnostic, Severity};
use crate::source::SourceMap;

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: String,
    severity: &'a str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    /// From the repository's folder.
    path: String,
    positions: Positions,
}

#[derive(Serialize)]
struct Positions {
    begin: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: usize,
    column: usize,
}

/// The whole document, with a closing line break. `base`: the project's folder in the repository, with a closing slash.
pub fn document(sources: &SourceMap, found: &[Diagnostic], base: &str) -> String {
    let prints = fingerprints(sources, found, base);
    let issue = |(finding, fingerprint): (&Diagnostic, String)| {
        let span = finding.primary.span;
        let file = sources.get(span.file);
        let position = |offset: u32| {
            let place = file.place(offset as usize);
            Position { line: place.line, column: place.column }
        };
        Issue {
            description: description(finding),
            check_name: finding.code.name(),
            fingerprint,
            severity: match finding.severity {
                Severity::Error => "major",
                Severity::Warning => "minor",
                Severity::Note => "info",
            },
            location: Location {
                path: format!("{base}{}", file.path),
                positions: Positions { begin: position(span.start), end: position(span.end) },
            },
        }
    };
    let issues: Vec<Issue> = found.iter().zip(prints).map(issue).collect();
    serde_json::to_string_pretty(&issues).unwrap_or_default() + "\n"
}

/// All that the merge request has room for: what, why there, what next.
fn description(finding: &Diagnostic) -> String {
    let mut text = finding.message.clone();
    if !finding.primary.text.is_empty() {
        text.push_str(": ");
        text.push_str(&finding.primary.text);
    }
    for more in finding.help.iter().chain(&finding.notes) {
        text.push_str(". ");
        text.push_str(more.trim_end_matches('.'));
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

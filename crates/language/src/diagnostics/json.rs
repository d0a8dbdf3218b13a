//! Findings as JSON, for programs. The form is documented by `findings.schema.json` and kept stable.

use serde::Serialize;

use super::{Diagnostic, Severity};
use crate::source::{SourceMap, Span};

#[derive(Serialize)]
struct Document<'a> {
    findings: Vec<Finding<'a>>,
    errors: usize,
    warnings: usize,
}

#[derive(Serialize)]
struct Finding<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    #[serde(flatten)]
    at: Area<'a>,
    label: &'a str,
    help: Option<&'a str>,
    notes: &'a [String],
    fix: Option<Fix<'a>>,
}

#[derive(Serialize)]
struct Area<'a> {
    file: &'a str,
    #[serde(flatten)]
    range: Range,
}

/// Lines and columns count from 1, columns in characters; the end is behind the last character.
#[derive(Serialize)]
struct Range {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
struct Fix<'a> {
    title: &'a str,
    edits: Vec<Edit<'a>>,
}

#[derive(Serialize)]
struct Edit<'a> {
    /// Only where it is not the finding's.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(flatten)]
    range: Range,
    text: &'a str,
}

/// The whole document, with a closing line break.
pub fn document(sources: &SourceMap, found: &[Diagnostic]) -> String {
    let count = |severity: Severity| found.iter().filter(|d| d.severity == severity).count();
    let document = Document {
        findings: found.iter().map(|d| finding(sources, d)).collect(),
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
    };
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text + "\n"
}

fn finding<'a>(sources: &'a SourceMap, d: &'a Diagnostic) -> Finding<'a> {
    let own = d.primary.span.file;
    let edit = |e: &'a super::Edit| Edit {
        file: (e.span.file != own).then(|| sources.get(e.span.file).path.as_str()),
        range: range(sources, e.span),
        text: &e.text,
    };
    Finding {
        code: d.code.name(),
        severity: d.severity.name(),
        message: &d.message,
        at: Area { file: &sources.get(own).path, range: range(sources, d.primary.span) },
        label: &d.primary.text,
        help: d.help.as_deref(),
        notes: &d.notes,
        fix: d.fix.as_ref().map(|f| Fix { title: &f.title, edits: f.edits.iter().map(edit).collect() }),
    }
}

fn range(sources: &SourceMap, span: Span) -> Range {
    let file = sources.get(span.file);
    let start = file.place(span.start as usize);
    let end = file.place(span.end as usize);
    Range { line: start.line, column: start.column, end_line: end.line, end_column: end.column }
}

//! Findings as commands of a GitHub workflow: each becomes an annotation at its line.

use std::fmt::Write as _;

use super::paint::{visible, visible_lines};
use super::{Diagnostic, Severity};
use crate::source::SourceMap;

/// One line a finding. `base`: the project's folder in the repository, with a closing slash.
pub fn lines(sources: &SourceMap, found: &[Diagnostic], base: &str) -> String {
    let mut out = String::new();
    for finding in found {
        let span = finding.primary.span;
        let file = sources.get(span.file);
        let (start, end) = (file.place(span.start as usize), file.place(span.end as usize));
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let path = property(&visible(&format!("{base}{}", file.path)));
        let _ = write!(out, "::{command} file={path},line={},endLine={}", start.line, end.line);
        // Columns of an annotation over several lines are refused.
        if start.line == end.line {
            let _ = write!(out, ",col={},endColumn={}", start.column, end.column.max(start.column));
        }
        let _ = writeln!(out, ",title={}::{}", property(finding.code.name()), data(&visible_lines(&message(finding))));
    }
    out
}

fn message(finding: &Diagnostic) -> String {
    let mut text = finding.message.clone();
    if !finding.primary.text.is_empty() {
        let _ = write!(text, "\n{}", finding.primary.text);
    }
    if let Some(help) = &finding.help {
        let _ = write!(text, "\nhelp: {help}");
    }
    for note in &finding.notes {
        let _ = write!(text, "\nnote: {note}");
    }
    text
}

/// What would end the command is written as GitHub reads it back.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Code;
    use crate::source::{SourceFile, Span};

    #[test]
    fn nothing_in_a_finding_ends_its_line() {
        let mut sources = SourceMap::default();
        let id = sources.add(SourceFile::new("a,b:c.dq", "one\ntwo\n".to_string()));
        let one = Diagnostic::new(Code::DQ0201, "100% of\nit", Span::new(id, 0, 3), "\r::error::x");
        let over_lines = Diagnostic::new(Code::DQ0317, "m", Span::new(id, 0, 7), "");
        let text = lines(&sources, &[one, over_lines], "r/");
        assert_eq!(
            text,
            "::error file=r/a%2Cb%3Ac.dq,line=1,endLine=1,col=1,endColumn=4,title=DQ0201::100%25 of%0Ait%0A\\r::error::x\n\
             ::warning file=r/a%2Cb%3Ac.dq,line=1,endLine=2,title=DQ0317::m\n"
        );
    }
}

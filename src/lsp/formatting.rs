//! The one style: of a text, of a part, of what was just written.

use lsp_types::{Position, Range, TextEdit};

use crate::format::format_range;
use crate::source::SourceFile;

use super::convert;

pub(super) fn all(source: &SourceFile) -> Vec<TextEdit> {
    edits(source, 0..source.text.len())
}

pub(super) fn range(source: &SourceFile, range: Range) -> Vec<TextEdit> {
    edits(source, convert::offsets(source, range))
}

/// After a line break: the line before, and nothing of the line that is being begun. After a brace: the block it closes.
pub(super) fn typed(source: &SourceFile, position: Position, sign: &str) -> Vec<TextEdit> {
    let at = convert::offset(source, position);
    let before = source.text.get(..at).unwrap_or("");
    let line = before.rfind('\n').map_or(0, |i| i + 1);
    match sign {
        "\n" => {
            let upto = Position { line: position.line, character: 0 };
            let start = before.get(..line.saturating_sub(1)).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1);
            // The blank line that is being begun is not there for the formatter, which would take it away.
            let rest = source.text.get(line..).unwrap_or("");
            let own = rest.find('\n').map_or(rest.len(), |i| i + 1);
            let blank = rest.get(..own).unwrap_or("").trim().is_empty();
            let without = format!("{}{}", source.text.get(..line).unwrap_or(""), rest.get(own..).unwrap_or(""));
            let text = if blank { without } else { source.text.clone() };
            let found = edits(&SourceFile::new("", text), start..line.saturating_sub(1));
            found.into_iter().filter(|e| e.range.end <= upto).collect()
        }
        "}" => edits(source, opening(before)..at),
        _ => Vec::new(),
    }
}

/// Where the block starts that ends at the end of a text.
fn opening(before: &str) -> usize {
    let mut depth = 0usize;
    for (i, c) in before.char_indices().rev() {
        match c {
            '}' => depth += 1,
            '{' if depth <= 1 => return before.get(..i).and_then(|t| t.rfind('\n')).map_or(0, |n| n + 1),
            '{' => depth -= 1,
            _ => {}
        }
    }
    before.len()
}

fn edits(source: &SourceFile, range: std::ops::Range<usize>) -> Vec<TextEdit> {
    let found = format_range(&source.text, range).into_iter();
    found.map(|(place, new_text)| TextEdit { range: convert::range(source, place), new_text }).collect()
}

//! Source text in colours.

use maud::{Markup, html};

use crate::diagnostics::paint::visible;
use crate::source::{SourceMap, Span};
use crate::syntax::highlight::{Class, classes};

/// Lines of a rule that are shown; a longer one is cut.
const LINES: usize = 12;

/// What becomes of the values that an author wrote into a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literals {
    Shown,
    /// They could be those of a personal column.
    Hidden,
}

/// The lines of a place, moved to the left.
pub fn excerpt(sources: &SourceMap, at: Span, literals: Literals) -> Option<Markup> {
    let text = sources.get(at.file).text.as_str();
    let first = text.get(..at.start as usize)?.rfind('\n').map_or(0, |line| line + 1);
    let meant = text.get(first..at.end as usize)?.lines().count().clamp(1, LINES);
    let lines: Vec<&str> = text.get(first..)?.lines().take(meant).collect();
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let common = lines.iter().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    let lines: Vec<&str> = lines.iter().map(|line| line.get(common..).unwrap_or("")).collect();
    let text = lines.join("\n");
    let mut pieces: Vec<(&str, &str)> = Vec::new();
    let mut done = 0;
    for (range, class) in classes(&text) {
        pieces.push(("", text.get(done..range.start).unwrap_or("")));
        let hidden = literals == Literals::Hidden && matches!(class, Class::Text | Class::Number);
        pieces.push((name(class), if hidden { "…" } else { text.get(range.clone()).unwrap_or("") }));
        done = range.end;
    }
    pieces.push(("", text.get(done..).unwrap_or("").trim_end()));
    let shown = |piece: &str| piece.split('\n').map(visible).collect::<Vec<_>>().join("\n");
    Some(html! {
        @for (class, piece) in pieces {
            @if class.is_empty() { (shown(piece)) } @else { span class=(class) { (shown(piece)) } }
        }
    })
}

fn name(class: Class) -> &'static str {
    match class {
        Class::Comment => "comment",
        Class::Keyword => "keyword",
        Class::Text => "text",
        Class::Number => "number",
        Class::Head => "head",
    }
}

//! What all pages share: their style, texts of the language in colours, authors' words.

use std::ops::Range;

use maud::{Markup, html};

use crate::diagnostics::paint::visible;
use crate::syntax::highlight::Class;

pub const STYLE: &str = include_str!("page/page.css");
/// Draws each `figure.chart` from the JSON in it.
pub const CHARTS: &str = include_str!("assets/charts.js");
/// uPlot, with its licence at its head.
pub const PLOT: &str =
    concat!("/*\n", include_str!("assets/vendor/uPlot.LICENSE"), "*/\n", include_str!("assets/vendor/uPlot.iife.min.js"));
pub const PLOT_STYLE: &str = include_str!("assets/vendor/uPlot.min.css");

/// A range of a text of the language; `classes` are those of the whole text.
pub fn coloured(text: &str, classes: &[(Range<usize>, Class)], range: Range<usize>) -> Markup {
    let mut pieces: Vec<(&str, &str)> = Vec::new();
    let mut done = range.start;
    for (word, class) in classes.iter().filter(|(word, _)| word.end > range.start && word.start < range.end) {
        let word = word.start.max(done)..word.end.min(range.end);
        pieces.push(("", text.get(done..word.start).unwrap_or("")));
        pieces.push((name(*class), text.get(word.clone()).unwrap_or("")));
        done = word.end;
    }
    pieces.push(("", text.get(done..range.end).unwrap_or("").trim_end()));
    let shown = |piece: &str| piece.split('\n').map(visible).collect::<Vec<_>>().join("\n");
    html! {
        @for (class, piece) in pieces {
            @if class.is_empty() { (shown(piece)) } @else { span class=(class) { (shown(piece)) } }
        }
    }
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

/// An author's words: paragraphs, lists of lines that begin with `-`, code between backticks.
pub fn prose(text: &str) -> Markup {
    let blocks = text.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    html! {
        @for block in blocks {
            @if block.lines().all(|line| line.trim_start().starts_with("- ")) {
                ul { @for line in block.lines() { li { (words(line.trim_start().trim_start_matches("- "))) } } }
            } @else {
                p { (words(block)) }
            }
        }
    }
}

/// One paragraph, as [`prose`].
pub fn words(text: &str) -> Markup {
    let text = text.replace("\r\n", "\n").replace('\n', " ");
    let parts: Vec<&str> = text.split('`').collect();
    // A backtick alone is one.
    let closed = parts.len() % 2 == 1;
    html! {
        @if closed {
            @for (i, part) in parts.iter().enumerate() {
                @if i % 2 == 1 { code { (visible(part)) } } @else { (visible(part)) }
            }
        } @else { (visible(&text)) }
    }
}

/// A small chart for each of several rules.
pub fn figures(charts: &[(String, serde_json::Value)]) -> Markup {
    html! {
        div.charts { @for (rule, chart) in charts {
            figure.chart.small role="img" aria-label={ "What " (visible(rule)) " measured, batch by batch" } {
                figcaption { code { (visible(rule)) } }
                (data(chart))
            }
        } }
    }
}

/// Data for scripts, in an element that is no script: nothing in it can end the element.
pub fn data(value: &serde_json::Value) -> Markup {
    let text = value.to_string().replace('<', "\\u003c");
    html! { script type="application/json" { (maud::PreEscaped(text)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authors_words_are_text() {
        let text = "A `x < 1` b.\n\n- one\n- <two>\n\nlone ` tick";
        let shown = prose(text).into_string();
        assert_eq!(shown, "<p>A <code>x &lt; 1</code> b.</p><ul><li>one</li><li>&lt;two&gt;</li></ul><p>lone ` tick</p>");
        let hostile = data(&serde_json::json!({"a": "</script><script>alert(1)"})).into_string();
        assert_eq!(hostile.matches("<").count(), 2, "{hostile}");
    }
}

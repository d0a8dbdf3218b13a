//! Colours, widths, and text from strangers made safe to show.

use std::borrow::Cow;

use anstyle::{AnsiColor, Effects, Style};
use unicode_width::UnicodeWidthStr;

/// How text output looks: decided once, by the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    pub color: bool,
    /// Columns of the terminal; long sentences are wrapped to it.
    pub width: usize,
}

impl Default for Paint {
    fn default() -> Self {
        Self { color: false, width: 100 }
    }
}

impl Paint {
    pub fn bold(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    pub fn dim(self, text: &str) -> String {
        self.with(Style::new().effects(Effects::DIMMED), text)
    }

    pub fn red(self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default().bold(), text)
    }

    pub fn yellow(self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default().bold(), text)
    }

    pub fn green(self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default().bold(), text)
    }

    pub fn blue(self, text: &str) -> String {
        self.with(AnsiColor::Cyan.on_default().bold(), text)
    }

    fn with(self, style: Style, text: &str) -> String {
        if self.color && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_string() }
    }

    /// The lines of a text, broken between words so that each fits behind `indent` columns.
    pub fn wrap(self, text: &str, indent: usize) -> Vec<String> {
        let room = self.width.saturating_sub(indent).max(30);
        let mut lines = Vec::new();
        for paragraph in text.lines() {
            let mut line = String::new();
            for word in paragraph.split(' ') {
                if !line.is_empty() && line.width() + 1 + word.width() > room {
                    lines.push(std::mem::take(&mut line));
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            lines.push(line);
        }
        lines
    }
}

/// Whether a character would act on the terminal, or on the order of its neighbours, instead of being seen.
fn acts(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// One line of text with every control, format and direction character written out, as `\u{1b}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if acts(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A JSON text with the same meaning in which nothing acts: what can stand in it beyond ASCII stands within texts.
pub fn visible_json(text: &str) -> Cow<'_, str> {
    let loud = |c: char| !c.is_ascii() && acts(c) || c == '\u{7f}';
    if !text.contains(loud) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if loud(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// As [`visible`], but lines stay lines.
pub fn visible_lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

/// A source text in which nothing acts and every offset stays what it was.
pub fn same_length(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| matches!(c, '\n' | '\t') || !acts(c);
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // A line break of Windows is two bytes; the first is shown as nothing.
            '\r' if chars.peek() == Some(&'\n') => out.push(' '),
            c if harmless(c) => out.push(c),
            c => out.push_str(match c.len_utf8() {
                1 => "?",
                2 => "¿",
                3 => "\u{fffd}",
                _ => "\u{1f7ab}",
            }),
        }
    }
    Cow::Owned(out)
}

/// Cut to `width` columns, with `…` where something is missing.
pub fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for c in text.chars() {
        if out.as_str().width() + unicode_width::UnicodeWidthChar::width(c).unwrap_or(0) + 1 > width {
            break;
        }
        out.push(c);
    }
    out.push('…');
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_written_out() {
        assert_eq!(visible("a\u{1b}[31mb\u{202e}c\nd"), "a\\u{1b}[31mb\\u{202e}c\\nd");
        assert_eq!(visible("café 漢字"), "café 漢字");
        assert_eq!(visible_json("[\"é\u{9b}\u{202e}\u{e0041}\"]\n"), "[\"é\\u009b\\u202e\\udb40\\udc41\"]\n");
        let text = "a\u{1b}b\u{202e}c\u{85}d\u{e0041}e\r\nf\rg";
        let shown = same_length(text);
        assert_eq!(shown.len(), text.len());
        assert_eq!(shown, "a?b\u{fffd}c¿d\u{1f7ab}e \nf?g");
    }

    #[test]
    fn wraps_and_cuts_by_columns() {
        let paint = Paint { color: false, width: 34 };
        assert_eq!(
            paint.wrap("one two three four five six seven eight", 4),
            ["one two three four five six", "seven eight"]
        );
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut("abc", 3), "abc");
    }
}

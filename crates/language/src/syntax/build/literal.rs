//! Texts, numbers, times, durations.

use super::super::ast::{Duration, Literal, Text, TimeOfDay, Unit};
use super::super::errors;
use super::super::grammar::{Pair, Rule};
use super::Builder;
use crate::diagnostics::Edit;
use crate::source::Span;

impl Builder<'_> {
    /// A string's value, escapes undone.
    pub fn string(&mut self, pair: &Pair) -> Text {
        let (value, _, _) = self.string_parts(pair);
        Text { value, span: self.span(pair) }
    }

    /// Value, whether raw, whether in double quotes.
    pub fn string_parts(&mut self, pair: &Pair) -> (String, bool, bool) {
        let span = self.span(pair);
        let text = pair.as_str();
        let raw = text.starts_with('r');
        let body = text.strip_prefix('r').unwrap_or(text);
        let first = body.chars().next().unwrap_or('"');
        if !matches!(first, '"' | '\'') || (body.ends_with('”') && first == '"') {
            return (self.smart(span, text), false, true);
        }
        let double = first == '"';
        if let Some(rest) = body.strip_prefix("\"\"\"") {
            let Some(inner) = rest.strip_suffix("\"\"\"") else {
                self.push(errors::open_quote(Span { end: span.start + 3, ..span }, None, "\"\"\""));
                return (rest.to_string(), raw, double);
            };
            let value = dedent(inner);
            let value = if raw { value } else { self.unescape(&value, '\0', span, false) };
            return (value, raw, double);
        }
        let closed = body.len() >= 2 && closes(body, first, raw);
        if !closed {
            let shown = self.trimmed_line(span);
            let quote = first.to_string();
            let line = self.line_before(shown);
            self.push(errors::open_quote(shown, self.closing(line, shown), &quote));
            return (self.slice(shown).trim_start_matches(['r', first]).to_string(), raw, double);
        }
        let inner = body.get(1..body.len() - 1).unwrap_or("");
        let value = if raw { inner.to_string() } else { self.unescape(inner, first, span, true) };
        (value, raw, double)
    }

    /// What stands before it on its line.
    fn line_before(&self, span: Span) -> Span {
        let before = self.text_between(0, span.start as usize).unwrap_or("");
        self.range(before.rfind('\n').map_or(0, |i| i + 1), span.end as usize)
    }

    fn trimmed_line(&self, span: Span) -> Span {
        let text = self.slice(span).trim_end();
        self.range(span.start as usize, span.start as usize + text.len())
    }

    fn smart(&mut self, span: Span, text: &str) -> String {
        const QUOTES: [char; 10] = ['“', '”', '„', '«', '»', '‘', '’', '‚', '"', '\''];
        let first = text.chars().next().map_or(0, char::len_utf8);
        let rest = text.get(first..).unwrap_or("");
        let inner = rest.strip_suffix(QUOTES).unwrap_or(rest).trim_end_matches(['\r']);
        let straight = format!("\"{}\"", inner.trim_end().replace('\\', "\\\\").replace('"', "\"\""));
        self.push(errors::smart_quotes(span, straight));
        inner.to_string()
    }

    /// Undoes escapes; a doubled `quote` is one.
    fn unescape(&mut self, text: &str, quote: char, span: Span, can_be_raw: bool) -> String {
        if !text.contains(['\\', quote]) {
            return text.to_string();
        }
        let mut out = String::with_capacity(text.len());
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c == quote {
                out.push(c);
                if chars.as_str().starts_with(quote) {
                    chars.next();
                }
                continue;
            }
            if c != '\\' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(c @ ('\\' | '"' | '\'' | '{' | '}')) => out.push(c),
                // Kept for `like`.
                Some(c @ ('%' | '_')) => out.extend(['\\', c]),
                Some('u') => match unicode(chars.as_str()) {
                    Some((c, len)) => {
                        out.push(c);
                        chars = chars.as_str().get(len..).unwrap_or("").chars();
                    }
                    None => self.escape(&mut out, 'u', span, false),
                },
                Some(c) => self.escape(&mut out, c, span, can_be_raw && !text.contains(['"', '\''])),
                None => out.push('\\'),
            }
        }
        out
    }

    fn escape(&mut self, out: &mut String, c: char, span: Span, can_be_raw: bool) {
        out.extend(['\\', c]);
        // One finding a text: a pattern holds many.
        if !self.found.iter().rev().take(4).any(|d| d.primary.span == span) {
            let raw = can_be_raw.then_some(Span { end: span.start, ..span });
            self.push(errors::unknown_escape(span, &format!("\\{c}"), raw));
        }
    }

    pub fn time(&mut self, pair: &Pair) -> TimeOfDay {
        let mut parts = pair.as_str().split(':').map(|p| p.parse::<u8>().unwrap_or(0));
        let mut next = || parts.next().unwrap_or(0);
        let time = TimeOfDay { hour: next(), minute: next(), second: next() };
        if time.hour > 23 || time.minute > 59 || time.second > 59 {
            let span = self.span(pair);
            self.push(errors::no_such_time(span, pair.as_str()));
            return TimeOfDay { hour: 0, minute: 0, second: 0 };
        }
        time
    }

    pub fn duration(&mut self, pair: Pair) -> Duration {
        let span = self.span(&pair);
        let mut parts = Vec::new();
        let mut count = 0;
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::digits => count = self.number(&p),
                Rule::unit => parts.push((count, unit(p.as_str()))),
                Rule::slip_unit => {
                    let ours = long_unit(p.as_str());
                    let at = self.span(&p);
                    let attached =
                        self.text.get(..at.start as usize).is_some_and(|t| t.ends_with(|c: char| c.is_ascii_digit()));
                    let followed =
                        self.text.get(at.end as usize..).is_some_and(|t| t.starts_with(|c: char| c.is_ascii_digit()));
                    let name = if count == 1 { ours.trim_end_matches('s') } else { ours };
                    let text = format!("{}{name}{}", if attached { " " } else { "" }, if followed { " " } else { "" });
                    let mut finding = errors::wrong_unit(at, p.as_str(), name);
                    if let Some(edit) = finding.fix.as_mut().and_then(|f| f.edits.first_mut()) {
                        edit.text = text;
                    }
                    self.push(finding);
                    parts.push((count, unit(ours)));
                }
                Rule::slip_rest => {
                    let smaller = match parts.last() {
                        Some((_, Unit::Minute)) => "seconds",
                        Some((_, Unit::Day)) => "hours",
                        _ => "minutes",
                    };
                    let at = self.span(&p);
                    if let Some(finding) = self.found.last_mut()
                        && let Some(fix) = finding.fix.as_mut()
                    {
                        fix.edits.push(Edit { span: at.after(), text: format!(" {smaller}") });
                    }
                    let rest = self.number(&p);
                    parts.push((rest, unit(smaller)));
                }
                _ => {}
            }
        }
        Duration { parts, span }
    }

    pub fn literal_string(&mut self, pair: &Pair) -> Literal {
        let (value, raw, double_quoted) = self.string_parts(pair);
        Literal::String { value, raw, double_quoted }
    }
}

fn closes(body: &str, quote: char, raw: bool) -> bool {
    let mut chars = body.chars().skip(1).peekable();
    while let Some(c) = chars.next() {
        if c == '\\' && !raw {
            chars.next();
        } else if c == quote {
            if !raw && chars.peek() == Some(&quote) {
                chars.next();
                continue;
            }
            return chars.next().is_none();
        }
    }
    false
}

fn unicode(text: &str) -> Option<(char, usize)> {
    let (hex, len) = match text.strip_prefix('{') {
        Some(rest) => {
            let hex = rest.split_once('}')?.0;
            (hex, hex.len() + 2)
        }
        None => (text.get(..4)?, 4),
    };
    Some((char::from_u32(u32::from_str_radix(hex, 16).ok()?)?, len))
}

/// The text of a `"""` string: without its first and last line break, and without the indentation that all lines share.
fn dedent(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    if !text.contains('\n') {
        return text;
    }
    let mut lines: Vec<&str> = text.split('\n').collect();
    if lines.first().is_some_and(|l| l.trim().is_empty()) {
        lines.remove(0);
    }
    let last_blank = lines.last().is_some_and(|l| l.trim().is_empty());
    if last_blank {
        lines.pop();
    }
    let blank = |c: &char| *c == ' ' || *c == '\t';
    let shared =
        lines.iter().filter(|l| !l.trim().is_empty()).map(|l| l.chars().take_while(blank).count()).min().unwrap_or(0);
    lines.iter().map(|l| l.get(shared.min(l.len())..).unwrap_or("").trim_end()).collect::<Vec<_>>().join("\n")
}

pub(super) fn unit(word: &str) -> Unit {
    match word.trim_end_matches('s') {
        "millisecond" => Unit::Millisecond,
        "second" => Unit::Second,
        "minute" => Unit::Minute,
        "hour" => Unit::Hour,
        "week" => Unit::Week,
        "month" => Unit::Month,
        "year" => Unit::Year,
        _ => Unit::Day,
    }
}

/// The unit that somebody means by its short form.
fn long_unit(word: &str) -> &'static str {
    let lower = word.to_ascii_lowercase();
    if lower.starts_with("mil") || lower.starts_with("ms") {
        "milliseconds"
    } else if lower.starts_with("mo") || lower.starts_with("mt") {
        "months"
    } else if lower.starts_with('m') {
        "minutes"
    } else if lower.starts_with('s') {
        "seconds"
    } else if lower.starts_with('h') {
        "hours"
    } else if lower.starts_with('w') {
        "weeks"
    } else if lower.starts_with('y') {
        "years"
    } else {
        "days"
    }
}

//! What people write by habit, recognised at the place where a rule gave up.

use super::build::Builder;
use super::describe;
use super::errors;
use super::grammar::Rule;
use super::locate::{Kind, word, word_len};
use super::trivia::string_end;
use crate::diagnostics::Diagnostic;
use crate::diagnostics::suggest::nearest;
use crate::source::Span;

impl Builder<'_> {
    /// A modifier written as if it were a name: `because: "…"`.
    pub(super) fn modifier_with_colon(&self, span: Span, kind: Kind) -> Option<Diagnostic> {
        if !matches!(kind, Kind::Rule | Kind::Entry) {
            return None;
        }
        let mut at = span.start as usize;
        for line in self.slice(span).split_inclusive('\n') {
            let code = line.trim_start();
            let word = word(code);
            let rest = code.get(word.len()..)?.trim_start_matches([' ', '\t']);
            if is_modifier(word) && rest.starts_with(':') && !rest.starts_with("::") {
                let colon = at + line.len() - rest.len();
                let value = rest.get(1..)?.trim_start();
                let alone = match word {
                    "because" | "fix" => value.starts_with(['"', '\'']),
                    _ => true,
                };
                return Some(errors::extra_colon(self.range(colon, colon + 1), word, alone));
            }
            at += line.len();
        }
        None
    }

    /// What people write at the place where the rule gave up.
    pub(super) fn slip_at(&self, span: Span, at: usize, expected: &[Rule], kind: Kind) -> Option<Diagnostic> {
        let rest = self.text_between(at, span.end as usize)?;
        let before = self.text_between(span.start as usize, at)?;
        let code = before.trim_end();
        let first = rest.chars().next();
        let one = |len: usize| self.range(at, at + len);
        if let Some(finding) = self.unbalanced(span, at) {
            return Some(finding);
        }
        if let Some(finding) = self.habit_at(span, at, kind) {
            return Some(finding);
        }
        if rest.starts_with("||") && !code.is_empty() {
            return Some(errors::bars_for_or(one(2)));
        }
        if rest.starts_with('~') && matches!(kind, Kind::Rule | Kind::Column) {
            return Some(errors::foreign_operator(one(1), "~", "matches"));
        }
        if rest.starts_with(['&', '|']) {
            return Some(errors::bitwise(one(1), rest.get(..1)?));
        }
        if let Some(number) = code.strip_suffix('%').map(str::trim_end) {
            let digits = number.len() - number.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').len();
            if digits > 0 && number.len() + 1 < code.len() {
                let start = span.start as usize + number.len() - digits;
                let whole = self.range(start, span.start as usize + code.len());
                return Some(errors::detached_percent(whole, number.get(number.len() - digits..)?));
            }
        }
        if first == Some('%') {
            return Some(errors::bare_percent(one(1)));
        }
        if first == Some(',') {
            if code.contains('.') && code.ends_with(|c: char| c.is_ascii_digit()) && rest.get(1..)?.starts_with(|c: char| c.is_ascii_digit()) {
                return Some(errors::habits::decimal_comma(one(1)));
            }
            if let Some(finding) = self.thousands(span, at) {
                return Some(finding);
            }
            let start = code.trim_end_matches(|c: char| c.is_ascii_digit()).len();
            let decimals = rest.get(1..)?.chars().take_while(char::is_ascii_digit).count();
            if start < code.len() && code.len() == before.len() && decimals > 0 {
                let number = self.range(span.start as usize + start, at + 1 + decimals);
                return Some(errors::habits::decimal_point(number, &self.slice(number).replace(',', ".")));
            }
            let next = rest.get(1..)?.trim_start();
            if is_modifier(word(next)) {
                return Some(errors::trailing_comma(one(1)));
            }
            if kind == Kind::Rule && !rest.get(1..)?.lines().next().unwrap_or("").trim().is_empty() {
                return Some(errors::habits::comma_for_and(one(1)));
            }
        }
        let last = code.get(code.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len()..)?;
        if matches!(last.to_ascii_lowercase().as_str(), "case" | "cast" | "then")
            && rest.starts_with(['=', '<', '>', '+', '*', '/', ',', ')'])
        {
            let end = span.start as usize + code.len();
            return Some(errors::reserved_name(self.range(end - last.len(), end), last));
        }
        let word = word(rest);
        if word.is_empty() {
            return None;
        }
        let here = one(word.len());
        if is_modifier(word) && code.ends_with(',') {
            let comma = span.start as usize + code.len() - 1;
            return Some(errors::trailing_comma(self.range(comma, comma + 1)));
        }
        if let Some(finding) = self.upper_case(at, rest, kind) {
            return Some(finding);
        }
        if matches!(word, "warn" | "quarantine" | "block") && matches!(kind, Kind::Rule | Kind::Entry | Kind::Column) {
            return Some(errors::missing_else(here, word));
        }
        if code.ends_with(|c: char| c.is_ascii_digit()) && before.len() > code.len() {
            const UNITS: [&str; 16] = [
                "milliseconds",
                "seconds",
                "minutes",
                "hours",
                "days",
                "weeks",
                "months",
                "years",
                "millisecond",
                "second",
                "minute",
                "hour",
                "day",
                "week",
                "month",
                "year",
            ];
            let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
            if let Some(unit) = UNITS.iter().find(|u| **u == letters).copied().or_else(|| nearest(letters, UNITS)) {
                return Some(errors::wrong_unit(one(letters.len()), letters, unit));
            }
            let later = kind.later_words();
            let goes_on = rest.get(word.len()..).is_some_and(|r| r.trim_start().starts_with(':'));
            if kind == Kind::Rule && !goes_on && !is_reserved(word) && nearest(word, later.iter().copied()).is_none() {
                return Some(errors::after_number(here, word));
            }
        }
        if is_reserved(word) && describe::wants_value(expected) && names_something(word, rest.get(word.len()..)?) {
            return Some(errors::reserved_name(here, word));
        }
        if !is_reserved(word)
            && !describe::wants_value(expected)
            && let Some(near) = nearest(word, kind.later_words().iter().copied()).filter(|near| *near != word)
        {
            return Some(errors::unknown_word(here, word, Some(near), ""));
        }
        None
    }

    /// A parenthesis without its other half.
    fn unbalanced(&self, span: Span, at: usize) -> Option<Diagnostic> {
        let text = self.slice(span);
        let mut open: Vec<(char, usize)> = Vec::new();
        let mut i = 0;
        while let Some(c) = text.get(i..).and_then(|t| t.chars().next()) {
            let here = span.start as usize + i;
            if let Some(comment) = self.comments.iter().find(|k| k.start == here && k.end > here) {
                i = comment.end - span.start as usize;
                continue;
            }
            match c {
                '"' | '\'' | '`' => {
                    i = string_end(text, i).max(i + 1);
                    continue;
                }
                '(' | '[' => open.push((c, here)),
                ')' | ']' if open.pop().is_none() => return Some(errors::stray_paren(self.range(here, here + 1), c)),
                _ => {}
            }
            i += c.len_utf8();
        }
        let (sign, opened) = open.pop()?;
        let rest = self.text_between(at, span.end as usize).unwrap_or("");
        let found = describe::found(rest.get(..word_len(rest)).unwrap_or(""));
        let place = self.range(at, at + word_len(rest));
        Some(errors::open_paren(self.range(opened, opened + 1), if rest.is_empty() { "" } else { &found }, place, sign))
    }

    /// `1,000`
    /// `ELSE WARN`: our words in the case in which SQL's may stand.
    fn upper_case(&self, at: usize, rest: &str, kind: Kind) -> Option<Diagnostic> {
        let first = word(rest);
        let lower = first.to_lowercase();
        if lower == first || !kind.later_words().contains(&lower.as_str()) {
            return None;
        }
        let second = rest.get(first.len()..).map(|r| word(r.trim_start())).unwrap_or("");
        let act = second.to_lowercase();
        let whole = match act.as_str() {
            "warn" | "quarantine" | "block" | "each" | "pass" | "fail" if act != second => {
                rest.find(second).map_or(first.len(), |i| i + second.len())
            }
            _ => first.len(),
        };
        let here = self.range(at, at + whole);
        Some(errors::habits::lower_case(here, self.slice(here)))
    }

    fn thousands(&self, span: Span, comma: usize) -> Option<Diagnostic> {
        let before = self.text_between(span.start as usize, comma)?;
        let start = before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let tail = self.text_between(comma, span.end as usize)?;
        let len = tail.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(tail.len());
        let groups: Vec<&str> = tail.get(1..len)?.split(',').collect();
        if start == before.len() || !groups.iter().all(|g| g.len() == 3) {
            return None;
        }
        let whole = self.range(span.start as usize + start, comma + len);
        Some(errors::thousands(whole, &self.slice(whole).replace(',', "_")))
    }

    /// Where a text that is not closed would end: before the parentheses that close what was opened before it. `None`
    /// where it holds nothing, or a quote of its own kind.
    pub(super) fn closing(&self, span: Span, shown: Span) -> Option<Span> {
        let before = self.text_between(span.start as usize, shown.start as usize).unwrap_or("");
        let mut open = before.matches('(').count().saturating_sub(before.matches(')').count());
        let mut text = self.slice(shown);
        if text.len() < 2 {
            return None;
        }
        while open > 0
            && let Some(less) = text.strip_suffix(')')
        {
            text = less.trim_end();
            open -= 1;
        }
        let end = shown.start as usize + text.len();
        Some(self.range(end, end))
    }

    /// A quote or comment that nothing closes.
    pub(super) fn unclosed_text(&self, span: Span) -> Option<Diagnostic> {
        let text = self.text_between(0, span.end as usize)?;
        let start = span.start as usize;
        let mut at = start;
        let mut comments = self.comments.iter().filter(|c| c.start >= start).peekable();
        while let Some(byte) = text.as_bytes().get(at) {
            while comments.next_if(|c| c.start < at).is_some() {}
            if let Some(comment) = comments.next_if(|c| c.start == at) {
                at = comment.end;
                continue;
            }
            match byte {
                b'"' | b'\'' | b'`' => {
                    let end = string_end(text, at);
                    let long = text.get(at..).is_some_and(|t| t.starts_with("\"\"\""));
                    let quote = if long { "\"\"\"" } else { text.get(at..at + 1)? };
                    let inner = text.get(at..end)?;
                    if inner.len() < 2 * quote.len() || !inner.ends_with(quote) {
                        let code = inner.trim_end();
                        let shown = self.range(at, at + code.len());
                        return Some(errors::open_quote(shown, self.closing(span, shown), quote));
                    }
                    at = end;
                }
                b'/' if text.get(at..).is_some_and(|t| t.starts_with("/*")) => {
                    return Some(errors::open_comment(self.range(at, at + 2)));
                }
                _ => at += 1,
            }
        }
        None
    }
}

fn is_modifier(word: &str) -> bool {
    matches!(word, "when" | "for" | "over" | "nulls" | "else" | "because" | "fix" | "tags" | "if")
}

pub(super) fn is_reserved(word: &str) -> bool {
    const WORDS: [&str; 19] = [
        "and", "or", "not", "in", "between", "like", "ilike", "is", "null", "true", "false", "case", "when", "then",
        "else", "end", "cast", "matches", "within",
    ];
    WORDS.iter().any(|w| w.eq_ignore_ascii_case(word))
}

/// Whether a word of SQL stands where a column is meant.
fn names_something(word: &str, rest: &str) -> bool {
    let next = rest.trim_start();
    let operator = next.starts_with(['=', '<', '>', '+', '*', '/', ',', ')', '.', '|'])
        || ["is ", "in ", "between ", "like "].iter().any(|w| next.starts_with(w));
    let closes = ["end", "then", "case", "cast", "matches", "within", "like", "between"]
        .iter()
        .any(|w| w.eq_ignore_ascii_case(word));
    operator
        || closes && (next.is_empty() || rest.starts_with('\n') || next.starts_with("else") || next.starts_with("when"))
}

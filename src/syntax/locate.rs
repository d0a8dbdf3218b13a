//! What is wrong with an item that could not be read: it is read again by the rule that it should have been, and what
//! stands where that rule gave up names the mistake.

use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};

use super::ast::{Item, Name, Part, Path};
use super::build::Builder;
use super::describe;
use super::errors;
use super::grammar::{Grammar, Pair, Rule};
use super::recover::Group;
use super::trivia::{string_end, trimmed_end};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::suggest::nearest;
use crate::source::Span;

/// What an item should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Item,
    Part,
    PromotePart,
    TestPart,
    Column,
    Rule,
    Entry,
    Map,
}

impl Kind {
    fn rule(self) -> Rule {
        match self {
            Kind::Item => Rule::only_item,
            Kind::Part => Rule::only_part,
            Kind::PromotePart => Rule::only_promote_part,
            Kind::TestPart => Rule::only_test_part,
            Kind::Column => Rule::only_column,
            Kind::Rule => Rule::only_rule,
            Kind::Entry => Rule::only_entry,
            Kind::Map => Rule::only_map,
        }
    }

    /// The words that such an item starts with; none if it starts with a name.
    fn words(self) -> &'static [&'static str] {
        match self {
            Kind::Item => &["contract", "promote", "test", "type", "fn", "extern", "rules", "use", "calendar"],
            Kind::Part => {
                &["owner", "tags", "zone", "nulls", "else", "quarantine", "at", "format", "columns", "rules", "sla"]
            }
            Kind::PromotePart => &["batches", "with", "write", "rules", "notify"],
            Kind::TestPart => &["rows", "at", "history", "expect"],
            _ => &[],
        }
    }

    /// The words that may follow.
    fn later_words(self) -> &'static [&'static str] {
        match self {
            Kind::Column => &[
                "key",
                "unique",
                "personal",
                "secret",
                "references",
                "was",
                "where",
                "else",
                "because",
                "fix",
                "tags",
                "in",
            ],
            Kind::Rule | Kind::Entry => &[
                "when",
                "for",
                "over",
                "nulls",
                "else",
                "because",
                "fix",
                "tags",
                "and",
                "or",
                "not",
                "in",
                "is",
                "between",
                "like",
                "ilike",
                "matches",
                "within",
                "references",
            ],
            Kind::Map => &["and", "or", "not", "in", "is", "between", "like", "ilike", "matches"],
            _ => &[],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Item => "an item of a file",
            Kind::Part => "a part of a contract",
            Kind::PromotePart => "a part of a promotion",
            Kind::TestPart => "a part of a test",
            Kind::Column => "a column",
            Kind::Rule => "a rule",
            Kind::Entry => "a service level",
            Kind::Map => "a mapping",
        }
    }
}

/// Where a word belongs that stands elsewhere.
fn belongs(word: &str) -> Option<&'static str> {
    Some(match word {
        "owner" | "zone" | "columns" | "sla" | "quarantine" | "format" => "in a contract",
        "batches" | "write" | "notify" | "with" => "in a promotion",
        "expect" | "rows" | "history" => "in a test",
        "contract" | "promote" | "type" | "fn" | "extern" | "use" | "calendar" | "test" => "outside of every block",
        "rules" | "tags" | "nulls" => "in a contract",
        _ => return None,
    })
}

impl<'t> Builder<'t> {
    pub fn group_span(&self, group: &Group<'t>) -> Span {
        let span = self.range(group.start, group.end);
        let len = self.slice(span).trim_end().len();
        self.range(group.start, group.start + len)
    }

    /// One finding for a broken item.
    pub fn broken(&mut self, group: &Group<'t>, kind: Kind) {
        let span = self.group_span(group);
        let finding = self.locate(span, kind);
        self.push(finding);
    }

    /// Builds something of a broken item; only findings that stand for themselves are kept.
    pub fn silently<T>(&mut self, build: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.found.len();
        let built = build(self);
        let located = before.checked_sub(1).and_then(|i| self.found.get(i)).map(|d| d.primary.span);
        let quote = located.is_some_and(|_| self.found.get(before - 1).is_some_and(|d| d.code.name() == "DQ0104"));
        let mut i = 0;
        self.found.retain(|d| {
            i += 1;
            i <= before || !quote && matches!(d.code.name(), "DQ0110" | "DQ0120") && Some(d.primary.span) != located
        });
        built
    }

    /// The name that a broken item declares.
    pub fn junk_name(&self, span: Span) -> Option<Name> {
        let text = self.slice(span);
        let first = text.chars().next()?;
        let len = if first == '`' {
            text.get(1..)?.find('`')? + 2
        } else if first.is_alphabetic() || first == '_' {
            text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
        } else {
            return None;
        };
        let rest = text.get(len..)?.trim_start();
        (rest.starts_with(':') && !rest.starts_with("::")).then(|| Name {
            text: text.get(..len).unwrap_or("").trim_matches('`').to_string(),
            span: self.range(span.start as usize, span.start as usize + len),
        })
    }

    /// The most precise finding for an item that its rule refuses.
    pub fn locate(&mut self, span: Span, kind: Kind) -> Diagnostic {
        let end = trimmed_end(
            self.text_between(0, self.text_len()).unwrap_or(""),
            &self.comments,
            span.start as usize,
            span.end as usize,
        );
        let span = self.range(span.start as usize, end.max(span.start as usize + 1).min(span.end as usize));
        let text = self.slice(span);
        if let Some(finding) = self.unclosed_text(span) {
            return finding;
        }
        if let Some(finding) = self.first_word(span, kind) {
            return finding;
        }
        if let Some(finding) = self.modifier_with_colon(span, kind) {
            return finding;
        }
        let (at, expected) = match Grammar::parse(kind.rule(), text) {
            Ok(_) => (0, Vec::new()),
            Err(error) => {
                let at = match error.location {
                    InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
                };
                match error.variant {
                    ErrorVariant::ParsingError { positives, .. } => (at, positives),
                    ErrorVariant::CustomError { .. } => return errors::too_deep(span),
                }
            }
        };
        let at = self.skip_blank(span.start as usize + at, span.end as usize);
        if let Some(finding) = self.slip_at(span, at, &expected, kind) {
            return finding;
        }
        let rest = self.text_between(at, span.end as usize).unwrap_or("");
        if expected.contains(&Rule::head_colon) && !word(rest).is_empty() {
            let name = self.range(span.start as usize, span.start as usize + word(text).len());
            return errors::missing_colon(name, self.slice(name), kind.name());
        }
        let expected = describe::expected(&expected, kind.name());
        if rest.is_empty() {
            let code = self.slice(span).trim_end();
            let end = span.start as usize + code.len();
            let words = code.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len();
            let last = code.chars().next_back().map_or(0, char::len_utf8);
            let start = if words < code.len() { span.start as usize + words } else { end - last };
            return errors::unfinished(self.range(start, end), &expected);
        }
        let found = self.range(at, at + word_len(rest));
        errors::unexpected(found, &describe::found(self.slice(found)), &expected)
    }

    fn skip_blank(&self, mut at: usize, end: usize) -> usize {
        loop {
            let rest = self.text_between(at, end).unwrap_or("");
            at += rest.len() - rest.trim_start().len();
            match self.comments.iter().find(|c| c.start == at && c.end <= end && c.end > at) {
                Some(comment) => at = comment.end,
                None => return at.min(end),
            }
        }
    }

    /// A quote or comment that nothing closes.
    fn unclosed_text(&self, span: Span) -> Option<Diagnostic> {
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
                        let close = self.range(at + code.len(), at + code.len());
                        return Some(errors::open_quote(self.range(at, at + code.len()), close, quote));
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

    /// An item that starts with a word that none starts with.
    fn first_word(&self, span: Span, kind: Kind) -> Option<Diagnostic> {
        let text = self.slice(span);
        let len = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        let word = text.get(..len).filter(|w| !w.is_empty())?;
        let at = self.range(span.start as usize, span.start as usize + len);
        let words = kind.words();
        if words.is_empty() || words.contains(&word) {
            return None;
        }
        if matches!(word, "description" | "doc" | "comment" | "title") {
            return Some(errors::description(at, word));
        }
        if let Some(place) = belongs(word) {
            return Some(errors::misplaced_word(at, word, place));
        }
        Some(errors::unknown_word(at, word, nearest(word, words.iter().copied()), &describe::list(words)))
    }

    /// A modifier written as if it were a name: `because: "…"`.
    fn modifier_with_colon(&self, span: Span, kind: Kind) -> Option<Diagnostic> {
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
                return Some(errors::extra_colon(self.range(colon, colon + 1), word));
            }
            at += line.len();
        }
        None
    }

    /// What people write at the place where the rule gave up.
    fn slip_at(&self, span: Span, at: usize, expected: &[Rule], kind: Kind) -> Option<Diagnostic> {
        let rest = self.text_between(at, span.end as usize)?;
        let before = self.text_between(span.start as usize, at)?;
        let code = before.trim_end();
        let first = rest.chars().next();
        let one = |len: usize| self.range(at, at + len);
        if let Some(finding) = self.unbalanced(span, at) {
            return Some(finding);
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
            if let Some(finding) = self.thousands(span, at) {
                return Some(finding);
            }
            let next = rest.get(1..)?.trim_start();
            if is_modifier(word(next)) {
                return Some(errors::trailing_comma(one(1)));
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
        }
        if is_reserved(word) && describe::wants_value(expected) && names_something(word, rest.get(word.len()..)?) {
            return Some(errors::reserved_name(here, word));
        }
        if !is_reserved(word) && !describe::wants_value(expected) {
            if let Some(near) = nearest(word, kind.later_words().iter().copied()).filter(|near| *near != word) {
                return Some(errors::unknown_word(here, word, Some(near), ""));
            }
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

    /// Top-level text that no item could read.
    pub fn junk_item(&mut self, span: Span, items: &mut Vec<Item>) {
        let text = self.slice(span);
        let first = word(text);
        let words = Kind::Item.words();
        let finding = self.locate(span, Kind::Item);
        self.push(finding);
        if !words.contains(&first) {
            if let Some(item) =
                nearest(first, words.iter().copied()).and_then(|near| self.misspelt_item(near, span, first.len()))
            {
                items.push(item);
                return;
            }
        }
        let rest = text.get(first.len()..).unwrap_or("").trim_start();
        let name = rest
            .get(..rest.find(|c: char| !c.is_alphanumeric() && !"_.`".contains(c)).unwrap_or(rest.len()))
            .unwrap_or("");
        if !name.is_empty() {
            let names = name.split('.').map(|n| Name { text: n.trim_matches('`').to_string(), span }).collect();
            self.broken.push(Path { names, span });
        }
        items.push(Item::Junk(span));
    }

    fn misspelt_item(&mut self, keyword: &str, span: Span, skip: usize) -> Option<Item> {
        let rule = match keyword {
            "contract" => Rule::only_contract,
            "promote" => Rule::only_promote,
            "test" => Rule::only_test,
            "type" => Rule::only_type,
            "fn" => Rule::only_fn,
            "rules" => Rule::only_rules_decl,
            _ => return None,
        };
        self.again(rule, span, skip, |b, pair| {
            Some(match rule {
                Rule::only_contract => Item::Contract(b.contract(pair)),
                Rule::only_promote => Item::Promote(b.promote(pair)),
                Rule::only_test => Item::Test(b.test(pair)),
                Rule::only_type => Item::Type(b.type_decl(pair)),
                Rule::only_fn => Item::Fn(b.fn_decl(pair)),
                _ => Item::Rules(b.rules_decl(pair)),
            })
        })
    }

    /// A block whose word is misspelt, read as the block that was meant.
    pub fn misspelt_part(&mut self, pair: Pair<'t>) -> Option<Part> {
        let span = self.span(&pair);
        let word = word(self.slice(span));
        let near = nearest(word, ["columns", "rules", "sla"])?;
        let rule = match near {
            "columns" => Rule::only_columns,
            "rules" => Rule::only_rules,
            _ => Rule::only_sla,
        };
        self.again(rule, span, word.len(), |b, pair| {
            Some(match rule {
                Rule::only_columns => Part::Columns(b.columns(pair)),
                Rule::only_rules => Part::Rules(b.rules(pair), span),
                _ => Part::Sla(b.sla(pair), span),
            })
        })
    }

    fn again<T>(
        &mut self,
        rule: Rule,
        span: Span,
        skip: usize,
        build: impl FnOnce(&mut Self, Pair<'t>) -> Option<T>,
    ) -> Option<T> {
        let start = span.start as usize + skip;
        let pair = Grammar::parse(rule, self.text_between(start, span.end as usize)?).ok()?.next()?;
        let base = std::mem::replace(&mut self.base, start);
        let built = build(self, pair);
        self.base = base;
        built
    }
}

fn word(text: &str) -> &str {
    text.get(..text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())).unwrap_or("")
}

/// The length of what stands at the start of a text: a word, a string, or a sign.
fn word_len(text: &str) -> usize {
    let word = word(text).len();
    if word > 0 {
        return word;
    }
    match text.chars().next() {
        Some('"' | '\'' | '`') => string_end(text, 0).max(1),
        Some(c) => c.len_utf8(),
        None => 0,
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

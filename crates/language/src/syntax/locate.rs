//! What is wrong with an item that could not be read: it is read again by the rule that it should have been, and what
//! stands where that rule gave up names the mistake.

use pest::error::{ErrorVariant, InputLocation};

use super::ast::{Item, Name, Part, Path};
use super::build::Builder;
use super::describe;
use super::errors;
use super::grammar::{self, Pair, Rule};
use super::matcher;
use super::recover::Group;
use super::trivia::{string_end, trimmed_end};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::suggest::nearest;
use crate::source::Span;

/// So much of a broken item is read again.
const LONGEST: usize = 50_000;

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
    pub(super) fn later_words(self) -> &'static [&'static str] {
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

    pub(super) fn name(self) -> &'static str {
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
        // Reading it again takes a thousand times as long.
        let part = text.get(..boundary(text, LONGEST)).unwrap_or(text);
        let (at, expected) = match grammar::pest(kind.rule(), part) {
            Ok(_) => (0, Vec::new()),
            Err(error) => {
                let at = match error.location {
                    InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
                };
                match error.variant {
                    ErrorVariant::ParsingError { positives, .. } => {
                        (at, positives.into_iter().filter_map(Rule::named).collect())
                    }
                    ErrorVariant::CustomError { .. } => return errors::too_deep(span),
                }
            }
        };
        if part.len() < text.len() && at + 1 >= part.trim_end().len() {
            return errors::too_long_to_read(self.range(span.start as usize, span.start as usize + word_len(text)), kind.name());
        }
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

    /// Top-level text that no item could read.
    pub fn junk_item(&mut self, span: Span, items: &mut Vec<Item>) {
        let text = self.slice(span);
        let first = word(text);
        let words = Kind::Item.words();
        let finding = self.locate(span, Kind::Item);
        self.push(finding);
        if !words.contains(&first)
            && let Some(near) = nearest(first, words.iter().copied())
            && let Some(item) = self.misspelt_item(near, span, first.len())
        {
            items.push(item);
            return;
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
        let pair = matcher::parse(rule, self.text_between(start, span.end as usize)?).ok()??.next()?;
        let base = std::mem::replace(&mut self.base, start);
        let built = build(self, pair);
        self.base = base;
        built
    }
}

/// The last place at or before this one that lies between characters.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

pub(super) fn word(text: &str) -> &str {
    text.get(..text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())).unwrap_or("")
}

/// The length of what stands at the start of a text: a word, a string, or a sign.
pub(super) fn word_len(text: &str) -> usize {
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

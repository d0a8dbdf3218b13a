//! What each word of a text is, for colours that know names.

use std::collections::HashMap;
use std::ops::Range;

use crate::resolve::Decl;
use crate::source::FileId;
use crate::syntax::keywords;

use super::View;
use super::index::Symbol;
use super::words::{Kind, Word, words};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Keyword,
    Comment,
    Text,
    Number,
    Operator,
    Layer,
    Dataset,
    Column,
    Rule,
    Type,
    Function,
    Parameter,
    Name,
}

impl TokenKind {
    /// As editors call them, in the order of the declaration.
    pub const NAMES: [&'static str; 13] = [
        "keyword", "comment", "string", "number", "operator", "namespace", "class", "property", "event", "type", "function",
        "parameter", "variable",
    ];
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub range: Range<usize>,
    pub kind: TokenKind,
    pub definition: bool,
    /// Of the standard library.
    pub library: bool,
    /// A comment that documents.
    pub doc: bool,
}

impl View<'_> {
    pub fn tokens(&self, file: FileId) -> Vec<Token> {
        let text = self.source(file).text.as_str();
        let names: HashMap<usize, _> =
            self.occurrences(file).into_iter().map(|o| (o.span.start as usize, o)).collect();
        let all = words(text);
        let mut found = Vec::with_capacity(all.len());
        for (i, w) in all.iter().enumerate() {
            let plain = |kind| Token { range: w.range(), kind, definition: false, library: false, doc: false };
            if let Some(o) = names.get(&w.start) {
                let (kind, library) = self.named(&o.symbol);
                found.push(Token { definition: o.definition, library, ..plain(kind) });
                continue;
            }
            let before = i.checked_sub(1).and_then(|i| all.get(i));
            found.push(match w.kind {
                Kind::Comment => {
                    let doc = w.text(text).starts_with("///") && !w.text(text).starts_with("////");
                    Token { doc, ..plain(TokenKind::Comment) }
                }
                Kind::Text => plain(TokenKind::Text),
                Kind::Number => plain(TokenKind::Number),
                Kind::Sign => match w.text(text) {
                    "{" | "}" | "(" | ")" | "[" | "]" | "," | "." | ":" | "|" | ";" => continue,
                    _ => plain(TokenKind::Operator),
                },
                Kind::Word if is_base_type(w.text(text)) => Token { library: true, ..plain(TokenKind::Type) },
                Kind::Word if is_keyword(text, w, before, all.get(i + 1)) => plain(TokenKind::Keyword),
                Kind::Word if all.get(i + 1).is_some_and(|n| n.is(text, "(")) => plain(TokenKind::Function),
                Kind::Word | Kind::Quoted => plain(TokenKind::Name),
            });
        }
        found
    }

    fn named(&self, symbol: &Symbol) -> (TokenKind, bool) {
        match symbol {
            Symbol::Layer(_) | Symbol::Module(_) => (TokenKind::Layer, false),
            Symbol::Dataset(_) => (TokenKind::Dataset, false),
            Symbol::Column { .. } => (TokenKind::Column, false),
            Symbol::Rule { .. } => (TokenKind::Rule, false),
            Symbol::Local(_) => (TokenKind::Parameter, false),
            Symbol::Channel(_) | Symbol::Tag(_) => (TokenKind::Name, false),
            Symbol::Builtin(_) => (TokenKind::Function, true),
            Symbol::Declared(name) => {
                let kind = match self.declaration(*name) {
                    Some(Decl::Fn(_) | Decl::Rules(_)) => TokenKind::Function,
                    Some(Decl::Calendar(_)) => TokenKind::Name,
                    _ => TokenKind::Type,
                };
                (kind, self.is_library(name.file))
            }
        }
    }
}

fn is_base_type(word: &str) -> bool {
    crate::check::types::BASE_NAMES.contains(&word.to_ascii_lowercase().as_str())
}

/// Units of time and the words of typed literals are no keywords of the grammar, but read like them.
const LIKE_KEYWORDS: [&str; 11] =
    ["any", "interval", "milliseconds", "seconds", "minutes", "hours", "days", "weeks", "months", "years", "it"];

/// A word of the language, where it is no name: none follows a point, none stands before a colon.
pub(super) fn is_keyword(text: &str, w: &Word, before: Option<&Word>, after: Option<&Word>) -> bool {
    let word = w.text(text).to_ascii_lowercase();
    let known = keywords().binary_search(&word).is_ok();
    let unit = LIKE_KEYWORDS.contains(&word.as_str()) || LIKE_KEYWORDS.contains(&format!("{word}s").as_str());
    let head = after.is_some_and(|a| a.is(text, ":"));
    let called = after.is_some_and(|a| a.is(text, "(") && a.start == w.end) && !matches!(word.as_str(), "cast" | "try_cast" | "extract" | "every" | "any" | "in" | "unique");
    (known || unit) && !head && !called && !before.is_some_and(|b| b.is(text, ".") && b.end == w.start)
}

//! A text cut into words, texts, comments and signs, whatever state it is in.

use std::ops::Range;

use super::trivia;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Word,
    /// A name in backticks.
    Quoted,
    /// A string in any of its forms.
    Text,
    Number,
    Comment,
    Sign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

impl Word {
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    pub fn text<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.range()).unwrap_or("")
    }

    pub fn is_name(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Quoted)
    }

    pub fn is(&self, text: &str, wanted: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Sign) && self.text(text).eq_ignore_ascii_case(wanted)
    }
}

/// Signs of two characters.
const DOUBLE: [&str; 10] = ["::", "<=", ">=", "<>", "!=", "==", "||", "&&", "->", "=>"];

/// All words of a text in their order.
pub fn words(text: &str) -> Vec<Word> {
    let comments = trivia::comments(text);
    let mut comments = comments.into_iter().peekable();
    let mut found = Vec::with_capacity(text.len() / 5);
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|t| t.chars().next()) {
        while comments.peek().is_some_and(|c| c.start < at) {
            comments.next();
        }
        if let Some(comment) = comments.next_if(|c| c.start == at) {
            found.push(Word { kind: Kind::Comment, start: at, end: comment.end });
            at = comment.end.max(at + 1);
            continue;
        }
        let (kind, end) = match c {
            '"' | '\'' => (Kind::Text, trivia::string_end(text, at)),
            '`' => (Kind::Quoted, trivia::string_end(text, at)),
            'r' if text.get(at + 1..).is_some_and(|t| t.starts_with(['"', '\''])) => {
                (Kind::Text, trivia::string_end(text, at + 1))
            }
            _ if c.is_ascii_digit() => (Kind::Number, run(text, at, |c| c.is_ascii_digit() || c == '_')),
            _ if is_word(c) => (Kind::Word, run(text, at, is_word)),
            _ if c.is_whitespace() || c == '\u{FEFF}' || c == '\u{200B}' => {
                at += c.len_utf8();
                continue;
            }
            _ => {
                let double = text.get(at..at + 2).is_some_and(|t| DOUBLE.contains(&t));
                (Kind::Sign, at + if double { 2 } else { c.len_utf8() })
            }
        };
        let end = end.clamp(at + c.len_utf8(), text.len());
        found.push(Word { kind, start: at, end });
        at = end;
    }
    found
}

/// As the grammar's `id_char`; a digit cannot start one.
pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn run(text: &str, from: usize, of: impl Fn(char) -> bool) -> usize {
    let rest = text.get(from..).unwrap_or("");
    from + rest.find(|c| !of(c)).unwrap_or(rest.len())
}

/// Whether nothing but blanks stands before an offset on its line.
pub fn starts_line(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or("");
    before.rsplit('\n').next().unwrap_or("").trim().is_empty()
}

/// A name as it must be written: in backticks where it is not plain or reserved.
pub fn written(name: &str) -> String {
    const RESERVED: [&str; 19] = [
        "and", "between", "case", "cast", "else", "end", "false", "ilike", "in", "is", "like", "matches", "not",
        "null", "or", "then", "true", "when", "within",
    ];
    let plain = name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name.chars().all(is_word);
    if plain && !RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        name.to_owned()
    } else {
        format!("`{}`", name.replace('`', "``"))
    }
}

//! What the words of a text are, for pages that show them in colours.

use std::ops::Range;

use super::keywords;
use super::words::{Kind, words};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Comment,
    Keyword,
    Text,
    Number,
    /// What stands before a colon.
    Head,
}

/// The words that have a class, in order; they do not overlap.
pub fn classes(text: &str) -> Vec<(Range<usize>, Class)> {
    let all = words(text);
    let mut found = Vec::new();
    for (i, word) in all.iter().enumerate() {
        let is = |at: Option<usize>, sign: &str| at.and_then(|at| all.get(at)).is_some_and(|w| w.is(text, sign));
        let head = is(Some(i + 1), ":");
        let class = match word.kind {
            Kind::Comment => Class::Comment,
            Kind::Text => Class::Text,
            Kind::Number => Class::Number,
            Kind::Word | Kind::Quoted if head => Class::Head,
            Kind::Word if is(i.checked_sub(1), ".") || is(Some(i + 1), "(") => continue,
            Kind::Word if keywords().binary_search(&word.text(text).to_ascii_lowercase()).is_ok() => Class::Keyword,
            Kind::Word | Kind::Quoted | Kind::Sign => continue,
        };
        found.push((word.range(), class));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_before_a_colon_is_a_head_whatever_it_is_called() {
        let text = "/// Doc.\ncontract silver.x {\n    columns { share: date }\n    rules { r: share > 1 else warn because \"so\" }\n}\n";
        let classes = classes(text);
        let of = |word: &str, nth: usize| {
            let at = text.match_indices(word).nth(nth).map(|(at, _)| at);
            classes.iter().find(|(range, _)| Some(range.start) == at).map(|(_, class)| *class)
        };
        assert_eq!(of("/// Doc.", 0), Some(Class::Comment));
        assert_eq!(of("contract", 0), Some(Class::Keyword));
        assert_eq!(of("share", 0), Some(Class::Head));
        assert_eq!(of("1", 0), Some(Class::Number));
        assert_eq!(of("\"so\"", 0), Some(Class::Text));
        assert_eq!((of("else", 0), of("warn", 0)), (Some(Class::Keyword), Some(Class::Keyword)));
    }
}

//! What the words of a text are, for pages that show them in colours: as the grammar cut them, so that a column called
//! `day` is no keyword.

use std::ops::Range;

use pest::Parser;

use super::grammar::{Grammar, Pair, Rule};
use super::trivia;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Comment,
    Keyword,
    Text,
    Number,
    /// What stands before a colon.
    Head,
    Type,
}

/// The words that have a class, in order; they do not overlap. What cannot be read has none.
pub fn classes(text: &str) -> Vec<(Range<usize>, Class)> {
    let mut found: Vec<(Range<usize>, Class)> =
        trivia::comments(text).into_iter().map(|range| (range, Class::Comment)).collect();
    if let Ok(pairs) = Grammar::parse(Rule::file, text) {
        pairs.for_each(|pair| collect(text, pair, &mut found));
    }
    found.sort_by_key(|(range, _)| (range.start, range.end));
    let mut end = 0;
    found.retain(|(range, _)| {
        let fits = range.start >= end && range.start < range.end;
        end = if fits { range.end } else { end };
        fits
    });
    found
}

fn collect(text: &str, pair: Pair<'_>, found: &mut Vec<(Range<usize>, Class)>) {
    let (rule, span) = (pair.as_rule(), pair.as_span());
    let range = span.start()..span.start() + span.as_str().trim_end().len();
    let class = match rule {
        Rule::string => Some(Class::Text),
        Rule::number | Rule::percent | Rule::time | Rule::digits => Some(Class::Number),
        Rule::type_name => Some(Class::Type),
        Rule::anyname | Rule::name | Rule::plain if is_head(text, range.end) => Some(Class::Head),
        rule if format!("{rule:?}").starts_with("kw_") => Some(Class::Keyword),
        _ => None,
    };
    match class {
        Some(class) => found.push((range, class)),
        None => pair.into_inner().for_each(|inner| collect(text, inner, found)),
    }
}

fn is_head(text: &str, end: usize) -> bool {
    let rest = text.get(end..).unwrap_or("").trim_start();
    rest.starts_with(':') && !rest.starts_with("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_what_the_grammar_made_of_it() {
        let text = "/// Doc.\ncontract silver.x @ 1.0.0 {\n    columns { day: date }\n    rules { r: day = date \"2026-01-01\" else warn above 1 rows }\n}\n";
        let classes = classes(text);
        let of = |word: &str, nth: usize| {
            let at = text.match_indices(word).nth(nth).map(|(at, _)| at);
            classes.iter().find(|(range, _)| Some(range.start) == at).map(|(_, class)| *class)
        };
        assert_eq!(of("/// Doc.", 0), Some(Class::Comment));
        assert_eq!(of("contract", 0), Some(Class::Keyword));
        assert_eq!(of("day", 0), Some(Class::Head));
        assert_eq!(of("day", 1), None);
        assert_eq!(of("\"2026", 0), Some(Class::Text));
        assert_eq!((of("warn", 0), of("above", 0)), (Some(Class::Keyword), Some(Class::Keyword)));
    }
}

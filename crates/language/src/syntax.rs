//! Text to tree. Parsing never fails: a broken item becomes junk and one finding.

pub mod again;
pub mod ast;
pub(crate) mod build;
mod describe;
mod errors;
pub(crate) mod grammar;
pub mod highlight;
pub(crate) mod locate;
pub(crate) mod matcher;
pub(crate) mod recover;
mod slips;
mod habits;
pub(crate) mod trivia;
pub mod words;

use rayon::prelude::*;

use crate::diagnostics::Diagnostic;
use crate::source::{FileId, Span};
use build::Builder;
use grammar::Rule;

/// A file's tree and what is wrong with its text.
#[derive(Clone, Debug, Default)]
pub struct Parse {
    pub file: ast::File,
    /// In the order of their places.
    pub diagnostics: Vec<Diagnostic>,
}

/// Every word that is one of the language somewhere, sorted; SQL's can be written in any case.
pub fn keywords() -> &'static [String] {
    static WORDS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    WORDS.get_or_init(|| {
        let names = Rule::all_names().map(str::to_owned);
        let mut words: Vec<String> = names.filter_map(|name| name.strip_prefix("kw_").map(str::to_owned)).collect();
        words.sort_unstable();
        words
    })
}

/// Reads a text. Never fails: what cannot be read is junk in the tree and a finding.
pub fn parse(id: FileId, text: &str) -> Parse {
    if let Some(at) = text.find('\0').or_else(|| (text.len() > u32::MAX as usize).then_some(0)) {
        let span = Span::new(id, at, at + 1);
        let file = ast::File { id, items: vec![ast::Item::Junk(Span::new(id, 0, text.len()))], broken: Vec::new() };
        return Parse { file, diagnostics: vec![errors::not_text(span)] };
    }
    let mut builder = Builder::new(id, text);
    let file = match matcher::parse(Rule::file, text) {
        Ok(pairs) => match pairs.and_then(|mut pairs| pairs.next()) {
            Some(pair) => builder.file(pair),
            None => ast::File { id, ..Default::default() },
        },
        Err(matcher::TooDeep) => piecewise(&mut builder, id, text),
    };
    let mut diagnostics = builder.found;
    diagnostics.sort_by_key(|d| (d.primary.span, d.code));
    Parse { file, diagnostics }
}

/// Reads many texts, each by itself and so side by side; in their order.
pub fn parse_all(texts: Vec<(FileId, &str)>) -> Vec<Parse> {
    // A few are not worth the threads.
    if texts.len() < 8 {
        return texts.into_iter().map(|(id, text)| parse(id, text)).collect();
    }
    texts.into_par_iter().map(|(id, text)| parse(id, text)).collect()
}

/// A text of which some item is nested deeper than the parser can go: item by item.
fn piecewise<'t>(builder: &mut Builder<'t>, id: FileId, text: &'t str) -> ast::File {
    let mut file = ast::File { id, ..Default::default() };
    let mut start = 0;
    while start < text.len() {
        let mut end = start;
        loop {
            end = text.get(end..).and_then(|t| t.find('\n')).map_or(text.len(), |n| end + n + 1);
            let line = text.get(end..).unwrap_or("");
            if line.is_empty() || starts_item(line.get(..line.find('\n').unwrap_or(line.len())).unwrap_or("")) {
                break;
            }
        }
        match text.get(start..end).map(|slice| matcher::parse(Rule::file, slice)) {
            Some(Ok(pairs)) => {
                builder.base = start;
                if let Some(pair) = pairs.and_then(|mut pairs| pairs.next()) {
                    file.items.extend(builder.file(pair).items);
                }
            }
            _ => {
                let span = Span::new(id, start, end);
                let slice = builder.slice(span);
                let at = start + deepest(slice);
                builder.push(errors::too_deep(Span::new(id, at, at + 1)));
                file.items.push(ast::Item::Junk(span));
            }
        }
        start = end;
    }
    builder.base = 0;
    file
}

fn starts_item(line: &str) -> bool {
    matches!(matcher::parse(Rule::top_start, line), Ok(Some(_)))
}

/// Where a text is nested deeper than an expression may be.
fn deepest(text: &str) -> usize {
    let mut depth = 0usize;
    for (i, c) in text.char_indices() {
        match c {
            '(' | '[' | '<' => depth += 1,
            ')' | ']' | '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > build::MAX_DEPTH {
            return i;
        }
    }
    0
}

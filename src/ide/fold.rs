//! What can be folded: blocks, runs of comments, runs of `use`.

use std::ops::Range;

use crate::source::FileId;
use crate::syntax::ast;

use super::View;
use super::words::{Kind, Word, starts_line, words};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoldKind {
    Block,
    Comment,
    Imports,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    pub range: Range<usize>,
    pub kind: FoldKind,
}

impl View<'_> {
    pub fn folds(&self, file: FileId) -> Vec<Fold> {
        let text = self.source(file).text.as_str();
        let all = words(text);
        let mut found = blocks(text, &all);
        found.extend(comments(text, &all));
        found.extend(self.imports(file));
        let lines = |f: &Fold| text.get(f.range.clone()).is_some_and(|t| t.contains('\n'));
        found.retain(lines);
        found.sort_by_key(|f| (f.range.start, f.range.end));
        found
    }

    fn imports(&self, file: FileId) -> Option<Fold> {
        let items = &self.tree(file)?.items;
        let uses: Vec<_> = items.iter().filter_map(|i| if let ast::Item::Use(u) = i { Some(u.span) } else { None }).collect();
        let (first, last) = (uses.first()?, uses.last()?);
        Some(Fold { range: first.start as usize..last.end as usize, kind: FoldKind::Imports })
    }
}

/// From an opening sign to the one that closes it; what nothing closes ends where the next item begins.
fn blocks(text: &str, all: &[Word]) -> Vec<Fold> {
    let mut open: Vec<usize> = Vec::new();
    let mut found = Vec::new();
    for w in all {
        match (w.kind, w.text(text)) {
            (Kind::Sign, "{" | "(") => open.push(w.start),
            (Kind::Sign, "}" | ")") => {
                if let Some(start) = open.pop() {
                    found.push(Fold { range: start..w.end, kind: FoldKind::Block });
                }
            }
            (Kind::Text, t) if t.contains('\n') => found.push(Fold { range: w.range(), kind: FoldKind::Block }),
            _ => {}
        }
    }
    found
}

/// Comments on lines of their own, without a blank line between.
fn comments(text: &str, all: &[Word]) -> Vec<Fold> {
    let mut found: Vec<Fold> = Vec::new();
    for w in all.iter().filter(|w| w.kind == Kind::Comment && starts_line(text, w.start)) {
        let joined = |f: &&mut Fold| {
            text.get(f.range.end..w.start).is_some_and(|t| t.trim().is_empty() && t.matches('\n').count() == 1)
        };
        match found.last_mut().filter(joined) {
            Some(last) => last.range.end = w.end,
            None => found.push(Fold { range: w.range(), kind: FoldKind::Comment }),
        }
    }
    found
}

//! Reading a text again after a change: only the items that it touched are read, and what stands below them is moved.
//!
//! A text falls into pieces where a line begins with an item. What a piece is read as depends on nothing before it, and
//! on what follows only by whether an item begins there. What goes on over such a line is the exception, a comment or a
//! string that nothing closes: with one anywhere near, all is read anew. A test holds this against fresh readings.

#[cfg(test)]
mod tests;

use super::ast::places::Places;
use super::ast::{File, Item, Path};
use super::build::Builder;
use super::grammar::Rule;
use super::{Parse, matcher, parse, starts_item};
use crate::diagnostics::Diagnostic;
use crate::source::{FileId, Span};

/// The part of a text that is read anew.
struct Change {
    /// In both texts.
    start: usize,
    /// Where the rest begins, which is the same in both: in the old text, and in the new one.
    old_end: usize,
    new_end: usize,
    /// So many items stay in front, and from this one on those behind.
    kept: usize,
    rest: usize,
}

/// Reads `new`; `before` is what `old` was read as. The same as [`parse`] of `new`.
pub fn parse_again(before: Parse, old: &str, new: &str) -> Parse {
    let id = before.file.id;
    match Change::between(&before.file, old, new).and_then(|change| change.read(id, new).map(|read| (change, read))) {
        Some((change, read)) => change.join(before, read),
        None => parse(id, new),
    }
}

impl Change {
    /// `None` where all is to be read.
    fn between(tree: &File, old: &str, new: &str) -> Option<Change> {
        if new.contains('\0') || new.len() > u32::MAX as usize || !tree.items.is_sorted_by_key(|item| item.span().start) {
            return None;
        }
        let same = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
        let shorter = old.len().min(new.len());
        let same_behind =
            old.bytes().rev().zip(new.bytes().rev()).take(shorter - same).take_while(|(a, b)| a == b).count();
        let (first, last) = (same, old.len() - same_behind);
        let begins: Vec<usize> = tree.items.iter().map(|item| item.span().start as usize).collect();
        // In front: all up to an item whose first line is as it was.
        let kept = begins.iter().rposition(|at| line_end(old, *at) < first && begins_item(old, *at)).unwrap_or(0);
        let start = if kept == 0 { 0 } else { *begins.get(kept)? };
        // Behind: all from an item on before which the last line of another, and what stands between the two, is as it was.
        // Lines above an item can be its documentation.
        let untouched = |at: &usize| {
            let end = tree.items.get(at - 1).map_or(0, |item| item.span().end as usize);
            old.get(..end.saturating_sub(1)).and_then(|text| text.rfind('\n')).is_some_and(|line| line >= last)
        };
        let rest = (kept + 1..begins.len()).find(|at| untouched(at) && begins.get(*at).is_some_and(|b| begins_item(old, *b)));
        let old_end = rest.and_then(|at| begins.get(at)).map_or(old.len(), |begin| *begin);
        let new_end = (old_end + new.len()).checked_sub(old.len())?;
        let closed = is_closed(old.get(..start)?) && ends_itself(old.get(start..old_end)?) && ends_itself(new.get(start..new_end)?);
        closed.then_some(Change { start, old_end, new_end, kept, rest: rest.unwrap_or(begins.len()) })
    }

    fn read(&self, id: FileId, text: &str) -> Option<Parse> {
        // With the line that begins the rest, by which an item before it can end.
        let slice = text.get(self.start..line_end(text, self.new_end))?;
        let mut builder = Builder::new(id, text);
        (builder.base, builder.until) = (self.start, self.new_end);
        let file = match matcher::parse(Rule::file, slice) {
            Ok(pairs) => pairs.and_then(|mut pairs| pairs.next()).map(|pair| builder.file(pair))?,
            Err(matcher::TooDeep) => return None,
        };
        builder.is_even().then_some(Parse { file, diagnostics: builder.found })
    }

    fn join(&self, before: Parse, read: Parse) -> Parse {
        let count = before.file.items.len();
        // What is wrong at the very end stands behind nothing.
        let behind = |span: Span| self.rest < count && span.start as usize >= self.old_end;
        let moved = |offset: u32| (offset as usize + self.new_end - self.old_end) as u32;
        let mut move_by = |span: &mut Span| {
            if behind(*span) {
                (span.start, span.end) = (moved(span.start), moved(span.end));
            }
        };
        let stays = |span: Span| (span.start as usize) < self.start;
        let mut items = before.file.items;
        let mut rest: Vec<Item> = items.split_off(self.rest);
        items.truncate(self.kept);
        items.extend(read.file.items);
        if self.old_end != self.new_end {
            rest.each_place(&mut move_by);
        }
        items.append(&mut rest);
        let (mut broken, mut below): (Vec<Path>, Vec<Path>) = before.file.broken.into_iter().partition(|path| !behind(path.span));
        broken.retain(|path| stays(path.span));
        broken.extend(read.file.broken);
        below.each_place(&mut move_by);
        broken.append(&mut below);
        let mut diagnostics: Vec<Diagnostic> = read.diagnostics;
        for mut found in before.diagnostics {
            if stays(found.primary.span) || behind(found.primary.span) {
                found.each_place(&mut move_by);
                diagnostics.push(found);
            }
        }
        diagnostics.sort_by_key(|d| (d.primary.span, d.code));
        Parse { file: File { id: before.file.id, items, broken }, diagnostics }
    }
}

/// Whether what stands there begins its line, with one of the words by which a broken item before it ends.
fn begins_item(text: &str, at: usize) -> bool {
    let begins = at > 0 && text.as_bytes().get(at - 1) == Some(&b'\n');
    begins && text.get(at..line_end(text, at)).is_some_and(starts_item)
}

fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |n| at + n)
}

/// Whether everything that can go on over lines is closed.
fn is_closed(text: &str) -> bool {
    let comment = text.rfind("/*").is_none_or(|at| text.get(at..).is_some_and(|rest| rest.contains("*/")));
    comment && text.matches(LONG).count() % 2 == 0
}

/// Whether there is nothing that can go on over lines.
fn ends_itself(text: &str) -> bool {
    !text.contains("/*") && !text.contains("*/") && !text.contains(LONG)
}

const LONG: &str = "\"\"\"";

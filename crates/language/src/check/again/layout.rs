//! How a text falls into items, and where each of them is after a change.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::source::{SourceFile, Span};
use crate::syntax::ast;

/// The items of one text.
#[derive(Debug)]
pub struct Layout {
    /// In the order of the text.
    blocks: Vec<Block>,
    /// Of all that other items can see of this text, wherever in it that stands.
    pub surroundings: u64,
}

#[derive(Clone, Copy, Debug)]
pub struct Block {
    start: u32,
    end: u32,
    /// Of all of the item's text.
    pub own: u64,
    /// Of what other items see of it, and where that ends, counted from the start. A promotion and a test show nothing.
    outer: Option<(u64, u32)>,
}

impl Layout {
    pub fn of(tree: &ast::File, source: &SourceFile) -> Self {
        let mut surroundings = DefaultHasher::new();
        let mut blocks: Vec<Block> = tree.items.iter().map(|item| Block::of(item, source)).collect();
        blocks.iter().filter_map(|b| b.outer).for_each(|(outer, _)| outer.hash(&mut surroundings));
        for path in &tree.broken {
            path.text().hash(&mut surroundings);
        }
        blocks.sort_by_key(|b| b.start);
        Layout { blocks, surroundings: surroundings.finish() }
    }

    /// The item that starts there.
    pub fn block(&self, start: u32) -> Option<&Block> {
        let at = self.blocks.binary_search_by_key(&start, |b| b.start).ok()?;
        self.blocks.get(at)
    }
}

impl Block {
    fn of(item: &ast::Item, source: &SourceFile) -> Self {
        let span = item.span();
        let (kind, doc) = match item {
            ast::Item::Use(_) => (0u8, ""),
            ast::Item::Calendar(d) => (1, d.doc.as_str()),
            ast::Item::Type(d) => (2, d.doc.as_str()),
            ast::Item::Fn(d) => (3, d.doc.as_str()),
            ast::Item::Rules(d) => (4, d.doc.as_str()),
            ast::Item::Contract(d) => (5, d.doc.as_str()),
            ast::Item::Promote(d) => (6, d.doc.as_str()),
            ast::Item::Test(_) => (7, ""),
            ast::Item::Junk(_) => (8, ""),
        };
        let own = hash(&(kind, doc, source.slice(span)));
        let outer = match item {
            ast::Item::Promote(_) | ast::Item::Test(_) | ast::Item::Junk(_) => None,
            ast::Item::Contract(contract) => Some(columns(contract, source)),
            _ => Some((own, span.end - span.start)),
        };
        Block { start: span.start, end: span.end, own, outer }
    }
}

/// What others see of a contract: its columns, and where they stand in it.
fn columns(contract: &ast::Contract, source: &SourceFile) -> (u64, u32) {
    let mut h = DefaultHasher::new();
    source.slice(contract.head).hash(&mut h);
    let mut end = contract.head.end;
    for part in &contract.parts {
        match part {
            ast::Part::Columns(block) => {
                (block.span.start - contract.span.start, source.slice(block.span)).hash(&mut h);
                end = end.max(block.span.end);
            }
            ast::Part::Junk(_) => 0u8.hash(&mut h),
            _ => {}
        }
    }
    (h.finish(), end - contract.span.start)
}

fn hash(what: &impl Hash) -> u64 {
    let mut h = DefaultHasher::new();
    what.hash(&mut h);
    h.finish()
}

/// Where the items of a text went when it was changed.
#[derive(Debug)]
pub struct Moves {
    /// Start and end as they were, and by how much it moved; in the order of the text.
    pieces: Vec<(u32, u32, i64)>,
}

impl Moves {
    /// Items with the same text go together, then contracts that others see as they were.
    pub fn between(old: &Layout, new: &Layout) -> Self {
        let mut waiting: HashMap<u64, VecDeque<usize>> = HashMap::new();
        for (i, block) in new.blocks.iter().enumerate() {
            waiting.entry(block.own).or_default().push_back(i);
        }
        let mut taken = vec![false; new.blocks.len()];
        let mut pieces = Vec::with_capacity(old.blocks.len());
        let mut left = Vec::new();
        for block in &old.blocks {
            let found = waiting.get_mut(&block.own).and_then(VecDeque::pop_front);
            match found.and_then(|i| Some((i, new.blocks.get(i)?))) {
                Some((i, to)) => {
                    taken[i] = true;
                    pieces.push((block.start, block.end, i64::from(to.start) - i64::from(block.start)));
                }
                None => left.push(block),
            }
        }
        let mut seen: HashMap<u64, VecDeque<u32>> = HashMap::new();
        for (block, _) in new.blocks.iter().zip(&taken).filter(|(_, taken)| !**taken) {
            if let Some((outer, _)) = block.outer {
                seen.entry(outer).or_default().push_back(block.start);
            }
        }
        for block in left {
            let Some((outer, length)) = block.outer else { continue };
            if let Some(to) = seen.get_mut(&outer).and_then(VecDeque::pop_front) {
                pieces.push((block.start, block.start + length, i64::from(to) - i64::from(block.start)));
            }
        }
        pieces.sort_unstable();
        Moves { pieces }
    }

    /// The place after the change; `None` where nobody can tell.
    pub fn of(&self, span: Span) -> Option<Span> {
        let at = self.pieces.partition_point(|(start, ..)| *start <= span.start).checked_sub(1)?;
        let &(_, end, by) = self.pieces.get(at)?;
        let moved = |offset: u32| u32::try_from(i64::from(offset) + by).ok();
        (span.end <= end).then_some(Span { file: span.file, start: moved(span.start)?, end: moved(span.end)? })
    }
}

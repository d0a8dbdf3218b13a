//! What an editor asks, answered as plain data: byte offsets, names and words, and nothing of any protocol.
//!
//! A [`Workspace`] holds a project's texts, parsed, and knows what became of them when they last changed. A [`View`] of
//! it answers one question; each kind of question has its file.

pub mod actions;
mod aggregates;
pub mod complete;
pub mod fold;
pub mod hints;
pub mod hover;
pub mod index;
pub mod lens;
mod offers;
pub mod past;
mod place;
pub mod rename;
pub mod signature;
pub mod symbols;
pub mod tokens;
mod vocabulary;
mod walk;
mod workspace;

use crate::hir::{self, Checked};
use crate::resolve::{Names, STD_PREFIX, fold as folded};
use crate::source::{FileId, SourceFile, SourceMap};
use crate::syntax::ast;
use crate::syntax::words;

pub use past::Past;
pub use workspace::{Setting, Workspace};

/// A project as it is now, names resolved.
pub struct View<'a> {
    pub sources: &'a SourceMap,
    pub trees: &'a [ast::File],
    pub names: Names<'a>,
    pub checked: &'a Checked,
    pub setting: &'a Setting,
    pub past: &'a Past,
}

impl<'a> View<'a> {
    pub fn source(&self, file: FileId) -> &'a SourceFile {
        self.sources.get(file)
    }

    pub fn tree(&self, file: FileId) -> Option<&'a ast::File> {
        self.trees.get(file.0 as usize)
    }

    /// The project's own files.
    pub fn own(&self) -> impl Iterator<Item = &'a ast::File> {
        self.trees.iter().filter(|tree| !self.is_library(tree.id))
    }

    pub fn is_library(&self, file: FileId) -> bool {
        self.sources.get(file).path.starts_with(STD_PREFIX)
    }

    /// The contract of a dataset, as written.
    pub fn contract(&self, dataset: &str) -> Option<&'a ast::Contract> {
        self.names.datasets.get(&folded(dataset))?.contract
    }

    /// The contract of a dataset, as far as it could be checked.
    pub fn checked_contract(&self, dataset: &str) -> Option<&'a hir::Contract> {
        let wanted = folded(dataset);
        self.checked.contracts.iter().find(|c| folded(&c.dataset) == wanted)
    }

    /// The columns of a dataset in their order, as written.
    pub fn columns(&self, dataset: &str) -> Vec<&'a ast::Column> {
        let parts = self.contract(dataset).map_or(&[][..], |c| &c.parts);
        columns_of(parts).collect()
    }

    pub fn column(&self, dataset: &str, column: &str) -> Option<&'a ast::Column> {
        let wanted = folded(column);
        self.columns(dataset).into_iter().find(|c| folded(&c.name.text) == wanted)
    }

    /// The promotion into a dataset, as written.
    pub fn promotion_to(&self, dataset: &str) -> Option<&'a ast::Promote> {
        let wanted = folded(dataset);
        let items = self.own().flat_map(|tree| &tree.items);
        items
            .filter_map(|i| if let ast::Item::Promote(p) = i { Some(p) } else { None })
            .find(|p| folded(&p.to.text()) == wanted)
    }
}

fn columns_of(parts: &[ast::Part]) -> impl Iterator<Item = &ast::Column> {
    let blocks = parts.iter().filter_map(|p| if let ast::Part::Columns(c) = p { Some(&c.items) } else { None });
    blocks.flatten().filter_map(|i| if let ast::ColumnItem::Column(c) = i { Some(c) } else { None })
}

//! Another name for something, wherever it stands.

use crate::diagnostics::Edit;
use crate::resolve::fold;
use crate::source::{FileId, Span};

use super::View;
use super::index::{Occurrence, Symbol};
use super::words::{is_word, written};

impl View<'_> {
    /// What would be renamed there; `Err` says why it cannot be.
    pub fn renamable(&self, file: FileId, offset: usize) -> Result<Span, String> {
        let found = self.at(file, offset).ok_or("There is no name here that could be changed.")?;
        self.may_rename(&found).map(|()| found.span)
    }

    fn may_rename(&self, found: &Occurrence) -> Result<(), String> {
        let why = match &found.symbol {
            Symbol::Layer(_) => "Layers are named in dqc.toml.",
            Symbol::Channel(_) => "Channels are named in dqc.toml.",
            Symbol::Module(_) => "A module is named by its file.",
            Symbol::Builtin(_) => "This name is the language's own.",
            symbol => match self.definition(symbol) {
                Some(d) if self.is_library(d.name.file) => "This name is the standard library's.",
                None if !matches!(symbol, Symbol::Tag(_)) => "What this name stands for is not known.",
                _ => return Ok(()),
            },
        };
        Err(why.to_owned())
    }

    pub fn rename(&self, file: FileId, offset: usize, name: &str) -> Result<Vec<Edit>, String> {
        let found = self.at(file, offset).ok_or("There is no name here that could be changed.")?;
        self.may_rename(&found)?;
        let name = name.trim().trim_matches('`');
        if name.is_empty() || name.contains(['\n', '`']) {
            return Err("A name has at least one letter, and stands on one line.".to_owned());
        }
        self.is_free(&found.symbol, name)?;
        let places = self.references(&found.symbol);
        let edits = places.iter().map(|o| Edit { span: o.span, text: self.spelled(o, name) });
        Ok(edits.collect())
    }

    /// A name before a colon may be any word; in a message it stands as it is.
    fn spelled(&self, o: &Occurrence, name: &str) -> String {
        let source = self.source(o.span.file);
        let before = source.text.get(..o.span.start as usize).unwrap_or("");
        let after = source.text.get(o.span.end as usize..).unwrap_or("");
        let head = after.trim_start_matches([' ', '\t']).starts_with(':') && name.chars().all(is_word);
        let hole = before.ends_with('{') && after.starts_with('}');
        if hole || head { name.to_owned() } else { written(name) }
    }

    fn is_free(&self, symbol: &Symbol, name: &str) -> Result<(), String> {
        let wanted = fold(name);
        let taken = match symbol {
            Symbol::Column { dataset, column } => *column != wanted && self.column(dataset, name).is_some(),
            Symbol::Rule { dataset, rule } => *rule != wanted && self.rule(dataset, name).is_some(),
            Symbol::Dataset(dataset) => {
                let layer = dataset.split('.').next().unwrap_or("");
                let other = format!("{layer}.{wanted}");
                *dataset != other && self.contract(&other).is_some()
            }
            _ => false,
        };
        if taken { Err(format!("There is a `{name}` already.")) } else { Ok(()) }
    }
}

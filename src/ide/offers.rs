//! Collects what can be written, each once, with its words.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::check::infer::calls::signature;
use crate::check::types::BASE_NAMES;
use crate::hir::Value;
use crate::resolve::{Decl, Space, fold};
use crate::source::FileId;
use crate::suite::judge::show;
use crate::syntax::ast;

use super::complete::{Completion, Offered};
use super::index::{WrittenRule, module_of};
use super::vocabulary::Term;
use super::words::written;
use super::{View, aggregates};

pub(super) struct Offers<'v, 'a> {
    view: &'v View<'a>,
    file: FileId,
    pub replace: Range<usize>,
    found: Vec<Completion>,
    seen: BTreeSet<(String, u8)>,
}

impl<'v, 'a> Offers<'v, 'a> {
    pub fn new(view: &'v View<'a>, file: FileId, replace: Range<usize>) -> Self {
        Offers { view, file, replace, found: Vec::new(), seen: BTreeSet::new() }
    }

    pub fn into_found(self) -> Vec<Completion> {
        self.found
    }

    fn put(&mut self, label: &str, kind: Offered, detail: impl Into<String>, doc: impl Into<String>, rank: u8) {
        let insert = label.to_owned();
        let (detail, doc) = (detail.into(), doc.into());
        self.add(Completion { label: label.to_owned(), kind, detail, doc, insert, snippet: false, replace: self.replace.clone(), rank });
    }

    fn add(&mut self, item: Completion) {
        if self.seen.insert((item.label.clone(), item.kind as u8)) {
            self.found.push(item);
        }
    }

    pub fn keyword(&mut self, word: &str, doc: &str) {
        self.put(word, Offered::Keyword, "", doc, 5);
    }

    pub fn snippet(&mut self, label: &str, insert: &str, doc: &str) {
        let snippet = insert.contains('$');
        self.add(Completion {
            label: label.to_owned(),
            kind: if snippet { Offered::Snippet } else { Offered::Keyword },
            detail: String::new(),
            doc: doc.to_owned(),
            insert: insert.to_owned(),
            snippet,
            replace: self.replace.clone(),
            rank: 5,
        });
    }

    pub fn terms(&mut self, terms: &[Term]) {
        terms.iter().for_each(|t| self.snippet(t.word, t.snippet, t.doc));
    }

    pub fn variable(&mut self, name: &str) {
        self.put(&written(name), Offered::Variable, "", "", 0);
    }

    pub fn value(&mut self, text: &str, detail: &str) {
        self.put(text, Offered::Value, detail, "", 0);
    }

    /// `heads`: as the start of an entry, with its colon.
    pub fn columns(&mut self, dataset: &str, heads: bool) {
        for column in self.view.columns(dataset) {
            let name = written(&column.name.text);
            let detail = self.view.source(column.name.span.file).slice(column.refined.span).to_owned();
            let insert = if heads { format!("{}: ", column.name.text) } else { name };
            self.add(Completion {
                label: column.name.text.clone(),
                kind: Offered::Column,
                detail,
                doc: column.doc.clone(),
                insert,
                snippet: false,
                replace: self.replace.clone(),
                rank: 1,
            });
        }
    }

    /// What an enumerated column allows.
    pub fn values_of(&mut self, dataset: &str, column: &str, quoted: bool) {
        let Some(contract) = self.view.checked_contract(dataset) else { return };
        let wanted = fold(column);
        let Some(column) = contract.columns.iter().find(|c| fold(&c.name) == wanted) else { return };
        let detail = column.type_name.clone().unwrap_or_else(|| column.ty.to_string());
        for value in column.values.iter().flatten() {
            match value {
                Value::String(text) if !quoted => self.value(text, &detail),
                value => self.value(&show(value), &detail),
            }
        }
        if column.ty == crate::hir::Type::Boolean && quoted {
            self.value("true", &detail);
            self.value("false", &detail);
        }
    }

    pub fn functions(&mut self) {
        for name in self.view.names.in_scope(self.file, Space::Fn) {
            let path = path_of(&name);
            let found = self.view.names.find(self.file, Space::Fn, &path);
            let decls: Vec<&ast::FnDecl> = found.iter().filter_map(|f| if let Decl::Fn(d) = f.decl { Some(d) } else { None }).collect();
            let Some(first) = decls.first() else { continue };
            self.call(&name, &signature(first), &first.doc, first.params.is_empty(), 3);
        }
    }

    pub fn aggregates(&mut self) {
        for a in &aggregates::ALL {
            self.call(a.name, &a.signature(), a.doc, false, 2);
        }
    }

    fn call(&mut self, name: &str, signature: &str, doc: &str, empty: bool, rank: u8) {
        self.add(Completion {
            label: name.to_owned(),
            kind: Offered::Function,
            detail: signature.to_owned(),
            doc: doc.to_owned(),
            insert: if empty { format!("{name}()") } else { format!("{name}($0)") },
            snippet: !empty,
            replace: self.replace.clone(),
            rank,
        });
    }

    pub fn types(&mut self) {
        for name in BASE_NAMES {
            let (insert, snippet) = match name {
                "decimal" => ("decimal(${1:12}, ${2:2})", true),
                "array" => ("array<${0:string}>", true),
                "map" => ("map<${1:string}, ${0:string}>", true),
                "struct" => ("struct<${1:name}: ${0:string}>", true),
                other => (other, false),
            };
            self.add(Completion {
                label: name.to_owned(),
                kind: Offered::Type,
                detail: String::new(),
                doc: String::new(),
                insert: insert.to_owned(),
                snippet,
                replace: self.replace.clone(),
                rank: 2,
            });
        }
        for name in self.view.names.in_scope(self.file, Space::Type) {
            let Some(found) = self.view.names.find(self.file, Space::Type, &path_of(&name)).first().copied() else { continue };
            if let Decl::Type(d) = found.decl {
                let detail = self.view.source(found.span.file).slice(d.refined.span).to_owned();
                let rank = if self.view.is_library(found.span.file) { 3 } else { 1 };
                self.put(&written(&d.name.text), Offered::Type, detail, d.doc.clone(), rank);
            }
        }
    }

    pub fn rule_sets(&mut self) {
        for name in self.view.names.in_scope(self.file, Space::Rules) {
            let Some(found) = self.view.names.find(self.file, Space::Rules, &path_of(&name)).first().copied() else { continue };
            if let Decl::Rules(d) = found.decl {
                let params: Vec<&str> = d.params.iter().map(|p| p.name.text.as_str()).collect();
                self.call(&d.name.text, &format!("{}({})", d.name.text, params.join(", ")), &d.doc, false, 1);
            }
        }
    }

    pub fn calendars(&mut self) {
        for name in self.view.names.in_scope(self.file, Space::Calendar) {
            self.put(&written(&name), Offered::Variable, "calendar", "", 1);
        }
        for day in ["weekdays", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] {
            self.keyword(day, "");
        }
    }

    /// Layers, and the datasets of all of them; `new`: for one that is to be declared, layers only.
    pub fn datasets(&mut self, new: bool) {
        for layer in &self.view.setting.layers {
            self.put(&written(layer), Offered::Layer, "layer", "", 1);
        }
        if !new {
            for contract in self.contracts() {
                let name = contract.dataset.text();
                self.put(&name, Offered::Dataset, format!("@ {}", contract.version.value), contract.doc.clone(), 0);
            }
        }
    }

    fn contracts(&self) -> Vec<&'a ast::Contract> {
        self.view.names.datasets.values().filter_map(|d| d.contract).filter(|c| c.dataset.names.len() > 1).collect()
    }

    pub fn in_layer(&mut self, layer: &str) {
        let start = format!("{}.", fold(layer));
        for contract in self.contracts() {
            let name = contract.dataset.text();
            if fold(&name).starts_with(&start) && let Some(last) = contract.dataset.names.last() {
                self.put(&written(&last.text), Offered::Dataset, format!("@ {}", contract.version.value), contract.doc.clone(), 0);
            }
        }
    }

    pub fn rules(&mut self, dataset: &str) {
        if let Some(contract) = self.view.checked_contract(dataset) {
            let promoted = self.view.checked.promotion_to(&contract.dataset);
            for rule in contract.rules.iter().chain(promoted.iter().flat_map(|p| &p.rules)) {
                let claim = rule.name.contains('.');
                self.put(&rule.name, Offered::Rule, rule.kind.name(), rule.doc.clone(), if claim { 2 } else { 0 });
            }
        }
        for rule in self.view.rules(dataset) {
            if let WrittenRule::Rule(r) = rule {
                self.put(&r.name.text, Offered::Rule, "", r.doc.clone(), 0);
            }
        }
    }

    /// What follows the point in a rule's name.
    pub fn claims(&mut self, dataset: &str, before: &str) {
        let Some(contract) = self.view.checked_contract(dataset) else { return };
        let start = format!("{}.", fold(before));
        for rule in &contract.rules {
            if fold(&rule.name).starts_with(&start) {
                let rest = rule.name.get(start.len()..).unwrap_or("");
                self.put(rest, Offered::Rule, rule.kind.name(), rule.doc.clone(), 0);
            }
        }
    }

    /// Fields of a struct column.
    pub fn fields(&mut self, dataset: &str, path: &str) {
        let Some(contract) = self.view.checked_contract(dataset) else { return };
        let mut names = path.split('.');
        let Some(first) = names.next() else { return };
        let Some(column) = contract.columns.iter().find(|c| fold(&c.name) == fold(first)) else { return };
        let mut ty = &column.ty;
        for name in names {
            let crate::hir::Type::Struct(fields) = ty else { return };
            let Some(field) = fields.iter().find(|f| fold(&f.name) == fold(name)) else { return };
            ty = &field.ty;
        }
        if let crate::hir::Type::Struct(fields) = ty {
            for field in fields {
                self.put(&field.name, Offered::Column, field.ty.to_string(), "", 0);
            }
        }
    }

    pub fn module(&mut self, name: &str) {
        self.put(name, Offered::Module, "", "", 2);
    }

    /// What a module declares.
    pub fn module_names(&mut self, path: &str) {
        let wanted = fold(path);
        let Some(tree) = self.view.trees.iter().find(|t| module_of(&self.view.source(t.id).path) == wanted) else { return };
        for item in &tree.items {
            match item {
                ast::Item::Type(d) => self.put(&d.name.text, Offered::Type, "", d.doc.clone(), 0),
                ast::Item::Fn(d) => self.put(&d.name.text(), Offered::Function, signature(d), d.doc.clone(), 0),
                ast::Item::Rules(d) => self.put(&d.name.text, Offered::Function, "rule set", d.doc.clone(), 0),
                ast::Item::Calendar(d) => self.put(&d.name.text, Offered::Variable, "calendar", d.doc.clone(), 0),
                _ => {}
            }
        }
    }
}

fn path_of(name: &str) -> ast::Path {
    let span = crate::source::Span::default();
    ast::Path { names: name.split('.').map(|n| ast::Name { text: n.to_owned(), span }).collect(), span }
}

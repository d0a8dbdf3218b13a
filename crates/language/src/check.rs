//! Types, grain and null decisions: trees with resolved names become the checked program. What is wrong is reported
//! once, where it stands, and left out; what is around it is checked as if it were not there.

pub mod again;
pub mod coerce;
pub mod columns;
pub mod contracts;
pub mod directory;
pub mod errors;
pub mod facts;
pub mod infer;
pub mod known;
pub mod literals;
pub mod order;
pub mod promotions;
pub mod rules;
pub mod scope;
pub mod sla;
mod spread;
pub mod suite;
pub mod templates;
pub mod types;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::diagnostics::suggest::nearest;
use crate::diagnostics::{Diagnostic, Severity, Sink};
use crate::hir::{Checked, Contract};
use crate::resolve::{Names, STD_PREFIX, fold, same};
use crate::source::{FileId, SourceMap, Span};
use crate::syntax::ast;

use again::{Before, Known, Layout, Piece};
use directory::Directory;
use scope::Schema;

/// Datasets that a piece reads, and where.
pub type Reads = Vec<(String, Span)>;

/// A function or rule set that is being expanded.
#[derive(Clone, Debug)]
pub struct Expansion {
    pub used: Span,
    pub declared: Span,
    /// For the note at the definition.
    pub what: String,
}

pub struct Checker<'a> {
    pub names: &'a Names<'a>,
    pub sources: &'a SourceMap,
    /// In their order; empty where the project names none.
    pub layers: &'a [String],
    sink: Sink,
    /// How many errors there were so far: who counts before and after knows whether a piece is whole.
    pub errors: usize,
    /// By dataset in lower case.
    schemas: Arc<HashMap<String, Arc<Schema>>>,
    pub expansions: Vec<Expansion>,
    /// How many of the expansions are definitions that are checked by themselves.
    by_itself: usize,
    /// Definitions with an error in them, by the span of their name: uses are not reported again.
    broken: HashSet<Span>,
    open_types: Vec<Span>,
    depth: usize,
    too_deep: bool,
    too_large: bool,
    /// Variables of enclosing `every` and `any`.
    variables: Vec<String>,
    /// Nodes that functions have expanded to in the piece that is checked.
    budget: usize,
    /// Contracts that were told that they need a zone.
    zones_offered: HashSet<Span>,
    /// Includes that were told that null is undecided.
    nulls_asked: HashSet<Span>,
    /// The piece that is checked depends on what was found before it.
    bound: bool,
    /// Some piece has decided what is found in later ones.
    in_order: bool,
    /// By file, where the project is to be checked again; else empty.
    layouts: &'a [Arc<Layout>],
    /// Datasets that the piece which is checked reads.
    reads: Reads,
}

/// A project's texts, read, with the names in them.
#[derive(Clone, Copy)]
pub struct Texts<'a> {
    /// In the order of their ids.
    pub files: &'a [ast::File],
    pub names: &'a Names<'a>,
    pub sources: &'a SourceMap,
    /// In their order; empty where the project names none.
    pub layers: &'a [String],
}

/// Checks a whole project. What `sink` holds already stays.
pub fn check(texts: Texts<'_>, sink: Sink) -> (Checked, Sink) {
    let mut known = check_again(texts, &[], Before::default(), sink);
    known.settle(usize::MAX, &mut || false);
    let (checked, found) = known.into_parts();
    let mut sink = Sink::default();
    sink.extend(found);
    (checked, sink)
}

/// Checks what has changed since. `layouts` are the texts' by file; what is known without data is left open.
pub fn check_again<'a>(texts: Texts<'a>, layouts: &'a [Arc<Layout>], before: Before, sink: Sink) -> Known {
    let mut checker = Checker {
        names: texts.names,
        sources: texts.sources,
        layers: texts.layers,
        sink,
        errors: 0,
        schemas: Arc::default(),
        expansions: Vec::new(),
        by_itself: 0,
        broken: HashSet::new(),
        open_types: Vec::new(),
        depth: 0,
        too_deep: false,
        too_large: false,
        variables: Vec::new(),
        budget: 0,
        zones_offered: HashSet::new(),
        nulls_asked: HashSet::new(),
        bound: false,
        in_order: false,
        layouts,
        reads: Vec::new(),
    };
    let mut known = checker.project(texts.files, before);
    known.common = checker.sink.into_found();
    known
}

impl<'a> Checker<'a> {
    fn project(&mut self, files: &'a [ast::File], mut before: Before) -> Known {
        let own = |f: &&ast::File| !self.sources.get(f.id).path.starts_with(STD_PREFIX);
        let files: Vec<&'a ast::File> = files.iter().filter(own).collect();
        let items = || files.iter().flat_map(|f| &f.items);
        let calendars = items().filter_map(as_calendar).filter_map(|c| self.calendar(c)).collect();
        for item in items() {
            match item {
                ast::Item::Type(decl) => self.check_type(decl),
                ast::Item::Fn(decl) => self.check_fn(decl),
                _ => {}
            }
        }
        items().filter_map(as_rules).for_each(|decl| self.check_rule_set(decl));
        let declared: Vec<_> = items().filter_map(as_contract).filter_map(|c| self.declare(c)).collect();
        self.junk_datasets();
        let contracts = self.pieces(
            &declared,
            before.contracts.take(),
            |d| (fold(&d.schema.dataset), d.contract.span),
            |_| true,
            |checker, d| checker.contract(d),
        );
        let checked: Vec<&Contract> = contracts.pieces.iter().map(|p| &p.made).collect();

        let mut taken: HashMap<String, Span> = HashMap::new();
        let wanted: Vec<_> =
            items().filter_map(as_promote).filter_map(|p| self.ends_of_promotion(p, &mut taken)).collect();
        let directory = Directory::new(checked.iter().copied(), std::iter::empty());
        let mut promotions = self.pieces(
            &wanted,
            before.promotions.take(),
            |ends| (fold(&ends.target.dataset), ends.promote.span),
            |ends| [&ends.source, &ends.target].iter().all(|s| !contracts.touched.contains(&fold(&s.dataset))),
            |checker, ends| checker.promotion(ends, &directory),
        );
        let wanted: Vec<_> = items().filter_map(as_test).collect();
        let directory = Directory::new(checked.iter().copied(), promotions.pieces.iter().map(|p| &p.made));
        let tests = self.pieces(
            &wanted,
            before.tests.take(),
            |test| (format!("{} {}", fold(&test.dataset.text()), test.title.value), test.span),
            |test| {
                let dataset = fold(&test.dataset.text());
                !contracts.touched.contains(&dataset) && !promotions.touched.contains(&dataset)
            },
            |checker, test| (checker.test(test, &directory), Reads::new()),
        );
        let mut reads: HashMap<String, Reads> =
            contracts.pieces.iter().map(|p| (fold(&p.made.dataset), p.note.reads.clone())).collect();
        let changed = promotions.changed();
        let (mut notes, mut made) = (Vec::new(), Vec::new());
        for Piece { made: promotion, note } in promotions.pieces {
            reads.entry(fold(&promotion.to)).or_default().extend(note.reads.iter().cloned());
            notes.push(note);
            made.push(promotion);
        }
        let promotions = (notes, self.upstream_first(made, &reads));
        self.known(contracts, promotions, changed, tests, calendars, before.times())
    }

    /// Adds a finding. One that lies in a definition which is being expanded is moved to the use.
    pub fn report(&mut self, mut d: Diagnostic) {
        if d.severity == Severity::Error {
            self.errors += 1;
        }
        if let Some(first) = self.expansions.get(self.by_itself) {
            let used = first.used;
            let inside = |span: Span| span.file == used.file && used.start <= span.start && span.end <= used.end;
            if !inside(d.primary.span) {
                let label = std::mem::replace(&mut d.primary.text, format!("in what {} stands for", first.what));
                d.secondary.insert(0, crate::diagnostics::Label { span: d.primary.span, text: label });
                d.primary.span = used;
                d.fix = None;
            }
        }
        self.sink.push(d);
    }

    /// What stands there in the text.
    pub fn text(&self, span: Span) -> &'a str {
        self.sources.slice(span)
    }

    /// The columns of the dataset that a path names; reported where there is none.
    pub fn dataset(&mut self, path: &ast::Path, _file: FileId) -> Option<Arc<Schema>> {
        let name = path.text();
        if let Some(schema) = self.schemas.get(&fold(&name)) {
            return Some(schema.clone());
        }
        let known: Vec<&str> = self.schemas.values().map(|s| s.dataset.as_str()).collect();
        let near = nearest(&name, known.iter().copied()).map(str::to_owned);
        self.report(errors::unknown_dataset(path, near.as_deref()));
        None
    }

    /// Datasets whose contract could not be read have columns that nobody knows.
    fn junk_datasets(&mut self) {
        for (key, dataset) in &self.names.datasets {
            if dataset.contract.is_none() && !self.schemas.contains_key(key) {
                let schema = Schema::unknown(key, dataset.span);
                Arc::make_mut(&mut self.schemas).insert(key.clone(), Arc::new(schema));
            }
        }
    }

    /// The place of a dataset's layer in their order.
    pub fn layer_of(&self, dataset: &str) -> Option<usize> {
        let layer = dataset.split('.').next()?;
        self.layers.iter().position(|l| same(l, layer))
    }
}

fn as_calendar(item: &ast::Item) -> Option<&ast::Calendar> {
    if let ast::Item::Calendar(c) = item { Some(c) } else { None }
}

fn as_rules(item: &ast::Item) -> Option<&ast::RulesDecl> {
    if let ast::Item::Rules(r) = item { Some(r) } else { None }
}

fn as_contract(item: &ast::Item) -> Option<&ast::Contract> {
    if let ast::Item::Contract(c) = item { Some(c) } else { None }
}

fn as_promote(item: &ast::Item) -> Option<&ast::Promote> {
    if let ast::Item::Promote(p) = item { Some(p) } else { None }
}

fn as_test(item: &ast::Item) -> Option<&ast::Test> {
    if let ast::Item::Test(t) = item { Some(t) } else { None }
}

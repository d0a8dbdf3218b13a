//! Names and what they stand for: where each is defined, and where it is used.

use crate::resolve::{Decl, Space, fold};
use crate::source::{FileId, Span};
use crate::syntax::ast;

use super::View;
use super::walk::Walker;

/// What a name stands for. Datasets, columns and rules go by their names in lower case, the rest by where they are defined.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Symbol {
    Layer(String),
    Dataset(String),
    Column { dataset: String, column: String },
    /// A rule or a service level of a contract, or of the promotion into its dataset; what `include … as` names.
    Rule { dataset: String, rule: String },
    /// A type, function, rule set or calendar, by its name's place.
    Declared(Span),
    /// A parameter, variable, field, or a rule of a rule set, by its name's place.
    Local(Span),
    Module(String),
    Channel(String),
    Tag(String),
    /// A function that is no declaration: an aggregate.
    Builtin(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    pub span: Span,
    pub symbol: Symbol,
    pub definition: bool,
}

/// Where something is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    pub name: Span,
    /// The whole of it.
    pub whole: Span,
}

impl<'a> View<'a> {
    /// Every name in a file that stands for something, in the order of the text.
    pub fn occurrences(&self, file: FileId) -> Vec<Occurrence> {
        let Some(tree) = self.tree(file) else { return Vec::new() };
        let mut walker = Walker::new(self);
        walker.file(tree);
        let mut found = walker.found;
        found.retain(|o| o.span.file == file && o.span.start < o.span.end);
        found.sort_by_key(|o| (o.span.start, o.span.end));
        found.dedup_by_key(|o| o.span);
        found
    }

    /// The name at an offset; at its end too.
    pub fn at(&self, file: FileId, offset: usize) -> Option<Occurrence> {
        let holds = |o: &&Occurrence| o.span.contains(offset);
        let found = self.occurrences(file);
        found.iter().filter(holds).min_by_key(|o| (o.span.end - o.span.start, o.span.end as usize == offset)).cloned()
    }

    pub fn definition(&self, symbol: &Symbol) -> Option<Definition> {
        let whole = |name: Span| Definition { name, whole: name };
        match symbol {
            Symbol::Dataset(name) => {
                let contract = self.contract(name)?;
                let last = contract.dataset.names.last()?;
                Some(Definition { name: last.span, whole: contract.span })
            }
            Symbol::Column { dataset, column } => {
                let column = self.column(dataset, column)?;
                Some(Definition { name: column.name.span, whole: column.span })
            }
            Symbol::Rule { dataset, rule } => self.rule(dataset, rule).map(|r| r.definition()),
            Symbol::Declared(name) => Some(self.declaration(*name).map_or(whole(*name), |d| Definition {
                name: *name,
                whole: span_of(d).unwrap_or(*name),
            })),
            Symbol::Local(name) => Some(whole(*name)),
            Symbol::Module(path) => {
                let file = self.trees.iter().find(|t| module_of(&self.source(t.id).path) == *path)?;
                Some(whole(Span::new(file.id, 0, 0)))
            }
            Symbol::Layer(_) | Symbol::Channel(_) | Symbol::Tag(_) | Symbol::Builtin(_) => None,
        }
    }

    /// Every place of the project, and of the library if the symbol is its own, where the symbol stands.
    pub fn references(&self, symbol: &Symbol) -> Vec<Occurrence> {
        let home = self.definition(symbol).map(|d| d.name.file);
        let searched = self.trees.iter().map(|t| t.id).filter(|id| !self.is_library(*id) || Some(*id) == home);
        let all = searched.flat_map(|id| self.occurrences(id));
        all.filter(|o| o.symbol == *symbol).collect()
    }

    /// The item whose name stands there.
    pub fn declaration(&self, name: Span) -> Option<Decl<'a>> {
        let items = &self.tree(name.file)?.items;
        items.iter().find_map(|item| match item {
            ast::Item::Type(d) if d.name.span == name => Some(Decl::Type(d)),
            ast::Item::Fn(d) if d.name.span == name => Some(Decl::Fn(d)),
            ast::Item::Rules(d) if d.name.span == name => Some(Decl::Rules(d)),
            ast::Item::Calendar(d) if d.name.span == name => Some(Decl::Calendar(d)),
            _ => None,
        })
    }

    /// All declarations of one name: several only for overloads of a native function.
    pub fn overloads(&self, name: Span) -> Vec<Decl<'a>> {
        match self.declaration(name) {
            Some(Decl::Fn(first)) => {
                let Some(tree) = self.tree(name.file) else { return Vec::new() };
                let same = |d: &&ast::FnDecl| fold(&d.name.text()) == fold(&first.name.text());
                let fns = tree.items.iter().filter_map(|i| if let ast::Item::Fn(d) = i { Some(d) } else { None });
                fns.filter(same).map(Decl::Fn).collect()
            }
            other => other.into_iter().collect(),
        }
    }

    /// A rule as written: of the contract, its service levels, or the promotion into it.
    pub fn rule(&self, dataset: &str, rule: &str) -> Option<WrittenRule<'a>> {
        let wanted = fold(rule);
        self.rules(dataset).into_iter().find(|r| fold(r.name()) == wanted)
    }

    pub fn rules(&self, dataset: &str) -> Vec<WrittenRule<'a>> {
        let mut found = Vec::new();
        for part in self.contract(dataset).map_or(&[][..], |c| &c.parts) {
            match part {
                ast::Part::Rules(items, _) => found.extend(items.iter().filter_map(WrittenRule::of)),
                ast::Part::Sla(items, _) => found.extend(items.iter().filter_map(|item| match item {
                    ast::SlaItem::Entry(e) => Some(WrittenRule::Sla(e)),
                    ast::SlaItem::Junk(_) => None,
                })),
                _ => {}
            }
        }
        for item in self.promotion_to(dataset).map_or(&[][..], |p| &p.items) {
            if let ast::PromoteItem::Rules(items, _) = item {
                found.extend(items.iter().filter_map(WrittenRule::of));
            }
        }
        found
    }

    /// What `path` means in a file.
    pub fn declared(&self, file: FileId, space: Space, path: &ast::Path) -> Option<Span> {
        self.names.find(file, space, path).first().filter(|f| !matches!(f.decl, Decl::Broken)).map(|f| f.span)
    }
}

#[derive(Clone, Copy, Debug)]
pub enum WrittenRule<'a> {
    Rule(&'a ast::Rule),
    Include(&'a ast::Include),
    Sla(&'a ast::SlaEntry),
}

impl<'a> WrittenRule<'a> {
    fn of(item: &'a ast::RuleItem) -> Option<Self> {
        match item {
            ast::RuleItem::Rule(r) => Some(WrittenRule::Rule(r)),
            ast::RuleItem::Include(i) => Some(WrittenRule::Include(i)),
            ast::RuleItem::Junk(_) => None,
        }
    }

    /// Of an included set, what stands before the point in its rules' names.
    pub fn name(&self) -> &'a str {
        match self {
            WrittenRule::Rule(r) => &r.name.text,
            WrittenRule::Sla(e) => &e.name.text,
            WrittenRule::Include(i) => match (&i.alias, i.set.names.last()) {
                (Some(alias), _) => &alias.text,
                (None, Some(last)) => &last.text,
                (None, None) => "",
            },
        }
    }

    pub fn definition(&self) -> Definition {
        match self {
            WrittenRule::Rule(r) => Definition { name: r.name.span, whole: r.span },
            WrittenRule::Sla(e) => Definition { name: e.name.span, whole: e.span },
            WrittenRule::Include(i) => {
                Definition { name: i.alias.as_ref().map_or(i.set.span, |a| a.span), whole: i.span }
            }
        }
    }
}

pub(super) fn span_of(decl: Decl<'_>) -> Option<Span> {
    match decl {
        Decl::Type(d) => Some(d.span),
        Decl::Fn(d) => Some(d.span),
        Decl::Rules(d) => Some(d.span),
        Decl::Calendar(d) => Some(d.span),
        Decl::Broken => None,
    }
}

/// `shared/money.dq` is `shared.money`, in lower case.
pub(super) fn module_of(path: &str) -> String {
    let path = path.strip_suffix(".dq").unwrap_or(path);
    match path.strip_prefix(crate::resolve::STD_PREFIX) {
        Some(rest) => format!("std.{}", fold(&rest.replace('/', "."))),
        None => fold(&path.replace('/', ".")),
    }
}

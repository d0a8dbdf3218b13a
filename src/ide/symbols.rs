//! The outline of a file, and the names of a project.

use crate::resolve::fold;
use crate::source::{FileId, Span};
use crate::syntax::ast;

use super::View;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    Contract,
    Column,
    Rule,
    Sla,
    Section,
    Promotion,
    Test,
    Type,
    Function,
    RuleSet,
    Calendar,
    Mapping,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    pub name: String,
    pub detail: String,
    pub kind: SymbolKind,
    pub whole: Span,
    pub at: Span,
    pub children: Vec<Outline>,
}

impl View<'_> {
    pub fn outline(&self, file: FileId) -> Vec<Outline> {
        let Some(tree) = self.tree(file) else { return Vec::new() };
        tree.items.iter().filter_map(|item| self.item(item)).collect()
    }

    /// Names of the whole project that hold the letters asked for in their order; nearest first.
    pub fn find_symbols(&self, wanted: &str) -> Vec<(Outline, String)> {
        let wanted = fold(wanted);
        let mut found = Vec::new();
        for tree in self.own() {
            for item in self.outline(tree.id) {
                collect(item, "", &wanted, &mut found);
            }
        }
        found.sort_by_key(|(o, _)| {
            let name = fold(&o.name);
            (!name.starts_with(&wanted), !name.contains(&wanted), name.len())
        });
        found
    }

    fn item(&self, item: &ast::Item) -> Option<Outline> {
        let text = |span: Span| self.source(span.file).slice(span).to_owned();
        let leaf = |name: &str, detail: String, kind, whole, at| Outline {
            name: name.to_owned(),
            detail,
            kind,
            whole,
            at,
            children: Vec::new(),
        };
        Some(match item {
            ast::Item::Type(d) => leaf(&d.name.text, text(d.refined.span), SymbolKind::Type, d.span, d.name.span),
            ast::Item::Fn(d) => {
                leaf(&d.name.text(), crate::check::infer::calls::signature(d), SymbolKind::Function, d.span, d.name.span)
            }
            ast::Item::Calendar(d) => leaf(&d.name.text, text(d.base.span), SymbolKind::Calendar, d.span, d.name.span),
            ast::Item::Rules(d) => Outline {
                children: self.rule_items(&d.body),
                ..leaf(&d.name.text, String::new(), SymbolKind::RuleSet, d.span, d.name.span)
            },
            ast::Item::Contract(c) => Outline {
                children: c.parts.iter().flat_map(|p| self.part(p)).collect(),
                ..leaf(&c.dataset.text(), c.version.value.clone(), SymbolKind::Contract, c.span, c.dataset.span)
            },
            ast::Item::Promote(p) => Outline {
                children: p.items.iter().flat_map(|i| self.promoted(i)).collect(),
                ..leaf(&format!("{} to {}", p.from.text(), p.to.text()), String::new(), SymbolKind::Promotion, p.span, p.head)
            },
            ast::Item::Test(t) => leaf(&t.title.value, t.dataset.text(), SymbolKind::Test, t.span, t.title.span),
            ast::Item::Use(_) | ast::Item::Junk(_) => return None,
        })
    }

    fn part(&self, part: &ast::Part) -> Option<Outline> {
        match part {
            ast::Part::Columns(columns) => {
                let columns_of = columns.items.iter().filter_map(|i| match i {
                    ast::ColumnItem::Column(c) => Some(Outline {
                        name: c.name.text.clone(),
                        detail: self.source(c.span.file).slice(c.refined.span).to_owned(),
                        kind: SymbolKind::Column,
                        whole: c.span,
                        at: c.name.span,
                        children: Vec::new(),
                    }),
                    ast::ColumnItem::Junk(_) => None,
                });
                Some(section("columns", columns.span, columns_of.collect()))
            }
            ast::Part::Rules(items, span) => Some(section("rules", *span, self.rule_items(items))),
            ast::Part::Sla(items, span) => {
                let entries = items.iter().filter_map(|i| match i {
                    ast::SlaItem::Entry(e) => Some(named(&e.name, SymbolKind::Sla, e.span)),
                    ast::SlaItem::Junk(_) => None,
                });
                Some(section("sla", *span, entries.collect()))
            }
            _ => None,
        }
    }

    fn promoted(&self, item: &ast::PromoteItem) -> Option<Outline> {
        match item {
            ast::PromoteItem::With { maps, span } => {
                let maps = maps.iter().map(|m| named(&m.column, SymbolKind::Mapping, m.span));
                Some(section("with", *span, maps.collect()))
            }
            ast::PromoteItem::Rules(items, span) => Some(section("rules", *span, self.rule_items(items))),
            _ => None,
        }
    }

    fn rule_items(&self, items: &[ast::RuleItem]) -> Vec<Outline> {
        let each = items.iter().filter_map(|i| match i {
            ast::RuleItem::Rule(r) => Some(named(&r.name, SymbolKind::Rule, r.span)),
            ast::RuleItem::Include(i) => {
                let name = i.alias.as_ref().map_or_else(|| i.set.text(), |a| a.text.clone());
                Some(Outline {
                    name,
                    detail: format!("include {}", i.set.text()),
                    kind: SymbolKind::RuleSet,
                    whole: i.span,
                    at: i.set.span,
                    children: Vec::new(),
                })
            }
            ast::RuleItem::Junk(_) => None,
        });
        each.collect()
    }
}

fn named(name: &ast::Name, kind: SymbolKind, whole: Span) -> Outline {
    Outline { name: name.text.clone(), detail: String::new(), kind, whole, at: name.span, children: Vec::new() }
}

fn section(name: &str, span: Span, children: Vec<Outline>) -> Outline {
    let at = Span { end: span.start + u32::try_from(name.len()).unwrap_or(0).min(span.end - span.start), ..span };
    Outline { name: name.to_owned(), detail: String::new(), kind: SymbolKind::Section, whole: span, at, children }
}

fn collect(item: Outline, within: &str, wanted: &str, found: &mut Vec<(Outline, String)>) {
    let inner = if item.kind == SymbolKind::Section { within.to_owned() } else { item.name.clone() };
    for child in &item.children {
        collect(child.clone(), &inner, wanted, found);
    }
    if item.kind != SymbolKind::Section && holds(&fold(&item.name), wanted) {
        found.push((Outline { children: Vec::new(), ..item }, within.to_owned()));
    }
}

/// Whether the letters stand in the name in their order.
fn holds(name: &str, wanted: &str) -> bool {
    let mut letters = name.chars();
    wanted.chars().all(|w| letters.any(|c| c == w))
}

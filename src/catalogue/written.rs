//! What stands in the project's texts: a rule as its author wrote it, a type's condition, each in colours.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::rc::Rc;

use maud::{Markup, html};

use crate::Compilation;
use crate::hir;
use crate::report::page::coloured;
use crate::resolve::fold;
use crate::source::{FileId, SourceMap, Span};
use crate::syntax::ast;
use crate::syntax::highlight::{Class, classes};

type Classes = Rc<Vec<(Range<usize>, Class)>>;

pub struct Written<'a> {
    sources: &'a SourceMap,
    /// By name in lower case.
    types: BTreeMap<String, Vec<&'a ast::TypeDecl>>,
    sets: BTreeMap<String, &'a ast::RulesDecl>,
    includes: HashMap<Span, &'a ast::Include>,
    classes: RefCell<HashMap<FileId, Classes>>,
}

impl<'a> Written<'a> {
    pub fn of(compilation: &'a Compilation) -> Self {
        let mut types: BTreeMap<String, Vec<&ast::TypeDecl>> = BTreeMap::new();
        let mut sets = BTreeMap::new();
        let mut includes = HashMap::new();
        let mut take = |items: &'a [ast::RuleItem]| {
            let found = items.iter().filter_map(|item| match item {
                ast::RuleItem::Include(include) => Some((include.span, include)),
                _ => None,
            });
            includes.extend(found);
        };
        for item in compilation.files.iter().flat_map(|file| &file.items) {
            match item {
                ast::Item::Type(decl) => types.entry(fold(&decl.name.text)).or_default().push(decl),
                ast::Item::Rules(decl) => drop(sets.insert(fold(&decl.name.text), decl)),
                ast::Item::Contract(contract) => {
                    for part in &contract.parts {
                        if let ast::Part::Rules(items, _) = part {
                            take(items);
                        }
                    }
                }
                ast::Item::Promote(promote) => {
                    for item in &promote.items {
                        if let ast::PromoteItem::Rules(items, _) = item {
                            take(items);
                        }
                    }
                }
                _ => {}
            }
        }
        Self { sources: &compilation.sources, types, sets, includes, classes: RefCell::default() }
    }

    pub fn slice(&self, span: Span) -> &'a str {
        self.sources.get(span.file).text.get(span.range()).unwrap_or("")
    }

    /// `silver/orders.dq:12`; of the standard library, its name.
    pub fn place(&self, span: Span) -> String {
        let file = self.sources.get(span.file);
        match file.path.starts_with('<') {
            true => "the standard library".to_owned(),
            false => format!("{}:{}", file.path, file.place(span.start as usize).line),
        }
    }

    /// The own types of the project, by their names.
    pub fn own_types(&self) -> Vec<&'a ast::TypeDecl> {
        self.types.values().flatten().copied().filter(|decl| !self.is_library(decl.name.span)).collect()
    }

    fn is_library(&self, span: Span) -> bool {
        self.sources.get(span.file).path.starts_with('<')
    }

    /// The declaration of a type that a column names: the project's own before the library's.
    pub fn type_of(&self, name: &str) -> Option<&'a ast::TypeDecl> {
        let name = fold(name.rsplit('.').next().unwrap_or(name));
        let all = self.types.get(&name)?;
        all.iter().find(|decl| !self.is_library(decl.name.span)).or(all.first()).copied()
    }

    pub fn is_own(&self, decl: &ast::TypeDecl) -> bool {
        !self.is_library(decl.name.span)
    }

    /// The condition that a declared type adds.
    pub fn refinement(&self, decl: &ast::TypeDecl) -> Option<Span> {
        Some(match decl.refined.condition.as_ref()? {
            ast::Refinement::Where(e) => e.span,
            ast::Refinement::In(_, span) => *span,
        })
    }

    /// Where the condition of an included rule stands: in its rule set.
    pub fn included(&self, rule: &hir::Rule) -> Option<Included<'a>> {
        let mut include = *self.includes.get(&rule.span)?;
        let mut parts = rule.name.split('.').skip(1).peekable();
        loop {
            let set = *self.sets.get(&fold(&include.set.names.last()?.text))?;
            let wanted = parts.next()?;
            if parts.peek().is_none() {
                let found = set.body.iter().find_map(|item| match item {
                    ast::RuleItem::Rule(rule) if fold(&rule.name.text) == fold(wanted) => Some(rule),
                    _ => None,
                })?;
                return Some(Included { set, rule: found });
            }
            include = set.body.iter().find_map(|item| match item {
                ast::RuleItem::Include(inner) => {
                    let alias = inner.alias.as_ref().or(inner.set.names.last())?;
                    (fold(&alias.text) == fold(wanted)).then_some(inner)
                }
                _ => None,
            })?;
        }
    }

    /// A piece of text within a sentence; several lines become one where that changes nothing.
    pub fn inline(&self, span: Span) -> Markup {
        let text = self.slice(span);
        let safe = !text.contains("//") && !text.contains("--") && !text.contains('"');
        if text.contains('\n') && safe {
            let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
            return html! { code { (coloured(&joined, &classes(&joined), 0..joined.len())) } };
        }
        if text.contains('\n') {
            return self.block(span);
        }
        html! { code { (self.coloured(span.file, span.range())) } }
    }

    /// Whole lines, without the margin that all of them have.
    pub fn block(&self, span: Span) -> Markup {
        let text = self.sources.get(span.file).text.as_str();
        let first = text.get(..span.start as usize).and_then(|t| t.rfind('\n')).map_or(0, |line| line + 1);
        let whole = text.get(first..span.end as usize).unwrap_or("");
        let margin = |line: &str| line.len() - line.trim_start().len();
        let common = whole.lines().filter(|l| !l.trim().is_empty()).map(margin).min().unwrap_or(0);
        let mut at = first;
        let mut lines = Vec::new();
        for line in whole.split_inclusive('\n') {
            let end = at + line.trim_end().len();
            let start = (at + common.min(margin(line))).min(end);
            lines.push(start..end.max(start));
            at += line.len();
        }
        html! {
            pre tabindex="0" { code { @for (i, line) in lines.into_iter().enumerate() {
                @if i > 0 { "\n" }
                (self.coloured(span.file, line))
            } } }
        }
    }

    fn coloured(&self, file: FileId, range: Range<usize>) -> Markup {
        let text = self.sources.get(file).text.as_str();
        let found = self.classes.borrow_mut().entry(file).or_insert_with(|| Rc::new(classes(text))).clone();
        coloured(text, &found, range)
    }
}

/// A rule that stands in a rule set.
pub struct Included<'a> {
    pub set: &'a ast::RulesDecl,
    pub rule: &'a ast::Rule,
}

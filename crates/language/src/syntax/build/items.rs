//! A file and its items.

use super::super::ast::{Calendar, File, FnDecl, Item, Param, RulesDecl, TypeDecl, Use};
use super::super::errors;
use super::super::grammar::{Pair, Rule};
use super::Builder;
use crate::source::Span;

impl<'t> Builder<'t> {
    pub fn file(&mut self, pair: Pair<'t>) -> File {
        let mut items = Vec::new();
        let mut separator: Option<Pair> = None;
        let mut last: Option<Span> = None;
        let mut closed = false;
        for p in pair.into_inner() {
            if self.base + p.start() >= self.until {
                break;
            }
            self.crossed |= self.base + p.end() > self.until;
            let span = self.span(&p);
            match p.as_rule() {
                Rule::EOI => {}
                Rule::slip_separator => {
                    if separator.replace(p.clone()).is_none() {
                        self.push(errors::separator(span, p.as_str(), "after an item"));
                    }
                    continue;
                }
                // Several in a row are one mistake.
                Rule::slip_close if std::mem::replace(&mut closed, true) => continue,
                Rule::slip_close => {
                    self.push(errors::stray_close(span));
                    continue;
                }
                Rule::junk_top => match last.take().filter(|last: &Span| self.continues(*last, span)) {
                    // What is left of an item that ended too early.
                    Some(last) => {
                        self.found.retain(|d| d.primary.span.start < last.start);
                        items.pop();
                        self.junk_item(last.to(span), &mut items);
                    }
                    None => self.junk_item(span, &mut items),
                },
                rule => {
                    let items_before = items.len();
                    items.extend(self.item(p));
                    let open_ended = matches!(rule, Rule::typedecl | Rule::fndecl | Rule::use_item | Rule::calendar);
                    last = (open_ended && items.len() > items_before).then_some(span);
                }
            }
            separator = None;
            closed = false;
        }
        File { id: self.file_id(), items, broken: std::mem::take(&mut self.broken) }
    }

    /// Whether `later` is on the last line of an item, or indented below it.
    fn continues(&self, item: Span, later: Span) -> bool {
        let same_line = self.text_between(item.end as usize, later.start as usize).is_some_and(|t| !t.contains('\n'));
        same_line || self.indent(later.start as usize).is_some_and(|indent| indent > 0)
    }

    pub fn item(&mut self, pair: Pair<'t>) -> Option<Item> {
        Some(match pair.as_rule() {
            Rule::contract => Item::Contract(self.contract(pair)),
            Rule::promote => Item::Promote(self.promote(pair)),
            Rule::test => Item::Test(self.test(pair)),
            Rule::typedecl => Item::Type(self.type_decl(pair)),
            Rule::fndecl => Item::Fn(self.fn_decl(pair)),
            Rule::rulesdecl => Item::Rules(self.rules_decl(pair)),
            Rule::use_item => Item::Use(self.use_decl(pair)),
            Rule::calendar => Item::Calendar(self.calendar(pair)),
            _ => return None,
        })
    }

    fn use_decl(&mut self, pair: Pair<'t>) -> Use {
        let span = self.span(&pair);
        let braces = pair.as_str().find('{').map_or(usize::MAX, |i| span.start as usize + i);
        let mut module = Vec::new();
        let mut names = Vec::new();
        for p in pair.into_inner().filter(|p| p.as_rule() == Rule::name) {
            let name = self.name(&p);
            if (name.span.start as usize) < braces { module.push(name) } else { names.push(name) }
        }
        let path_span = module.iter().map(|n| n.span).reduce(Span::to).unwrap_or(span);
        Use { module: super::Path { names: module, span: path_span }, names, span }
    }

    fn calendar(&mut self, pair: Pair<'t>) -> Calendar {
        let span = self.span(&pair);
        let (mut names, mut except) = (Vec::new(), Vec::new());
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::name => names.push(self.name(&p)),
                Rule::string => except.push(self.string(&p)),
                _ => {}
            }
        }
        let mut names = names.into_iter();
        let name = names.next().unwrap_or_else(|| self.empty_name(span));
        let base = names.next().unwrap_or_else(|| self.empty_name(span));
        Calendar { name, base, except, doc: self.doc(span.start), span }
    }

    pub fn type_decl(&mut self, pair: Pair<'t>) -> TypeDecl {
        let span = self.span(&pair);
        let mut name = self.empty_name(span);
        let mut refined = super::super::ast::Refined { ty: self.error_ty(span), condition: None, span };
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::name => name = self.name(&p),
                Rule::refined => refined = self.refined(p),
                _ => {}
            }
        }
        TypeDecl { name, refined, doc: self.doc(span.start), span }
    }

    pub fn fn_decl(&mut self, pair: Pair<'t>) -> FnDecl {
        let span = self.span(&pair);
        let mut decl = FnDecl {
            name: self.empty_path(span),
            params: Vec::new(),
            result: self.error_ty(span),
            body: None,
            doc: self.doc(span.start),
            span,
        };
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::name | Rule::path => decl.name = self.path(&p),
                Rule::params => decl.params = self.params(p),
                Rule::ty => decl.result = self.ty(p),
                Rule::expr => decl.body = Some(self.expr(p)),
                _ => {}
            }
        }
        decl
    }

    fn params(&mut self, pair: Pair<'t>) -> Vec<Param> {
        let mut params = Vec::new();
        for param in pair.into_inner().filter(|p| p.as_rule() == Rule::param) {
            let at = self.span(&param);
            let (mut name, mut ty) = (self.empty_name(at), self.error_ty(at));
            for p in param.into_inner() {
                match p.as_rule() {
                    Rule::name => name = self.name(&p),
                    Rule::ty => ty = self.ty(p),
                    _ => {}
                }
            }
            params.push(Param { name, ty });
        }
        params
    }

    pub fn rules_decl(&mut self, pair: Pair<'t>) -> RulesDecl {
        let span = self.span(&pair);
        let mut decl = RulesDecl {
            name: self.empty_name(span),
            params: Vec::new(),
            body: Vec::new(),
            doc: self.doc(span.start),
            span,
        };
        let mut children = Vec::new();
        for p in pair.into_inner() {
            match p.as_rule() {
                Rule::name => decl.name = self.name(&p),
                Rule::params => decl.params = self.params(p),
                Rule::kw_rules => {}
                _ => children.push(p),
            }
        }
        let what = format!("the rules `{}`", decl.name.text);
        let block = self.block(children, &what, span);
        decl.body = self.rule_items(block.children);
        self.end(block.end);
        decl
    }
}

//! Through a tree with what each name can mean where it stands.

use std::collections::HashMap;

use crate::resolve::{Space, fold};
use crate::source::{FileId, Span};
use crate::syntax::ast::{self, ExprKind, Refinement, RuleMod};

use super::index::{Occurrence, Symbol};
use super::{View, aggregates};

pub(super) struct Walker<'v, 'a> {
    view: &'v View<'a>,
    pub found: Vec<Occurrence>,
    file: FileId,
    /// Datasets' columns by their names in lower case.
    columns: HashMap<String, HashMap<String, &'a ast::Column>>,
}

/// What a name in an expression can be.
#[derive(Clone, Default)]
struct Scope {
    /// The dataset whose columns are seen, in lower case.
    rows: Option<String>,
    /// What `from source` reads.
    source: Option<String>,
    /// Parameters and variables; the last of a name wins.
    locals: Vec<(String, Span)>,
}

impl Scope {
    fn of(dataset: &str) -> Self {
        Scope { rows: Some(fold(dataset)), ..Scope::default() }
    }
}

impl<'v, 'a> Walker<'v, 'a> {
    pub fn new(view: &'v View<'a>) -> Self {
        Walker { view, found: Vec::new(), file: FileId(0), columns: HashMap::new() }
    }

    fn put(&mut self, span: Span, symbol: Symbol, definition: bool) {
        self.found.push(Occurrence { span, symbol, definition });
    }

    fn column(&mut self, dataset: &str, name: &str) -> Option<&'a ast::Column> {
        if !self.columns.contains_key(dataset) {
            let all = self.view.columns(dataset).into_iter().map(|c| (fold(&c.name.text), c)).collect();
            self.columns.insert(dataset.to_owned(), all);
        }
        self.columns.get(dataset)?.get(&fold(name)).copied()
    }

    fn column_use(&mut self, dataset: &str, name: &ast::Name) -> Option<&'a ast::Column> {
        let found = self.column(dataset, &name.text)?;
        self.put(name.span, Symbol::Column { dataset: dataset.to_owned(), column: fold(&name.text) }, false);
        Some(found)
    }

    fn dataset(&mut self, path: &ast::Path, definition: bool) {
        if let [layer, .., name] = path.names.as_slice() {
            self.put(layer.span, Symbol::Layer(fold(&layer.text)), false);
            self.put(name.span, Symbol::Dataset(fold(&path.text())), definition);
        }
    }

    fn declared(&mut self, space: Space, path: &ast::Path) -> bool {
        let Some(last) = path.names.last() else { return false };
        match self.view.declared(self.file, space, path) {
            Some(span) => {
                self.put(last.span, Symbol::Declared(span), false);
                true
            }
            None => false,
        }
    }

    pub fn file(&mut self, file: &'a ast::File) {
        self.file = file.id;
        for item in &file.items {
            match item {
                ast::Item::Use(u) => self.uses(u),
                ast::Item::Calendar(c) => {
                    self.put(c.name.span, Symbol::Declared(c.name.span), true);
                    self.calendar(&c.base);
                }
                ast::Item::Type(d) => {
                    self.put(d.name.span, Symbol::Declared(d.name.span), true);
                    self.refined(&d.refined);
                }
                ast::Item::Fn(d) => {
                    // Overloads are one symbol: that of the first.
                    let first = self.view.declared(self.file, Space::Fn, &d.name).unwrap_or(d.name.span);
                    self.put(d.name.span, Symbol::Declared(first), true);
                    let mut scope = self.parameters(&d.params);
                    self.ty(&d.result);
                    if let Some(body) = &d.body {
                        self.expr(body, &mut scope);
                    }
                }
                ast::Item::Rules(d) => {
                    self.put(d.name.span, Symbol::Declared(d.name.span), true);
                    let scope = self.parameters(&d.params);
                    self.rule_items(&d.body, &scope, None);
                }
                ast::Item::Contract(c) => self.contract(c),
                ast::Item::Promote(p) => self.promote(p),
                ast::Item::Test(t) => self.test(t),
                ast::Item::Junk(_) => {}
            }
        }
    }

    fn uses(&mut self, item: &ast::Use) {
        let all = &item.module.names;
        let (module, wanted) = match (item.names.is_empty(), all.split_last()) {
            (true, Some((last, front))) => (front, std::slice::from_ref(last)),
            _ => (all.as_slice(), item.names.as_slice()),
        };
        let (Some(first), Some(last)) = (module.first(), module.last()) else { return };
        let path = fold(&module.iter().map(|n| n.text.as_str()).collect::<Vec<_>>().join("."));
        self.put(first.span.to(last.span), Symbol::Module(path), false);
        for name in wanted {
            let path = ast::Path { names: vec![name.clone()], span: name.span };
            for space in [Space::Type, Space::Fn, Space::Rules, Space::Calendar] {
                if self.declared(space, &path) {
                    break;
                }
            }
        }
    }

    fn calendar(&mut self, name: &ast::Name) {
        self.declared(Space::Calendar, &ast::Path { names: vec![name.clone()], span: name.span });
    }

    fn parameters(&mut self, params: &'a [ast::Param]) -> Scope {
        let mut scope = Scope::default();
        for param in params {
            self.put(param.name.span, Symbol::Local(param.name.span), true);
            self.ty(&param.ty);
            scope.locals.push((fold(&param.name.text), param.name.span));
        }
        scope
    }

    fn contract(&mut self, c: &'a ast::Contract) {
        self.dataset(&c.dataset, true);
        let dataset = fold(&c.dataset.text());
        let scope = Scope::of(&dataset);
        for part in &c.parts {
            match part {
                ast::Part::Columns(columns) => {
                    for item in &columns.items {
                        if let ast::ColumnItem::Column(column) = item {
                            self.declare_column(column, &dataset, &scope);
                        }
                    }
                }
                ast::Part::Tags(tags) => self.tags(tags),
                ast::Part::Rules(items, _) => self.rule_items(items, &scope, Some(&dataset)),
                ast::Part::Sla(items, _) => {
                    for item in items {
                        if let ast::SlaItem::Entry(entry) = item {
                            self.sla(entry, &scope, &dataset);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn declare_column(&mut self, c: &'a ast::Column, dataset: &str, scope: &Scope) {
        self.put(c.name.span, Symbol::Column { dataset: dataset.to_owned(), column: fold(&c.name.text) }, true);
        self.refined(&c.refined);
        for m in &c.mods {
            match m {
                ast::ColumnMod::References(r) => self.references(r),
                ast::ColumnMod::Because(text) | ast::ColumnMod::Fix(text) => self.holes(text, scope),
                ast::ColumnMod::Tags(tags) => self.tags(tags),
                _ => {}
            }
        }
    }

    fn tags(&mut self, tags: &[ast::Name]) {
        for tag in tags {
            self.put(tag.span, Symbol::Tag(fold(&tag.text)), false);
        }
    }

    fn references(&mut self, r: &ast::References) {
        self.dataset(&r.dataset, false);
        let dataset = fold(&r.dataset.text());
        for name in &r.columns {
            self.column_use(&dataset, name);
        }
    }

    fn refined(&mut self, refined: &'a ast::Refined) {
        self.ty(&refined.ty);
        let mut scope = Scope::default();
        match &refined.condition {
            Some(Refinement::Where(e)) => self.expr(e, &mut scope),
            Some(Refinement::In(list, _)) => list.iter().for_each(|e| self.expr(e, &mut scope)),
            None => {}
        }
    }

    fn ty(&mut self, ty: &'a ast::Ty) {
        match &ty.kind {
            ast::TyKind::Named(path) => drop(self.declared(Space::Type, path)),
            ast::TyKind::Array(item) => self.ty(item),
            ast::TyKind::Map(key, value) => {
                self.ty(key);
                self.ty(value);
            }
            ast::TyKind::Struct(fields) => {
                for (name, ty) in fields {
                    self.put(name.span, Symbol::Local(name.span), true);
                    self.ty(ty);
                }
            }
            ast::TyKind::Decimal { .. } | ast::TyKind::Error => {}
        }
    }

    /// `dataset`: whose rules these are; none for those of a rule set.
    fn rule_items(&mut self, items: &'a [ast::RuleItem], scope: &Scope, dataset: Option<&str>) {
        for item in items {
            match item {
                ast::RuleItem::Rule(rule) => {
                    self.rule_name(&rule.name, dataset);
                    self.condition(&rule.cond, scope);
                    self.modifiers(&rule.mods, scope);
                }
                ast::RuleItem::Include(include) => {
                    self.declared(Space::Rules, &include.set);
                    let mut scope = scope.clone();
                    include.args.iter().for_each(|e| self.expr(e, &mut scope));
                    if let Some(alias) = &include.alias {
                        self.rule_name(alias, dataset);
                    }
                }
                ast::RuleItem::Junk(_) => {}
            }
        }
    }

    fn rule_name(&mut self, name: &ast::Name, dataset: Option<&str>) {
        let symbol = match dataset {
            Some(dataset) => Symbol::Rule { dataset: dataset.to_owned(), rule: fold(&name.text) },
            None => Symbol::Local(name.span),
        };
        self.put(name.span, symbol, true);
    }

    fn condition(&mut self, cond: &'a ast::Cond, scope: &Scope) {
        let mut scope = scope.clone();
        match cond {
            ast::Cond::Expr(e) => self.expr(e, &mut scope),
            ast::Cond::Unique { exprs, keep, .. } => {
                exprs.iter().for_each(|e| self.expr(e, &mut scope));
                if let Some(keep) = keep {
                    self.expr(&keep.by, &mut scope);
                }
            }
            ast::Cond::References { columns, target, .. } => {
                columns.iter().for_each(|name| self.name(name, &scope));
                self.references(target);
            }
            ast::Cond::NoRows { .. } => {}
        }
    }

    fn modifiers(&mut self, mods: &'a [RuleMod], scope: &Scope) {
        let mut inner = scope.clone();
        for m in mods {
            match m {
                RuleMod::When(e, _) => self.expr(e, &mut inner),
                RuleMod::ForEach { by, among, .. } => {
                    by.iter().for_each(|e| self.expr(e, &mut inner));
                    match among {
                        Some(ast::Among::Values(values, _)) => values.iter().for_each(|e| self.expr(e, &mut inner)),
                        Some(ast::Among::Dataset(path, columns, _)) => {
                            self.dataset(path, false);
                            let dataset = fold(&path.text());
                            for name in columns {
                                self.column_use(&dataset, name);
                            }
                        }
                        None => {}
                    }
                }
                RuleMod::Because(text, _) | RuleMod::Fix(text, _) => self.holes(text, scope),
                RuleMod::Tags(tags, _) => self.tags(tags),
                RuleMod::Over(..) | RuleMod::Nulls(_) | RuleMod::Else(_) | RuleMod::NotEvaluated(..) => {}
            }
        }
    }

    /// `{column}` in a message.
    fn holes(&mut self, text: &ast::Text, scope: &Scope) {
        let source = self.view.source(text.span.file).slice(text.span);
        let mut at = 0;
        while let Some(open) = source.get(at..).and_then(|t| t.find('{')) {
            let start = at + open + 1;
            let Some(close) = source.get(start..).and_then(|t| t.find(['}', '{'])) else { return };
            let inner = source.get(start..start + close).unwrap_or("");
            let name = inner.trim();
            let from = text.span.start as usize + start + (inner.len() - inner.trim_start().len());
            let span = Span::new(text.span.file, from, from + name.len());
            self.name(&ast::Name { text: name.to_owned(), span }, scope);
            at = start + close;
        }
    }

    /// A parameter, a variable or a column.
    fn name(&mut self, name: &ast::Name, scope: &Scope) {
        let wanted = fold(&name.text);
        if let Some((_, definition)) = scope.locals.iter().rev().find(|(local, _)| *local == wanted) {
            self.put(name.span, Symbol::Local(*definition), false);
        } else if let Some(rows) = &scope.rows {
            self.column_use(rows, name);
        }
    }

    fn sla(&mut self, entry: &'a ast::SlaEntry, scope: &Scope, dataset: &str) {
        self.rule_name(&entry.name, Some(dataset));
        match &entry.what {
            ast::SlaWhat::Condition(e) => self.expr(e, &mut scope.clone()),
            ast::SlaWhat::Arrives { on, .. } => on.iter().for_each(|name| self.calendar(name)),
            ast::SlaWhat::Budget { of, .. } => {
                self.put(of.span, Symbol::Rule { dataset: dataset.to_owned(), rule: fold(&of.text) }, false);
            }
        }
        self.modifiers(&entry.mods, scope);
    }

    fn promote(&mut self, p: &'a ast::Promote) {
        self.dataset(&p.from, false);
        self.dataset(&p.to, false);
        let (from, to) = (fold(&p.from.text()), fold(&p.to.text()));
        let target = Scope { source: Some(from.clone()), ..Scope::of(&to) };
        for item in &p.items {
            match item {
                ast::PromoteItem::With { maps, .. } => {
                    for map in maps {
                        self.column_use(&to, &map.column);
                        self.expr(&map.value, &mut Scope::of(&from));
                    }
                }
                ast::PromoteItem::Write(ast::Write::Merge(Some(e)), _) => self.expr(e, &mut target.clone()),
                ast::PromoteItem::Notify { channel, .. } => {
                    self.put(channel.span, Symbol::Channel(fold(&channel.text)), false);
                }
                ast::PromoteItem::Rules(items, _) => self.rule_items(items, &target, Some(&to)),
                _ => {}
            }
        }
    }

    fn test(&mut self, t: &'a ast::Test) {
        self.dataset(&t.dataset, false);
        let dataset = fold(&t.dataset.text());
        for given in &t.given {
            let of = match &given.of {
                Some(path) => {
                    self.dataset(path, false);
                    fold(&path.text())
                }
                None => dataset.clone(),
            };
            for name in &given.table.header {
                self.column_use(&of, name);
            }
        }
        for expect in &t.expects {
            if let ast::ExpectWhat::Rule { rule, .. } = &expect.what {
                self.expected(rule, &dataset);
            }
        }
    }

    /// `ships_after_created`, `amount.required`, `created.not_future`
    fn expected(&mut self, rule: &ast::Path, dataset: &str) {
        let Some((first, rest)) = rule.names.split_first() else { return };
        if let Some(written) = self.view.rule(dataset, &first.text) {
            self.put(first.span, Symbol::Rule { dataset: dataset.to_owned(), rule: fold(&first.text) }, false);
            if let (super::index::WrittenRule::Include(include), Some(name)) = (written, rest.first())
                && let Some(set) = self.view.declared(include.span.file, Space::Rules, &include.set)
                && let Some(crate::resolve::Decl::Rules(set)) = self.view.declaration(set)
            {
                let same = |r: &&ast::Rule| fold(&r.name.text) == fold(&name.text);
                let rules = set.body.iter().filter_map(|i| if let ast::RuleItem::Rule(r) = i { Some(r) } else { None });
                if let Some(found) = rules.into_iter().find(same) {
                    self.put(name.span, Symbol::Local(found.name.span), false);
                }
            }
        } else if !rest.is_empty() {
            self.column_use(dataset, first);
        }
    }

    fn exprs(&mut self, list: &[&'a ast::Expr], scope: &mut Scope) {
        list.iter().for_each(|e| self.expr(e, scope));
    }

    fn expr(&mut self, e: &'a ast::Expr, scope: &mut Scope) {
        match &e.kind {
            ExprKind::Path(path) => self.path(path, scope),
            ExprKind::Literal(_) | ExprKind::Window(_) | ExprKind::Error => {}
            ExprKind::Field(value, _) | ExprKind::Not(value) | ExprKind::Negate(value) => self.expr(value, scope),
            ExprKind::Matches { value, .. } | ExprKind::Extract { value, .. } | ExprKind::WithinHistory { value, .. } => {
                self.expr(value, scope);
            }
            ExprKind::Index(a, b) => self.exprs(&[a, b], scope),
            ExprKind::Binary { left, right, .. } => self.exprs(&[left, right], scope),
            ExprKind::Near { left, right, tolerance, .. } => self.exprs(&[left, right, tolerance], scope),
            ExprKind::Between { value, low, high, .. } => self.exprs(&[value, low, high], scope),
            ExprKind::Like { value, pattern, .. } => self.exprs(&[value, pattern], scope),
            ExprKind::In { value, list, .. } => {
                self.expr(value, scope);
                list.iter().for_each(|e| self.expr(e, scope));
            }
            ExprKind::Is { value, what, .. } => {
                self.expr(value, scope);
                if let ast::IsWhat::DistinctFrom(other) = what {
                    self.expr(other, scope);
                }
            }
            ExprKind::Case { operand, arms, otherwise } => {
                operand.iter().for_each(|e| self.expr(e, scope));
                for (when, then) in arms {
                    self.exprs(&[when, then], scope);
                }
                otherwise.iter().for_each(|e| self.expr(e, scope));
            }
            ExprKind::Cast { value, ty, .. } => {
                self.expr(value, scope);
                self.ty(ty);
            }
            ExprKind::Quantified { variable, source, body, .. } => {
                self.expr(source, scope);
                self.put(variable.span, Symbol::Local(variable.span), true);
                scope.locals.push((fold(&variable.text), variable.span));
                self.expr(body, scope);
                scope.locals.pop();
            }
            ExprKind::Call(call) => self.call(call, scope),
            ExprKind::From { value, source, condition } => {
                let mut inner = scope.clone();
                match source.names.as_slice() {
                    [word] if word.text == "source" => inner.rows = scope.source.clone(),
                    [_] => {}
                    _ => {
                        self.dataset(source, false);
                        inner.rows = Some(fold(&source.text()));
                    }
                }
                self.expr(value, &mut inner);
                condition.iter().for_each(|e| self.expr(e, &mut inner));
            }
            ExprKind::Tuple(list) => list.iter().for_each(|e| self.expr(e, scope)),
        }
    }

    fn call(&mut self, call: &'a ast::Call, scope: &mut Scope) {
        if !self.declared(Space::Fn, &call.function)
            && let [name] = call.function.names.as_slice()
        {
            let canonical = crate::stdlib::canonical(&name.text);
            if aggregates::find(&name.text).is_some() {
                self.put(name.span, Symbol::Builtin(fold(&name.text)), false);
            } else {
                let other = ast::Path { names: vec![ast::Name { text: canonical, span: name.span }], span: name.span };
                self.declared(Space::Fn, &other);
            }
        }
        call.args.iter().for_each(|e| self.expr(e, scope));
        call.filter.iter().for_each(|e| self.expr(e, scope));
    }

    /// A column or a local, and the fields behind it.
    fn path(&mut self, path: &'a ast::Path, scope: &Scope) {
        let Some((first, rest)) = path.names.split_first() else { return };
        self.name(first, scope);
        let column = scope.rows.as_ref().and_then(|rows| self.column(rows, &first.text));
        let mut ty = column.map(|c| &c.refined.ty);
        for name in rest {
            let field = ty.and_then(|ty| self.field(ty, &name.text));
            if let Some((found, _)) = field {
                self.put(name.span, Symbol::Local(found.span), false);
            }
            ty = field.map(|(_, ty)| ty);
        }
    }

    /// A field of a struct, also of one that a declared type names.
    fn field(&self, ty: &'a ast::Ty, name: &str) -> Option<(&'a ast::Name, &'a ast::Ty)> {
        let mut ty = ty;
        for _ in 0..16 {
            match &ty.kind {
                ast::TyKind::Struct(fields) => {
                    return fields.iter().find(|(n, _)| fold(&n.text) == fold(name)).map(|(n, t)| (n, t));
                }
                ast::TyKind::Named(path) => {
                    let declared = self.view.declared(ty.span.file, Space::Type, path)?;
                    let crate::resolve::Decl::Type(decl) = self.view.declaration(declared)? else { return None };
                    ty = &decl.refined.ty;
                }
                _ => return None,
            }
        }
        None
    }
}

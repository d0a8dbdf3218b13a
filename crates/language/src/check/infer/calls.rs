//! Calls: aggregates, native functions, and functions written in the language, which are expanded.

use crate::hir::{Expr, ExprKind, Grain, Type, Value};
use crate::resolve::{Decl, Space, fold, same};
use crate::source::{FileId, Span};
use crate::syntax::ast;

use super::super::scope::{self, Scope};
use super::super::{Checker, Expansion, errors};
use super::aggregates;

/// How many nodes the functions used in one place may expand to.
pub const MAX_EXPANSION: usize = 20_000;

impl<'a> Checker<'a> {
    pub fn call(&mut self, call: &'a ast::Call, span: Span, s: &mut Scope) -> Expr {
        let name = fold(&call.function.text());
        let aggregate = aggregates::by_name(&name);
        let names = self.names;
        let found = names.find(s.file, Space::Fn, &call.function);
        let own = found.iter().any(|f| matches!(f.decl, Decl::Fn(d) if d.body.is_some()) || matches!(f.decl, Decl::Broken));
        if !own {
            if let Some(over) = call.over {
                return self.history(&name, call, over, span, s);
            }
            if let Some(function) = aggregate {
                return self.aggregate(function, &name, call, span, s);
            }
            match (name.as_str(), call.args.as_slice()) {
                ("drift", _) => return self.drift(call, span, s),
                ("unique", _) => {
                    self.report(errors::unique_stands_alone(span));
                    return scope::error(span);
                }
                ("if" | "iff", [condition, then, otherwise]) => {
                    return self.conditional(condition, then, otherwise, span, s);
                }
                ("isnull" | "isnotnull", [value]) => {
                    let value = self.expr(value, s);
                    let e = Expr { nullable: false, ..super::unary(ExprKind::IsNull, value, Type::Boolean, span) };
                    return super::operators::not_if(name == "isnotnull", e);
                }
                _ => {}
            }
        }
        if call.star || call.distinct || call.filter.is_some() || call.over.is_some() {
            self.report(errors::only_for_aggregates(span, &name));
            return scope::error(span);
        }
        match found.first().map(|f| f.decl) {
            Some(Decl::Broken) => {
                call.args.iter().for_each(|e| drop(self.expr(e, s)));
                scope::error(span)
            }
            Some(Decl::Fn(decl)) if decl.body.is_some() => {
                let args: Vec<Expr> = call.args.iter().map(|e| self.expr(e, s)).collect();
                self.expand(decl, args, span, s)
            }
            _ => {
                let args: Vec<Expr> = call.args.iter().map(|e| self.expr(e, s)).collect();
                self.native(&call.function, &name, args, span, s)
            }
        }
    }

    /// `if(c, a, b)` is `case when c then a else b end`.
    fn conditional(
        &mut self,
        condition: &'a ast::Expr,
        then: &'a ast::Expr,
        otherwise: &'a ast::Expr,
        span: Span,
        s: &mut Scope,
    ) -> Expr {
        let condition = self.condition(condition, s, "`if`");
        let (then, otherwise) = (self.expr(then, s), self.expr(otherwise, s));
        let Some((mut values, ty)) = self.unify_all(vec![then, otherwise], s) else { return scope::error(span) };
        let (Some(otherwise), Some(then)) = (values.pop(), values.pop()) else { return scope::error(span) };
        let Some(grain) = self.combine(&[&condition, &then, &otherwise], span) else { return scope::error(span) };
        if condition.ty.is_error() {
            return scope::error(span);
        }
        let nullable = then.nullable || otherwise.nullable;
        let kind = ExprKind::Case { arms: vec![(condition, then)], otherwise: Some(Box::new(otherwise)) };
        Expr { kind, ty, nullable, grain, span }
    }

    /// `extract(year from t)` is `year(t)`; of seconds it is `seconds(t)`.
    pub fn extract(&mut self, part: &'a ast::Name, value: &'a ast::Expr, span: Span, s: &mut Scope) -> Expr {
        let value = self.expr(value, s);
        let function = match part.text.to_lowercase().as_str() {
            "year" | "years" | "yr" => "year",
            "quarter" | "qtr" => "quarter",
            "month" | "months" | "mon" => "month",
            "week" | "weeks" => "week",
            "day" | "days" => "day",
            "dow" | "dayofweek" => "dayofweek",
            "doy" | "dayofyear" => "dayofyear",
            "hour" | "hours" => "hour",
            "minute" | "minutes" => "minute",
            "second" | "seconds" | "sec" => "seconds",
            _ => {
                self.report(errors::unknown_part(part));
                return scope::error(span);
            }
        };
        if value.ty.is_error() {
            return scope::error(span);
        }
        if !value.ty.is_temporal() {
            self.report(errors::extract_takes(value.span, &value.ty, self.text(value.span)));
            return scope::error(span);
        }
        self.call_native(function, vec![value], span, s)
    }

    /// The body of a function with the arguments in the parameters' places.
    fn expand(&mut self, decl: &'a ast::FnDecl, args: Vec<Expr>, span: Span, s: &mut Scope) -> Expr {
        let Some(body) = &decl.body else { return scope::error(span) };
        let name = decl.name.text();
        let declared = decl.name.span;
        if args.iter().any(|a| a.ty.is_error()) || self.broken.contains(&declared) {
            return scope::error(span);
        }
        if args.len() != decl.params.len() {
            self.report(errors::argument_count(span, &name, args.len(), &[signature(decl)], Some(declared)));
            return scope::error(span);
        }
        if self.expansions.iter().any(|e| e.declared == declared) {
            self.report(errors::goes_round("function", &name, span, declared));
            self.broken.insert(declared);
            return scope::error(span);
        }
        let mut inner = Scope { file: declared.file, bindings: Vec::new(), hygienic: true, ..s.clone() };
        let mut guards = Vec::new();
        for (param, arg) in decl.params.iter().zip(args) {
            let wanted = self.ty(&param.ty, declared.file);
            let (arg_span, arg_ty) = (arg.span, arg.ty.clone());
            let Ok(arg) = self.convert(arg, &wanted, s) else {
                let text = self.text(arg_span);
                self.report(errors::argument_type(arg_span, &name, &param.name.text, &wanted, &arg_ty, text, &[signature(decl)]));
                return scope::error(span);
            };
            if arg.ty.is_error() {
                return scope::error(span);
            }
            if arg.nullable && !param.ty.optional && !strict(body, &param.name.text) {
                guards.push(arg.clone());
            }
            // Inside, a parameter without `?` is never null.
            let arg = Expr { nullable: arg.nullable && (param.ty.optional || guards.is_empty()), ..arg };
            inner.bind(&param.name.text, arg);
        }
        self.expansions.push(Expansion { used: span, declared, what: format!("function `{name}`") });
        let size: usize = inner.bindings.iter().map(|b| size(&b.value)).sum();
        let before = self.budget;
        self.budget = before.saturating_add(size);
        let found = if self.budget > MAX_EXPANSION {
            // Said once: whatever comes after in the same piece is too much as well.
            if before > MAX_EXPANSION {
                self.errors += 1;
            } else {
                self.expands_too_far();
            }
            scope::error(span)
        } else {
            let found = self.expr(body, &mut inner);
            let wanted = self.ty(&decl.result, declared.file);
            let (found_span, found_ty) = (found.span, found.ty.clone());
            self.convert(found, &wanted, &inner).unwrap_or_else(|_| {
                self.report(errors::result_type(found_span, &name, &wanted, &found_ty, decl.result.span));
                scope::error(span)
            })
        };
        self.expansions.pop();
        if found.ty.is_error() {
            return scope::error(span);
        }
        guard(Expr { span, ..found }, guards)
    }

    /// Said where the piece that is checked names what stands for so much; of definitions once, for most are too large
    /// because of others.
    pub fn expands_too_far(&mut self) {
        if self.by_itself > 0 && std::mem::replace(&mut self.too_large, true) {
            self.errors += 1;
            return;
        }
        let Some(outermost) = self.expansions.get(self.by_itself).cloned() else { return };
        self.expansions.truncate(self.by_itself + 1);
        self.report(errors::expands_too_far(outermost.used, &outermost.what));
    }

    /// The scope of a function or rule set by itself, each parameter as a column of its type.
    pub fn parameters(&mut self, params: &'a [ast::Param], file: FileId) -> Scope {
        let mut s = Scope::by_itself(file);
        for (i, param) in params.iter().enumerate() {
            if let Some(first) = params[..i].iter().find(|p| same(&p.name.text, &param.name.text)) {
                self.report(errors::twice("parameter", &param.name.text, param.name.span, &first.name.text, first.name.span));
            }
            let ty = self.ty(&param.ty, file);
            let kind = if ty.is_error() { ExprKind::Error } else { ExprKind::Column(param.name.text.clone()) };
            let value = Expr { kind, ty, nullable: param.ty.optional, grain: Grain::Row, span: param.name.span };
            s.bind(&param.name.text, value);
        }
        s
    }

    /// Checks a function by itself, each parameter as a column of its type.
    pub fn check_fn(&mut self, decl: &'a ast::FnDecl) {
        let Some(body) = &decl.body else { return };
        let errors = self.errors;
        let mut s = self.parameters(&decl.params, decl.name.span.file);
        self.expansions.push(Expansion { used: body.span, declared: decl.name.span, what: String::new() });
        self.by_itself += 1;
        let found = self.expr(body, &mut s);
        let wanted = self.ty(&decl.result, decl.name.span.file);
        let (span, ty) = (found.span, found.ty.clone());
        if self.convert(found, &wanted, &s).is_err() {
            self.report(errors::result_type(span, &decl.name.text(), &wanted, &ty, decl.result.span));
        }
        self.by_itself -= 1;
        self.expansions.pop();
        // What uses a broken one is broken as well, and told of there.
        if self.errors > errors || ty.is_error() {
            self.broken.insert(decl.name.span);
        }
        self.budget = 0;
    }
}

/// Null where one of `guards` is.
fn guard(e: Expr, guards: Vec<Expr>) -> Expr {
    guards.into_iter().fold(e, |e, value| {
        let (ty, grain, span) = (e.ty.clone(), e.grain.max(value.grain), e.span);
        let is_null = Expr {
            kind: ExprKind::IsNull(Box::new(value.clone())),
            ty: Type::Boolean,
            nullable: false,
            grain: value.grain,
            span,
        };
        let null = scope::literal(Value::Null, ty.clone(), span);
        let kind = ExprKind::Case { arms: vec![(is_null, null)], otherwise: Some(Box::new(e)) };
        Expr { kind, ty, nullable: true, grain, span }
    })
}

fn size(e: &Expr) -> usize {
    1 + e.children().into_iter().map(size).sum::<usize>()
}

/// Whether the body is null whenever the parameter is, as far as its form shows.
fn strict(e: &ast::Expr, param: &str) -> bool {
    use ast::ExprKind::*;
    match &e.kind {
        Path(path) => path.names.first().is_some_and(|n| same(&n.text, param)),
        Not(e) | Negate(e) | Field(e, _) | Cast { value: e, attempt: false, .. } | Extract { value: e, .. } => strict(e, param),
        Matches { value, .. } => strict(value, param),
        Like { value, pattern, .. } => strict(value, param) || strict(pattern, param),
        Between { value, .. } | In { value, .. } => strict(value, param),
        Binary { op: ast::BinaryOp::And | ast::BinaryOp::Or, left, right, .. } => strict(left, param) && strict(right, param),
        Binary { left, right, .. } => strict(left, param) || strict(right, param),
        _ => false,
    }
}

/// `name(a: string, b: int?): boolean`, as declared.
pub fn signature(decl: &ast::FnDecl) -> String {
    let params: Vec<String> = decl
        .params
        .iter()
        .filter(|p| !(decl.body.is_none() && p.name.text == "zone"))
        .map(|p| match p.name.text.as_str() {
            "rest" if decl.body.is_none() => "…".to_owned(),
            name => format!("{name}: {}", written(&p.ty)),
        })
        .collect();
    format!("{}({}): {}", decl.name.text(), params.join(", "), written(&decl.result))
}

/// A type as it is written.
fn written(ty: &ast::Ty) -> String {
    let base = match &ty.kind {
        ast::TyKind::Named(path) => match path.text().as_str() {
            "T" | "K" | "V" => "any".to_owned(),
            "N" => "number".to_owned(),
            "D" => "decimal".to_owned(),
            name => name.to_owned(),
        },
        ast::TyKind::Decimal { precision, scale } => format!("decimal({precision}, {scale})"),
        ast::TyKind::Array(item) => format!("array<{}>", written(item)),
        ast::TyKind::Map(key, value) => format!("map<{}, {}>", written(key), written(value)),
        ast::TyKind::Struct(fields) => {
            let fields: Vec<_> = fields.iter().map(|(n, t)| format!("{}: {}", n.text, written(t))).collect();
            format!("struct<{}>", fields.join(", "))
        }
        ast::TyKind::Error => "unknown".to_owned(),
    };
    if ty.optional { format!("{base}?") } else { base }
}

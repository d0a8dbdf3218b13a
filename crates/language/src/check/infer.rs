//! Types, nullness and grain of expressions, from the leaves up. What is wrong is reported where it stands and becomes
//! an error that goes with everything above it.

pub mod aggregates;
pub mod calls;
pub mod convert;
pub mod history;
pub mod natives;
pub mod operators;

use crate::hir::{Expr, ExprKind, Grain, Type, Value};
use crate::resolve::same;
use crate::source::Span;
use crate::syntax::ast;

use super::scope::{self, Scope};
use super::{Checker, errors, literals};

/// How deep expressions and types may be nested.
pub const MAX_DEPTH: usize = 200;

impl<'a> Checker<'a> {
    /// Goes a level down; false, and reported, where that is too deep. Whoever gets true goes up again.
    pub fn deeper(&mut self, span: Span) -> bool {
        if self.depth >= MAX_DEPTH {
            self.bound = true;
            if !std::mem::replace(&mut self.too_deep, true) {
                self.report(errors::too_deep(span, MAX_DEPTH));
            }
            return false;
        }
        self.depth += 1;
        true
    }

    pub fn expr(&mut self, e: &'a ast::Expr, s: &mut Scope) -> Expr {
        if !self.deeper(e.span) {
            return scope::error(e.span);
        }
        let found = self.expr_inner(e, s);
        self.depth -= 1;
        self.as_group(found, s)
    }

    fn expr_inner(&mut self, e: &'a ast::Expr, s: &mut Scope) -> Expr {
        use ast::ExprKind::*;
        let span = e.span;
        match &e.kind {
            Literal(l) => self.literal(l, span, s),
            Path(path) => self.path(path, s),
            Field(base, name) => {
                let base = self.expr(base, s);
                self.field(base, name, span)
            }
            Index(base, index) => self.index(base, index, span, s),
            Not(inner) => {
                let inner = self.condition(inner, s, "`not`");
                unary(ExprKind::Not, inner, Type::Boolean, span)
            }
            Negate(inner) => self.negate(inner, span, s),
            Binary { op, op_span, left, right } => self.binary(*op, *op_span, left, right, span, s),
            Near { op, left, right, tolerance } => self.near(*op, left, right, tolerance, span, s),
            Between { negated, value, low, high } => self.between(*negated, value, low, high, span, s),
            In { negated, value, list } => self.is_in(*negated, value, list, span, s),
            Like { negated, insensitive, value, pattern, escape } => {
                self.like(*negated, *insensitive, value, pattern, escape.as_ref(), span, s)
            }
            Matches { negated, value, pattern } => self.matches(*negated, value, pattern, span, s),
            Is { negated, value, what } => self.is(*negated, value, what, span, s),
            Case { operand, arms, otherwise } => self.case(operand.as_deref(), arms, otherwise.as_deref(), span, s),
            Cast { value, ty, attempt } => self.written_cast(value, ty, *attempt, span, s),
            Quantified { every, variable, source, body } => self.quantified(*every, variable, source, body, span, s),
            Extract { part, value } => self.extract(part, value, span, s),
            Call(call) => self.call(call, span, s),
            From { value, source, condition } => self.from(value, source, condition.as_deref(), span, s),
            Tuple(_) => {
                self.report(errors::tuple_here(span));
                scope::error(span)
            }
            WithinHistory { value, spread, window } => self.within_history(value, *spread, *window, span, s),
            Window(window) => {
                self.report(errors::window_here(window.span));
                scope::error(span)
            }
            Error => scope::error(span),
        }
    }

    /// In a rule with `for each`, what it groups by has one value for a group.
    fn as_group(&self, mut e: Expr, s: &Scope) -> Expr {
        if e.grain == Grain::Row && !s.in_aggregate && !s.groups.is_empty() {
            let bare = e.without_spans();
            if s.groups.iter().any(|g| g.kind == bare.kind) {
                e.grain = Grain::Group;
            }
        }
        e
    }

    /// A place that wants a condition; `of` names it in the message.
    pub fn condition(&mut self, e: &'a ast::Expr, s: &mut Scope, of: &str) -> Expr {
        let found = self.expr(e, s);
        match found.ty {
            Type::Boolean | Type::Error => found,
            Type::Null => self.convert(found, &Type::Boolean, s).unwrap_or_else(|e| scope::error(e.span)),
            _ => {
                self.report(errors::not_a_condition(found.span, &found.ty, of, self.text(found.span)));
                scope::error(found.span)
            }
        }
    }

    fn literal(&mut self, l: &ast::Literal, span: Span, s: &Scope) -> Expr {
        use ast::Literal::*;
        let made = match l {
            Null => Some((Value::Null, Type::Null)),
            Bool(b) => Some((Value::Bool(*b), Type::Boolean)),
            Number(text) => literals::number(text),
            Percent(value) => literals::percent(*value),
            Duration(d) => {
                let made = literals::duration(&d.parts);
                if made.is_none() {
                    self.report(errors::mixed_duration(span));
                    return scope::error(span);
                }
                made
            }
            Json(_) => {
                self.report(errors::tuple_here(span));
                return scope::error(span);
            }
            Time(t) => literals::time_of_day(*t).map(|t| (Value::Time(t), Type::Time)),
            String { value, double_quoted, .. } => {
                if *double_quoted && let Some(column) = s.column(value) {
                    self.report(errors::quoted_column(span, &column.name));
                }
                Some((Value::String(value.clone()), Type::String))
            }
            Typed { ty, value } => return self.typed_literal(ty, value, span, s),
        };
        match made {
            Some((value, ty)) => scope::literal(value, ty, span),
            None => {
                self.report(errors::number_out_of_range(span));
                scope::error(span)
            }
        }
    }

    fn typed_literal(&mut self, ty: &ast::Name, text: &ast::Text, span: Span, s: &Scope) -> Expr {
        let to = match ty.text.to_lowercase().as_str() {
            "date" => Type::Date,
            "timestamp" => Type::Timestamp,
            "timestamp_ntz" => Type::TimestampNtz,
            "time" => Type::Time,
            _ => {
                return match literals::interval(&text.value) {
                    Some((value, ty)) => scope::literal(value, ty, span),
                    None => {
                        self.report(errors::unreadable(span, &text.value, &Type::Interval));
                        scope::error(span)
                    }
                };
            }
        };
        self.text_as(&text.value, &to, span, s)
    }

    fn path(&mut self, path: &ast::Path, s: &Scope) -> Expr {
        let Some((first, rest)) = path.names.split_first() else { return scope::error(path.span) };
        let start = if let Some(bound) = s.binding(&first.text) {
            Expr { span: first.span, ..bound.clone() }
        } else if let Some(found) = s.column(&first.text) {
            let mut e = scope::column(found, first.span);
            e.nullable = e.nullable && (s.known.is_empty() || !s.known.iter().any(|k| same(k, &found.name)));
            e
        } else {
            if !s.is_open() {
                self.report(errors::unknown_column(path, s, self.text(path.span)));
            }
            return scope::error(path.span);
        };
        rest.iter().fold(start, |base, name| {
            let span = base.span.to(name.span);
            self.field(base, name, span)
        })
    }

    fn field(&mut self, base: Expr, name: &ast::Name, span: Span) -> Expr {
        match &base.ty {
            Type::Error => scope::error(span),
            Type::Struct(fields) => match fields.iter().find(|f| f.name.eq_ignore_ascii_case(&name.text)) {
                Some(field) => {
                    let (ty, nullable, grain) = (field.ty.clone(), field.nullable || base.nullable, base.grain);
                    let name = field.name.clone();
                    Expr { kind: ExprKind::Field(Box::new(base), name), ty, nullable, grain, span }
                }
                None => {
                    self.report(errors::unknown_field(name, fields));
                    scope::error(span)
                }
            },
            other => {
                self.report(errors::no_fields(name, other, self.text(base.span)));
                scope::error(span)
            }
        }
    }

    fn index(&mut self, base: &'a ast::Expr, index: &'a ast::Expr, span: Span, s: &mut Scope) -> Expr {
        let base = self.expr(base, s);
        let index = self.expr(index, s);
        let (ty, wanted) = match &base.ty {
            Type::Error => return scope::error(span),
            Type::Array { item, .. } => ((**item).clone(), Type::Int),
            Type::Map { key, value, .. } => ((**value).clone(), (**key).clone()),
            other => {
                self.report(errors::no_elements(base.span, other, self.text(base.span)));
                return scope::error(span);
            }
        };
        let index = match self.convert(index, &wanted, s) {
            Ok(index) => index,
            Err(e) => {
                self.report(errors::wrong_index(e.span, &e.ty, &wanted));
                return scope::error(span);
            }
        };
        let Some(grain) = self.combine(&[&base, &index], span) else { return scope::error(span) };
        Expr { kind: ExprKind::Index(Box::new(base), Box::new(index)), ty, nullable: true, grain, span }
    }

    fn quantified(
        &mut self,
        every: bool,
        variable: &'a ast::Name,
        source: &'a ast::Expr,
        body: &'a ast::Expr,
        span: Span,
        s: &mut Scope,
    ) -> Expr {
        let source = self.expr(source, s);
        let (item, item_nullable) = match &source.ty {
            Type::Error => return scope::error(span),
            Type::Array { item, nullable } => ((**item).clone(), *nullable),
            other => {
                self.report(errors::not_an_array(source.span, other, self.text(source.span)));
                return scope::error(span);
            }
        };
        // Each variable has its own name in the result, so that an argument that holds another is not caught.
        let mut name = variable.text.clone();
        while self.variables.contains(&name) {
            name.push('\'');
        }
        let element = Expr {
            kind: ExprKind::Variable(name.clone()),
            ty: item,
            nullable: item_nullable,
            grain: source.grain,
            span: variable.span,
        };
        self.variables.push(name.clone());
        s.bind(&variable.text, element);
        let body = self.condition(body, s, if every { "`every`" } else { "`any`" });
        s.bindings.pop();
        self.variables.pop();
        let Some(grain) = self.combine(&[&source, &body], span) else { return scope::error(span) };
        if body.ty.is_error() {
            return scope::error(span);
        }
        let nullable = source.nullable || body.nullable;
        let kind =
            ExprKind::Quantified { every, variable: name, source: Box::new(source), body: Box::new(body) };
        Expr { kind, ty: Type::Boolean, nullable, grain, span }
    }

    /// The grain of what is made of `parts`. A value of each row does not go with one of the whole batch unless that
    /// says so with `from`.
    pub fn combine(&mut self, parts: &[&Expr], span: Span) -> Option<Grain> {
        if parts.iter().any(|p| p.ty.is_error()) {
            return Some(Grain::Constant);
        }
        let grain = parts.iter().map(|p| p.grain).max().unwrap_or(Grain::Constant);
        if grain == Grain::Row {
            let row = parts.iter().find(|p| p.grain == Grain::Row);
            let aggregate = parts.iter().find_map(|p| own_aggregate(p));
            if let (Some(row), Some(aggregate)) = (row, aggregate) {
                let whole = self.text(aggregate.span).to_owned();
                self.report(errors::mixed_grain(span, row.span, self.text(row.span), aggregate.span, &whole, aggregate.grain));
                return None;
            }
        }
        Some(grain)
    }
}

/// A node over one operand that is null where the operand is.
pub fn unary(kind: impl FnOnce(Box<Expr>) -> ExprKind, operand: Expr, ty: Type, span: Span) -> Expr {
    if operand.ty.is_error() {
        return scope::error(span);
    }
    let (nullable, grain) = (operand.nullable, operand.grain);
    Expr { kind: kind(Box::new(operand)), ty, nullable, grain, span }
}

/// An aggregate below `e` over the rows that the rule judges.
pub fn own_aggregate(e: &Expr) -> Option<&Expr> {
    match &e.kind {
        ExprKind::Aggregate(a) => (a.rows == crate::hir::Rows::Own).then_some(e),
        ExprKind::History { .. } | ExprKind::Drift { .. } => Some(e),
        _ => {
            let mut found = None;
            e.each_child(&mut |child| found = found.or_else(|| own_aggregate(child)));
            found
        }
    }
}

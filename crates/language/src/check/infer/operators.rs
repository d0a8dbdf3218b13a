//! Operators and SQL's forms for conditions.

use std::cell::RefCell;
use std::collections::HashSet;

use crate::hir::{BinaryOp, Expr, ExprKind, Grain, Type, Value};
use crate::source::Span;
use crate::syntax::ast;

use super::super::scope::{self, Scope, non_null_when};
use super::unary;
use super::super::{Checker, coerce, errors, literals};

thread_local! {
    /// Patterns that were read already: types bring the same ones into many contracts.
    static READ: RefCell<HashSet<String>> = RefCell::default();
}

/// Whether a text is a regular expression.
fn is_regex(text: &str) -> Result<(), regex_syntax::Error> {
    if READ.with_borrow(|read| read.contains(text)) {
        return Ok(());
    }
    regex_syntax::Parser::new().parse(text)?;
    READ.with_borrow_mut(|read| {
        if read.len() >= 1_000 {
            read.clear();
        }
        read.insert(text.to_owned())
    });
    Ok(())
}

impl<'a> Checker<'a> {
    pub fn negate(&mut self, inner: &'a ast::Expr, span: Span, s: &mut Scope) -> Expr {
        // `-9223372036854775808` is a bigint though the number without its sign is none.
        if let ast::ExprKind::Literal(ast::Literal::Number(text)) = &inner.kind
            && let Ok(n) = format!("-{text}").parse::<i64>()
        {
            let ty = if i32::try_from(n).is_ok() { Type::Int } else { Type::BigInt };
            return scope::literal(Value::Int(n), ty, span);
        }
        let e = self.expr(inner, s);
        if let ExprKind::Literal(value) = &e.kind
            && let Some(value) = literals::negate(value)
        {
            return scope::literal(value, e.ty, span);
        }
        match &e.ty {
            ty if ty.is_numeric() || matches!(ty, Type::Interval | Type::MonthInterval | Type::Error | Type::Null) => {
                let ty = e.ty.clone();
                unary(ExprKind::Negate, e, ty, span)
            }
            ty => {
                self.report(errors::operator_takes(span, "-", ty, self.text(e.span)));
                scope::error(span)
            }
        }
    }

    pub fn binary(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        left: &'a ast::Expr,
        right: &'a ast::Expr,
        span: Span,
        s: &mut Scope,
    ) -> Expr {
        match op {
            BinaryOp::And | BinaryOp::Or => self.chain(op, left, right, span, s),
            _ if op.is_comparison() => {
                if let (ast::ExprKind::Tuple(_), ast::ExprKind::Tuple(_)) = (&left.kind, &right.kind) {
                    self.report(errors::tuple_here(span));
                    return scope::error(span);
                }
                let (left, right) = (self.expr(left, s), self.expr(right, s));
                self.comparison(op, op_span, left, right, span, s)
            }
            _ => {
                let (left, right) = (self.expr(left, s), self.expr(right, s));
                self.arithmetic(op, op_span, left, right, span, s)
            }
        }
    }

    /// `a and b and c …`, however long, as a tree that is not deep.
    fn chain(&mut self, op: BinaryOp, left: &'a ast::Expr, right: &'a ast::Expr, span: Span, s: &mut Scope) -> Expr {
        let mut written = vec![right];
        let mut rest = left;
        while let ast::ExprKind::Binary { op: inner, left, right, .. } = &rest.kind
            && *inner == op
        {
            written.push(right);
            rest = left;
        }
        written.push(rest);
        let known = s.known.len();
        let mut parts = Vec::with_capacity(written.len());
        for e in written.into_iter().rev() {
            let part = self.condition(e, s, if op == BinaryOp::And { "`and`" } else { "`or`" });
            non_null_when(&part, op == BinaryOp::And, &mut s.known);
            parts.push(part);
        }
        s.known.truncate(known);
        if parts.iter().any(|p| p.ty.is_error()) {
            return scope::error(span);
        }
        if self.combine(&parts.iter().collect::<Vec<_>>(), span).is_none() {
            return scope::error(span);
        }
        while parts.len() > 1 {
            // The first levels keep the author's order; only long chains are folded in pairs.
            let pairs = if parts.len() > 16 { parts.len() / 2 } else { 1 };
            let mut iter = parts.into_iter();
            let mut next = Vec::new();
            for _ in 0..pairs {
                if let (Some(l), Some(r)) = (iter.next(), iter.next()) {
                    next.push(join(op, l, r));
                }
            }
            next.extend(iter);
            parts = next;
        }
        let mut e = parts.pop().unwrap_or_else(|| scope::error(span));
        e.span = span;
        e
    }

    pub fn comparison(&mut self, op: BinaryOp, op_span: Span, left: Expr, right: Expr, span: Span, s: &Scope) -> Expr {
        for side in [&left, &right] {
            if matches!(side.kind, ExprKind::Literal(Value::Null)) {
                let other = if std::ptr::eq(side, &left) { &right } else { &left };
                self.report(errors::compared_with_null(span, op, self.text(other.span)));
                return scope::error(span);
            }
        }
        let Some((left, right)) = self.unify(left, right, span, s) else { return scope::error(span) };
        let equality = matches!(op, BinaryOp::Equal | BinaryOp::NotEqual);
        if matches!(left.ty, Type::Map { .. }) || !equality && matches!(left.ty, Type::Binary | Type::Struct(_) | Type::Array { .. }) {
            self.report(errors::no_order(op_span, op, &left.ty));
            return scope::error(span);
        }
        let Some(grain) = self.combine(&[&left, &right], span) else { return scope::error(span) };
        compare(op, left, right, grain, span)
    }

    pub fn arithmetic(&mut self, op: BinaryOp, op_span: Span, left: Expr, right: Expr, span: Span, s: &Scope) -> Expr {
        if left.ty.is_error() || right.ty.is_error() {
            return scope::error(span);
        }
        let Some(grain) = self.combine(&[&left, &right], span) else { return scope::error(span) };
        let nullable = left.nullable || right.nullable;
        let made = if op == BinaryOp::Concat {
            self.concat(left, right, op_span, span, s)
        } else if left.ty.is_numeric() && right.ty.is_numeric() {
            self.numeric(op, left, right, s)
        } else {
            self.temporal(op, left, right, op_span, s)
        };
        let Some((left, right, ty)) = made else { return scope::error(span) };
        if left.ty.is_error() || right.ty.is_error() {
            return scope::error(span);
        }
        Expr { kind: ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) }, ty, nullable, grain, span }
    }

    fn concat(&mut self, left: Expr, right: Expr, op_span: Span, span: Span, s: &Scope) -> Option<(Expr, Expr, Type)> {
        if left.ty == Type::Boolean || right.ty == Type::Boolean {
            self.report(errors::bars_for_or(op_span));
            return None;
        }
        for side in [&left, &right] {
            if !matches!(side.ty, Type::String | Type::Null) {
                self.report(errors::concat_takes_text(span, side.span, &side.ty, self.text(side.span)));
                return None;
            }
        }
        let left = self.convert(left, &Type::String, s).ok()?;
        let right = self.convert(right, &Type::String, s).ok()?;
        Some((left, right, Type::String))
    }

    fn numeric(&mut self, op: BinaryOp, left: Expr, right: Expr, s: &Scope) -> Option<(Expr, Expr, Type)> {
        // A whole constant beside a decimal has as many digits as it is written with, as in Spark.
        let exact = |e: Expr, other: &Type| -> Expr {
            match &e.kind {
                ExprKind::Literal(Value::Int(n)) if matches!(other, Type::Decimal { .. }) => {
                    let precision = literals::digits_of(i128::from(*n)).max(1);
                    let value = Value::Decimal { unscaled: i128::from(*n), scale: 0 };
                    scope::literal(value, Type::Decimal { precision, scale: 0 }, e.span)
                }
                _ => e,
            }
        };
        let (left_ty, right_ty) = (left.ty.clone(), right.ty.clone());
        let (left, right) = (exact(left, &right_ty), exact(right, &left_ty));
        let (to_left, to_right, ty) = coerce::arithmetic(op, &left.ty, &right.ty)?;
        let left = self.convert_exactly(left, &to_left, s);
        let right = self.convert_exactly(right, &to_right, s);
        Some((left, right, ty))
    }

    /// To the type that Spark's arithmetic asks for, a bigint's `decimal(20, 0)` included.
    fn convert_exactly(&mut self, e: Expr, to: &Type, s: &Scope) -> Expr {
        let span = e.span;
        self.convert(e, to, s).unwrap_or_else(|e| self.cast(e, to, false, span, s))
    }

    fn temporal(&mut self, op: BinaryOp, left: Expr, right: Expr, op_span: Span, s: &Scope) -> Option<(Expr, Expr, Type)> {
        use BinaryOp::*;
        use Type::*;
        let ty = match (op, &left.ty, &right.ty) {
            (_, Null, _) => right.ty.clone(),
            (_, _, Null) => left.ty.clone(),
            (Add | Subtract, Interval, Interval) => Interval,
            (Add | Subtract, MonthInterval, MonthInterval) => MonthInterval,
            (Add | Subtract, Timestamp | TimestampNtz, Interval) => left.ty.clone(),
            (Add, Interval, Timestamp | TimestampNtz | Date) => {
                return self.temporal(op, right, left, op_span, s);
            }
            (Add | Subtract, Date, Interval) if whole_days(&right) => Date,
            (Add | Subtract, Date, Interval) => {
                let left = self.cast(left, &TimestampNtz, false, op_span, s);
                return Some((left, right, TimestampNtz));
            }
            (Add | Subtract, Date, ty) if ty.is_integer() => {
                let days = self.convert(right, &Int, s).ok()?;
                return Some((left, days, Date));
            }
            (Add | Subtract, Date | TimestampNtz, MonthInterval) => left.ty.clone(),
            (Add | Subtract, Timestamp, MonthInterval) => {
                self.report(errors::months_of_instant(op_span));
                return None;
            }
            (Add, MonthInterval, Date | TimestampNtz | Timestamp) => return self.temporal(op, right, left, op_span, s),
            (Subtract, a, b) if a.is_temporal() && b.is_temporal() => {
                let (left, right) = self.unify(left, right, op_span, s)?;
                return Some((left, right, Interval));
            }
            (Subtract, a, String) | (Subtract, String, a) if a.is_temporal() => {
                let (left, right) = self.unify(left, right, op_span, s)?;
                return Some((left, right, Interval));
            }
            (Multiply, Interval | MonthInterval, n) if n.is_integer() => {
                let ty = left.ty.clone();
                let right = self.convert(right, &BigInt, s).ok()?;
                return Some((left, right, ty));
            }
            (Multiply, n, Interval | MonthInterval) if n.is_numeric() => {
                return self.temporal(op, right, left, op_span, s);
            }
            (Multiply | Divide, Interval, n) if n.is_numeric() => {
                let span = right.span;
                let right = self.cast(right, &Double, false, span, s);
                return Some((left, right, Interval));
            }
            (Divide, Interval, Interval) => Double,
            (a, b, c) => {
                let (b, c) = (b.clone(), c.clone());
                self.report(errors::operator_between(op_span, a, (&b, self.text(left.span)), (&c, self.text(right.span))));
                return None;
            }
        };
        Some((left, right, ty))
    }

    pub fn between(
        &mut self,
        negated: bool,
        value: &'a ast::Expr,
        low: &'a ast::Expr,
        high: &'a ast::Expr,
        span: Span,
        s: &mut Scope,
    ) -> Expr {
        let value_span = value.span;
        let (value, low, high) = (self.expr(value, s), self.expr(low, s), self.expr(high, s));
        if [&value, &low, &high].iter().any(|e| e.ty.is_error()) {
            return scope::error(span);
        }
        let (low_span, high_span) = (value_span.to(low.span), high.span);
        let above = self.comparison(BinaryOp::GreaterEqual, span, value.clone(), low, low_span, s);
        if above.ty.is_error() {
            return above;
        }
        let below = self.comparison(BinaryOp::LessEqual, span, value, high, high_span, s);
        if below.ty.is_error() {
            return below;
        }
        let e = Expr { span, ..join(BinaryOp::And, above, below) };
        not_if(negated, e)
    }

    pub fn near(
        &mut self,
        op: BinaryOp,
        left: &'a ast::Expr,
        right: &'a ast::Expr,
        tolerance: &'a ast::Expr,
        span: Span,
        s: &mut Scope,
    ) -> Expr {
        let relative = matches!(tolerance.kind, ast::ExprKind::Literal(ast::Literal::Percent(_)));
        let tolerance_span = tolerance.span;
        let (left, right, tolerance) = (self.expr(left, s), self.expr(right, s), self.expr(tolerance, s));
        if [&left, &right, &tolerance].iter().any(|e| e.ty.is_error()) {
            return scope::error(span);
        }
        if !(left.ty.is_numeric() || left.ty.is_temporal() || left.ty == Type::Interval) {
            self.report(errors::no_tolerance(tolerance_span, &left.ty));
            return scope::error(span);
        }
        let width = if relative {
            let size = self.call_native("abs", vec![right.clone()], tolerance_span, s);
            self.arithmetic(BinaryOp::Multiply, tolerance_span, size, tolerance, tolerance_span, s)
        } else {
            tolerance
        };
        let difference = self.arithmetic(BinaryOp::Subtract, span, left, right, span, s);
        if difference.ty.is_error() || width.ty.is_error() {
            return scope::error(span);
        }
        let low = Expr { kind: ExprKind::Negate(Box::new(width.clone())), ..width.clone() };
        let mut compare = |op, limit| self.comparison(op, span, difference.clone(), limit, span, s);
        let (e, negated) = match op {
            BinaryOp::Less | BinaryOp::LessEqual => (compare(op, width), false),
            BinaryOp::Greater | BinaryOp::GreaterEqual => (compare(op, low), false),
            _ => {
                let (above, below) = (compare(BinaryOp::GreaterEqual, low), compare(BinaryOp::LessEqual, width));
                if above.ty.is_error() || below.ty.is_error() {
                    return scope::error(span);
                }
                (join(BinaryOp::And, above, below), op == BinaryOp::NotEqual)
            }
        };
        not_if(negated, Expr { span, ..e })
    }

    pub fn is_in(&mut self, negated: bool, value: &'a ast::Expr, list: &'a [ast::Expr], span: Span, s: &mut Scope) -> Expr {
        if let ast::ExprKind::Tuple(parts) = &value.kind {
            return self.tuple_in(negated, parts, list, span, s);
        }
        let value = self.expr(value, s);
        let items: Vec<Expr> = list.iter().map(|e| self.expr(e, s)).collect();
        self.member(negated, value, items, span, s)
    }

    /// `value in (items)`, both typed.
    pub fn member(&mut self, negated: bool, value: Expr, items: Vec<Expr>, span: Span, s: &Scope) -> Expr {
        if value.ty.is_error() {
            return value;
        }
        let mut to = value.ty.clone();
        for item in items.iter().filter(|i| coerce::fits(i, &to).is_none()).cloned().collect::<Vec<_>>() {
            match coerce::common(&to, &item.ty) {
                Some(wider) => to = wider,
                None => {
                    self.report(errors::types_differ(
                        item.span,
                        (&value, self.text(value.span)),
                        (&item, self.text(item.span)),
                        self.expansions.is_empty(),
                    ));
                    return scope::error(span);
                }
            }
        }
        let Ok(value) = self.convert(value, &to, s) else { return scope::error(span) };
        let mut typed = Vec::with_capacity(items.len());
        for item in items {
            match self.convert(item, &to, s) {
                Ok(item) if !item.ty.is_error() => typed.push(item),
                _ => return scope::error(span),
            }
        }
        if value.ty.is_error() {
            return scope::error(span);
        }
        let parts: Vec<&Expr> = std::iter::once(&value).chain(&typed).collect();
        let Some(grain) = self.combine(&parts, span) else { return scope::error(span) };
        let nullable = parts.iter().any(|p| p.nullable);
        let kind = ExprKind::In { value: Box::new(value), list: typed };
        not_if(negated, Expr { kind, ty: Type::Boolean, nullable, grain, span })
    }

    /// `(a, b) in ((1, 2), (3, 4))`
    fn tuple_in(&mut self, negated: bool, parts: &'a [ast::Expr], list: &'a [ast::Expr], span: Span, s: &mut Scope) -> Expr {
        let parts: Vec<Expr> = parts.iter().map(|e| self.expr(e, s)).collect();
        let mut any: Option<Expr> = None;
        for item in list {
            let ast::ExprKind::Tuple(values) = &item.kind else {
                self.report(errors::tuple_wanted(item.span, parts.len()));
                return scope::error(span);
            };
            if values.len() != parts.len() {
                self.report(errors::tuple_wanted(item.span, parts.len()));
                return scope::error(span);
            }
            let mut all: Option<Expr> = None;
            for (part, value) in parts.iter().zip(values) {
                let value = self.expr(value, s);
                let equal = self.comparison(BinaryOp::Equal, item.span, part.clone(), value, item.span, s);
                if equal.ty.is_error() {
                    return equal;
                }
                all = Some(match all {
                    Some(all) => join(BinaryOp::And, all, equal),
                    None => equal,
                });
            }
            any = match (any, all) {
                (Some(any), Some(all)) => Some(join(BinaryOp::Or, any, all)),
                (any, all) => any.or(all),
            };
        }
        any.map_or_else(|| scope::error(span), |e| not_if(negated, Expr { span, ..e }))
    }

    #[allow(clippy::too_many_arguments)]
    pub fn like(
        &mut self,
        negated: bool,
        insensitive: bool,
        value: &'a ast::Expr,
        pattern: &'a ast::Expr,
        escape: Option<&ast::Text>,
        span: Span,
        s: &mut Scope,
    ) -> Expr {
        let value = self.expr(value, s);
        let pattern = self.expr(pattern, s);
        let word = if insensitive { "ilike" } else { "like" };
        for side in [&value, &pattern] {
            if !matches!(side.ty, Type::String | Type::Error | Type::Null) {
                self.report(errors::text_wanted(side.span, word, &side.ty, self.text(side.span)));
                return scope::error(span);
            }
        }
        if value.ty.is_error() || pattern.ty.is_error() {
            return scope::error(span);
        }
        let escape = match escape.map(|t| (t, t.value.chars().collect::<Vec<_>>())) {
            None => None,
            Some((_, chars)) if chars.len() == 1 => chars.first().copied(),
            Some((text, _)) => {
                self.report(errors::escape_is_one_character(text.span));
                return scope::error(span);
            }
        };
        if let ExprKind::Literal(Value::String(text)) = &pattern.kind
            && text.contains('*')
            && !text.contains(['%', '_'])
            && escape.is_none()
        {
            self.report(errors::star_in_like(pattern.span, word, &self.text(pattern.span).replace('*', "%")));
        }
        let Some(grain) = self.combine(&[&value, &pattern], span) else { return scope::error(span) };
        let nullable = value.nullable || pattern.nullable;
        let kind = ExprKind::Like { value: Box::new(value), pattern: Box::new(pattern), insensitive, escape };
        not_if(negated, Expr { kind, ty: Type::Boolean, nullable, grain, span })
    }

    pub fn matches(&mut self, negated: bool, value: &'a ast::Expr, pattern: &ast::Text, span: Span, s: &mut Scope) -> Expr {
        let value = self.expr(value, s);
        if !matches!(value.ty, Type::String | Type::Error | Type::Null) {
            self.report(errors::text_wanted(value.span, "matches", &value.ty, self.text(value.span)));
            return scope::error(span);
        }
        if let Err(error) = is_regex(&pattern.value) {
            self.report(errors::bad_regex(pattern.span, &error));
            return scope::error(span);
        }
        let kind = |value| ExprKind::Matches { value, pattern: pattern.value.clone() };
        not_if(negated, unary(kind, value, Type::Boolean, span))
    }

    pub fn is(&mut self, negated: bool, value: &'a ast::Expr, what: &'a ast::IsWhat, span: Span, s: &mut Scope) -> Expr {
        let e = match what {
            ast::IsWhat::Null => {
                let value = self.expr(value, s);
                unary(ExprKind::IsNull, value, Type::Boolean, span)
            }
            ast::IsWhat::True | ast::IsWhat::False => {
                let value = self.condition(value, s, "`is`");
                let kind = if matches!(what, ast::IsWhat::True) { ExprKind::IsTrue } else { ExprKind::IsFalse };
                unary(kind, value, Type::Boolean, span)
            }
            ast::IsWhat::DistinctFrom(other) => {
                let (value, other) = (self.expr(value, s), self.expr(other, s));
                let Some((value, other)) = self.unify(value, other, span, s) else { return scope::error(span) };
                let Some(grain) = self.combine(&[&value, &other], span) else { return scope::error(span) };
                let kind = ExprKind::IsDistinct(Box::new(value), Box::new(other));
                Expr { kind, ty: Type::Boolean, nullable: false, grain, span }
            }
        };
        not_if(negated, Expr { nullable: false, ..e })
    }

    pub fn case(
        &mut self,
        operand: Option<&'a ast::Expr>,
        arms: &'a [(ast::Expr, ast::Expr)],
        otherwise: Option<&'a ast::Expr>,
        span: Span,
        s: &mut Scope,
    ) -> Expr {
        let operand = operand.map(|e| self.expr(e, s));
        let known = s.known.len();
        let (mut conditions, mut values) = (Vec::new(), Vec::new());
        for (when, then) in arms {
            let condition = match &operand {
                Some(operand) => {
                    let value = self.expr(when, s);
                    self.comparison(BinaryOp::Equal, when.span, operand.clone(), value, when.span, s)
                }
                None => self.condition(when, s, "`when`"),
            };
            let before = s.known.len();
            non_null_when(&condition, true, &mut s.known);
            values.push(self.expr(then, s));
            s.known.truncate(before);
            non_null_when(&condition, false, &mut s.known);
            conditions.push(condition);
        }
        let has_else = otherwise.is_some();
        if let Some(otherwise) = otherwise {
            values.push(self.expr(otherwise, s));
        }
        s.known.truncate(known);
        if conditions.iter().any(|c| c.ty.is_error()) {
            return scope::error(span);
        }
        let Some((mut values, ty)) = self.unify_all(values, s) else { return scope::error(span) };
        let parts: Vec<&Expr> = conditions.iter().chain(&values).collect();
        let Some(grain) = self.combine(&parts, span) else { return scope::error(span) };
        let nullable = !has_else || values.iter().any(|v| v.nullable);
        let otherwise = if has_else { values.pop().map(Box::new) } else { None };
        let kind = ExprKind::Case { arms: conditions.into_iter().zip(values).collect(), otherwise };
        Expr { kind, ty, nullable, grain, span }
    }
}

/// Whether a length of time is a whole number of days: a day and such a length make a day.
fn whole_days(e: &Expr) -> bool {
    matches!(&e.kind, ExprKind::Literal(Value::Interval(n)) if n % 86_400_000_000 == 0)
}

/// Two conditions joined by `and` or `or`.
pub fn join(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    let span = if left.span.file == right.span.file { left.span.to(right.span) } else { left.span };
    let (nullable, grain) = (left.nullable || right.nullable, left.grain.max(right.grain));
    let kind = ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) };
    Expr { kind, ty: Type::Boolean, nullable, grain, span }
}

/// A comparison of two values of one type.
pub fn compare(op: BinaryOp, left: Expr, right: Expr, grain: Grain, span: Span) -> Expr {
    let nullable = left.nullable || right.nullable;
    let kind = ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) };
    Expr { kind, ty: Type::Boolean, nullable, grain, span }
}

pub fn not_if(negated: bool, e: Expr) -> Expr {
    if !negated || e.ty.is_error() {
        return e;
    }
    let (nullable, grain, span) = (e.nullable, e.grain, e.span);
    Expr { kind: ExprKind::Not(Box::new(e)), ty: Type::Boolean, nullable, grain, span }
}

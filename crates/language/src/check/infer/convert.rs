//! Casts: those that the author writes, and those that the checker puts in.

use crate::diagnostics::Code;
use crate::hir::{Expr, ExprKind, Type, Value};
use crate::source::Span;
use crate::syntax::ast;

use super::super::literals::{self, Instant};
use super::super::scope::{self, Scope, Zone};
use super::super::{Checker, coerce, errors};

impl<'a> Checker<'a> {
    /// The value as `to`, where it goes there without being asked; else the value back. What is wrong with a constant
    /// is reported here.
    pub fn convert(&mut self, e: Expr, to: &Type, s: &Scope) -> Result<Expr, Expr> {
        if e.ty == *to || to.is_error() {
            return Ok(e);
        }
        if e.ty.is_error() {
            return Ok(scope::error(e.span));
        }
        let span = e.span;
        match &e.kind {
            ExprKind::Literal(Value::Null) => return Ok(scope::literal(Value::Null, to.clone(), span)),
            ExprKind::Literal(Value::String(text)) if to.is_temporal() || *to == Type::Time => {
                return Ok(self.text_as(&text.clone(), to, span, s));
            }
            ExprKind::Literal(value) if to.is_numeric() => {
                if let Some(value) = literals::adapt_number(value, to) {
                    return Ok(scope::literal(value, to.clone(), span));
                }
            }
            _ => {}
        }
        if coerce::widens(&e.ty, to) || coerce::fits(&e, to).is_some() {
            return Ok(self.cast(e, to, false, span, s));
        }
        Err(e)
    }

    /// A constant text as a day, an instant or a time of day.
    pub fn text_as(&mut self, text: &str, to: &Type, span: Span, s: &Scope) -> Expr {
        let value = match to {
            Type::Date => literals::date(text).map(Value::Date),
            Type::Time => literals::time(text).map(Value::Time),
            Type::TimestampNtz => match literals::timestamp(text) {
                Some(Instant::Local(local)) => Some(Value::TimestampNtz(literals::local_micros(local))),
                _ => None,
            },
            _ => match literals::timestamp(text) {
                Some(Instant::Utc(micros)) => Some(Value::Timestamp(micros)),
                Some(Instant::Local(local)) => match &s.zone {
                    Zone::Known(zone) => literals::in_zone(local, zone).map(Value::Timestamp),
                    Zone::Assumed => Some(Value::Timestamp(literals::local_micros(local))),
                    Zone::Missing { .. } => {
                        self.need_zone(s, span, "text without an offset");
                        return scope::error(span);
                    }
                },
                None => None,
            },
        };
        match value {
            Some(value) => scope::literal(value, to.clone(), span),
            None => {
                let column = self.sink.take_last(|d| d.code == Code::DQ0317 && d.primary.span == span);
                let finding = errors::unreadable(span, text, to);
                self.report(match column {
                    Some(column) => errors::column_in_quotes(finding, column),
                    None => finding,
                });
                scope::error(span)
            }
        }
    }

    /// `cast(value as ty)` by the author.
    pub fn written_cast(&mut self, value: &'a ast::Expr, ty: &'a ast::Ty, attempt: bool, span: Span, s: &mut Scope) -> Expr {
        let value = self.expr(value, s);
        let to = self.ty(ty, s.file);
        if value.ty.is_error() || to.is_error() {
            return scope::error(span);
        }
        if !coerce::castable(&value.ty, &to) {
            self.report(errors::impossible_cast(span, &value.ty, &to));
            return scope::error(span);
        }
        let mut e = self.cast(value, &to, attempt, span, s);
        e.span = span;
        e
    }

    /// A cast that is known to be possible. One that depends on the zone becomes the call of a function that takes it.
    pub fn cast(&mut self, e: Expr, to: &Type, attempt: bool, span: Span, s: &Scope) -> Expr {
        use Type::*;
        if e.ty == *to {
            return e;
        }
        let function = match (&e.ty, to) {
            (String, Timestamp) => Some(if attempt { "try_to_timestamp" } else { "to_timestamp" }),
            (Date | TimestampNtz, Timestamp) => Some("to_timestamp"),
            (Timestamp, Date) => Some("date"),
            (Timestamp, TimestampNtz) => Some("to_timestamp_ntz"),
            (Timestamp, String) => Some("to_string"),
            (Timestamp | TimestampNtz, Time) => Some("time_of_day"),
            _ => None,
        };
        let nullable = e.nullable || attempt;
        let grain = e.grain;
        let kind = match function {
            Some(function) => {
                let mut args = vec![e];
                if args.iter().all(|a| a.ty != TimestampNtz || *to == Timestamp) {
                    match self.need_zone(s, span, "a cast between a day, text or clock and an instant") {
                        Some(zone) => args.push(zone),
                        None => return scope::error(span),
                    }
                }
                ExprKind::Call { function: function.to_owned(), args }
            }
            None => ExprKind::Cast { value: Box::new(e), attempt },
        };
        Expr { kind, ty: to.clone(), nullable, grain, span }
    }

    /// The zone as a constant; where the contract has none that is reported, once for each contract.
    pub fn need_zone(&mut self, s: &Scope, span: Span, what: &str) -> Option<Expr> {
        let zone = match &s.zone {
            Zone::Known(zone) => zone.clone(),
            Zone::Assumed => "UTC".to_owned(),
            Zone::Missing { offer } => {
                self.bound |= offer.is_some();
                if !offer.is_some_and(|o| !self.zones_offered.insert(o)) {
                    self.report(errors::zone_needed(span, what, *offer));
                }
                self.errors += 1;
                return None;
            }
        };
        Some(scope::literal(Value::String(zone), Type::String, span))
    }

    /// Both as their common type; reported and `None` where they have none.
    pub fn unify(&mut self, left: Expr, right: Expr, span: Span, s: &Scope) -> Option<(Expr, Expr)> {
        let to = if left.ty.is_error() || right.ty.is_error() {
            return None;
        } else if is_literal(&right) && coerce::fits(&right, &left.ty).is_some() {
            Some(left.ty.clone())
        } else if is_literal(&left) && coerce::fits(&left, &right.ty).is_some() {
            Some(right.ty.clone())
        } else {
            coerce::common(&left.ty, &right.ty)
        };
        let Some(to) = to else {
            self.report(errors::types_differ(
                span,
                (&left, self.text(left.span)),
                (&right, self.text(right.span)),
                self.expansions.is_empty(),
            ));
            return None;
        };
        let left = self.convert(left, &to, s).ok()?;
        let right = self.convert(right, &to, s).ok()?;
        Some((left, right)).filter(|(l, r)| !l.ty.is_error() && !r.ty.is_error())
    }

    /// All as their common type; `None` where there is an error, which has been reported.
    pub fn unify_all(&mut self, values: Vec<Expr>, s: &Scope) -> Option<(Vec<Expr>, Type)> {
        let mut to = Type::Null;
        for e in values.iter().filter(|e| !is_literal(e)).chain(values.iter().filter(|e| is_literal(e))) {
            if e.ty.is_error() {
                return None;
            }
            if to == Type::Null {
                to = e.ty.clone();
            } else if coerce::fits(e, &to).is_none() {
                match coerce::common(&to, &e.ty) {
                    Some(wider) => to = wider,
                    None => {
                        self.report(errors::values_differ(e.span, &e.ty, &to));
                        return None;
                    }
                }
            }
        }
        let mut out = Vec::with_capacity(values.len());
        for e in values {
            out.push(self.convert(e, &to, s).ok().filter(|e| !e.ty.is_error())?);
        }
        Some((out, to))
    }
}

pub fn is_literal(e: &Expr) -> bool {
    matches!(e.kind, ExprKind::Literal(_))
}

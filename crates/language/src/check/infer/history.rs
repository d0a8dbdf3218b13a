//! Values of past batches: statistics, bands around them, and drift.

use crate::hir::{BinaryOp, DriftMeasure, Expr, ExprKind, Grain, HistoryWindow, Type, Value};
use crate::source::Span;
use crate::syntax::ast::{self, Spread, Window, WindowOf};

use super::super::scope::{self, Scope};
use super::super::{Checker, errors};
use super::aggregates;
use super::operators::{compare, join};
use crate::hir::AggregateFn;

fn window(w: Window) -> HistoryWindow {
    let unit = match w.of {
        WindowOf::Batches => None,
        WindowOf::Time(unit) => Some(unit),
    };
    HistoryWindow { count: w.count, unit }
}

impl<'a> Checker<'a> {
    /// `avg(count(*) over last 10 batches)`
    pub fn history(&mut self, name: &str, call: &'a ast::Call, over: Window, span: Span, s: &mut Scope) -> Expr {
        let statistic = aggregates::by_name(name).filter(|f| {
            use AggregateFn::*;
            matches!(f, Sum | Avg | Min | Max | StdDev | StdDevPop | Variance | VariancePop | Median)
        });
        let (Some(statistic), [metric]) = (statistic, call.args.as_slice()) else {
            self.report(errors::not_over_history(span, name));
            return scope::error(span);
        };
        let metric = self.expr(metric, s);
        self.past(metric, statistic, over, span)
    }

    fn past(&mut self, metric: Expr, statistic: AggregateFn, over: Window, span: Span) -> Expr {
        if metric.ty.is_error() {
            return scope::error(span);
        }
        if over.count == 0 {
            self.report(errors::empty_window(over.span));
            return scope::error(span);
        }
        if !metric.ty.is_numeric() || !matches!(metric.grain, Grain::Batch | Grain::Group) {
            self.report(errors::history_of(metric.span, self.text(metric.span), metric.grain, &metric.ty));
            return scope::error(span);
        }
        let grain = metric.grain;
        let kind = ExprKind::History { metric: Box::new(metric), statistic, window: window(over) };
        Expr { kind, ty: Type::Double, nullable: true, grain, span }
    }

    /// `value within 3 stddev of last 28 batches`: no further from the past's mean than that.
    pub fn within_history(&mut self, value: &'a ast::Expr, spread: Spread, over: Window, span: Span, s: &mut Scope) -> Expr {
        let value = self.expr(value, s);
        let mean = self.past(value.clone(), AggregateFn::Avg, over, span);
        if mean.ty.is_error() {
            return mean;
        }
        let number = |n: f64| scope::literal(Value::Double(n), Type::Double, span);
        let width = match spread {
            Spread::StdDev(times) => {
                let deviation = self.past(value.clone(), AggregateFn::StdDev, over, span);
                self.arithmetic(BinaryOp::Multiply, span, number(times), deviation, span, s)
            }
            Spread::Percent(percent) => {
                let size = self.call_native("abs", vec![mean.clone()], span, s);
                self.arithmetic(BinaryOp::Multiply, span, number(percent / 100.0), size, span, s)
            }
        };
        let value_span = value.span;
        let value = self.convert(value, &Type::Double, s).unwrap_or_else(|e| self.cast(e, &Type::Double, false, value_span, s));
        let low = self.arithmetic(BinaryOp::Subtract, span, mean.clone(), width.clone(), span, s);
        let high = self.arithmetic(BinaryOp::Add, span, mean, width, span, s);
        if low.ty.is_error() || high.ty.is_error() || value.ty.is_error() {
            return scope::error(span);
        }
        let grain = value.grain;
        let above = compare(BinaryOp::GreaterEqual, value.clone(), low, grain, span);
        let below = compare(BinaryOp::LessEqual, value, high, grain, span);
        Expr { span, ..join(BinaryOp::And, above, below) }
    }

    /// `drift(x, last 28 batches)`, with `"ks"` as a third argument where PSI is not wanted.
    pub fn drift(&mut self, call: &'a ast::Call, span: Span, s: &mut Scope) -> Expr {
        let (value, over, measure) = match call.args.as_slice() {
            [value, over] => (value, over, None),
            [value, over, measure] => (value, over, Some(measure)),
            _ => {
                self.report(errors::drift_form(span));
                return scope::error(span);
            }
        };
        let ast::ExprKind::Window(over) = over.kind else {
            self.report(errors::drift_form(over.span));
            return scope::error(span);
        };
        let measure = match measure.map(|m| &m.kind) {
            None => DriftMeasure::Psi,
            Some(ast::ExprKind::Literal(ast::Literal::String { value, .. })) if value.eq_ignore_ascii_case("psi") => DriftMeasure::Psi,
            Some(ast::ExprKind::Literal(ast::Literal::String { value, .. })) if value.eq_ignore_ascii_case("ks") => DriftMeasure::Ks,
            Some(_) => {
                self.report(errors::drift_form(span));
                return scope::error(span);
            }
        };
        if over.count == 0 {
            self.report(errors::empty_window(over.span));
            return scope::error(span);
        }
        let was = std::mem::replace(&mut s.in_aggregate, true);
        let value = self.expr(value, s);
        s.in_aggregate = was;
        if value.ty.is_error() {
            return scope::error(span);
        }
        if value.grain != Grain::Row || measure == DriftMeasure::Ks && !value.ty.is_numeric() {
            self.report(errors::drift_of(value.span, self.text(value.span)));
            return scope::error(span);
        }
        let grain = if s.grouped { Grain::Group } else { Grain::Batch };
        let kind = ExprKind::Drift { value: Box::new(value), measure, window: window(over) };
        Expr { kind, ty: Type::Double, nullable: true, grain, span }
    }
}

//! Aggregates, and the rows that they are taken over.

use std::sync::Arc;

use crate::hir::{Aggregate, AggregateFn, BinaryOp, Expr, ExprKind, Grain, Rows, Type, Value};
use crate::resolve::fold;
use crate::source::Span;
use crate::syntax::ast;

use super::super::scope::{self, Schema, Scope};
use super::super::{Checker, coerce, errors};
use super::operators::join;

/// Microseconds.
const DAY: i64 = 86_400_000_000;

/// The names of the aggregates, for the nearest one; aliases are left out.
pub const NAMES: [&str; 29] = [
    "count", "sum", "avg", "min", "max", "stddev", "stddev_pop", "variance", "var_pop", "median", "quantile",
    "approx_quantile", "distinct", "approx_distinct", "skewness", "kurtosis", "corr", "entropy", "mode", "share",
    "count_if", "drift", "mad", "mutual_information", "cramers_v", "gaps", "overlaps", "bool_and", "bool_or",
];

pub fn by_name(name: &str) -> Option<AggregateFn> {
    use AggregateFn::*;
    Some(match name {
        "count" | "count_if" | "distinct" | "count_distinct" => Count,
        "sum" => Sum,
        "avg" | "mean" => Avg,
        // No is less than yes.
        "min" | "bool_and" => Min,
        "max" | "bool_or" => Max,
        "stddev" | "stddev_samp" | "std" => StdDev,
        "stddev_pop" => StdDevPop,
        "variance" | "var" | "var_samp" | "var_sample" => Variance,
        "var_pop" | "var_population" => VariancePop,
        "median" => Median,
        "quantile" | "percentile" | "percentile_cont" | "quantile_cont" => Quantile,
        "approx_quantile" | "approx_percentile" | "approx_percentile_cont" | "percentile_approx" => ApproxQuantile,
        "approx_distinct" | "approx_count_distinct" => ApproxDistinct,
        "skewness" => Skewness,
        "kurtosis" => Kurtosis,
        "corr" | "correlation" => Correlation,
        "entropy" => Entropy,
        "mode" => Mode,
        "share" => Share,
        "mad" => MedianDeviation,
        "mutual_information" => MutualInformation,
        "cramers_v" => Association,
        "gaps" => Gaps,
        "overlaps" => Overlaps,
        _ => return None,
    })
}

impl<'a> Checker<'a> {
    pub fn aggregate(&mut self, function: AggregateFn, name: &str, call: &'a ast::Call, span: Span, s: &mut Scope) -> Expr {
        if s.in_aggregate {
            self.report(errors::nested_aggregate(span, name));
            return scope::error(span);
        }
        s.in_aggregate = true;
        let args: Vec<Expr> = call.args.iter().map(|e| self.expr(e, s)).collect();
        let filter = call.filter.as_deref().map(|e| self.condition(e, s, "`filter`"));
        s.in_aggregate = false;
        if args.iter().chain(&filter).any(|e| e.ty.is_error()) {
            return scope::error(span);
        }
        let parts: Vec<&Expr> = args.iter().chain(&filter).collect();
        if self.combine(&parts, span).is_none() {
            return scope::error(span);
        }
        let wanted = match function {
            AggregateFn::Quantile
            | AggregateFn::ApproxQuantile
            | AggregateFn::Correlation
            | AggregateFn::MutualInformation
            | AggregateFn::Association
            | AggregateFn::Overlaps => 2..=2,
            AggregateFn::Gaps => 1..=2,
            AggregateFn::Count if call.star => 0..=0,
            AggregateFn::Count if call.distinct || name != "count" && name != "count_if" => 1..=usize::MAX,
            _ => 1..=1,
        };
        if call.star && function != AggregateFn::Count || !wanted.contains(&args.len()) {
            self.report(errors::aggregate_arguments(span, name, args.len(), call.star));
            return scope::error(span);
        }
        let distinct = call.distinct || matches!(name, "distinct" | "count_distinct");
        let Some((args, ty)) = self.aggregate_types(function, name, args, s) else { return scope::error(span) };
        // `count_if(c)` is `count(*) filter (where c)`.
        let (args, filter) = if name == "count_if" { both(args, filter) } else { (args, filter) };
        let nullable = !matches!(
            function,
            AggregateFn::Count | AggregateFn::ApproxDistinct | AggregateFn::Gaps | AggregateFn::Overlaps
        );
        let grain = if s.grouped { Grain::Group } else { Grain::Batch };
        let filter = filter.map(Box::new);
        let made = Aggregate { function, args, distinct, filter, rows: Rows::Own };
        Expr { kind: ExprKind::Aggregate(made), ty, nullable, grain, span }
    }

    /// The arguments as the aggregate needs them and the type of its value, as in Spark.
    fn aggregate_types(&mut self, function: AggregateFn, name: &str, mut args: Vec<Expr>, s: &Scope) -> Option<(Vec<Expr>, Type)> {
        use AggregateFn::*;
        let first = args.first().map_or(Type::Null, |a| a.ty.clone());
        let span = args.first().map(|a| a.span).unwrap_or_default();
        let refuse = |c: &mut Self, wanted: &str| {
            let text = c.text(span);
            c.report(errors::aggregate_of(span, name, wanted, &first, text));
            None
        };
        let ty = match function {
            Count if name == "count_if" => {
                if first != Type::Boolean {
                    return refuse(self, "a condition");
                }
                Type::BigInt
            }
            Min | Max if name.starts_with("bool_") && first != Type::Boolean => return refuse(self, "a condition"),
            Count | ApproxDistinct => Type::BigInt,
            Sum | Avg => match &first {
                Type::Interval => Type::Interval,
                Type::Decimal { precision, scale } => {
                    let (p, d) = (i32::from(*precision), i32::from(*scale));
                    if function == Sum { coerce::decimal((p + 10).min(38), d) } else { coerce::decimal((p + 4).min(38), (d + 4).min(38)) }
                }
                ty if ty.is_integer() && function == Sum => Type::BigInt,
                ty if ty.is_numeric() => Type::Double,
                _ => return refuse(self, "numbers"),
            },
            Min | Max | Mode => {
                if matches!(first, Type::Map { .. } | Type::Array { .. } | Type::Struct(_)) {
                    return refuse(self, "values that have an order");
                }
                first.clone()
            }
            Share => {
                if first != Type::Boolean {
                    return refuse(self, "a condition");
                }
                Type::Double
            }
            Entropy | MutualInformation | Association => Type::Double,
            Distribution => return None,
            Gaps => {
                let step = args.get(1).map(|a| (a.span, a.kind.clone(), a.ty.clone()));
                match (&first, &step) {
                    (ty, None) if ty.is_integer() || *ty == Type::Date => {}
                    (ty, Some((_, ExprKind::Literal(Value::Int(step)), _))) if ty.is_integer() && *step > 0 => {}
                    (Type::Date | Type::Timestamp | Type::TimestampNtz, Some((_, ExprKind::Literal(Value::Interval(step)), _)))
                        if *step > 0 && (first != Type::Date || step % DAY == 0) => {}
                    (ty, Some((span, ..))) if ty.is_integer() || ty.is_temporal() => {
                        self.report(errors::gap_step(*span, ty));
                        return None;
                    }
                    _ => return refuse(self, "whole numbers, days or, with a step, instants"),
                }
                Type::BigInt
            }
            Overlaps => {
                if !(first.is_numeric() || first.is_temporal()) {
                    return refuse(self, "numbers, days or instants");
                }
                let end = args.pop()?;
                let begin = args.pop()?;
                args = self.unify_all(vec![begin, end], s)?.0;
                Type::BigInt
            }
            MedianDeviation | StdDev | StdDevPop | Variance | VariancePop | Median | Quantile | ApproxQuantile | Skewness | Kurtosis
            | Correlation => {
                for arg in &mut args {
                    if !arg.ty.is_numeric() {
                        return refuse(self, "numbers");
                    }
                    let (taken, span) = (arg.clone(), arg.span);
                    *arg = self.convert(taken, &Type::Double, s).unwrap_or_else(|e| self.cast(e, &Type::Double, false, span, s));
                }
                if matches!(function, Quantile | ApproxQuantile) {
                    let at = args.get(1)?;
                    let valid = matches!(&at.kind, ExprKind::Literal(Value::Double(q)) if (0.0..=1.0).contains(q));
                    if !valid {
                        self.report(errors::quantile_range(at.span));
                        return None;
                    }
                }
                Type::Double
            }
        };
        Some((args, ty))
    }

    /// `(aggregate from source where condition)`
    pub fn from(
        &mut self,
        value: &'a ast::Expr,
        source: &'a ast::Path,
        condition: Option<&'a ast::Expr>,
        span: Span,
        s: &mut Scope,
    ) -> Expr {
        let Some((rows, schema)) = self.rows_of(source, s) else { return scope::error(span) };
        let mut inner = Scope {
            hygienic: s.hygienic && matches!(rows, Rows::Batch | Rows::Input | Rows::Table),
            rows: Some(schema),
            groups: Vec::new(),
            grouped: false,
            known: Vec::new(),
            in_aggregate: false,
            ..s.clone()
        };
        let mut e = self.expr(value, &mut inner);
        inner.in_aggregate = true;
        let filter = condition.map(|c| self.condition(c, &mut inner, "`where`"));
        if e.ty.is_error() || filter.as_ref().is_some_and(|f| f.ty.is_error()) {
            return scope::error(span);
        }
        if super::own_aggregate(&e).is_none() || e.grain == Grain::Row {
            self.report(errors::from_needs_aggregate(e.span, self.text(e.span), &source.text()));
            return scope::error(span);
        }
        set_rows(&mut e, &rows, filter.as_ref());
        e.span = span;
        e
    }

    /// The rows that `from` names, and their columns.
    fn rows_of(&mut self, source: &'a ast::Path, s: &Scope) -> Option<(Rows, Arc<Schema>)> {
        let name = fold(&source.text());
        let own = |rows: Rows| s.rows.clone().map(|schema| (rows, schema));
        let found = match name.as_str() {
            "batch" => own(Rows::Batch),
            "input" => own(Rows::Input),
            "table" => own(Rows::Table),
            "source" => match &s.source {
                Some(schema) => Some((Rows::Source, schema.clone())),
                None => {
                    self.report(errors::no_source_here(source.span));
                    return None;
                }
            },
            _ => {
                let schema = self.dataset(source, s.file)?;
                let dataset = schema.dataset.clone();
                self.reads.push((dataset.clone(), source.span));
                return Some((Rows::Dataset(dataset), schema));
            }
        };
        if found.is_none() {
            self.report(errors::no_rows_here(source.span, &name));
        }
        found
    }
}

fn both(mut args: Vec<Expr>, filter: Option<Expr>) -> (Vec<Expr>, Option<Expr>) {
    let condition = args.pop();
    let filter = match (condition, filter) {
        (Some(a), Some(b)) => Some(join(BinaryOp::And, a, b)),
        (a, b) => a.or(b),
    };
    (Vec::new(), filter)
}

/// Says of every aggregate over the own rows where it reads, and which rows of that.
fn set_rows(e: &mut Expr, rows: &Rows, filter: Option<&Expr>) {
    e.grain = if e.grain == Grain::Constant { Grain::Constant } else { Grain::Batch };
    if let ExprKind::Aggregate(a) = &mut e.kind {
        if a.rows == Rows::Own {
            // A row that is compared with its batch is itself in it.
            let own_batch = matches!(rows, Rows::Batch | Rows::Input) && filter.is_none() && a.filter.is_none();
            let single = !matches!(a.function, AggregateFn::StdDev | AggregateFn::Variance | AggregateFn::Skewness | AggregateFn::Kurtosis | AggregateFn::Correlation);
            if own_batch && single && !a.args.iter().any(|x| x.nullable) {
                e.nullable = false;
            }
            a.rows = rows.clone();
            a.filter = match (a.filter.take(), filter) {
                (Some(own), Some(filter)) => Some(Box::new(join(BinaryOp::And, *own, filter.clone()))),
                (None, Some(filter)) => Some(Box::new(filter.clone())),
                (own, None) => own,
            };
        }
        return;
    }
    e.children_mut().into_iter().for_each(|child| set_rows(child, rows, filter));
    if matches!(e.kind, ExprKind::Binary { .. } | ExprKind::Negate(_) | ExprKind::Cast { attempt: false, .. }) {
        e.nullable = e.children().into_iter().any(|child| child.nullable);
    }
}

//! What a page draws of a batch beside its verdicts: how the values of the columns that rules judge are distributed. They are
//! looked at in a pass of their own, and only where a page is asked for: verdicts, passes and bytes are those of a run without.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::Job;
use super::judge::tallies_over;
use super::scan::Batch;
use crate::engine::aggregates;
use crate::engine::compile::{Judgement, columns_of, distribution};
use crate::engine::drift::Distribution;
use crate::engine::show;
use crate::engine::sources::Session;
use crate::hir::{Expr, ExprKind, Privacy, Rows, RuleKind, Type, Value};
use crate::ir::{Plan, PlanColumn};
use crate::source::Span;

/// Rows that are looked at; of a larger batch every so many row groups.
const ROWS: u64 = 4_000_000;
/// Sketches of other parts merge to slightly other values: they are the same on every machine, so that pages are.
const PARTS: usize = 8;
/// Columns that are drawn, in the contract's order.
const COLUMNS: usize = 60;
/// Ranges of numbers.
const RANGES: usize = 24;
/// Values that are drawn one by one, where there are no more.
const FEW: usize = 16;
/// The most frequent values of a column with many.
const FREQUENT: usize = 12;

/// How the values of a batch are distributed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pictures {
    /// Rows that were looked at, and how many there are.
    pub rows: (u64, u64),
    pub columns: Vec<Picture>,
    /// Columns that rules judge and whose values nobody is to see.
    pub hidden: Vec<String>,
}

/// A column as the rules saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub column: String,
    pub nulls: u64,
    /// Rows for which it could not be computed, and numbers that are none.
    pub odd: u64,
    pub shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Least, lower quartile, median, upper quartile, greatest; then the rows of ranges, each by where it begins.
    Ranges { quartiles: [Json; 5], ranges: Vec<(Json, u64)> },
    /// How often values occur, in their order or the most frequent first; then how many rows have others.
    Values { values: Vec<(Json, u64)>, others: u64 },
    /// Nearly every row has a value of its own.
    Different,
    /// There is no value.
    Nothing,
}

/// The value of a group, against what it may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    pub group: String,
    pub value: f64,
    pub limit: Option<f64>,
    pub broken: bool,
}

/// Nothing where it cannot be had: the verdicts stand without.
pub async fn of(session: &Session, job: &Job<'_>, plan: &Plan, batch: &Batch<'_>) -> Pictures {
    let (shown, hidden) = judged(plan);
    let mut pictures = Pictures { hidden, ..Pictures::default() };
    if shown.is_empty() || plan.rules.is_empty() {
        return pictures;
    }
    let wanted: Vec<_> = shown.iter().map(|c| (0, distribution(&value_of(c)), Type::Double)).collect();
    let Ok(judgement) = Judgement::of_metrics(plan, job.as_of, &wanted).map(Arc::new) else { return pictures };
    let all = batch.opened.rows();
    let every = usize::try_from(all.div_ceil(ROWS)).unwrap_or(usize::MAX).max(1);
    let Ok(found) = tallies_over(&session.in_parts(PARTS), plan, judgement, batch, every).await else { return pictures };
    pictures.rows = (found.rows, all);
    let draw = |(column, tally): (&&PlanColumn, aggregates::Tally)| {
        let failed = tally.failed().map_or(0, |(rows, _)| *rows);
        let values = tally.distribution().cloned().unwrap_or_default();
        Picture {
            column: column.name.clone(),
            nulls: values.nulls(),
            odd: values.odd() + failed,
            shape: shape(values, &column.ty),
        }
    };
    pictures.columns = shown.iter().zip(found.metrics).map(draw).collect();
    pictures
}

/// The columns that rules judge: those that everybody may see, and the names of the others.
fn judged(plan: &Plan) -> (Vec<&PlanColumn>, Vec<String>) {
    let mut read: BTreeSet<String> = BTreeSet::new();
    for planned in &plan.rules {
        read.extend(columns_of(planned));
        if let RuleKind::Aggregate { condition, .. } = &planned.rule.kind {
            condition.visit(&mut |e| match &e.kind {
                ExprKind::Aggregate(a) if a.rows == Rows::Own => {
                    read.extend(a.args.iter().chain(a.filter.as_deref()).flat_map(Expr::columns).map(str::to_owned));
                }
                ExprKind::Drift { value, .. } => read.extend(value.columns().into_iter().map(str::to_owned)),
                _ => {}
            });
        }
    }
    let drawn = |c: &&PlanColumn| c.ty.is_numeric() || c.ty.is_temporal() || matches!(c.ty, Type::String | Type::Boolean);
    let all = plan.columns.iter().filter(|c| read.contains(&c.name));
    let (shown, hidden): (Vec<_>, Vec<_>) = all.partition(|c| c.privacy == Privacy::Public);
    (shown.into_iter().filter(drawn).take(COLUMNS).collect(), hidden.into_iter().map(|c| c.name.clone()).collect())
}

fn value_of(column: &PlanColumn) -> Expr {
    Expr::column(&column.name, column.ty.clone(), column.nullable, Span::default())
}

/// How a distribution is drawn: value by value, by ranges, or not at all.
pub fn shape(mut values: Distribution, ty: &Type) -> Shape {
    let there = values.rows() - values.nulls();
    if there == 0 {
        return Shape::Nothing;
    }
    if values.has_texts() {
        let mut found = values.frequent();
        if found.len() <= FEW && found.iter().map(|(_, rows)| rows).sum::<u64>() == there {
            found.sort();
            return Shape::Values { values: of_texts(found), others: 0 };
        }
        found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        found.truncate(FREQUENT);
        // Values of which no one comes often say nothing.
        if found.first().is_none_or(|(_, rows)| rows * 500 < there) {
            return Shape::Different;
        }
        let others = there.saturating_sub(found.iter().map(|(_, rows)| rows).sum());
        return Shape::Values { values: of_texts(found), others };
    }
    if let Some(few) = values.counted(FEW) {
        let values = few.into_iter().map(|(value, rows)| (name(value, ty), rows)).collect();
        return Shape::Values { values, others: 0 };
    }
    let at = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| values.quantile(share));
    let [Some(least), Some(lower), Some(middle), Some(upper), Some(greatest)] = at else { return Shape::Nothing };
    // What lies far out would leave one bar of all the rest: it goes into the first and the last.
    let reach = (upper - lower) * 3.0;
    let (low, high) = match reach > 0.0 {
        true => (least.max(lower - reach), greatest.min(upper + reach)),
        false => (least, greatest),
    };
    let step = step((high - low) / RANGES as f64, ty);
    let first = (low / step).floor();
    let count = ((high / step).floor() - first) as usize + 1;
    let mut below = 0.0;
    let ranges = (0..count).map(|i| {
        let end = (first + i as f64 + 1.0) * step;
        let up_to = if i + 1 == count { values.up_to(greatest) } else { values.up_to(end.next_down()) };
        let rows = (up_to - below).max(0.0).round();
        below = up_to;
        let begin = if i == 0 { (first * step).max(least) } else { first.mul_add(step, i as f64 * step) };
        (name(begin, ty), rows as u64)
    });
    Shape::Ranges { ranges: ranges.collect(), quartiles: [least, lower, middle, upper, greatest].map(|v| name(v, ty)) }
}

fn of_texts(found: Vec<(String, u64)>) -> Vec<(Json, u64)> {
    found.into_iter().map(|(text, rows)| (Json::String(text), rows)).collect()
}

/// The next width that people count in: 1, 2 or 5 of a power of ten; of times, of days, hours, minutes and seconds.
fn step(least: f64, ty: &Type) -> f64 {
    const SECOND: f64 = 1e6;
    let of = |units: &[f64], unit: f64| units.iter().map(|n| n * unit).find(|width| *width >= least);
    let days = [1.0, 2.0, 7.0, 14.0, 30.0, 90.0, 365.0];
    let round = |least: f64| {
        let power = 10f64.powf(least.max(f64::MIN_POSITIVE).log10().floor());
        [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|width| *width >= least * 0.999_999).unwrap_or(least)
    };
    let clock = [1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 10_800.0, 21_600.0];
    match ty {
        Type::Date => of(&days, 1.0).unwrap_or_else(|| round(least)),
        Type::Timestamp | Type::TimestampNtz | Type::Time | Type::Interval => {
            of(&clock, SECOND).or_else(|| of(&days, 86_400.0 * SECOND)).unwrap_or_else(|| round(least))
        }
        Type::Float | Type::Double | Type::Decimal { .. } => round(least),
        _ => round(least).max(1.0),
    }
}

/// A number as a value of its type.
fn name(value: f64, ty: &Type) -> Json {
    let value = match ty {
        Type::Date => Value::Date(value as i32),
        Type::Timestamp => Value::Timestamp(value as i64),
        Type::TimestampNtz => Value::TimestampNtz(value as i64),
        Type::Time => Value::Time(value as i64),
        Type::Interval => Value::Interval(value as i64),
        Type::MonthInterval => Value::MonthInterval(value as i32),
        _ => {
            let value = if ty.is_integer() { value.round() } else { value };
            return serde_json::Number::from_f64(value).map_or(Json::Null, Json::Number);
        }
    };
    show::json(&value, Privacy::Public).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(values: impl Iterator<Item = f64>, ty: &Type) -> Vec<(Json, u64)> {
        let mut of = Distribution::of_numbers();
        values.for_each(|v| of.number(v));
        let Shape::Ranges { ranges, .. } = shape(of, ty) else { panic!("ranges") };
        ranges
    }

    #[test]
    fn ranges_are_round_hold_every_row_and_take_what_is_far_out_to_their_ends() {
        let found = ranges((0..1000).map(f64::from), &Type::BigInt);
        assert_eq!((found.len(), &found[0], &found[1]), (20, &(Json::from(0.0), 50), &(Json::from(50.0), 50)));
        let out = ranges((0..1000).map(f64::from).chain([1e9]), &Type::Double);
        assert!(out.len() <= RANGES + 1, "{out:?}");
        assert_eq!(out.iter().map(|(_, rows)| rows).sum::<u64>(), 1001);
        assert_eq!(out.last().map(|(_, rows)| *rows), Some(1), "the one far out stands alone: {out:?}");
        let days = ranges((0..365).map(|d| f64::from(15_706 + d)), &Type::Date);
        assert_eq!(days[0].0, "2013-01-01");
        assert_eq!(days.iter().map(|(_, rows)| rows).sum::<u64>(), 365);
        let many = ranges((0..100_000).map(|i| f64::from(i % 3331) / 10.0), &Type::Double);
        let sum = many.iter().map(|(_, rows)| rows).sum::<u64>();
        assert!((99_900..=100_100).contains(&sum), "{sum}");
    }

    #[test]
    fn few_values_stand_one_by_one_and_values_of_their_own_are_not_drawn() {
        let mut few = Distribution::of_numbers();
        [3.0, 1.0, 3.0].into_iter().for_each(|v| few.number(v));
        few.null(2);
        assert_eq!(shape(few, &Type::Int), Shape::Values { values: vec![(1.0.into(), 1), (3.0.into(), 2)], others: 0 });
        let mut names = Distribution::of_texts();
        (0..5000).for_each(|i| names.text(&format!("n{i}"), 1));
        assert_eq!(shape(names.clone(), &Type::String), Shape::Different);
        names.text("often", 5000);
        let Shape::Values { values, others } = shape(names, &Type::String) else { panic!("values") };
        assert_eq!((values[0].clone(), others > 4900), (("often".into(), 5000), true));
        assert_eq!(shape(Distribution::of_texts(), &Type::String), Shape::Nothing);
    }
}

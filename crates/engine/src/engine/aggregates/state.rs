//! The state of each aggregate function.

use std::collections::HashMap;

use arrow::array::{ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;
use datasketches::hll::{HllSketch, HllType, HllUnion};

use super::columns::{add_whole, as_double, each_double, extreme, present, take_better};
use super::exact::ExactSum;
use super::moments::{CoMoments, Moments};
use crate::engine::drift::Distribution;
use crate::engine::keys;
use crate::engine::types::value_at;
use crate::eval::statistics::{self, OPEN, Pairs};
use crate::hir::{Aggregate, AggregateFn, ExprKind, Privacy, Type, Value};

#[derive(Clone)]
pub struct State {
    function: AggregateFn,
    kept: Kept,
}

#[derive(Clone)]
enum Kept {
    /// Rows counted, of all.
    Count { counted: u64, all: u64 },
    /// A whole sum, and the number of values; `None` once it left 128 bits.
    Whole { sum: Option<i128>, scale: u8, count: u64 },
    Floating { sum: Box<ExactSum>, count: u64 },
    Extreme(Value),
    Moments(Moments),
    CoMoments(CoMoments),
    /// Every value, for order statistics.
    Values { values: Vec<f64>, fraction: f64 },
    /// How often each value occurs, by its encoding; of several columns the first one's.
    Occurrences(HashMap<Box<[u8]>, (Value, u64)>),
    /// How often each pair of values occurs.
    Pairs(HashMap<(Box<[u8]>, Box<[u8]>), u64>),
    Distinct(HllSketch),
    /// Steps that hold a value; sorted and without doubles up to `known`.
    Steps { step: Option<Value>, steps: Vec<i64>, known: usize },
    Intervals(Vec<(i128, i128)>),
    Distribution { values: Box<Distribution>, fraction: f64 },
}

/// 2 to this power registers: the count is off by 0.8% in two of three cases.
const REGISTERS: u8 = 14;

impl State {
    pub fn new(aggregate: &Aggregate, types: &[&Type]) -> Self {
        use AggregateFn::*;
        let first = types.first().copied();
        let kept = match aggregate.function {
            Count if aggregate.distinct => Kept::Occurrences(HashMap::new()),
            Sum | Avg if aggregate.distinct => Kept::Occurrences(HashMap::new()),
            Count | Share => Kept::Count { counted: 0, all: 0 },
            Sum | Avg => match first {
                Some(Type::Float | Type::Double) => Kept::Floating { sum: Box::default(), count: 0 },
                Some(Type::Decimal { scale, .. }) => Kept::Whole { sum: Some(0), scale: *scale, count: 0 },
                _ => Kept::Whole { sum: Some(0), scale: 0, count: 0 },
            },
            Min | Max => Kept::Extreme(Value::Null),
            StdDev | StdDevPop | Variance | VariancePop | Skewness | Kurtosis => Kept::Moments(Moments::default()),
            Correlation => Kept::CoMoments(CoMoments::default()),
            Median | MedianDeviation => Kept::Values { values: Vec::new(), fraction: 0.5 },
            Quantile => Kept::Values { values: Vec::new(), fraction: constant(aggregate).and_then(as_double).unwrap_or(0.5) },
            ApproxQuantile | Distribution => Kept::Distribution {
                values: Box::new(match first {
                    Some(ty) if ty.is_numeric() || ty.is_temporal() => super::super::drift::Distribution::of_numbers(),
                    _ => super::super::drift::Distribution::of_texts(),
                }),
                fraction: constant(aggregate).and_then(as_double).unwrap_or(0.5),
            },
            ApproxDistinct => match HllSketch::new(REGISTERS, HllType::Hll8) {
                Ok(sketch) => Kept::Distinct(sketch),
                Err(_) => Kept::Occurrences(HashMap::new()),
            },
            Entropy | Mode => Kept::Occurrences(HashMap::new()),
            MutualInformation | Association => Kept::Pairs(HashMap::new()),
            Gaps => Kept::Steps { step: constant(aggregate).cloned(), steps: Vec::new(), known: 0 },
            Overlaps => Kept::Intervals(Vec::new()),
        };
        Self { function: aggregate.function, kept }
    }

    /// Takes the rows that are `included`; nulls are skipped.
    pub fn update(&mut self, args: &[ArrayRef], types: &[&Type], included: &BooleanBuffer) {
        let share = self.function == AggregateFn::Share;
        if let Kept::Count { counted, all } = &mut self.kept {
            *all += included.count_set_bits() as u64;
            *counted += match args.first() {
                None => included.count_set_bits(),
                Some(arg) if share => (included & &crate::engine::expr::truths(arg.as_boolean())).count_set_bits(),
                Some(arg) => present(arg, included).count_set_bits(),
            } as u64;
            return;
        }
        let (Some(arg), Some(ty)) = (args.first(), types.first()) else { return };
        let rows = present(arg, included);
        match &mut self.kept {
            Kept::Count { .. } => {}
            Kept::Whole { sum, count, .. } => {
                *count += rows.count_set_bits() as u64;
                *sum = add_whole(*sum, arg, &rows);
            }
            Kept::Floating { sum, count } => {
                *count += rows.count_set_bits() as u64;
                each_double(arg, ty, &rows, |_, v| sum.add(v));
            }
            Kept::Extreme(best) => {
                let max = self.function == AggregateFn::Max;
                if let Some(row) = extreme(arg, &rows, max) {
                    let value = value_at(arg, row, ty);
                    take_better(best, value, max);
                }
            }
            Kept::Moments(moments) => {
                // A batch's moments first: fewer roundings than one by one.
                let mut batch = Moments::default();
                each_double(arg, ty, &rows, |_, v| batch.add(v));
                moments.merge(&batch);
            }
            Kept::CoMoments(moments) => {
                let (Some(other), Some(other_ty)) = (args.get(1), types.get(1)) else { return };
                let rows = present(other, &rows);
                let mut ys = Vec::with_capacity(rows.count_set_bits());
                each_double(other, other_ty, &rows, |_, y| ys.push(y));
                each_double(arg, ty, &rows, |i, x| moments.add(x, ys[i]));
            }
            Kept::Values { values, .. } => each_double(arg, ty, &rows, |_, v| values.push(v)),
            Kept::Occurrences(known) => {
                // Of several columns, as in `count(distinct a, b)`, none may be null.
                let rows = args.iter().skip(1).fold(rows, |rows, arg| present(arg, &rows));
                let Some(encoded) = keys::encode(args) else { return };
                for row in rows.set_indices() {
                    let key = encoded.row(row).data();
                    match known.get_mut(key) {
                        Some((_, count)) => *count += 1,
                        None => {
                            known.insert(key.into(), (value_at(arg, row, ty), 1));
                        }
                    }
                }
            }
            Kept::Pairs(known) => {
                let Some(other) = args.get(1) else { return };
                let rows = present(other, &rows);
                let one = |column: &ArrayRef| keys::encode(std::slice::from_ref(column));
                let (Some(left), Some(right)) = (one(arg), one(other)) else { return };
                for row in rows.set_indices() {
                    *known.entry((left.row(row).data().into(), right.row(row).data().into())).or_insert(0) += 1;
                }
            }
            Kept::Distinct(sketch) => {
                let Some(encoded) = keys::encode(std::slice::from_ref(arg)) else { return };
                rows.set_indices().for_each(|row| sketch.update(encoded.row(row).data()));
            }
            Kept::Steps { step, steps, known } => {
                steps.extend(rows.set_indices().filter_map(|row| statistics::step_of(&value_at(arg, row, ty), step.as_ref())));
                if steps.len() > 2 * *known + 100_000 {
                    steps.sort_unstable();
                    steps.dedup();
                    *known = steps.len();
                }
            }
            Kept::Intervals(intervals) => {
                let (Some(end), Some(end_ty)) = (args.get(1), types.get(1)) else { return };
                let interval = |row: usize| {
                    let until = match value_at(end, row, end_ty) {
                        Value::Null => OPEN,
                        until => statistics::place_of(&until)?,
                    };
                    Some((statistics::place_of(&value_at(arg, row, ty))?, until))
                };
                intervals.extend(rows.set_indices().filter_map(interval));
            }
            Kept::Distribution { values, .. } => distribute(values, arg, ty, &rows, included),
        }
    }

    /// How the values are distributed, where that is what was asked for.
    pub fn distribution(&self) -> Option<&Distribution> {
        match &self.kept {
            Kept::Distribution { values, .. } => Some(values),
            _ => None,
        }
    }

    pub fn merge(&mut self, other: State) {
        match (&mut self.kept, other.kept) {
            (Kept::Count { counted, all }, Kept::Count { counted: c, all: a }) => {
                *counted += c;
                *all += a;
            }
            (Kept::Whole { sum, count, .. }, Kept::Whole { sum: s, count: c, .. }) => {
                *sum = sum.zip(s).and_then(|(a, b)| a.checked_add(b));
                *count += c;
            }
            (Kept::Floating { sum, count }, Kept::Floating { sum: s, count: c }) => {
                sum.merge(&s);
                *count += c;
            }
            (Kept::Extreme(best), Kept::Extreme(value)) => take_better(best, value, self.function == AggregateFn::Max),
            (Kept::Moments(a), Kept::Moments(b)) => a.merge(&b),
            (Kept::CoMoments(a), Kept::CoMoments(b)) => a.merge(&b),
            (Kept::Values { values, .. }, Kept::Values { values: v, .. }) => values.extend(v),
            (Kept::Occurrences(a), Kept::Occurrences(b)) => {
                for (key, (value, count)) in b {
                    a.entry(key).or_insert((value, 0)).1 += count;
                }
            }
            (Kept::Pairs(a), Kept::Pairs(b)) => {
                b.into_iter().for_each(|(pair, count)| *a.entry(pair).or_insert(0) += count);
            }
            (Kept::Distinct(a), Kept::Distinct(b)) => {
                if let Ok(mut both) = HllUnion::new(REGISTERS) {
                    both.update(a);
                    both.update(&b);
                    *a = both.to_sketch(HllType::Hll8);
                }
            }
            (Kept::Steps { steps, .. }, Kept::Steps { steps: s, .. }) => steps.extend(s),
            (Kept::Intervals(a), Kept::Intervals(b)) => a.extend(b),
            (Kept::Distribution { values, .. }, Kept::Distribution { values: v, .. }) => values.merge(&v),
            _ => {}
        }
    }

    /// The value, in the type that the checker gave it; the reason where there is none.
    pub fn finish(&self, ty: &Type) -> Result<Value, String> {
        let overflow = || "overflow".to_string();
        let double = |v: Option<f64>| Ok(v.map_or(Value::Null, Value::Double));
        match &self.kept {
            Kept::Count { counted, all } if self.function == AggregateFn::Share => {
                double((*all > 0).then(|| *counted as f64 / *all as f64))
            }
            Kept::Count { counted, .. } => Ok(Value::Int(i64::try_from(*counted).unwrap_or(i64::MAX))),
            Kept::Whole { count: 0, .. } | Kept::Floating { count: 0, .. } => Ok(Value::Null),
            Kept::Whole { sum, scale, count } => {
                whole(self.function, sum.ok_or_else(overflow)?, *scale, *count, ty).ok_or_else(overflow)
            }
            Kept::Floating { sum, count } => {
                let divisor = if self.function == AggregateFn::Avg { *count as f64 } else { 1.0 };
                double(Some(sum.value() / divisor))
            }
            Kept::Extreme(value) => Ok(value.clone()),
            Kept::Moments(m) => double(match self.function {
                AggregateFn::StdDev => m.variance(true).map(f64::sqrt),
                AggregateFn::StdDevPop => m.variance(false).map(f64::sqrt),
                AggregateFn::Variance => m.variance(true),
                AggregateFn::VariancePop => m.variance(false),
                AggregateFn::Skewness => m.skewness(),
                _ => m.kurtosis(),
            }),
            Kept::CoMoments(m) => double(m.correlation()),
            Kept::Values { values, .. } if self.function == AggregateFn::MedianDeviation => {
                double(statistics::median_deviation(values.clone()))
            }
            Kept::Values { values, fraction } => double(statistics::quantile(values.clone(), *fraction)),
            Kept::Pairs(known) => {
                let mut counts: Vec<_> = known.iter().map(|((a, b), n)| (a, b, *n)).collect();
                counts.sort_unstable();
                let pairs = Pairs::new(counts);
                double(match self.function {
                    AggregateFn::MutualInformation => pairs.mutual_information(),
                    _ => pairs.association(),
                })
            }
            Kept::Distinct(sketch) => Ok(Value::Int(sketch.composite_estimate().round() as i64)),
            Kept::Steps { steps, .. } => Ok(Value::Int(statistics::gaps(steps.clone()))),
            Kept::Intervals(intervals) => Ok(Value::Int(statistics::overlaps(intervals.clone()))),
            Kept::Distribution { values, fraction } => double((**values).clone().quantile(*fraction)),
            Kept::Occurrences(known) => self.occurrences(known, ty),
        }
    }

    fn occurrences(&self, known: &HashMap<Box<[u8]>, (Value, u64)>, ty: &Type) -> Result<Value, String> {
        // In the order of the values, so that sums and ties come out the same each time.
        let mut entries: Vec<_> = known.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        let total: u64 = entries.iter().map(|(_, (_, n))| n).sum();
        Ok(match self.function {
            AggregateFn::Mode => {
                let most = entries.iter().rev().max_by_key(|(_, (_, n))| n);
                most.map_or(Value::Null, |(_, (value, _))| value.clone())
            }
            AggregateFn::Entropy => {
                let share = |n: u64| n as f64 / total as f64;
                let sum: f64 = entries.iter().map(|(_, (_, n))| -share(*n) * share(*n).ln()).sum();
                if total == 0 { Value::Null } else { Value::Double(sum + 0.0) }
            }
            AggregateFn::Sum | AggregateFn::Avg if entries.is_empty() => Value::Null,
            AggregateFn::Sum | AggregateFn::Avg => {
                let count = entries.len() as u64;
                let values = || entries.iter().map(|(_, (value, _))| value);
                if let Some(Value::Float(_) | Value::Double(_)) = values().next() {
                    let mut sum = ExactSum::default();
                    values().filter_map(as_double).for_each(|v| sum.add(v));
                    let divisor = if self.function == AggregateFn::Avg { count as f64 } else { 1.0 };
                    return Ok(Value::Double(sum.value() / divisor));
                }
                let scale = values().find_map(|v| if let Value::Decimal { scale, .. } = v { Some(*scale) } else { None });
                let unscaled = |v: &Value| match v {
                    Value::Int(v) => Some(i128::from(*v)),
                    Value::Decimal { unscaled, .. } => Some(*unscaled),
                    _ => None,
                };
                let sum = values().try_fold(0i128, |sum, v| sum.checked_add(unscaled(v)?));
                let value = sum.and_then(|sum| whole(self.function, sum, scale.unwrap_or(0), count, ty));
                value.ok_or_else(|| "overflow".to_string())?
            }
            _ => Value::Int(i64::try_from(entries.len()).unwrap_or(i64::MAX)),
        })
    }
}

/// A whole sum or average in its result's type; `None` where it does not fit.
fn whole(function: AggregateFn, sum: i128, scale: u8, count: u64, ty: &Type) -> Option<Value> {
    let average = function == AggregateFn::Avg;
    match ty {
        Type::Decimal { precision, scale: to } => {
            let shifted = sum.checked_mul(10i128.checked_pow(u32::from(to.checked_sub(scale)?))?)?;
            let unscaled = if average { divide_half_up(shifted, i128::from(count)) } else { shifted };
            let fits = unscaled.unsigned_abs() < 10u128.checked_pow(u32::from(*precision))?;
            fits.then_some(Value::Decimal { unscaled, scale: *to })
        }
        Type::Interval => {
            let value = if average { divide_half_up(sum, i128::from(count)) } else { sum };
            i64::try_from(value).ok().map(Value::Interval)
        }
        _ if average => Some(Value::Double(sum as f64 / 10f64.powi(i32::from(scale)) / count as f64)),
        _ => i64::try_from(sum).ok().map(Value::Int),
    }
}

/// As Spark rounds: half away from zero.
fn divide_half_up(value: i128, by: i128) -> i128 {
    let (quotient, rest) = (value / by, value % by);
    if rest.abs() * 2 >= by { quotient + value.signum() } else { quotient }
}

/// The second argument, where it is a constant.
fn constant(aggregate: &Aggregate) -> Option<&Value> {
    match aggregate.args.get(1).map(|a| &a.kind) {
        Some(ExprKind::Literal(value)) => Some(value),
        _ => None,
    }
}

fn distribute(values: &mut Distribution, arg: &ArrayRef, ty: &Type, rows: &BooleanBuffer, included: &BooleanBuffer) {
    values.null((included.count_set_bits() - rows.count_set_bits()) as u64);
    if !values.has_texts() {
        each_double(arg, ty, rows, |_, v| values.number(v));
        return;
    }
    if let Some(texts) = arg.as_string_view_opt() {
        let mut counts: HashMap<&str, u64> = HashMap::new();
        rows.set_indices().for_each(|row| *counts.entry(texts.value(row)).or_insert(0) += 1);
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_unstable();
        counts.into_iter().for_each(|(text, count)| values.text(text, count));
        return;
    }
    for row in rows.set_indices() {
        let text = crate::engine::show::filling(&value_at(arg, row, ty), Privacy::Public);
        values.text(text.as_deref().unwrap_or_default(), 1);
    }
}

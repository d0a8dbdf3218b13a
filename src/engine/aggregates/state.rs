//! The state of each aggregate function.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{
    Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType,
};
use arrow::row::{RowConverter, SortField};

use super::exact::ExactSum;
use super::moments::{CoMoments, Moments};
use crate::engine::types::value_at;
use crate::hir::{Aggregate, AggregateFn, Type, Value};

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
    /// How often each value occurs, by its encoding.
    Occurrences(HashMap<Box<[u8]>, (Value, u64)>),
}

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
            Median => Kept::Values { values: Vec::new(), fraction: 0.5 },
            Quantile | ApproxQuantile => {
                let fraction = match aggregate.args.get(1).map(|a| &a.kind) {
                    Some(crate::hir::ExprKind::Literal(value)) => as_double(value).unwrap_or(0.5),
                    _ => 0.5,
                };
                Kept::Values { values: Vec::new(), fraction }
            }
            ApproxDistinct | Entropy | Mode => Kept::Occurrences(HashMap::new()),
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
                let field = SortField::new(arg.data_type().clone());
                let columns = std::slice::from_ref(arg);
                let Ok(encoded) = RowConverter::new(vec![field]).and_then(|c| c.convert_columns(columns)) else { return };
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
            Kept::Values { values, fraction } => double(quantile(values.clone(), *fraction)),
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

/// The rows of `included` that are not null.
fn present(arg: &ArrayRef, included: &BooleanBuffer) -> BooleanBuffer {
    match arg.logical_nulls() {
        Some(nulls) => included & nulls.inner(),
        None => included.clone(),
    }
}

fn add_whole(sum: Option<i128>, arg: &ArrayRef, rows: &BooleanBuffer) -> Option<i128> {
    use arrow::datatypes::DataType::*;
    macro_rules! add {
        ($ty:ty) => {{
            let values = arg.as_primitive::<$ty>().values();
            rows.set_indices().try_fold(sum?, |sum, row| sum.checked_add(i128::from(values[row])))
        }};
    }
    match arg.data_type() {
        Int8 => add!(Int8Type),
        Int16 => add!(Int16Type),
        Int32 => add!(Int32Type),
        Int64 => add!(Int64Type),
        Decimal128(..) => add!(Decimal128Type),
        Duration(_) => add!(DurationMicrosecondType),
        _ => sum,
    }
}

/// Calls with the running number and the value of every row; exact types as the nearest double.
fn each_double(arg: &ArrayRef, ty: &Type, rows: &BooleanBuffer, mut f: impl FnMut(usize, f64)) {
    use arrow::datatypes::DataType::*;
    macro_rules! each {
        ($ty:ty, $to:expr) => {{
            let values = arg.as_primitive::<$ty>().values();
            rows.set_indices().enumerate().for_each(|(i, row)| f(i, $to(values[row])));
        }};
    }
    match arg.data_type() {
        Int8 => each!(Int8Type, f64::from),
        Int16 => each!(Int16Type, f64::from),
        Int32 => each!(Int32Type, f64::from),
        Int64 => each!(Int64Type, |v: i64| v as f64),
        Float32 => each!(Float32Type, f64::from),
        Float64 => each!(Float64Type, |v: f64| v),
        _ => rows.set_indices().enumerate().for_each(|(i, row)| {
            if let Some(value) = as_double(&value_at(arg, row, ty)) {
                f(i, value);
            }
        }),
    }
}

fn as_double(value: &Value) -> Option<f64> {
    match value {
        Value::Int(v) | Value::Timestamp(v) | Value::TimestampNtz(v) | Value::Interval(v) | Value::Time(v) => {
            Some(*v as f64)
        }
        Value::Date(v) | Value::MonthInterval(v) => Some(f64::from(*v)),
        // Through text, so that 0.1 as a decimal is 0.1 as a double.
        Value::Decimal { unscaled, scale } => format!("{unscaled}e-{scale}").parse().ok(),
        Value::Float(v) => Some(f64::from(*v)),
        Value::Double(v) => Some(*v),
        _ => None,
    }
}

/// The row that holds the least or greatest value; NaN is greater than all numbers, as in Spark.
fn extreme(arg: &ArrayRef, rows: &BooleanBuffer, max: bool) -> Option<usize> {
    use arrow::datatypes::DataType::*;
    fn best<T: PartialOrd>(rows: &BooleanBuffer, max: bool, value: impl Fn(usize) -> T) -> Option<usize> {
        rows.set_indices().reduce(|a, b| {
            let better = if max { value(b) > value(a) } else { value(b) < value(a) };
            if better { b } else { a }
        })
    }
    macro_rules! primitive {
        ($ty:ty) => {{
            let values = arg.as_primitive::<$ty>().values();
            best(rows, max, |i| values[i])
        }};
    }
    // Floats as integers that order as `total_cmp` does.
    let key = |v: f64| {
        let v = if v.is_nan() { f64::NAN.abs() } else { v + 0.0 };
        let bits = v.to_bits() as i64;
        bits ^ (((bits >> 63) as u64) >> 1) as i64
    };
    match arg.data_type() {
        Int8 => primitive!(Int8Type),
        Int16 => primitive!(Int16Type),
        Int32 => primitive!(Int32Type),
        Int64 => primitive!(Int64Type),
        Date32 => primitive!(Date32Type),
        Timestamp(..) => primitive!(TimestampMicrosecondType),
        Duration(_) => primitive!(DurationMicrosecondType),
        Decimal128(..) => primitive!(Decimal128Type),
        Float32 => {
            let values = arg.as_primitive::<Float32Type>().values();
            best(rows, max, |i| key(f64::from(values[i])))
        }
        Float64 => {
            let values = arg.as_primitive::<Float64Type>().values();
            best(rows, max, |i| key(values[i]))
        }
        Boolean => best(rows, max, |i| arg.as_boolean().value(i)),
        Utf8View => best(rows, max, |i| arg.as_string_view().value(i)),
        BinaryView => best(rows, max, |i| arg.as_binary_view().value(i)),
        _ => None,
    }
}

fn take_better(best: &mut Value, value: Value, max: bool) {
    if *best == Value::Null {
        *best = value;
        return;
    }
    let greater = match (&value, &*best) {
        (Value::Bool(a), Value::Bool(b)) => a > b,
        (Value::Int(a), Value::Int(b)) => a > b,
        (Value::Decimal { unscaled: a, .. }, Value::Decimal { unscaled: b, .. }) => a > b,
        (Value::Float(a), Value::Float(b)) => a > b || (a.is_nan() && !b.is_nan()),
        (Value::Double(a), Value::Double(b)) => a > b || (a.is_nan() && !b.is_nan()),
        (Value::String(a), Value::String(b)) => a > b,
        (Value::Binary(a), Value::Binary(b)) => a > b,
        (Value::Date(a), Value::Date(b)) => a > b,
        (Value::Timestamp(a), Value::Timestamp(b))
        | (Value::TimestampNtz(a), Value::TimestampNtz(b))
        | (Value::Time(a), Value::Time(b))
        | (Value::Interval(a), Value::Interval(b)) => a > b,
        _ => return,
    };
    if value != Value::Null && value != *best && greater == max {
        *best = value;
    }
}

/// With linear interpolation between neighbours, as Spark's `percentile`.
fn quantile(mut values: Vec<f64>, fraction: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let position = fraction.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (position.floor() as usize, position.ceil() as usize);
    let (a, b) = (*values.get(low)?, *values.get(high)?);
    Some(if low == high { a } else { (high as f64 - position) * a + (position - low as f64) * b })
}

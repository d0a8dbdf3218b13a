//! Values over many rows, exactly. What of a row cannot be computed makes the whole impossible.

use num_bigint::BigInt;

use super::number::{self, Rounding};
use super::statistics::{self, Pairs};
use super::{Reason, Result, Scope, cast, eval, holds, value};
use crate::hir::{Aggregate, AggregateFn, Type, Value};

/// The aggregate over rows; `ty` is its own type.
pub fn aggregate(of: &Aggregate, ty: &Type, rows: &[&dyn Scope]) -> Result {
    let mut judged = Vec::new();
    for row in rows {
        if of.filter.as_ref().map_or(Ok(Some(true)), |f| holds(f, *row))? == Some(true) {
            judged.push(*row);
        }
    }
    if of.function == AggregateFn::Share {
        return share(of, &judged);
    }
    let Some(first) = of.args.first() else {
        return count(judged.len());
    };
    match of.function {
        AggregateFn::Correlation => return correlation(of, &judged),
        AggregateFn::MutualInformation | AggregateFn::Association | AggregateFn::Overlaps => return pairs(of, &judged),
        AggregateFn::Gaps => return gaps(of, &judged),
        _ => {}
    }
    let mut values = Vec::new();
    for row in &judged {
        match eval(first, *row)? {
            Value::Null => {}
            // of several arguments, as in `count(distinct a, b)`, none may be null
            v if of.args.len() > 1 && of.function == AggregateFn::Count => {
                let rest = of.args.iter().skip(1).map(|a| eval(a, *row)).collect::<Result<Vec<_>>>()?;
                if !rest.contains(&Value::Null) {
                    values.push(Value::Array(std::iter::once(v).chain(rest).collect()));
                }
            }
            v => values.push(v),
        }
    }
    if of.distinct {
        values.sort_by(value::order);
        values.dedup_by(|a, b| value::same(a, b));
    }
    // the second argument of a quantile is a constant
    let share = match (of.function, of.args.get(1)) {
        (AggregateFn::Quantile | AggregateFn::ApproxQuantile, Some(q)) => {
            let constant = super::Constants { now: 0 };
            value::as_f64(&eval(q, rows.first().copied().unwrap_or(&constant))?).unwrap_or(0.5)
        }
        _ => 0.5,
    };
    over(of.function, values, share, ty)
}

fn count(n: usize) -> Result {
    i64::try_from(n).map(Value::Int).map_err(|_| Reason::OVERFLOW)
}

fn share(of: &Aggregate, rows: &[&dyn Scope]) -> Result {
    let condition = of.args.first().ok_or(Reason::UNSUPPORTED)?;
    let mut met = 0_u64;
    for row in rows {
        met += u64::from(holds(condition, *row)? == Some(true));
    }
    Ok(if rows.is_empty() { Value::Null } else { Value::Double(met as f64 / rows.len() as f64) })
}

/// A statistic of values that are not null.
pub fn over(function: AggregateFn, mut values: Vec<Value>, share: f64, ty: &Type) -> Result {
    use AggregateFn::*;
    let doubles = |values: &[Value]| values.iter().filter_map(value::as_f64).collect::<Vec<_>>();
    let double = |x: Option<f64>| Ok(x.map_or(Value::Null, Value::Double));
    match function {
        Count => count(values.len()),
        ApproxDistinct => {
            values.sort_by(value::order);
            values.dedup_by(|a, b| value::same(a, b));
            count(values.len())
        }
        Min => Ok(values.into_iter().min_by(value::order).unwrap_or(Value::Null)),
        Max => Ok(values.into_iter().max_by(value::order).unwrap_or(Value::Null)),
        Sum if values.is_empty() => Ok(Value::Null),
        Sum => sum(&values, ty),
        Avg if values.is_empty() => Ok(Value::Null),
        Avg => average(&values, ty),
        StdDev => double(moment(&doubles(&values), 2, true).map(f64::sqrt)),
        Variance => double(moment(&doubles(&values), 2, true)),
        StdDevPop => double(moment(&doubles(&values), 2, false).map(f64::sqrt)),
        VariancePop => double(moment(&doubles(&values), 2, false)),
        // A value that occurs, as Spark's `approx_percentile`.
        ApproxQuantile => double(statistics::least_at(doubles(&values), share)),
        Median | Quantile => {
            let at = if function == Median { 0.5 } else { share };
            let quantile = double(statistics::quantile(doubles(&values), at))?;
            cast::cast(quantile, ty)
        }
        Skewness => double(standardised(&doubles(&values), 3)),
        Kurtosis => double(standardised(&doubles(&values), 4).map(|k| k - 3.0)),
        Entropy => double(entropy(values)),
        Mode => Ok(mode(values)),
        MedianDeviation => double(statistics::median_deviation(doubles(&values))),
        Share | Correlation | MutualInformation | Association | Gaps | Overlaps | Distribution => {
            Err(Reason::UNSUPPORTED)
        }
    }
}

fn sum(values: &[Value], ty: &Type) -> Result {
    match values.first() {
        Some(Value::Interval(_)) => {
            let add = |sum: Option<i64>, v: &Value| match v {
                Value::Interval(t) => sum?.checked_add(*t),
                _ => sum,
            };
            values.iter().fold(Some(0), add).map(Value::Interval).ok_or(Reason::OVERFLOW)
        }
        _ if values.iter().all(|v| value::exact(v).is_some()) && !ty.is_floating() => {
            let (n, scale) = exact_sum(values);
            number::fit(n, i32::from(scale), ty, Rounding::HalfUp)
        }
        _ => Ok(Value::Double(values.iter().filter_map(value::as_f64).sum())),
    }
}

fn exact_sum(values: &[Value]) -> (BigInt, u8) {
    let exact = || values.iter().filter_map(value::exact);
    let scale = exact().map(|(_, s)| s).max().unwrap_or(0);
    (exact().map(|(n, s)| number::wide(n, scale - s)).sum(), scale)
}

fn average(values: &[Value], ty: &Type) -> Result {
    let n = values.len();
    match ty {
        Type::Decimal { scale: to, .. } if values.iter().all(|v| value::exact(v).is_some()) => {
            let (sum, scale) = exact_sum(values);
            let sum = number::rescale(&sum, scale.into(), i32::from(scale.max(*to)) + 1, Rounding::HalfUp);
            let (wide, by) = (i32::from(scale.max(*to)) + 1, BigInt::from(n));
            // rounded once: the division and the change of scale together
            let divisor = by * BigInt::from(10).pow((wide - i32::from(*to)).unsigned_abs());
            number::fit(number::divide(&sum, &divisor, Rounding::HalfUp), (*to).into(), ty, Rounding::HalfUp)
        }
        Type::Interval => match sum(values, ty)? {
            Value::Interval(t) => Ok(Value::Interval(t / i64::try_from(n).unwrap_or(1))),
            _ => Err(Reason::UNSUPPORTED),
        },
        _ => {
            let sum = if values.iter().all(|v| value::exact(v).is_some()) {
                let (n, scale) = exact_sum(values);
                format!("{n}e-{scale}").parse().unwrap_or(f64::NAN)
            } else {
                values.iter().filter_map(value::as_f64).sum::<f64>()
            };
            Ok(Value::Double(sum / n as f64))
        }
    }
}

fn mean(xs: &[f64]) -> f64 {
    xs.iter().sum::<f64>() / xs.len() as f64
}

/// The central moment, with Bessel's correction for a sample; null where it is not defined.
fn moment(xs: &[f64], power: i32, sample: bool) -> Option<f64> {
    let n = xs.len() as f64 - f64::from(u8::from(sample));
    if n <= 0.0 {
        return None;
    }
    let mean = mean(xs);
    Some(xs.iter().map(|x| (x - mean).powi(power)).sum::<f64>() / n)
}

fn standardised(xs: &[f64], power: i32) -> Option<f64> {
    let variance = moment(xs, 2, false).filter(|v| *v > 0.0)?;
    Some(moment(xs, power, false)? / variance.powf(f64::from(power) / 2.0))
}

/// Each different value and how often it comes, in the values' order.
fn frequencies(mut values: Vec<Value>) -> Vec<(Value, usize)> {
    values.sort_by(value::order);
    let mut found: Vec<(Value, usize)> = Vec::new();
    for v in values {
        match found.last_mut() {
            Some((last, n)) if value::same(last, &v) => *n += 1,
            _ => found.push((v, 1)),
        }
    }
    found
}

fn entropy(values: Vec<Value>) -> Option<f64> {
    let n = values.len() as f64;
    let part = |(_, count): (Value, usize)| -(count as f64 / n) * (count as f64 / n).ln();
    if values.is_empty() { None } else { Some(frequencies(values).into_iter().map(part).sum()) }
}

/// The most frequent value, of several the least.
fn mode(values: Vec<Value>) -> Value {
    let found = frequencies(values);
    let most = found.iter().map(|(_, n)| *n).max();
    found.into_iter().find(|(_, n)| Some(*n) == most).map_or(Value::Null, |(v, _)| v)
}

fn correlation(of: &Aggregate, rows: &[&dyn Scope]) -> Result {
    let [a, b] = of.args.as_slice() else { return Err(Reason::UNSUPPORTED) };
    let (mut xs, mut ys) = (Vec::new(), Vec::new());
    for row in rows {
        if let (Some(x), Some(y)) = (value::as_f64(&eval(a, *row)?), value::as_f64(&eval(b, *row)?)) {
            xs.push(x);
            ys.push(y);
        }
    }
    let (mx, my) = (mean(&xs), mean(&ys));
    let covariance: f64 = xs.iter().zip(&ys).map(|(x, y)| (x - mx) * (y - my)).sum();
    let spread = |xs: &[f64], m: f64| xs.iter().map(|x| (x - m).powi(2)).sum::<f64>().sqrt();
    let spreads = spread(&xs, mx) * spread(&ys, my);
    Ok(if xs.is_empty() || spreads == 0.0 { Value::Null } else { Value::Double(covariance / spreads) })
}

/// Over the rows in which neither is null; an interval may lack its end.
fn pairs(of: &Aggregate, rows: &[&dyn Scope]) -> Result {
    let [a, b] = of.args.as_slice() else { return Err(Reason::UNSUPPORTED) };
    let mut found = Vec::new();
    for row in rows {
        found.push((eval(a, *row)?, eval(b, *row)?));
    }
    if of.function == AggregateFn::Overlaps {
        let interval = |(from, to): &(Value, Value)| {
            let end = if *to == Value::Null { statistics::OPEN } else { statistics::place_of(to)? };
            Some((statistics::place_of(from)?, end))
        };
        return Ok(Value::Int(statistics::overlaps(found.iter().filter_map(interval).collect())));
    }
    found.retain(|(a, b)| *a != Value::Null && *b != Value::Null);
    let numbered = |side: fn(&(Value, Value)) -> &Value| {
        let mut different: Vec<&Value> = found.iter().map(side).collect();
        different.sort_by(|a, b| value::order(a, b));
        different.dedup_by(|a, b| value::same(a, b));
        different
    };
    let (left, right) = (numbered(|p| &p.0), numbered(|p| &p.1));
    let place = |among: &[&Value], v: &Value| among.binary_search_by(|x| value::order(x, v)).unwrap_or(0);
    let counted = found.iter().map(|(a, b)| (place(&left, a), place(&right, b), 1));
    let mut counts = std::collections::BTreeMap::new();
    counted.for_each(|(a, b, n)| *counts.entry((a, b)).or_insert(0) += n);
    let pairs = Pairs::new(counts.into_iter().map(|((a, b), n)| (a, b, n)));
    let value = match of.function {
        AggregateFn::MutualInformation => pairs.mutual_information(),
        _ => pairs.association(),
    };
    Ok(value.map_or(Value::Null, Value::Double))
}

fn gaps(of: &Aggregate, rows: &[&dyn Scope]) -> Result {
    let value = of.args.first().ok_or(Reason::UNSUPPORTED)?;
    let step = match of.args.get(1).map(|a| &a.kind) {
        Some(crate::hir::ExprKind::Literal(step)) => Some(step),
        _ => None,
    };
    let mut steps = Vec::new();
    for row in rows {
        steps.extend(statistics::step_of(&eval(value, *row)?, step));
    }
    Ok(Value::Int(statistics::gaps(steps)))
}

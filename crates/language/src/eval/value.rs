//! How values compare, and how they look.

use std::cmp::Ordering;

use crate::hir::Value;

/// As `= < >` see it: `None` where one is null, a NaN, or not comparable. Both are of one type; numbers may differ.
pub fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        _ if is_nan(a) || is_nan(b) => None,
        _ => Some(order(a, b)),
    }
}

/// One order of all values, for sorting and grouping: null first, NaN last and equal to itself, `-0` equal to `0`.
pub fn order(a: &Value, b: &Value) -> Ordering {
    use Value::*;
    match (a, b) {
        (Null, Null) => Ordering::Equal,
        (Bool(a), Bool(b)) => a.cmp(b),
        (Int(a), Int(b)) => a.cmp(b),
        (Float(a), Float(b)) => order_floats(f64::from(*a), f64::from(*b)),
        (Double(a), Double(b)) => order_floats(*a, *b),
        (String(a), String(b)) => a.cmp(b),
        (Binary(a), Binary(b)) => a.cmp(b),
        (Date(a), Date(b)) => a.cmp(b),
        (Timestamp(a), Timestamp(b)) | (TimestampNtz(a), TimestampNtz(b)) => a.cmp(b),
        (Time(a), Time(b)) | (Interval(a), Interval(b)) => a.cmp(b),
        (MonthInterval(a), MonthInterval(b)) => a.cmp(b),
        (Array(a), Array(b)) => order_lists(a.iter(), b.iter()),
        (Struct(a), Struct(b)) => order_lists(a.iter().map(|f| &f.1), b.iter().map(|f| &f.1)),
        (Map(a), Map(b)) => order_lists(a.iter().flat_map(|(k, v)| [k, v]), b.iter().flat_map(|(k, v)| [k, v])),
        _ => match (exact(a), exact(b)) {
            (Some(a), Some(b)) => order_decimals(a, b),
            _ => match (as_f64(a), as_f64(b)) {
                (Some(a), Some(b)) => order_floats(a, b),
                _ => rank(a).cmp(&rank(b)),
            },
        },
    }
}

/// Whether the two are the same to `is not distinct from`, grouping and `unique`.
pub fn same(a: &Value, b: &Value) -> bool {
    order(a, b).is_eq()
}

fn order_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

fn order_lists<'a>(a: impl Iterator<Item = &'a Value>, mut b: impl Iterator<Item = &'a Value>) -> Ordering {
    for a in a {
        match b.next().map_or(Ordering::Greater, |b| order(a, b)) {
            Ordering::Equal => {}
            unequal => return unequal,
        }
    }
    if b.next().is_some() { Ordering::Less } else { Ordering::Equal }
}

fn order_decimals((a, a_scale): (i128, u8), (b, b_scale): (i128, u8)) -> Ordering {
    if a_scale == b_scale {
        return a.cmp(&b);
    }
    let scale = a_scale.max(b_scale);
    super::number::wide(a, scale - a_scale).cmp(&super::number::wide(b, scale - b_scale))
}

/// The unscaled number and the scale of an integer or decimal.
pub fn exact(value: &Value) -> Option<(i128, u8)> {
    match value {
        Value::Int(i) => Some((i128::from(*i), 0)),
        Value::Decimal { unscaled, scale } => Some((*unscaled, *scale)),
        _ => None,
    }
}

/// The nearest double of a number.
pub fn as_f64(value: &Value) -> Option<f64> {
    match value {
        Value::Int(i) => Some(*i as f64),
        Value::Float(x) => Some(f64::from(*x)),
        Value::Double(x) => Some(*x),
        Value::Decimal { unscaled, scale } => super::number::text(*unscaled, *scale).parse().ok(),
        _ => None,
    }
}

pub fn is_nan(value: &Value) -> bool {
    matches!(value, Value::Float(x) if x.is_nan()) || matches!(value, Value::Double(x) if x.is_nan())
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Int(_) | Value::Decimal { .. } | Value::Float(_) | Value::Double(_) => 2,
        Value::String(_) => 3,
        Value::Binary(_) => 4,
        Value::Date(_) => 5,
        Value::Timestamp(_) => 6,
        Value::TimestampNtz(_) => 7,
        Value::Time(_) => 8,
        Value::Interval(_) => 9,
        Value::MonthInterval(_) => 10,
        Value::Array(_) => 11,
        Value::Map(_) => 12,
        Value::Struct(_) => 13,
    }
}

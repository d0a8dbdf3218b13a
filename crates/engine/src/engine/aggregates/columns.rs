//! Columns of a batch as aggregates read them.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{
    Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType,
};

use crate::engine::types::value_at;
use crate::hir::{Type, Value};

/// The rows of `included` that are not null.
pub fn present(arg: &ArrayRef, included: &BooleanBuffer) -> BooleanBuffer {
    match arg.logical_nulls() {
        Some(nulls) => included & nulls.inner(),
        None => included.clone(),
    }
}

pub fn add_whole(sum: Option<i128>, arg: &ArrayRef, rows: &BooleanBuffer) -> Option<i128> {
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
pub fn each_double(arg: &ArrayRef, ty: &Type, rows: &BooleanBuffer, mut f: impl FnMut(usize, f64)) {
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

pub fn as_double(value: &Value) -> Option<f64> {
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
pub fn extreme(arg: &ArrayRef, rows: &BooleanBuffer, max: bool) -> Option<usize> {
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

pub fn take_better(best: &mut Value, value: Value, max: bool) {
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

//! Arithmetic, `||` and comparisons of two values that have the types that the operator needs.

use num_bigint::BigInt;

use super::number::{self, Rounding};
use super::{Reason, Result, value, zone};
use crate::hir::{BinaryOp, Type, Value};

/// `and` and `or` are not here: they need not compute both sides.
pub fn binary(op: BinaryOp, left: &Value, right: &Value, ty: &Type) -> Result {
    if matches!(left, Value::Null) || matches!(right, Value::Null) {
        return Ok(Value::Null);
    }
    match op {
        _ if op.is_comparison() => Ok(comparison(op, left, right).map_or(Value::Null, Value::Bool)),
        BinaryOp::Concat => concat(left, right),
        BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Remainder => {
            arithmetic(op, left, right, ty)
        }
        _ => Err(Reason::UNSUPPORTED),
    }
}

/// Null beside a null, false where a NaN stands.
pub fn comparison(op: BinaryOp, left: &Value, right: &Value) -> Option<bool> {
    if matches!(left, Value::Null) || matches!(right, Value::Null) {
        return None;
    }
    Some(value::compare(left, right).is_some_and(|order| op.holds(order)))
}

fn concat(left: &Value, right: &Value) -> Result {
    match (left, right) {
        (Value::String(a), Value::String(b)) => Ok(Value::String([a.as_str(), b].concat())),
        (Value::Binary(a), Value::Binary(b)) => Ok(Value::Binary([a.as_slice(), b].concat())),
        (Value::Array(a), Value::Array(b)) => Ok(Value::Array([a.as_slice(), b].concat())),
        _ => Err(Reason::UNSUPPORTED),
    }
}

pub fn negate(of: &Value, ty: &Type) -> Result {
    match *of {
        Value::Null => Ok(Value::Null),
        Value::Int(i) => number::integer(&-BigInt::from(i), ty),
        Value::Decimal { unscaled, scale } => {
            unscaled.checked_neg().map(|unscaled| Value::Decimal { unscaled, scale }).ok_or(Reason::OVERFLOW)
        }
        Value::Float(x) => Ok(Value::Float(-x)),
        Value::Double(x) => Ok(Value::Double(-x)),
        Value::Interval(t) => t.checked_neg().map(Value::Interval).ok_or(Reason::OVERFLOW),
        Value::MonthInterval(n) => n.checked_neg().map(Value::MonthInterval).ok_or(Reason::OVERFLOW),
        _ => Err(Reason::UNSUPPORTED),
    }
}

fn arithmetic(op: BinaryOp, left: &Value, right: &Value, ty: &Type) -> Result {
    match (left, right) {
        (Value::Float(a), Value::Float(b)) => Ok(match ty {
            Type::Double => Value::Double(floating(op, f64::from(*a), f64::from(*b))?),
            _ => Value::Float(single(op, *a, *b)?),
        }),
        _ => match (value::exact(left), value::exact(right)) {
            (Some(a), Some(b)) if !ty.is_floating() => exact(op, a, b, ty),
            _ => match (value::as_f64(left), value::as_f64(right)) {
                (Some(a), Some(b)) if matches!(ty, Type::Float) => Ok(Value::Float(floating(op, a, b)? as f32)),
                (Some(a), Some(b)) => floating(op, a, b).map(Value::Double),
                _ => temporal(op, left.clone(), right.clone(), ty),
            },
        },
    }
}

/// In ANSI mode a division of floating numbers by zero is none either.
fn floating(op: BinaryOp, a: f64, b: f64) -> Result<f64> {
    match op {
        BinaryOp::Add => Ok(a + b),
        BinaryOp::Subtract => Ok(a - b),
        BinaryOp::Multiply => Ok(a * b),
        BinaryOp::Divide | BinaryOp::Remainder if b == 0.0 => Err(Reason::ZERO),
        BinaryOp::Divide => Ok(a / b),
        _ => Ok(a % b),
    }
}

fn single(op: BinaryOp, a: f32, b: f32) -> Result<f32> {
    match op {
        BinaryOp::Add => Ok(a + b),
        BinaryOp::Subtract => Ok(a - b),
        BinaryOp::Multiply => Ok(a * b),
        BinaryOp::Divide | BinaryOp::Remainder if b == 0.0 => Err(Reason::ZERO),
        BinaryOp::Divide => Ok(a / b),
        _ => Ok(a % b),
    }
}

/// Integers and decimals: computed exactly, then rounded half up to the result's scale.
fn exact(op: BinaryOp, (a, sa): (i128, u8), (b, sb): (i128, u8), ty: &Type) -> Result {
    if let Some(value) = small(op, (a, sa), (b, sb), ty) {
        return Ok(value);
    }
    let scale = sa.max(sb);
    let aligned = || (number::wide(a, scale - sa), number::wide(b, scale - sb));
    let fit = |n: BigInt, scale: u8| number::fit(n, i32::from(scale), ty, Rounding::HalfUp);
    match op {
        BinaryOp::Add => fit(aligned().0 + aligned().1, scale),
        BinaryOp::Subtract => fit(aligned().0 - aligned().1, scale),
        BinaryOp::Multiply => fit(BigInt::from(a) * BigInt::from(b), sa.saturating_add(sb)),
        _ if b == 0 => Err(Reason::ZERO),
        BinaryOp::Remainder => fit(aligned().0 % aligned().1, scale),
        _ => {
            let to = match ty {
                Type::Decimal { scale, .. } => *scale,
                _ => 0,
            };
            // a / 10^sa / (b / 10^sb) * 10^to
            let (a, b) = (number::wide(a, sb.saturating_add(to)), number::wide(b, sa));
            let rounding = if ty.is_integer() { Rounding::Down } else { Rounding::HalfUp };
            number::fit(number::divide(&a, &b, rounding), i32::from(to), ty, rounding)
        }
    }
}

/// What takes no more than a word.
fn small(op: BinaryOp, (a, sa): (i128, u8), (b, sb): (i128, u8), ty: &Type) -> Option<Value> {
    let scale = sa.max(sb);
    let aligned = |n: i128, from: u8| n.checked_mul(10i128.checked_pow(u32::from(scale - from))?);
    match op {
        BinaryOp::Add => number::simply(aligned(a, sa)?.checked_add(aligned(b, sb)?)?, scale, ty),
        BinaryOp::Subtract => number::simply(aligned(a, sa)?.checked_sub(aligned(b, sb)?)?, scale, ty),
        BinaryOp::Multiply => number::simply(a.checked_mul(b)?, sa.checked_add(sb)?, ty),
        _ => None,
    }
}

fn temporal(op: BinaryOp, left: Value, right: Value, ty: &Type) -> Result {
    use Value::*;
    let sum = |a: i64, b: i64| if op == BinaryOp::Add { a.checked_add(b) } else { a.checked_sub(b) };
    let ok = |t: Option<i64>| t.ok_or(Reason::OUT_OF_RANGE);
    let (left, right) = match (op, left, right) {
        // what is added to a time stands right
        (
            BinaryOp::Add,
            l @ (Interval(_) | MonthInterval(_) | Int(_)),
            r @ (Date(_) | Timestamp(_) | TimestampNtz(_)),
        ) => (r, l),
        (BinaryOp::Multiply, l @ (Int(_) | Decimal { .. } | Double(_) | Float(_)), r) => (r, l),
        (_, l, r) => (l, r),
    };
    match (op, left, right) {
        (BinaryOp::Add | BinaryOp::Subtract, left, right) => match (left, right) {
            (Interval(a), Interval(b)) => ok(sum(a, b)).map(Interval),
            (MonthInterval(a), MonthInterval(b)) => months(sum(a.into(), b.into())).map(MonthInterval),
            (Date(d), Int(n)) => day(sum(d.into(), n)),
            (Date(d), Interval(t)) => {
                let at = ok(sum(zone::midnight(d), t))?;
                Ok(match ty {
                    Type::Timestamp => Timestamp(at),
                    Type::TimestampNtz => TimestampNtz(at),
                    _ => Date(zone::day_of(at)?),
                })
            }
            (Date(d), MonthInterval(n)) => zone::add_months(d, months(sum(0, n.into()))?).map(Date),
            (Timestamp(t), Interval(by)) => ok(sum(t, by)).map(Timestamp),
            (TimestampNtz(t), Interval(by)) => ok(sum(t, by)).map(TimestampNtz),
            (Timestamp(t), MonthInterval(n)) => shift(t, months(sum(0, n.into()))?).map(Timestamp),
            (TimestampNtz(t), MonthInterval(n)) => shift(t, months(sum(0, n.into()))?).map(TimestampNtz),
            (Date(a), Date(b)) if op == BinaryOp::Subtract => {
                Ok(Interval((i64::from(a) - i64::from(b)).saturating_mul(zone::DAY)))
            }
            (Timestamp(a), Timestamp(b)) | (TimestampNtz(a), TimestampNtz(b)) if op == BinaryOp::Subtract => {
                ok(a.checked_sub(b)).map(Interval)
            }
            (Time(a), Time(b)) if op == BinaryOp::Subtract => Ok(Interval(a - b)),
            _ => Err(Reason::UNSUPPORTED),
        },
        (BinaryOp::Multiply | BinaryOp::Divide, Interval(t), by) => {
            scaled(op, t, &by).and_then(|n| number::integer(&n, &Type::BigInt)).and_then(|v| match v {
                Int(t) => Ok(Interval(t)),
                _ => Err(Reason::OVERFLOW),
            })
        }
        (BinaryOp::Multiply | BinaryOp::Divide, MonthInterval(n), by) => {
            let n = scaled(op, n.into(), &by)?;
            i32::try_from(&n).map(MonthInterval).map_err(|_| Reason::OVERFLOW)
        }
        _ => Err(Reason::UNSUPPORTED),
    }
}

/// A length of time times or by a number, rounded half up.
fn scaled(op: BinaryOp, length: i64, by: &Value) -> Result<BigInt> {
    let (n, scale) = match by {
        Value::Double(x) => number::of_double(*x).ok_or(Reason::OVERFLOW)?,
        Value::Float(x) => number::of_double(f64::from(*x)).ok_or(Reason::OVERFLOW)?,
        other => value::exact(other).map(|(n, s)| (BigInt::from(n), i32::from(s))).ok_or(Reason::UNSUPPORTED)?,
    };
    let ten = BigInt::from(10).pow(scale.unsigned_abs());
    let (n, one) = if scale >= 0 { (n, ten) } else { (n * ten, BigInt::from(1)) };
    if op == BinaryOp::Multiply {
        Ok(number::divide(&(BigInt::from(length) * n), &one, Rounding::HalfUp))
    } else if n == BigInt::ZERO {
        Err(Reason::ZERO)
    } else {
        Ok(number::divide(&(BigInt::from(length) * one), &n, Rounding::HalfUp))
    }
}

fn months(n: Option<i64>) -> Result<i32> {
    n.and_then(|n| i32::try_from(n).ok()).ok_or(Reason::OVERFLOW)
}

fn day(n: Option<i64>) -> Result {
    n.and_then(|n| i32::try_from(n).ok()).map(Value::Date).ok_or(Reason::OUT_OF_RANGE)
}

/// A reading so many months later at the same time of day.
pub fn shift(local: i64, months: i32) -> Result<i64> {
    let day = zone::add_months(zone::day_of(local)?, months)?;
    Ok(zone::midnight(day) + local.rem_euclid(zone::DAY))
}

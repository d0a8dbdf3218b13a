//! Exact numbers: decimals as an unscaled integer and a scale, rounded half up (away from zero) as Spark does.

use num_bigint::{BigInt, Sign};

use super::{Reason, Result};
use crate::hir::{Type, Value};

/// `unscaled * 10^by`
pub fn wide(unscaled: i128, by: u8) -> BigInt {
    BigInt::from(unscaled) * BigInt::from(10).pow(u32::from(by))
}

/// How a digit after the last one that is kept decides.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    HalfUp,
    HalfEven,
    Down,
    Floor,
    Ceiling,
}

/// `a / b` as a whole number; `b` is not 0.
pub fn divide(a: &BigInt, b: &BigInt, rounding: Rounding) -> BigInt {
    let quotient = a / b;
    let remainder = a - &quotient * b;
    if remainder.sign() == Sign::NoSign {
        return quotient;
    }
    let negative = (a.sign() == Sign::Minus) != (b.sign() == Sign::Minus);
    let twice = BigInt::from(remainder.magnitude().clone()) * 2;
    let divisor = BigInt::from(b.magnitude().clone());
    let away = match rounding {
        Rounding::HalfUp => twice >= divisor,
        Rounding::HalfEven => twice > divisor || twice == divisor && quotient.bit(0),
        Rounding::Down => false,
        Rounding::Floor => negative,
        Rounding::Ceiling => !negative,
    };
    match (away, negative) {
        (false, _) => quotient,
        (true, true) => quotient - 1,
        (true, false) => quotient + 1,
    }
}

/// The number `unscaled / 10^from` with `to` digits after the point; `to` may be negative, then the last digits are 0
/// and the result's scale is 0.
pub fn rescale(unscaled: &BigInt, from: i32, to: i32, rounding: Rounding) -> BigInt {
    let ten = |n: i32| BigInt::from(10).pow(n.unsigned_abs());
    if to >= from { unscaled * ten(to - from) } else { divide(unscaled, &ten(from - to), rounding) }
}

/// A decimal of the type if it has that many digits at most.
pub fn decimal(unscaled: BigInt, precision: u8, scale: u8) -> Result {
    let limit = BigInt::from(10).pow(u32::from(precision.min(38)));
    match i128::try_from(&unscaled) {
        Ok(n) if unscaled.magnitude() < limit.magnitude() => Ok(Value::Decimal { unscaled: n, scale }),
        _ => Err(Reason::OVERFLOW),
    }
}

/// `unscaled / 10^scale` as a value of an integer or decimal type that keeps every digit; `None`: it takes [`fit`] to tell.
pub fn simply(unscaled: i128, scale: u8, ty: &Type) -> Option<Value> {
    match ty {
        Type::Decimal { precision, scale: to } => {
            let n = unscaled.checked_mul(10i128.checked_pow(u32::from(to.checked_sub(scale)?))?)?;
            let limit = 10u128.checked_pow(u32::from((*precision).min(38)))?;
            (n.unsigned_abs() < limit).then_some(Value::Decimal { unscaled: n, scale: *to })
        }
        ty if ty.is_integer() && scale == 0 => {
            let n = i64::try_from(unscaled).ok()?;
            let (least, greatest) = bounds(ty);
            (least..=greatest).contains(&n).then_some(Value::Int(n))
        }
        _ => None,
    }
}

/// An exact number as a value of an integer or decimal type.
pub fn fit(unscaled: BigInt, scale: i32, ty: &Type, rounding: Rounding) -> Result {
    match ty {
        Type::Decimal { precision, scale: to } => {
            decimal(rescale(&unscaled, scale, i32::from(*to), rounding), *precision, *to)
        }
        _ => integer(&rescale(&unscaled, scale, 0, rounding), ty),
    }
}

/// A whole number as a value of an integer type.
pub fn integer(n: &BigInt, ty: &Type) -> Result {
    let n = i64::try_from(n).map_err(|_| Reason::OVERFLOW)?;
    let (least, greatest) = bounds(ty);
    if (least..=greatest).contains(&n) { Ok(Value::Int(n)) } else { Err(Reason::OVERFLOW) }
}

/// The least and the greatest value of an integer type.
pub fn bounds(ty: &Type) -> (i64, i64) {
    match ty {
        Type::TinyInt => (i64::from(i8::MIN), i64::from(i8::MAX)),
        Type::SmallInt => (i64::from(i16::MIN), i64::from(i16::MAX)),
        Type::Int => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    }
}

/// A number written in digits, with a point and an exponent perhaps, as unscaled number and scale.
pub fn parse(text: &str) -> Option<(BigInt, i32)> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || all.len() > 400 || !all.bytes().all(|b| b.is_ascii_digit()) || exponent.abs() > 400 {
        return None;
    }
    let n: BigInt = all.parse().ok()?;
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    Some((if negative { -n } else { n }, scale))
}

/// The shortest decimal that a finite double is read back from.
pub fn of_double(x: f64) -> Option<(BigInt, i32)> {
    if x.is_finite() { parse(&format!("{x:e}")) } else { None }
}

/// The decimal in digits, with all digits of its scale.
pub fn text(unscaled: i128, scale: u8) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = usize::from(scale) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

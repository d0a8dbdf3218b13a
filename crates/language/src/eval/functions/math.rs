//! Numbers.

use num_bigint::BigInt;

use crate::eval::number::{self, Rounding};
use crate::eval::operators::binary;
use crate::eval::{Reason, Result, value};
use crate::hir::{BinaryOp, Type, Value};

pub fn call(function: &str, args: &[Value], ty: &Type) -> Option<Result> {
    use Value::*;
    let double = |x: f64| Ok(Double(x));
    let positive = |x: f64, y: f64| Ok(if x > 0.0 || x.is_nan() { Double(y) } else { Null });
    Some(match (function, args) {
        ("abs", [Int(n)]) => number::integer(&BigInt::from(i128::from(*n).abs()), ty),
        ("abs", [Decimal { unscaled, scale }]) => Ok(Decimal { unscaled: unscaled.saturating_abs(), scale: *scale }),
        ("abs", [Float(x)]) => Ok(Float(x.abs())),
        ("abs", [Double(x)]) => double(x.abs()),
        ("sign", [x]) if value::exact(x).is_some() => {
            value::exact(x).map_or(Err(Reason::UNSUPPORTED), |(n, _)| Ok(Int(n.signum() as i64)))
        }
        ("sign", [x]) => match value::as_f64(x)? {
            x if x.is_nan() => Ok(Null),
            x if x == 0.0 => Ok(Int(0)),
            x => Ok(Int(x.signum() as i64)),
        },
        ("round", [x]) => round(x, 0, ty, Rounding::HalfUp),
        ("round", [x, Int(places)]) => round(x, *places, ty, Rounding::HalfUp),
        ("bround", [x]) => round(x, 0, ty, Rounding::HalfEven),
        ("bround", [x, Int(places)]) => round(x, *places, ty, Rounding::HalfEven),
        ("trunc", [x, Int(places)]) => round(x, *places, ty, Rounding::Down),
        ("floor", [Double(x)]) => whole(x.floor()),
        ("floor", [x]) => round(x, 0, ty, Rounding::Floor),
        ("ceil", [Double(x)]) => whole(x.ceil()),
        ("ceil", [x]) => round(x, 0, ty, Rounding::Ceiling),
        ("mod", [a, b]) => binary(BinaryOp::Remainder, a, b, ty),
        ("pmod", [a, b]) => pmod(a, b, ty),
        ("div", [Interval(_), Interval(0)]) => Err(Reason::ZERO),
        ("div", [Interval(a), Interval(b)]) => a.checked_div(*b).map(Int).ok_or(Reason::OVERFLOW),
        ("div", [a, b]) => binary(BinaryOp::Divide, a, b, &Type::BigInt),
        ("gcd", [Int(a), Int(b)]) => whole_number(Some(gcd(*a, *b))),
        ("lcm", [Int(a), Int(b)]) => whole_number(lcm(*a, *b)),
        ("sqrt", [Double(x)]) => double(x.sqrt()),
        ("cbrt", [Double(x)]) => double(x.cbrt()),
        ("power", [Double(x), Double(y)]) => double(x.powf(*y)),
        ("exp", [Double(x)]) => double(x.exp()),
        ("ln", [Double(x)]) => positive(*x, x.ln()),
        ("log10", [Double(x)]) => positive(*x, x.log10()),
        ("log2", [Double(x)]) => positive(*x, x.log2()),
        ("sin", [Double(x)]) => double(x.sin()),
        ("cos", [Double(x)]) => double(x.cos()),
        ("tan", [Double(x)]) => double(x.tan()),
        ("asin", [Double(x)]) => double(x.asin()),
        ("acos", [Double(x)]) => double(x.acos()),
        ("atan", [Double(x)]) => double(x.atan()),
        ("atan2", [Double(y), Double(x)]) => double(y.atan2(*x)),
        ("degrees", [Double(x)]) => double(x.to_degrees()),
        ("radians", [Double(x)]) => double(x.to_radians()),
        ("pi", []) => double(std::f64::consts::PI),
        ("isnan", [Double(x)]) => Ok(Bool(x.is_nan())),
        ("nanvl", [Double(x), Double(instead)]) => double(if x.is_nan() { *instead } else { *x }),
        ("factorial", [Int(n @ 0..=20)]) => Ok(Int((1..=*n).product())),
        ("factorial", [Int(_)]) => Ok(Null),
        ("bit_count", [Int(n)]) => Ok(Int(n.count_ones().into())),
        _ => return None,
    })
}

/// A number with so many digits after the point; floating ones by their shortest decimal, as Spark does.
fn round(x: &Value, places: i64, ty: &Type, rounding: Rounding) -> Result {
    let places = i32::try_from(places.clamp(-400, 400)).unwrap_or(0);
    let rounded = |n: &BigInt, scale: i32| {
        let kept = number::rescale(n, scale, places.min(scale), rounding);
        (kept, places.min(scale))
    };
    match x {
        Value::Float(_) | Value::Double(_) => {
            let shortest = match x {
                Value::Float(x) => number::parse(&format!("{x:e}")),
                _ => value::as_f64(x).and_then(number::of_double),
            };
            // NaN and the infinities are their own
            let Some((n, scale)) = shortest else { return Ok(x.clone()) };
            let (n, scale) = rounded(&n, scale);
            let text = format!("{n}e{}", -scale);
            match x {
                Value::Float(_) => text.parse().map(Value::Float).map_err(|_| Reason::OVERFLOW),
                _ => text.parse().map(Value::Double).map_err(|_| Reason::OVERFLOW),
            }
        }
        _ => {
            let (n, scale) = value::exact(x).ok_or(Reason::UNSUPPORTED)?;
            let (n, scale) = rounded(&BigInt::from(n), i32::from(scale));
            number::fit(n, scale, ty, rounding)
        }
    }
}

fn gcd(a: i64, b: i64) -> u64 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn lcm(a: i64, b: i64) -> Option<u64> {
    let common = gcd(a, b);
    if common == 0 { Some(0) } else { (a.unsigned_abs() / common).checked_mul(b.unsigned_abs()) }
}

fn whole_number(n: Option<u64>) -> Result {
    n.and_then(|n| i64::try_from(n).ok()).map(Value::Int).ok_or(Reason::OVERFLOW)
}

/// A whole double as a bigint.
fn whole(x: f64) -> Result {
    crate::eval::cast::cast(Value::Double(x), &Type::BigInt).map_err(|_| Reason::OVERFLOW)
}

/// `((a % b) + b) % b`, as Spark defines it.
fn pmod(a: &Value, b: &Value, ty: &Type) -> Result {
    let remainder = binary(BinaryOp::Remainder, a, b, ty)?;
    let negative = match &remainder {
        Value::Int(n) => *n < 0,
        Value::Decimal { unscaled, .. } => *unscaled < 0,
        other => value::as_f64(other).is_some_and(|x| x < 0.0),
    };
    if !negative {
        return Ok(remainder);
    }
    // the sum may leave a narrow integer's range; the remainder does not
    let wide = if ty.is_integer() { &Type::Decimal { precision: 38, scale: 0 } } else { ty };
    let sum = binary(BinaryOp::Add, &remainder, b, wide)?;
    binary(BinaryOp::Remainder, &sum, b, ty)
}

//! `cast`, as Spark does it in ANSI mode: what cannot be done is a reason, never a null. Casts that depend on a zone are
//! functions; where one comes here, the zone is UTC.

use num_bigint::BigInt;

use super::number::{self, Rounding};
use super::zone::{self, Zone};
use super::{Reason, Result, time, value};
use crate::hir::{Type, Value};

/// The value as one of the type.
pub fn cast(from: Value, ty: &Type) -> Result {
    use Value::*;
    match (ty, from) {
        (_, Null) => Ok(Null),
        (Type::Error | Type::Null, other) => Ok(other),
        (Type::Boolean, from) => boolean(from),
        (Type::TinyInt | Type::SmallInt | Type::Int | Type::BigInt, from) => integer(from, ty),
        (Type::Decimal { .. }, from) => decimal(from, ty),
        (Type::Double, from) => double(&from).map(Double),
        (Type::Float, Float(x)) => Ok(Float(x)),
        (Type::Float, from) => single(&from).map(Float),
        (Type::String, from) => text(&from).map(String),
        (Type::Binary, Binary(b)) => Ok(Binary(b)),
        (Type::Binary, String(s)) => Ok(Binary(s.into_bytes())),
        (Type::Date, Date(d)) => Ok(Date(d)),
        (Type::Date, Timestamp(t) | TimestampNtz(t)) => zone::day_of(t).map(Date),
        (Type::Date, String(s)) => time::date(&s).map(Date).ok_or_else(|| Reason::not_a(ty)),
        (Type::Timestamp, Timestamp(t) | TimestampNtz(t)) => Ok(Timestamp(t)),
        (Type::Timestamp, Date(d)) => Ok(Timestamp(zone::midnight(d))),
        (Type::Timestamp, Int(seconds)) => {
            seconds.checked_mul(zone::SECOND).map(Timestamp).ok_or_else(|| Reason::out_of(ty))
        }
        (Type::Timestamp, String(s)) => time::timestamp(&s, Zone::UTC).map(Timestamp).ok_or_else(|| Reason::not_a(ty)),
        (Type::TimestampNtz, Timestamp(t) | TimestampNtz(t)) => Ok(TimestampNtz(t)),
        (Type::TimestampNtz, Date(d)) => Ok(TimestampNtz(zone::midnight(d))),
        (Type::TimestampNtz, String(s)) => time::timestamp_ntz(&s).map(TimestampNtz).ok_or_else(|| Reason::not_a(ty)),
        (Type::Time, Time(t)) => Ok(Time(t)),
        (Type::Time, String(s)) => time::time_of_day(s.trim()).map(Time).ok_or_else(|| Reason::not_a(ty)),
        (Type::Interval, Interval(t)) => Ok(Interval(t)),
        (Type::MonthInterval, MonthInterval(n)) => Ok(MonthInterval(n)),
        (Type::Array { .. } | Type::Map { .. } | Type::Struct(_), String(s)) => super::json::parse(&s, ty),
        (Type::Array { item, .. }, Array(items)) => {
            items.into_iter().map(|i| cast(i, item)).collect::<Result<Vec<_>>>().map(Array)
        }
        (Type::Map { key, value, .. }, Map(entries)) => {
            entries.into_iter().map(|(k, v)| Ok((cast(k, key)?, cast(v, value)?))).collect::<Result<Vec<_>>>().map(Map)
        }
        (Type::Struct(to), Struct(fields)) if to.len() == fields.len() => to
            .iter()
            .zip(fields)
            .map(|(to, (_, v))| Ok((to.name.clone(), cast(v, &to.ty)?)))
            .collect::<Result<Vec<_>>>()
            .map(Struct),
        _ => Err(Reason::not_a(ty)),
    }
}

fn boolean(from: Value) -> Result {
    let b = match from {
        Value::Bool(b) => b,
        Value::Int(i) => i != 0,
        Value::Decimal { unscaled, .. } => unscaled != 0,
        Value::Float(x) => x != 0.0,
        Value::Double(x) => x != 0.0,
        Value::String(s) => match s.trim().to_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "1" => true,
            "f" | "false" | "n" | "no" | "0" => false,
            _ => return Err(Reason::not_a(&Type::Boolean)),
        },
        _ => return Err(Reason::not_a(&Type::Boolean)),
    };
    Ok(Value::Bool(b))
}

/// Numbers lose what stands after the point; text must be a whole number.
fn integer(from: Value, ty: &Type) -> Result {
    if let Value::Int(n) = from
        && let Some(value) = number::simply(i128::from(n), 0, ty)
    {
        return Ok(value);
    }
    let n = match from {
        Value::Bool(b) => BigInt::from(u8::from(b)),
        Value::Int(i) => BigInt::from(i),
        Value::Decimal { unscaled, scale } => {
            number::rescale(&BigInt::from(unscaled), i32::from(scale), 0, Rounding::Down)
        }
        Value::Float(x) => whole(f64::from(x), ty)?,
        Value::Double(x) => whole(x, ty)?,
        Value::Timestamp(t) => BigInt::from(t.div_euclid(zone::SECOND)),
        Value::String(s) => {
            let s = s.trim();
            let digits = s.strip_prefix(['+', '-']).unwrap_or(s);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) || digits.len() > 400 {
                return Err(Reason::not_a(ty));
            }
            s.parse().map_err(|_| Reason::not_a(ty))?
        }
        _ => return Err(Reason::not_a(ty)),
    };
    number::integer(&n, ty).map_err(|_| Reason::out_of(ty))
}

fn whole(x: f64, ty: &Type) -> Result<BigInt> {
    let (n, scale) = number::of_double(x.trunc()).ok_or_else(|| Reason::out_of(ty))?;
    Ok(number::rescale(&n, scale, 0, Rounding::Down))
}

fn decimal(from: Value, ty: &Type) -> Result {
    if let Some(value) = value::exact(&from).and_then(|(n, scale)| number::simply(n, scale, ty)) {
        return Ok(value);
    }
    let (n, scale) = match from {
        Value::Bool(b) => (BigInt::from(u8::from(b)), 0),
        Value::Float(x) => number::of_double(f64::from(x)).ok_or_else(|| Reason::not_a(ty))?,
        Value::Double(x) => number::of_double(x).ok_or_else(|| Reason::not_a(ty))?,
        Value::String(s) => number::parse(s.trim()).ok_or_else(|| Reason::not_a(ty))?,
        Value::Timestamp(t) => (BigInt::from(t), 6),
        other => match value::exact(&other) {
            Some((n, scale)) => (BigInt::from(n), i32::from(scale)),
            None => return Err(Reason::not_a(ty)),
        },
    };
    number::fit(n, scale, ty, Rounding::HalfUp).map_err(|_| Reason::out_of(ty))
}

fn double(from: &Value) -> Result<f64> {
    match from {
        Value::Bool(b) => Ok(f64::from(u8::from(*b))),
        Value::String(s) => floating(s).ok_or_else(|| Reason::not_a(&Type::Double)),
        Value::Timestamp(t) => Ok(*t as f64 / 1e6),
        other => value::as_f64(other).ok_or_else(|| Reason::not_a(&Type::Double)),
    }
}

fn single(from: &Value) -> Result<f32> {
    let not_a = || Reason::not_a(&Type::Float);
    match from {
        Value::Bool(b) => Ok(f32::from(u8::from(*b))),
        Value::String(s) => match s.trim().parse::<f32>() {
            Ok(x) if floating(s).is_some() => Ok(x),
            _ => floating(s).map(|x| x as f32).ok_or_else(not_a),
        },
        Value::Decimal { unscaled, scale } => number::text(*unscaled, *scale).parse().map_err(|_| not_a()),
        Value::Int(i) => Ok(*i as f32),
        other => value::as_f64(other).map(|x| x as f32).ok_or_else(not_a),
    }
}

/// Digits with point and exponent, `NaN`, `Infinity`, `inf`, in any case.
fn floating(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.strip_prefix(['+', '-']).unwrap_or(text).to_lowercase();
    let known = matches!(plain.as_str(), "nan" | "inf" | "infinity")
        || plain.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if known { text.parse().ok() } else { None }
}

/// As Spark shows it; instants in UTC.
pub fn text(from: &Value) -> Result<String> {
    Ok(match from {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Decimal { unscaled, scale } => number::text(*unscaled, *scale),
        Value::Float(x) => java(f64::from(*x), &format!("{x:e}")),
        Value::Double(x) => java(*x, &format!("{x:e}")),
        Value::String(s) => s.clone(),
        Value::Binary(b) => String::from_utf8_lossy(b).into_owned(),
        Value::Date(d) => time::show_date(*d)?,
        Value::Timestamp(t) | Value::TimestampNtz(t) => time::show(*t)?,
        Value::Time(t) => time::show_time(*t),
        Value::Interval(_) | Value::MonthInterval(_) => return Err(Reason::UNSUPPORTED),
        Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Result<Vec<_>>>()?.join(", ")),
        Value::Map(entries) => {
            let entry = |(k, v): &(Value, Value)| Ok(format!("{} -> {}", text(k)?, text(v)?));
            format!("{{{}}}", entries.iter().map(entry).collect::<Result<Vec<_>>>()?.join(", "))
        }
        Value::Struct(fields) => {
            format!("{{{}}}", fields.iter().map(|(_, v)| text(v)).collect::<Result<Vec<_>>>()?.join(", "))
        }
    })
}

/// A floating number as Java writes it: plain from 0.001 to 10,000,000, else with an exponent. `shortest` is Rust's
/// `{:e}`, which has the same digits.
fn java(x: f64, shortest: &str) -> String {
    if x.is_nan() {
        return "NaN".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if x == 0.0 {
        return if x.is_sign_negative() { "-0.0" } else { "0.0" }.to_owned();
    }
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((shortest, "0"));
    if (1e-3..1e7).contains(&x.abs()) {
        let (n, scale) = number::parse(shortest).unwrap_or_default();
        let scale = scale.max(1);
        let n = number::rescale(&n, number::parse(shortest).map_or(0, |p| p.1), scale, Rounding::Down);
        return match (i128::try_from(&n), u8::try_from(scale)) {
            (Ok(n), Ok(scale)) => number::text(n, scale),
            _ => shortest.to_owned(),
        };
    }
    let point = if mantissa.contains('.') { "" } else { ".0" };
    format!("{mantissa}{point}E{exponent}")
}

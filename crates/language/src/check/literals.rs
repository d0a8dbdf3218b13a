//! Constants: what a literal's text means, and how it takes the type that stands beside it.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Timelike};

use crate::hir::{Type, Value};
use crate::syntax::ast::{self, Unit};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A number as written: an integer, an exact decimal, or with an exponent a double. `None` where it is out of every
/// range.
pub fn number(text: &str) -> Option<(Value, Type)> {
    if text.contains(['e', 'E']) {
        let value: f64 = text.parse().ok()?;
        return value.is_finite().then_some((Value::Double(value), Type::Double));
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.is_empty() {
        if let Ok(n) = whole.parse::<i64>() {
            let ty = if i32::try_from(n).is_ok() { Type::Int } else { Type::BigInt };
            return Some((Value::Int(n), ty));
        }
    }
    decimal(&format!("{whole}{fraction}"), fraction.len())
}

fn decimal(digits: &str, scale: usize) -> Option<(Value, Type)> {
    let unscaled: i128 = digits.parse().ok()?;
    let scale = u8::try_from(scale).ok()?;
    let precision = digits_of(unscaled).max(scale).max(1);
    (precision <= 38).then_some((Value::Decimal { unscaled, scale }, Type::Decimal { precision, scale }))
}

/// `95%` is exactly 0.95.
pub fn percent(value: f64) -> Option<(Value, Type)> {
    let text = format!("{value}");
    let (whole, fraction) = text.split_once('.').unwrap_or((text.as_str(), ""));
    decimal(&format!("{whole}{fraction}"), fraction.len() + 2)
}

/// The number of decimal digits; 0 has none.
pub fn digits_of(unscaled: i128) -> u8 {
    let mut rest = unscaled.unsigned_abs();
    let mut digits = 0;
    while rest > 0 {
        rest /= 10;
        digits += 1;
    }
    digits
}

/// The value in another numeric type, where it has exactly that value there (but for binary fractions).
pub fn adapt_number(value: &Value, to: &Type) -> Option<Value> {
    match (value, to) {
        (Value::Int(n), Type::TinyInt) => i8::try_from(*n).ok().map(|_| value.clone()),
        (Value::Int(n), Type::SmallInt) => i16::try_from(*n).ok().map(|_| value.clone()),
        (Value::Int(n), Type::Int) => i32::try_from(*n).ok().map(|_| value.clone()),
        (Value::Int(_), Type::BigInt) => Some(value.clone()),
        (Value::Int(n), Type::Double) => Some(Value::Double(*n as f64)),
        (Value::Int(n), Type::Float) => Some(Value::Float(*n as f32)),
        (Value::Int(n), Type::Decimal { precision, scale }) => rescale(i128::from(*n), 0, *precision, *scale),
        (Value::Decimal { unscaled, scale: from }, Type::Decimal { precision, scale }) => {
            rescale(*unscaled, *from, *precision, *scale)
        }
        (Value::Decimal { unscaled, scale }, Type::Double) => {
            format!("{unscaled}e-{scale}").parse().ok().map(Value::Double)
        }
        (Value::Decimal { unscaled, scale }, Type::Float) => {
            format!("{unscaled}e-{scale}").parse().ok().map(Value::Float)
        }
        (Value::Decimal { unscaled, scale }, _) if to.is_integer() => match rescale(*unscaled, *scale, 19, 0)? {
            Value::Decimal { unscaled, .. } => adapt_number(&Value::Int(i64::try_from(unscaled).ok()?), to),
            _ => None,
        },
        (Value::Double(_), Type::Double) => Some(value.clone()),
        (Value::Double(n), Type::Float) => Some(Value::Float(*n as f32)),
        // `1e6` next to a whole number.
        (Value::Double(n), _) if n.fract() == 0.0 && n.abs() < 1e15 => adapt_number(&Value::Int(*n as i64), to),
        _ => None,
    }
}

fn rescale(unscaled: i128, from: u8, precision: u8, scale: u8) -> Option<Value> {
    let unscaled = if scale >= from {
        unscaled.checked_mul(10_i128.checked_pow(u32::from(scale - from))?)?
    } else {
        let factor = 10_i128.checked_pow(u32::from(from - scale))?;
        if unscaled % factor != 0 {
            return None;
        }
        unscaled / factor
    };
    (digits_of(unscaled) <= precision).then_some(Value::Decimal { unscaled, scale })
}

pub fn negate(value: &Value) -> Option<Value> {
    match value {
        Value::Int(n) => n.checked_neg().map(Value::Int),
        Value::Decimal { unscaled, scale } => Some(Value::Decimal { unscaled: -unscaled, scale: *scale }),
        Value::Double(n) => Some(Value::Double(-n)),
        Value::Interval(n) => n.checked_neg().map(Value::Interval),
        Value::MonthInterval(n) => n.checked_neg().map(Value::MonthInterval),
        _ => None,
    }
}

/// Days since 1970 of `2026-01-02`.
pub fn date(text: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok()?;
    let valid = (1..=9999).contains(&date.year());
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
    i32::try_from(date.signed_duration_since(epoch).num_days()).ok().filter(|_| valid)
}

/// What a text for an instant says: one with an offset is an instant, one without is a reading of some clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instant {
    Utc(i64),
    Local(NaiveDateTime),
}

/// `2026-01-02`, `2026-01-02 03:04`, `2026-01-02T03:04:05.678Z`, `… +02:00`, `… America/Sao_Paulo`.
pub fn timestamp(text: &str) -> Option<Instant> {
    let text = text.trim();
    if date(text).is_some() {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        return Some(Instant::Local(day.and_time(NaiveTime::MIN)));
    }
    let (day, rest) = text.split_once(['T', ' '])?;
    date(day)?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.')).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at_checked(end)?;
    let time = ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|form| NaiveTime::parse_from_str(clock, form).ok())?;
    let local = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?.and_time(time);
    let zone = zone.trim();
    if zone.is_empty() {
        return Some(Instant::Local(local));
    }
    if zone.eq_ignore_ascii_case("z") || zone.eq_ignore_ascii_case("utc") {
        return Some(Instant::Utc(local_micros(local)));
    }
    if let Some(seconds) = offset(zone) {
        return Some(Instant::Utc(local_micros(local) - seconds * 1_000_000));
    }
    in_zone(local, zone).map(Instant::Utc)
}

/// Seconds of `+02:00`, `-0300`, `+02`.
fn offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    if !digits.chars().all(|c| c.is_ascii_digit()) || !matches!(digits.len(), 1 | 2 | 4) {
        return None;
    }
    let (hours, minutes) = digits.split_at_checked(2).unwrap_or((&digits, ""));
    let hours: i64 = hours.parse().ok()?;
    let minutes: i64 = if minutes.is_empty() { 0 } else { minutes.parse().ok()? };
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// The instant of a clock's reading in a zone: the first of two, the next one where the clock skips it.
pub fn in_zone(local: NaiveDateTime, zone: &str) -> Option<i64> {
    let zone: chrono_tz::Tz = zone.parse().ok()?;
    if let Some(found) = zone.from_local_datetime(&local).earliest() {
        return Some(found.timestamp_micros());
    }
    // Read with the offset that held before the gap, the clock's reading falls behind it.
    let before = local.checked_sub_signed(chrono::Duration::hours(24))?;
    let offset = zone.from_local_datetime(&before).earliest()?.offset().fix().local_minus_utc();
    Some(local_micros(local) - i64::from(offset) * 1_000_000)
}

/// Microseconds of a clock's reading.
pub fn local_micros(local: NaiveDateTime) -> i64 {
    local.and_utc().timestamp_micros()
}

/// Microseconds since midnight.
pub fn time(text: &str) -> Option<i64> {
    let text = text.trim();
    let time = ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok())?;
    let micros = i64::from(time.num_seconds_from_midnight()) * 1_000_000 + i64::from(time.nanosecond() / 1000);
    (micros < MICROS_PER_DAY).then_some(micros)
}

pub fn time_of_day(time: ast::TimeOfDay) -> Option<i64> {
    let valid = time.hour < 24 && time.minute < 60 && time.second < 60;
    valid.then(|| (i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second)) * 1_000_000)
}

/// A length of time: microseconds, or months. `None` where the two are mixed or it is out of range.
pub fn duration(parts: &[(u64, Unit)]) -> Option<(Value, Type)> {
    let (mut micros, mut months) = (0_i64, 0_i32);
    let mut kinds = (false, false);
    for (count, unit) in parts {
        let count = i64::try_from(*count).ok()?;
        match micros_of(*unit) {
            Some(each) => {
                micros = micros.checked_add(count.checked_mul(each)?)?;
                kinds.0 = true;
            }
            None => {
                let each = if *unit == Unit::Year { 12 } else { 1 };
                months = months.checked_add(i32::try_from(count.checked_mul(each)?).ok()?)?;
                kinds.1 = true;
            }
        }
    }
    match kinds {
        (true, true) => None,
        (false, true) => Some((Value::MonthInterval(months), Type::MonthInterval)),
        _ => Some((Value::Interval(micros), Type::Interval)),
    }
}

/// Microseconds of a unit; `None` for months and years, whose length varies.
pub fn micros_of(unit: Unit) -> Option<i64> {
    match unit {
        Unit::Millisecond => Some(1_000),
        Unit::Second => Some(1_000_000),
        Unit::Minute => Some(60_000_000),
        Unit::Hour => Some(3_600_000_000),
        Unit::Day => Some(MICROS_PER_DAY),
        Unit::Week => Some(7 * MICROS_PER_DAY),
        Unit::Month | Unit::Year => None,
    }
}

/// `interval "2 days 3 hours"`.
pub fn interval(text: &str) -> Option<(Value, Type)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut parts = Vec::new();
    for pair in words.chunks(2) {
        let [count, unit] = pair else { return None };
        let unit = match unit.to_lowercase().trim_end_matches('s') {
            "millisecond" => Unit::Millisecond,
            "second" => Unit::Second,
            "minute" => Unit::Minute,
            "hour" => Unit::Hour,
            "day" => Unit::Day,
            "week" => Unit::Week,
            "month" => Unit::Month,
            "year" => Unit::Year,
            _ => return None,
        };
        parts.push((count.parse().ok()?, unit));
    }
    if parts.is_empty() { None } else { duration(&parts) }
}

/// As a reader of a message expects it.
pub fn show(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Decimal { unscaled, scale } => {
            let sign = if *unscaled < 0 { "-" } else { "" };
            let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = usize::from(*scale) + 1);
            let (whole, fraction) = digits.split_at(digits.len() - usize::from(*scale));
            if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
        }
        Value::Float(n) => n.to_string(),
        Value::Double(n) => n.to_string(),
        Value::String(s) => format!("\"{}\"", s.replace('\\', "\\\\").replace('"', "\\\"")),
        Value::Date(days) => NaiveDate::from_ymd_opt(1970, 1, 1)
            .and_then(|d| d.checked_add_signed(chrono::Duration::days(i64::from(*days))))
            .map_or_else(String::new, |d| d.to_string()),
        _ => "a value".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_instants() {
        assert_eq!(timestamp("1970-01-01T00:00:01Z"), Some(Instant::Utc(1_000_000)));
        assert_eq!(timestamp("1970-01-01 02:00:00+02:00"), Some(Instant::Utc(0)));
        assert_eq!(timestamp("1970-01-01 00:00 UTC"), Some(Instant::Utc(0)));
        assert!(matches!(timestamp("2026-01-02"), Some(Instant::Local(_))));
        assert_eq!(timestamp("2026-13-02"), None);
        assert_eq!(timestamp("tomorrow"), None);
    }

    #[test]
    fn numbers_take_the_type_beside_them() {
        let (value, ty) = number("2.50").unwrap_or((Value::Null, Type::Null));
        assert_eq!(ty, Type::Decimal { precision: 3, scale: 2 });
        assert_eq!(adapt_number(&value, &Type::Double), Some(Value::Double(2.5)));
        let twelve_two = Type::Decimal { precision: 12, scale: 2 };
        assert_eq!(adapt_number(&Value::Int(3), &twelve_two), Some(Value::Decimal { unscaled: 300, scale: 2 }));
        assert_eq!(adapt_number(&Value::Int(300), &Type::TinyInt), None);
        let (value, _) = percent(95.0).unwrap_or((Value::Null, Type::Null));
        assert_eq!(value, Value::Decimal { unscaled: 95, scale: 2 });
        assert_eq!(show(&Value::Decimal { unscaled: -5, scale: 2 }), "-0.05");
    }
}

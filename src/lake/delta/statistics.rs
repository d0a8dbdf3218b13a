//! What the log says of a file's rows, where it says it so that it can be relied on: bounds of texts may be cut short and
//! those of floating numbers pass over NaN, so that neither is kept.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::Value;

use crate::hir::Type;
use crate::ir::{ColumnStatistics, FileStatistics};

/// Numbers in the log may have gone through a floating one, which keeps so many digits.
const SURE: i128 = 1_000_000_000_000_000;
/// The log keeps milliseconds of an instant, and drops the rest.
const DROPPED: i128 = 999;

/// From an entry's statistics; `columns` are the table's with their types, `None` for one that contracts do not know.
pub fn of_entry(text: &str, columns: &[(String, Option<Type>)]) -> Option<FileStatistics> {
    let all: Value = serde_json::from_str(text).ok()?;
    if all.get("tightBounds").is_some_and(|tight| tight != &Value::Bool(true)) {
        return None;
    }
    let rows = all.get("numRecords")?.as_u64()?;
    let column = |(name, ty): &(String, Option<Type>)| {
        let ty = ty.clone()?;
        let of = |kind: &str| all.get(kind)?.get(name);
        let bounds = of("minValues").zip(of("maxValues"));
        let bounds = bounds.and_then(|(least, greatest)| Some((least_of(least, &ty)?, greatest_of(greatest, &ty)?)));
        let nulls = of("nullCount").and_then(Value::as_u64);
        Some(ColumnStatistics {
            name: name.clone(),
            ty,
            nulls,
            bounds: bounds.filter(|(least, greatest)| least <= greatest),
        })
    };
    Some(FileStatistics { rows, columns: columns.iter().filter_map(column).collect() })
}

fn least_of(value: &Value, ty: &Type) -> Option<i128> {
    match (value, ty) {
        (Value::Number(number), ty) if ty.is_integer() => number.as_i64().map(i128::from),
        (Value::Number(number), Type::Decimal { scale, .. }) => unscaled(&number.to_string(), *scale),
        (Value::String(text), Type::Decimal { scale, .. }) => unscaled(text, *scale),
        (Value::String(text), Type::Date) => {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            Some(i128::from(day.signed_duration_since(NaiveDate::default()).num_days()))
        }
        (Value::String(text), Type::Timestamp) => {
            Some(i128::from(DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros()))
        }
        (Value::String(text), Type::TimestampNtz) => {
            let reading = NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), "%Y-%m-%dT%H:%M:%S%.f").ok()?;
            Some(i128::from(reading.and_utc().timestamp_micros()))
        }
        _ => None,
    }
}

fn greatest_of(value: &Value, ty: &Type) -> Option<i128> {
    let dropped = if matches!(ty, Type::Timestamp | Type::TimestampNtz) { DROPPED } else { 0 };
    least_of(value, ty).map(|greatest| greatest + dropped)
}

/// `12.5` in hundredths is 1250; `None` where digits would be lost, or may have been.
fn unscaled(text: &str, scale: u8) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part = part.trim_end_matches('0');
    let zeros = usize::from(scale).checked_sub(part.len())?;
    let all = format!("{whole}{part}{}", "0".repeat(zeros));
    let plain = !whole.is_empty() && all.bytes().all(|b| b.is_ascii_digit());
    all.parse::<i128>().ok().filter(|v| plain && *v < SURE).map(|v| sign * v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_where_no_digit_is_lost() {
        assert_eq!(unscaled("12.5", 2), Some(1250));
        assert_eq!(unscaled("-0.01", 2), Some(-1));
        assert_eq!(unscaled("12.0", 0), Some(12));
        assert_eq!(unscaled("0.005", 2), None);
        assert_eq!(unscaled("1e3", 2), None);
        assert_eq!(unscaled("99999999999999.99", 2), None);
    }

    #[test]
    fn what_cannot_be_relied_on_is_left_out() {
        let columns = [
            ("n".to_string(), Some(Type::Int)),
            ("t".to_string(), Some(Type::String)),
            ("at".to_string(), Some(Type::Timestamp)),
        ];
        let entry = r#"{"numRecords":3,"minValues":{"n":1,"t":"a","at":"2026-01-01T00:00:00.000Z"},
            "maxValues":{"n":2,"t":"b","at":"2026-01-01T00:00:00.001Z"},"nullCount":{"n":0,"t":1}}"#;
        let known = of_entry(entry, &columns).expect("statistics");
        let said: Vec<_> = known.columns.iter().map(|c| (c.nulls, c.bounds)).collect();
        let midnight = 1_767_225_600_000_000;
        assert_eq!(said, [(Some(0), Some((1, 2))), (Some(1), None), (None, Some((midnight, midnight + 1_999)))]);
        assert_eq!(
            of_entry(&entry.replace("\"numRecords\":3", "\"numRecords\":3,\"tightBounds\":false"), &columns),
            None
        );
    }
}

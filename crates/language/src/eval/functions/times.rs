//! Days and times. Parts of an instant are those that a clock in the given zone shows.

use chrono::{Datelike, NaiveDate};

use crate::eval::zone::{self, DAY, HOUR, MINUTE, SECOND, Zone};
use crate::eval::{Reason, Result, operators, pattern, time};
use crate::hir::{Type, Value};

pub fn call(function: &str, args: &[Value], now: i64) -> Option<Result> {
    use Value::*;
    Some(match (function, args) {
        ("now", []) => Ok(Timestamp(now)),
        ("current_date", [zone]) => local(now, zone).and_then(zone::day_of).map(Date),
        ("age", [Null, ..]) => Ok(Null),
        ("age", [Timestamp(t)]) => now.checked_sub(*t).map(Interval).ok_or(Reason::OUT_OF_RANGE),
        ("age", [Date(d), zone]) => begin(*d, zone).map(|t| Interval(now.saturating_sub(t))),
        ("date", [Timestamp(t), zone]) => local(*t, zone).and_then(zone::day_of).map(Date),
        ("date", [TimestampNtz(t)]) => zone::day_of(*t).map(Date),
        ("date", [Date(d)]) => Ok(Date(*d)),
        ("date" | "to_date", [String(s)]) => time::date(s).map(Date).ok_or_else(|| Reason::not_a(&Type::Date)),
        ("to_date", [String(s), String(p)]) => pattern::parse(s, p).and_then(|found| match found {
            Some((at, _)) => zone::day_of(at).map(Date),
            None => Err(Reason::not_a(&Type::Date)),
        }),
        ("to_timestamp", [String(s), zone]) => instant(s, zone).map(Timestamp),
        ("try_to_timestamp", [String(s), zone]) => Ok(instant(s, zone).map_or(Null, Timestamp)),
        ("to_timestamp", [Date(d), zone]) => begin(*d, zone).map(Timestamp),
        ("to_timestamp", [TimestampNtz(t), zone]) => Zone::argument(zone).and_then(|z| z.instant(*t)).map(Timestamp),
        ("to_timestamp", [String(s), String(p), zone]) => {
            Zone::argument(zone).and_then(|zone| match pattern::parse(s, p)? {
                Some((at, written)) => written.unwrap_or(zone).instant(at).map(Timestamp),
                None => Err(Reason::not_a(&Type::Timestamp)),
            })
        }
        ("to_timestamp_ntz", [Timestamp(t), zone]) => local(*t, zone).map(TimestampNtz),
        ("to_timestamp_ntz", [Date(d)]) => Ok(TimestampNtz(zone::midnight(*d))),
        ("to_string", [Timestamp(t), zone]) => local(*t, zone).and_then(time::show).map(String),
        ("date_format", [Timestamp(t), String(p), zone]) => {
            local(*t, zone).and_then(|at| pattern::format(at, (at - t) / SECOND, p)).map(String)
        }
        ("date_format", [Date(d), String(p)]) => pattern::format(zone::midnight(*d), 0, p).map(String),
        ("from_unixtime", [Int(s)]) => s.checked_mul(SECOND).map(Timestamp).ok_or(Reason::OUT_OF_RANGE),
        ("to_unixtime", [Timestamp(t)]) => Ok(Int(t.div_euclid(SECOND))),
        ("unix_millis", [Timestamp(t)]) => Ok(Int(t.div_euclid(1_000))),
        ("unix_date", [Date(d)]) => Ok(Int((*d).into())),
        ("time_of_day", [Timestamp(t), zone]) => local(*t, zone).map(|at| Time(at.rem_euclid(DAY))),
        ("time_of_day", [TimestampNtz(t)]) => Ok(Time(t.rem_euclid(DAY))),
        ("seconds", [Timestamp(t), zone]) => local(*t, zone).map(seconds),
        ("seconds", [TimestampNtz(t)]) => Ok(seconds(*t)),
        ("date_trunc", [String(unit), Timestamp(t), zone]) => {
            Zone::argument(zone).and_then(|zone| truncate_instant(unit, *t, zone)).map(Timestamp)
        }
        ("date_trunc", [String(unit), TimestampNtz(t)]) => truncate(unit, *t).map(TimestampNtz),
        ("date_trunc", [String(unit), Date(d)]) => truncate(unit, zone::midnight(*d)).and_then(zone::day_of).map(Date),
        ("date_bin", [Interval(by), Timestamp(t)]) => bin(*by, *t, 0).map(Timestamp),
        ("date_bin", [Interval(by), Timestamp(t), Timestamp(origin)]) => bin(*by, *t, *origin).map(Timestamp),
        ("date_bin", [Interval(by), TimestampNtz(t)]) => bin(*by, *t, 0).map(TimestampNtz),
        ("date_add", [Date(d), Int(n)]) => later(*d, *n),
        ("date_sub", [Date(d), Int(n)]) => n.checked_neg().map_or(Err(Reason::OUT_OF_RANGE), |n| later(*d, n)),
        ("add_months", [Date(d), Int(n)]) => months(*n).and_then(|n| zone::add_months(*d, n)).map(Date),
        ("add_months", [TimestampNtz(t), Int(n)]) => months(*n).and_then(|n| operators::shift(*t, n)).map(TimestampNtz),
        ("add_months", [Timestamp(t), Int(n), zone]) => Zone::argument(zone)
            .and_then(|zone| zone.instant(operators::shift(zone.local(*t)?, months(*n)?)?))
            .map(Timestamp),
        ("datediff", [Date(later), Date(earlier)]) => Ok(Int(i64::from(*later) - i64::from(*earlier))),
        ("months_between", [Date(later), Date(earlier)]) => months_between(*later, *earlier).map(Double),
        ("last_day", [Date(d)]) => zone::calendar(*d).map(|d| Date(last_day(d))),
        ("make_date", [Int(y), Int(m), Int(d)]) => make_date(*y, *m, *d).ok_or(Reason::of("no such day")),
        (part, [Timestamp(t), zone]) if is_part(part) => local(*t, zone).and_then(|at| of_reading(part, at)),
        (part, [TimestampNtz(t)]) if is_part(part) => of_reading(part, *t),
        (part, [Date(d)]) if is_part(part) => of_reading(part, zone::midnight(*d)),
        _ => return None,
    })
}

fn bin(length: i64, at: i64, origin: i64) -> Result<i64> {
    if length <= 0 {
        return Err(Reason::of("a bin without a length"));
    }
    let into = (i128::from(at) - i128::from(origin)).rem_euclid(i128::from(length));
    i64::try_from(i128::from(at) - into).map_err(|_| Reason::OUT_OF_RANGE)
}

fn local(instant: i64, zone: &Value) -> Result<i64> {
    Zone::argument(zone)?.local(instant)
}

/// When a day begins.
fn begin(day: i32, zone: &Value) -> Result<i64> {
    Zone::argument(zone)?.instant(zone::midnight(day))
}

fn instant(text: &str, zone: &Value) -> Result<i64> {
    time::timestamp(text, Zone::argument(zone)?).ok_or_else(|| Reason::not_a(&Type::Timestamp))
}

fn is_part(name: &str) -> bool {
    matches!(
        name,
        "year"
            | "quarter"
            | "month"
            | "week"
            | "day"
            | "dayofweek"
            | "weekday"
            | "dayofyear"
            | "hour"
            | "minute"
            | "second"
    )
}

fn of_reading(part: &str, local: i64) -> Result {
    let clock = local.rem_euclid(DAY);
    let date = zone::calendar(zone::day_of(local)?)?;
    Ok(Value::Int(match part {
        "year" => date.year().into(),
        "quarter" => (date.month0() / 3 + 1).into(),
        "month" => date.month().into(),
        "week" => date.iso_week().week().into(),
        "day" => date.day().into(),
        "dayofweek" => date.weekday().number_from_sunday().into(),
        "weekday" => date.weekday().num_days_from_monday().into(),
        "dayofyear" => date.ordinal().into(),
        "hour" => clock / HOUR,
        "minute" => clock % HOUR / MINUTE,
        _ => clock % MINUTE / SECOND,
    }))
}

fn seconds(local: i64) -> Value {
    Value::Decimal { unscaled: local.rem_euclid(MINUTE).into(), scale: 6 }
}

/// The start of the unit in which a reading lies.
fn truncate(unit: &str, local: i64) -> Result<i64> {
    let day = zone::day_of(local)?;
    let date = zone::calendar(day)?;
    let first = |date: Option<NaiveDate>| date.map(|d| zone::midnight(zone::days(d))).ok_or(Reason::OUT_OF_RANGE);
    Ok(match unit.to_lowercase().as_str() {
        "year" | "yyyy" | "yy" => first(NaiveDate::from_ymd_opt(date.year(), 1, 1))?,
        "quarter" => first(NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1))?,
        "month" | "mon" | "mm" => first(NaiveDate::from_ymd_opt(date.year(), date.month(), 1))?,
        "week" => zone::midnight(day) - i64::from(date.weekday().num_days_from_monday()) * DAY,
        "day" | "dd" => zone::midnight(day),
        "hour" => local - local.rem_euclid(HOUR),
        "minute" => local - local.rem_euclid(MINUTE),
        "second" => local - local.rem_euclid(SECOND),
        "millisecond" => local - local.rem_euclid(1_000),
        "microsecond" => local,
        _ => return Err(Reason::of("not a unit of time")),
    })
}

/// The same on a clock; of a reading that it shows twice, the one that lies before the instant.
fn truncate_instant(unit: &str, t: i64, zone: Zone) -> Result<i64> {
    let local = zone.local(t)?;
    let start = truncate(unit, local)?;
    let before = t.checked_sub(local - start).ok_or(Reason::OUT_OF_RANGE)?;
    // A longer unit may begin under another offset.
    if local - start < DAY && zone.local(before) == Ok(start) { Ok(before) } else { zone.instant(start) }
}

fn later(day: i32, by: i64) -> Result {
    let day = i32::try_from(i64::from(day).saturating_add(by)).map_err(|_| Reason::OUT_OF_RANGE)?;
    zone::calendar(day).map(|_| Value::Date(day))
}

fn months(n: i64) -> Result<i32> {
    i32::try_from(n).map_err(|_| Reason::OUT_OF_RANGE)
}

fn last_day(date: NaiveDate) -> i32 {
    let first = date.with_day(1).unwrap_or(date);
    first.checked_add_months(chrono::Months::new(1)).map_or(zone::days(date), |next| zone::days(next) - 1)
}

/// As Spark: whole where the days are equal or both the last, else by months of 31 days, to 8 places.
fn months_between(later: i32, earlier: i32) -> Result<f64> {
    let (a, b) = (zone::calendar(later)?, zone::calendar(earlier)?);
    let whole = f64::from((a.year() - b.year()) * 12) + f64::from(a.month()) - f64::from(b.month());
    if a.day() == b.day() || last_day(a) == later && last_day(b) == earlier {
        return Ok(whole);
    }
    let months = whole + (f64::from(a.day()) - f64::from(b.day())) / 31.0;
    Ok((months * 1e8).round() / 1e8)
}

fn make_date(year: i64, month: i64, day: i64) -> Option<Value> {
    let date = NaiveDate::from_ymd_opt(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?)?;
    Some(Value::Date(zone::days(date)))
}

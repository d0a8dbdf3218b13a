//! Days and times read from text and written as text, as Spark does in casts.

use chrono::NaiveDate;

use super::zone::{self, DAY, HOUR, MINUTE, SECOND, Zone};
use super::{Result, number};

/// `2026`, `2026-1`, `2026-01-02`, and whatever follows after a space or `T`.
pub fn date(text: &str) -> Option<i32> {
    let text = text.trim();
    let day = text.split([' ', 'T']).next()?;
    calendar_day(day)
}

fn calendar_day(text: &str) -> Option<i32> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts = digits.split('-');
    let year = parts.next().filter(|y| (4..=6).contains(&y.len())).and_then(digits_only)?;
    let month = parts.next().map_or(Some(1), two_digits)?;
    let day = parts.next().map_or(Some(1), two_digits)?;
    if parts.next().is_some() {
        return None;
    }
    let year = i32::try_from(year).ok()?;
    NaiveDate::from_ymd_opt(if negative { -year } else { year }, month, day).map(zone::days)
}

/// A day, and a time with an offset or a zone perhaps; without one it is read in `zone`.
pub fn timestamp(text: &str, zone: Zone) -> Option<i64> {
    let (local, written) = reading(text)?;
    written.unwrap_or(zone).instant(local).ok()
}

/// A day and a time; an offset is an error, as it would be lost.
pub fn timestamp_ntz(text: &str) -> Option<i64> {
    let (local, written) = reading(text)?;
    written.is_none().then_some(local)
}

fn reading(text: &str) -> Option<(i64, Option<Zone>)> {
    let text = text.trim();
    let Some(at) = text.find([' ', 'T']) else {
        return calendar_day(text).map(|d| (zone::midnight(d), None));
    };
    let day = calendar_day(text.get(..at)?)?;
    let rest = text.get(at + 1..)?.trim();
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.')).unwrap_or(rest.len());
    let (clock, name) = (rest.get(..end)?, rest.get(end..)?.trim());
    let written = if name.is_empty() { None } else { Some(Zone::parse(name)?) };
    Some((zone::midnight(day) + time_of_day(clock)?, written))
}

/// `06:00`, `6:00:00`, `06:00:00.123456`; further digits are cut. In microseconds.
pub fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let hour = parts.next().and_then(two_digits).filter(|h| *h < 24)?;
    let minute = parts.next().and_then(two_digits).filter(|m| *m < 60)?;
    let (second, fraction) = match parts.next() {
        None => (0, 0),
        Some(rest) => {
            let (second, fraction) = rest.split_once('.').unwrap_or((rest, "0"));
            let fraction = if fraction.is_empty() { "0" } else { fraction };
            let micros = format!("{:0<6}", fraction.get(..fraction.len().min(6))?);
            digits_only(fraction.get(..fraction.len().min(18))?)?;
            (two_digits(second).filter(|s| *s < 60)?, digits_only(&micros)?)
        }
    };
    if parts.next().is_some() {
        return None;
    }
    Some(i64::from(hour) * HOUR + i64::from(minute) * MINUTE + i64::from(second) * SECOND + fraction)
}

fn two_digits(text: &str) -> Option<u32> {
    if text.len() > 2 { None } else { digits_only(text).and_then(|n| u32::try_from(n).ok()) }
}

fn digits_only(text: &str) -> Option<i64> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// `2026-01-02`
pub fn show_date(day: i32) -> Result<String> {
    Ok(zone::calendar(day)?.format("%Y-%m-%d").to_string())
}

/// `2026-01-02 03:04:05.678`
pub fn show(local: i64) -> Result<String> {
    Ok(format!("{} {}", show_date(zone::day_of(local)?)?, show_time(local.rem_euclid(DAY))))
}

/// `03:04:05.678`
pub fn show_time(time: i64) -> String {
    let (hour, minute, second) = (time / HOUR, time % HOUR / MINUTE, time % MINUTE / SECOND);
    let fraction = number::text(i128::from(time % SECOND), 6);
    let fraction = fraction.trim_start_matches('0').trim_end_matches('0').trim_end_matches('.');
    format!("{hour:02}:{minute:02}:{second:02}{fraction}")
}

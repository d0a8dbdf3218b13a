//! Zones, and the calendar between instants and clocks' readings. Instants and readings are microseconds.

use std::cell::RefCell;

use chrono::{DateTime, Datelike, Duration, LocalResult, NaiveDate, NaiveDateTime, Offset, TimeZone};

use super::{Reason, Result};

pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// A place's time, or a fixed distance to UTC in seconds.
#[derive(Clone, Copy, Debug)]
pub enum Zone {
    Named(chrono_tz::Tz),
    Fixed(i32),
}

impl Zone {
    pub const UTC: Zone = Zone::Fixed(0);

    /// An IANA name, `UTC`, `Z`, or a distance such as `+05:30`.
    pub fn parse(name: &str) -> Option<Zone> {
        match name {
            "Z" | "z" | "UTC" | "GMT" | "UT" => return Some(Zone::UTC),
            _ => {}
        }
        for prefix in ["UTC", "GMT", "UT", ""] {
            if let Some(offset) = name.strip_prefix(prefix).and_then(offset) {
                return Some(Zone::Fixed(offset));
            }
        }
        name.parse().ok().map(Zone::Named)
    }

    /// As [`Zone::parse`]: the same few names are asked for again and again.
    fn cached(name: &str) -> Option<Zone> {
        thread_local! {
            static LAST: RefCell<(String, Option<Zone>)> = RefCell::default();
        }
        LAST.with_borrow_mut(|(last, zone)| {
            if last != name {
                *zone = Zone::parse(name);
                name.clone_into(last);
            }
            *zone
        })
    }

    /// As a function's argument: null is UTC.
    pub fn argument(value: &crate::hir::Value) -> Result<Zone> {
        match value {
            crate::hir::Value::Null => Ok(Zone::UTC),
            crate::hir::Value::String(name) => Zone::cached(name).ok_or(Reason::of("not a time zone")),
            _ => Err(Reason::UNSUPPORTED),
        }
    }

    /// Seconds to add to UTC at an instant.
    fn offset_at(self, instant: i64) -> Result<i64> {
        match self {
            Zone::Fixed(seconds) => Ok(i64::from(seconds)),
            Zone::Named(tz) => {
                let utc = reading(instant)?;
                Ok(i64::from(tz.offset_from_utc_datetime(&utc).fix().local_minus_utc()))
            }
        }
    }

    /// What a clock shows at an instant.
    pub fn local(self, instant: i64) -> Result<i64> {
        instant.checked_add(self.offset_at(instant)? * SECOND).ok_or(Reason::OUT_OF_RANGE)
    }

    /// The instant at which a clock shows this. Where one comes twice, the first; where the clock skips it, as much later
    /// as it skips.
    pub fn instant(self, local: i64) -> Result<i64> {
        let seconds = match self {
            Zone::Fixed(seconds) => i64::from(seconds),
            Zone::Named(tz) => {
                let at = reading(local)?;
                i64::from(offset_before(tz, at).ok_or(Reason::OUT_OF_RANGE)?)
            }
        };
        local.checked_sub(seconds * SECOND).ok_or(Reason::OUT_OF_RANGE)
    }
}

/// The offset of a reading; of a skipped one, that from before the clock was put forward.
fn offset_before(tz: chrono_tz::Tz, at: NaiveDateTime) -> Option<i32> {
    for hours in 0..=30 {
        let earlier = at.checked_sub_signed(Duration::hours(hours))?;
        match tz.offset_from_local_datetime(&earlier) {
            LocalResult::Single(offset) => return Some(offset.fix().local_minus_utc()),
            LocalResult::Ambiguous(first, second) => {
                let first = first.fix().local_minus_utc();
                let second = second.fix().local_minus_utc();
                return Some(if hours == 0 { first.max(second) } else { first.min(second) });
            }
            LocalResult::None => {}
        }
    }
    None
}

/// `+05:30`, `-3`, `+0530` in seconds.
pub fn offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let number = |s: &str| if s.bytes().all(|b| b.is_ascii_digit()) { s.parse::<i32>().ok() } else { None };
    let (hours, minutes, seconds) = match (rest.split_once(':'), rest.len()) {
        (Some((hours, rest)), _) => match rest.split_once(':') {
            Some((minutes, seconds)) => (number(hours)?, number(minutes)?, number(seconds)?),
            None => (number(hours)?, number(rest)?, 0),
        },
        (None, 1 | 2) => (number(rest)?, 0, 0),
        (None, 4) => (number(rest.get(..2)?)?, number(rest.get(2..)?)?, 0),
        _ => return None,
    };
    let within = (0..=18).contains(&hours) && (0..60).contains(&minutes) && (0..60).contains(&seconds);
    within.then_some(sign * (hours * 3600 + minutes * 60 + seconds))
}

/// A clock's reading as the calendar's.
pub fn reading(local: i64) -> Result<NaiveDateTime> {
    DateTime::from_timestamp_micros(local).map(|t| t.naive_utc()).ok_or(Reason::OUT_OF_RANGE)
}

/// The calendar's reading in microseconds.
pub fn micros(at: NaiveDateTime) -> i64 {
    at.and_utc().timestamp_micros()
}

/// Days since 1970 as the calendar's.
pub fn calendar(days: i32) -> Result<NaiveDate> {
    days.checked_add(719_163).and_then(NaiveDate::from_num_days_from_ce_opt).ok_or(Reason::OUT_OF_RANGE)
}

/// Days since 1970.
pub fn days(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - 719_163
}

/// The day of a reading.
pub fn day_of(local: i64) -> Result<i32> {
    i32::try_from(local.div_euclid(DAY)).map_err(|_| Reason::OUT_OF_RANGE)
}

/// Midnight of a day.
pub fn midnight(day: i32) -> i64 {
    i64::from(day) * DAY
}

/// The day so many months later, or the last of its month.
pub fn add_months(day: i32, months: i32) -> Result<i32> {
    let date = calendar(day)?;
    let moved = if months >= 0 {
        date.checked_add_months(chrono::Months::new(months.unsigned_abs()))
    } else {
        date.checked_sub_months(chrono::Months::new(months.unsigned_abs()))
    };
    moved.map(days).ok_or(Reason::OUT_OF_RANGE)
}

//! `on_time missed at most 1 of last 30 deadlines`: misses are counted, for batches are too few to speak of rates.

use super::Status;
use super::deadlines::Asked;
use crate::eval::zone::{self, DAY};
use crate::hir::Unit;

/// What a budget allows, and what is used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub missed: u64,
    pub allowed: u64,
    /// Deadlines looked at; fewer than asked for where there were not more.
    pub window: u64,
}

impl Budget {
    pub fn status(self) -> Status {
        if self.missed > self.allowed { Status::Missed } else { Status::Met }
    }
}

/// Of deadlines, the oldest first; those still to come do not count.
pub fn of_deadlines(asked: &[Asked], as_of: i64, allowed: u64, last: u64, unit: Option<Unit>) -> Budget {
    let from = begin(as_of, last, unit);
    let due = asked.iter().rev().filter(|a| a.due_at <= as_of && a.due_at >= from);
    count(due.map(|a| a.status == Status::Missed), allowed, last, unit)
}

/// Of days, each with whether the condition was found broken on it; the newest last.
pub fn of_days(days: &[(i64, bool)], as_of: i64, allowed: u64, last: u64, unit: Option<Unit>) -> Budget {
    let from = begin(as_of, last, unit);
    let seen = days.iter().rev().filter(|(day, _)| *day <= as_of && *day > from.saturating_sub(DAY));
    count(seen.map(|(_, missed)| *missed), allowed, last, unit)
}

fn count(missed: impl Iterator<Item = bool>, allowed: u64, last: u64, unit: Option<Unit>) -> Budget {
    let most = if unit.is_none() { usize::try_from(last).unwrap_or(usize::MAX) } else { usize::MAX };
    let mut budget = Budget { missed: 0, allowed, window: 0 };
    for missed in missed.take(most) {
        budget.window += 1;
        budget.missed += u64::from(missed);
    }
    budget
}

/// Since when misses count; a number of deadlines reaches back as far as it takes.
fn begin(as_of: i64, last: u64, unit: Option<Unit>) -> i64 {
    let last = i64::try_from(last).unwrap_or(i64::MAX);
    let months = |months: i64| {
        let day = zone::day_of(as_of).ok();
        let back = i32::try_from(months).ok().and_then(i32::checked_neg);
        let moved = day.zip(back).and_then(|(day, back)| zone::add_months(day, back).ok());
        moved.map_or(i64::MIN, |day| zone::midnight(day) + as_of.rem_euclid(DAY))
    };
    let micros = match unit {
        None => return i64::MIN,
        Some(Unit::Month) => return months(last),
        Some(Unit::Year) => return months(last.saturating_mul(12)),
        Some(Unit::Millisecond) => 1_000,
        Some(Unit::Second) => zone::SECOND,
        Some(Unit::Minute) => zone::MINUTE,
        Some(Unit::Hour) => zone::HOUR,
        Some(Unit::Day) => DAY,
        Some(Unit::Week) => 7 * DAY,
    };
    as_of.saturating_sub(last.saturating_mul(micros))
}

/// How many deadlines a budget makes one look back at.
pub fn reach(last: u64, unit: Option<Unit>) -> usize {
    let days = match unit {
        None | Some(Unit::Day) => last,
        Some(Unit::Week) => last.saturating_mul(7),
        Some(Unit::Month) => last.saturating_mul(31),
        Some(Unit::Year) => last.saturating_mul(366),
        Some(_) => last / 24 + 2,
    };
    usize::try_from(days).unwrap_or(usize::MAX)
}

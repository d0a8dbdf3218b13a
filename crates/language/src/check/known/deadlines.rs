//! Deadlines that leave no time, budgets that nothing can use up.

use chrono::{DateTime, Datelike, Days, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

use super::errors;
use crate::check::directory::Directory;
use crate::diagnostics::Diagnostic;
use crate::resolve::same;
use crate::hir::{BatchBy, Calendar, Contract, Promotion, Sla, SlaWhat, Unit};

/// The days over which deadlines are compared: years enough to meet every change of clocks on every weekday.
const FIRST: (i32, u32, u32) = (2026, 1, 1);
const DAYS: u64 = 3 * 365 + 1;

/// `missed at most 30 of last 30 deadlines`
pub fn budgets_can_be_missed(contract: &Contract, found: &mut Vec<Diagnostic>) {
    for sla in &contract.sla {
        let SlaWhat::Budget { at_most, last, unit, .. } = &sla.what else { continue };
        // There is at most one deadline a day.
        let deadlines = match unit {
            None => Some(*last),
            Some(Unit::Day) => Some(*last),
            Some(Unit::Week) => last.checked_mul(7),
            Some(Unit::Month) => last.checked_mul(31),
            Some(Unit::Year) => last.checked_mul(366),
            Some(_) => None,
        };
        if let Some(deadlines) = deadlines.filter(|d| at_most >= d) {
            found.push(errors::budget_never_missed(sla, *at_most, deadlines));
        }
    }
}

/// A batch has to arrive downstream after it may still be on its way upstream.
pub fn leave_time_upstream(
    promotion: &Promotion,
    directory: &Directory,
    calendars: &[Calendar],
    found: &mut Vec<Diagnostic>,
) {
    // Only batches by folder are of a day.
    if !matches!(promotion.batches, BatchBy::Folder(_)) {
        return;
    }
    let Some(target) = directory.contract(&promotion.to) else { return };
    let Some((source, upstream)) = promised_upstream(promotion, directory) else { return };
    for own in target.sla.iter().filter_map(|sla| Deadline::of(sla, calendars)) {
        for theirs in upstream.sla.iter().filter_map(|sla| Deadline::of(sla, calendars)) {
            let mut shared = 0;
            let mut early: Vec<(NaiveDate, DateTime<Utc>, DateTime<Utc>)> = Vec::new();
            for day in compared_days() {
                let (Some(ours), Some(before)) = (own.on_the_clock(day), theirs.on_the_clock(day)) else { continue };
                shared += 1;
                // On one clock, which is later needs no reckoning of zones.
                if own.zone == theirs.zone && ours >= before {
                    continue;
                }
                let (Some(ours), Some(before)) = (instant(own.zone, ours), instant(theirs.zone, before)) else { continue };
                if ours < before {
                    early.push((day, ours, before));
                }
            }
            if let Some(&(day, ours, before)) = early.first() {
                let always = early.len() == shared;
                found.push(errors::due_before_upstream(
                    own.sla,
                    theirs.sla,
                    &source,
                    &day.format("%Y-%m-%d").to_string(),
                    (&own.clock(ours), &own.clock(before)),
                    (!always).then_some(early.len()),
                ));
                return;
            }
        }
    }
}

/// The nearest dataset up the stream that promises when its batches arrive.
fn promised_upstream<'c>(promotion: &Promotion, directory: &Directory<'c>) -> Option<(String, &'c Contract)> {
    let mut from = promotion.from.clone();
    for _ in 0..50 {
        let contract = directory.contract(&from)?;
        if contract.sla.iter().any(|s| matches!(s.what, SlaWhat::Arrives { .. })) {
            return Some((from, contract));
        }
        let next = directory.promotion_to(&from)?;
        if !matches!(next.batches, BatchBy::Folder(_)) {
            return None;
        }
        from = next.from.clone();
    }
    None
}

/// The days over which deadlines are held against each other.
pub fn compared_days() -> impl Iterator<Item = NaiveDate> {
    let first = NaiveDate::from_ymd_opt(FIRST.0, FIRST.1, FIRST.2).unwrap_or_default();
    (0..DAYS).filter_map(move |i| first.checked_add_days(Days::new(i)))
}

/// `arrives by …`, ready to be asked about days.
pub struct Deadline<'c> {
    sla: &'c Sla,
    by: NaiveTime,
    zone: Tz,
    /// A batch is asked for on the days of any of these; of every day where there are none.
    on: Vec<Days7>,
    day_before: bool,
}

/// Days of the week, without some dates.
#[derive(Clone, Default)]
struct Days7 {
    weekdays: [bool; 7],
    /// Days since 1970.
    except: Vec<i32>,
}

impl<'c> Deadline<'c> {
    /// `None` for another kind of promise.
    pub fn of(sla: &'c Sla, calendars: &[Calendar]) -> Option<Self> {
        let SlaWhat::Arrives { by, zone, on, day_before } = &sla.what else { return None };
        let by = NaiveTime::from_num_seconds_from_midnight_opt(*by, 0)?;
        let zone = zone.parse().ok()?;
        let on = on.iter().map(|name| calendar_days(name, calendars, 0)).collect();
        Some(Self { sla, by, zone, on, day_before: *day_before })
    }

    /// When the batch of a day is due; `None` where the calendar asks for none.
    pub fn of_batch(&self, batch: NaiveDate) -> Option<DateTime<Utc>> {
        instant(self.zone, self.on_the_clock(batch)?)
    }

    /// The same as the clock of its zone shows it.
    fn on_the_clock(&self, batch: NaiveDate) -> Option<NaiveDateTime> {
        let day = self.due_on(batch)?;
        (self.on.is_empty() || self.on.iter().any(|days| days.holds(day))).then(|| day.and_time(self.by))
    }
}

impl Deadline<'_> {
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The day on whose clock the batch of a day is due.
    pub fn due_on(&self, batch: NaiveDate) -> Option<NaiveDate> {
        if self.day_before { batch.succ_opt() } else { Some(batch) }
    }

    /// An instant on the clock of the deadline's zone.
    pub fn clock(&self, instant: DateTime<Utc>) -> String {
        instant.with_timezone(&self.zone).format("%Y-%m-%d %H:%M").to_string()
    }
}

impl Days7 {
    fn holds(&self, day: NaiveDate) -> bool {
        let number = day.signed_duration_since(NaiveDate::default()).num_days();
        self.weekdays[day.weekday().num_days_from_monday() as usize]
            && !self.except.iter().any(|e| i64::from(*e) == number)
    }
}

fn calendar_days(name: &str, calendars: &[Calendar], depth: usize) -> Days7 {
    if let Some(calendar) = calendars.iter().find(|c| same(&c.name, name)) {
        if depth >= 20 {
            return Days7::default();
        }
        let mut days = calendar_days(&calendar.base, calendars, depth + 1);
        days.except.extend(&calendar.except);
        return days;
    }
    const WEEK: [Weekday; 7] =
        [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
    let lower = name.to_ascii_lowercase();
    let weekdays = WEEK.map(|day| {
        let weekend = matches!(day, Weekday::Sat | Weekday::Sun);
        match lower.as_str() {
            "weekdays" => !weekend,
            "weekends" => weekend,
            "days" | "every day" | "all days" => true,
            // `monday` and `mondays`
            other => other.starts_with(&day.to_string().to_ascii_lowercase()),
        }
    });
    Days7 { weekdays, except: Vec::new() }
}

/// An hour that the clock skips is the next one that exists, one that comes twice the first.
pub fn instant(zone: Tz, mut local: NaiveDateTime) -> Option<DateTime<Utc>> {
    for _ in 0..(24 * 60) {
        if let Some(found) = zone.from_local_datetime(&local).earliest() {
            return Some(found.with_timezone(&Utc));
        }
        local = local.checked_add_signed(Duration::minutes(1))?;
    }
    None
}

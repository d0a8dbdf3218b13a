//! Deadlines that leave no time, budgets that nothing can use up.

use chrono::{DateTime, Datelike, Days, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

use super::errors;
use crate::diagnostics::Diagnostic;
use crate::hir::{BatchBy, Calendar, Checked, Contract, Promotion, Sla, SlaWhat, Unit};

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
pub fn leave_time_upstream(promotion: &Promotion, checked: &Checked, found: &mut Vec<Diagnostic>) {
    // Only batches by folder are of a day.
    if !matches!(promotion.batches, BatchBy::Folder(_)) {
        return;
    }
    let Some(target) = checked.contract(&promotion.to) else { return };
    let Some((source, upstream)) = promised_upstream(promotion, checked) else { return };
    for own in target.sla.iter().filter_map(|sla| Deadline::of(sla, checked)) {
        for theirs in upstream.sla.iter().filter_map(|sla| Deadline::of(sla, checked)) {
            let mut shared = 0;
            let mut early: Vec<(NaiveDate, DateTime<Utc>, DateTime<Utc>)> = Vec::new();
            for day in compared_days() {
                let (Some(ours), Some(before)) = (own.of_batch(day), theirs.of_batch(day)) else { continue };
                shared += 1;
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
fn promised_upstream<'c>(promotion: &Promotion, checked: &'c Checked) -> Option<(String, &'c Contract)> {
    let mut from = promotion.from.clone();
    for _ in 0..50 {
        let contract = checked.contract(&from)?;
        if contract.sla.iter().any(|s| matches!(s.what, SlaWhat::Arrives { .. })) {
            return Some((from, contract));
        }
        let next = checked.promotion_to(&from)?;
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
    on: &'c [String],
    calendars: &'c [Calendar],
    day_before: bool,
}

impl<'c> Deadline<'c> {
    /// `None` for another kind of promise.
    pub fn of(sla: &'c Sla, checked: &'c Checked) -> Option<Self> {
        let SlaWhat::Arrives { by, zone, on, day_before } = &sla.what else { return None };
        let by = NaiveTime::from_num_seconds_from_midnight_opt(*by, 0)?;
        let zone = zone.parse().ok()?;
        Some(Self { sla, by, zone, on, calendars: &checked.calendars, day_before: *day_before })
    }

    /// When the batch of a day is due; `None` where the calendar asks for none.
    pub fn of_batch(&self, batch: NaiveDate) -> Option<DateTime<Utc>> {
        let day = self.due_on(batch)?;
        let asked = self.on.is_empty() || self.on.iter().any(|name| on_calendar(name, day, self.calendars, 0));
        asked.then(|| instant(self.zone, day.and_time(self.by)))?
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

fn on_calendar(name: &str, day: NaiveDate, calendars: &[Calendar], depth: usize) -> bool {
    if let Some(calendar) = calendars.iter().find(|c| crate::resolve::fold(&c.name) == crate::resolve::fold(name)) {
        let number = day.signed_duration_since(NaiveDate::default()).num_days();
        let excepted = calendar.except.iter().any(|e| i64::from(*e) == number);
        return depth < 20 && !excepted && on_calendar(&calendar.base, day, calendars, depth + 1);
    }
    let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    match name.to_ascii_lowercase().as_str() {
        "weekdays" => !weekend,
        "weekends" => weekend,
        "days" | "every day" | "all days" => true,
        other => {
            let full = format!("{:?}", day.weekday()).to_ascii_lowercase();
            other.starts_with(&full)
        }
    }
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

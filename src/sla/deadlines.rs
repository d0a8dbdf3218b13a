//! `arrives by 06:00 in "…" on weekdays for the day before`: which days are asked for, and what came of each.

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::arrivals::{Arrival, day_of};
use super::{Status, rfc3339};
use crate::check::known::deadlines::{Deadline, instant};

/// So many deadlines are looked back at where no budget wants more.
pub const USUAL: usize = 7;
/// A calendar that asks for no day within so many is not looked through any further.
const FARTHEST: u64 = 4 * 366;

/// One deadline and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Of the batch that is asked for.
    #[serde(with = "iso_day")]
    pub day: NaiveDate,
    /// RFC 3339.
    pub due: String,
    pub status: Status,
    /// As its folder or file is named, where it came.
    pub batch: Option<String>,
    pub arrived_at: Option<String>,
    pub published_at: Option<String>,
    /// Why it is missed, in a few words.
    pub reason: Option<String>,
    #[serde(skip)]
    pub due_at: i64,
    #[serde(skip)]
    pub published: Option<i64>,
}

impl Asked {
    /// Due, and the batch has not been published to this day.
    pub fn is_open(&self) -> bool {
        self.status == Status::Missed && self.published.is_none()
    }
}

/// `2026-11-27`
mod iso_day {
    use chrono::NaiveDate;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(day: &NaiveDate, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(day)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<NaiveDate, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The deadlines up to `as_of`, oldest first, and the next to come.
///
/// Looked at are the last `window`, as far back as `since`: the first time that anything of the dataset was published.
/// The latest one is always looked at, so that a batch that never came is missed from the first day.
pub fn judge(deadline: &Deadline<'_>, arrivals: &[Arrival], as_of: i64, since: Option<i64>, window: usize) -> Vec<Asked> {
    let known = Known::of(arrivals, as_of);
    let Some(today) = DateTime::<Utc>::from_timestamp_micros(as_of).map(|t| t.with_timezone(&deadline.zone()).date_naive())
    else {
        return Vec::new();
    };
    let due_at = |day: NaiveDate| deadline.of_batch(day).map(|due| due.timestamp_micros());
    let mut asked = Vec::new();
    // The batch of tomorrow is due no earlier than today.
    let newest = today.checked_add_days(Days::new(1)).unwrap_or(today);
    for day in (0..FARTHEST).map_while(|n| newest.checked_sub_days(Days::new(n))) {
        let Some(due) = due_at(day).filter(|due| *due <= as_of) else { continue };
        let forgotten = !asked.is_empty() && since.is_none_or(|since| due < since);
        if forgotten || asked.len() >= window.max(1) {
            break;
        }
        asked.push(known.asked(deadline, day, due, as_of));
    }
    asked.reverse();
    let oldest = today.checked_sub_days(Days::new(2)).unwrap_or(today);
    let mut ahead = (0..FARTHEST).map_while(|n| oldest.checked_add_days(Days::new(n)));
    if let Some((day, due)) = ahead.find_map(|day| Some((day, due_at(day).filter(|due| *due > as_of)?))) {
        asked.push(known.asked(deadline, day, due, as_of));
    }
    asked
}

/// How a service level stands by its deadlines: missed by the latest that is due, or by an earlier one whose batch
/// has not come to this day; pending until the first is due.
pub fn status(asked: &[Asked], as_of: i64) -> Status {
    match asked.iter().rfind(|a| a.due_at <= as_of) {
        None => Status::Pending,
        Some(last) if last.status == Status::Missed || asked.iter().any(Asked::is_open) => Status::Missed,
        Some(_) => Status::Met,
    }
}

/// What has come by now.
struct Known<'a> {
    as_of: i64,
    dated: Vec<(NaiveDate, &'a Arrival)>,
    /// Of batches whose names tell no day: a publication serves the day on which it happens.
    undated: Vec<&'a Arrival>,
}

impl<'a> Known<'a> {
    fn of(arrivals: &'a [Arrival], as_of: i64) -> Self {
        let mut known = Known { as_of, dated: Vec::new(), undated: Vec::new() };
        for arrival in arrivals {
            match day_of(&arrival.batch) {
                Some(day) => known.dated.push((day, arrival)),
                None => known.undated.push(arrival),
            }
        }
        known
    }

    fn asked(&self, deadline: &Deadline<'_>, day: NaiveDate, due_at: i64, as_of: i64) -> Asked {
        let known = |at: &Option<i64>| at.filter(|at| *at <= self.as_of);
        let found = if self.dated.is_empty() && !self.undated.is_empty() {
            self.of_the_day(deadline, day)
        } else {
            self.of_its_day(day)
        };
        let published = found.as_ref().and_then(|f| known(&f.published_at));
        let arrived = found.as_ref().and_then(|f| known(&f.arrived_at));
        let (status, reason) = match published {
            Some(at) if at <= due_at => (Status::Met, None),
            Some(at) => (Status::Missed, Some(format!("published {} late", span(at - due_at)))),
            None if due_at > as_of => (Status::Pending, None),
            None => (Status::Missed, Some(missing(found.as_ref(), arrived))),
        };
        Asked {
            day,
            due: rfc3339(due_at),
            status,
            batch: found.map(|f| f.batch),
            arrived_at: arrived.map(rfc3339),
            published_at: published.map(rfc3339),
            reason,
            due_at,
            published,
        }
    }

    /// Everything known of a day: it is there when the last of its batches is. Of a batch published several times the
    /// first counts.
    fn of_its_day(&self, day: NaiveDate) -> Option<Arrival> {
        let mut batches: Vec<Arrival> = Vec::new();
        for arrival in self.dated.iter().filter(|(d, _)| *d == day).map(|(_, a)| *a) {
            match batches.iter_mut().find(|b| b.batch == arrival.batch) {
                Some(same) => {
                    same.published_at = earliest(same.published_at, arrival.published_at);
                    same.arrived_at = earliest(same.arrived_at, arrival.arrived_at);
                    same.blocked_at = same.blocked_at.or(arrival.blocked_at);
                    same.blocked_by = same.blocked_by.take().or_else(|| arrival.blocked_by.clone());
                }
                None => batches.push(arrival.clone()),
            }
        }
        batches.into_iter().max_by_key(|b| b.published_at.unwrap_or(i64::MAX))
    }

    /// The first publication since the day of the deadline began.
    fn of_the_day(&self, deadline: &Deadline<'_>, day: NaiveDate) -> Option<Arrival> {
        let begins = deadline.due_on(day).and_then(|d| instant(deadline.zone(), d.and_time(Default::default())))?;
        let begins = begins.timestamp_micros();
        let published = |a: &&&Arrival| a.published_at.is_some_and(|at| at >= begins);
        let first = self.undated.iter().filter(published).min_by_key(|a| a.published_at);
        let waiting = || self.undated.iter().find(|a| a.published_at.is_none() && a.blocked_at.is_some());
        first.or_else(waiting).map(|a| (*a).clone())
    }
}

fn earliest(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

fn missing(found: Option<&Arrival>, arrived: Option<i64>) -> String {
    match found {
        Some(Arrival { blocked_at: Some(at), blocked_by, .. }) => {
            let by = blocked_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            format!("blocked at the gate{by} since {}", rfc3339(*at))
        }
        Some(_) if arrived.is_some() => "it came and was not promoted".to_owned(),
        _ => "it never came".to_owned(),
    }
}

/// `2 days 3 hours`, `42 minutes`, `12 seconds`: the two largest units of so many microseconds.
pub fn span(micros: i64) -> String {
    let seconds = micros.unsigned_abs() / 1_000_000;
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (size, word) in units {
        let (count, left) = (rest / size, rest % size);
        rest = left;
        if count > 0 {
            parts.push(format!("{count} {word}{}", if count == 1 { "" } else { "s" }));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() { "0 seconds".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests;

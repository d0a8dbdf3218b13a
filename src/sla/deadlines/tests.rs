//! Deadlines over zones, calendars, gaps and folds: each line a promise, what came, a clock, and what is said.

use chrono::DateTime;

use super::super::arrivals::Arrival;
use super::*;
use crate::hir::{Act, Calendar, Checked, Sla, SlaWhat};

fn at(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).expect("an instant").timestamp_micros()
}

fn day(text: &str) -> i32 {
    let date: NaiveDate = text.parse().expect("a day");
    crate::eval::zone::days(date)
}

/// `06:00 America/Sao_Paulo weekdays before`
fn promise(text: &str) -> Sla {
    let words: Vec<&str> = text.split(' ').collect();
    let (hour, minute) = words[0].split_once(':').expect("a time");
    let by = hour.parse::<u32>().expect("hours") * 3600 + minute.parse::<u32>().expect("minutes") * 60;
    let on = words[2].split('+').filter(|w| *w != "-").map(str::to_owned).collect();
    Sla {
        name: "on_time".into(),
        what: SlaWhat::Arrives { by, zone: words[1].into(), on, day_before: words.get(3) == Some(&"before") },
        severity: Act::Block,
        because: None,
        fix: None,
        tags: Vec::new(),
        doc: String::new(),
        span: Default::default(),
    }
}

fn checked() -> Checked {
    let calendar = |name: &str, base: &str, except: &[&str]| Calendar {
        name: name.into(),
        base: base.into(),
        except: except.iter().map(|d| day(d)).collect(),
        span: Default::default(),
    };
    Checked {
        calendars: vec![
            calendar("trading_days", "weekdays", &["2026-12-25", "2026-01-01"]),
            calendar("open_days", "Trading_Days", &["2026-12-24"]),
        ],
        ..Checked::default()
    }
}

/// `BATCH arrived published`, with `-` for nothing, parted by `;`.
fn came(text: &str) -> Vec<Arrival> {
    text.split(';')
        .filter(|part| !part.trim().is_empty())
        .map(|part| {
            let words: Vec<&str> = part.split_whitespace().collect();
            let instant = |i: usize| words.get(i).filter(|w| **w != "-").map(|w| at(w));
            let blocked = words.get(3).map(|w| at(w));
            let blocked_by = blocked.map(|_| "`positive`".to_owned());
            Arrival {
                batch: words[0].into(),
                arrived_at: instant(1),
                published_at: instant(2),
                blocked_at: blocked,
                blocked_by,
            }
        })
        .collect()
}

/// The last three, as `DAY DUE STATUS[: REASON]`.
fn told(promised: &str, arrivals: &str, now: &str) -> Vec<String> {
    let (sla, checked) = (promise(promised), checked());
    let deadline = Deadline::of(&sla, &checked.calendars).expect("a deadline");
    let arrivals = came(arrivals);
    let since = arrivals.iter().filter_map(|a| a.published_at).min();
    let asked = judge(&deadline, &arrivals, at(now), since, USUAL);
    let line = |a: &Asked| {
        let reason = a.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
        format!("{} {} {}{reason}", a.day, a.due, a.status.word())
    };
    let mut lines: Vec<String> = asked.iter().map(line).collect();
    lines.push(status(&asked, at(now)).word().to_owned());
    lines
}

/// When the batch of a day is due.
fn due(promised: &str, batch: &str) -> Option<String> {
    let (sla, checked) = (promise(promised), checked());
    let deadline = Deadline::of(&sla, &checked.calendars).expect("a deadline");
    let due = deadline.of_batch(batch.parse().expect("a day"));
    due.map(|d| rfc3339(d.timestamp_micros()))
}

#[test]
fn a_deadline_is_on_the_clock_of_its_zone() {
    let cases = [
        // Fixed offsets, and summer time on both halves of the earth.
        ("06:00 UTC -", "2026-11-27", "2026-11-27T06:00:00Z"),
        ("06:00 America/Sao_Paulo -", "2026-11-27", "2026-11-27T09:00:00Z"),
        ("06:00 America/Sao_Paulo - before", "2026-11-26", "2026-11-27T09:00:00Z"),
        ("06:00 America/New_York -", "2026-01-15", "2026-01-15T11:00:00Z"),
        ("06:00 America/New_York -", "2026-07-15", "2026-07-15T10:00:00Z"),
        ("06:00 Australia/Lord_Howe -", "2026-01-15", "2026-01-14T19:00:00Z"),
        ("06:00 Australia/Lord_Howe -", "2026-07-15", "2026-07-14T19:30:00Z"),
        ("06:00 Asia/Kathmandu -", "2026-07-15", "2026-07-15T00:15:00Z"),
        ("06:00 Pacific/Kiritimati -", "2026-07-15", "2026-07-14T16:00:00Z"),
        ("06:00 Pacific/Pago_Pago -", "2026-07-15", "2026-07-15T17:00:00Z"),
        // Skipped: the next instant that exists.
        ("02:30 America/New_York -", "2026-03-08", "2026-03-08T07:00:00Z"),
        ("02:00 America/New_York -", "2026-03-08", "2026-03-08T07:00:00Z"),
        ("02:15 Australia/Lord_Howe -", "2026-10-04", "2026-10-03T15:30:00Z"),
        ("00:30 America/Sao_Paulo -", "2018-11-04", "2018-11-04T03:00:00Z"),
        ("02:30 Europe/Berlin -", "2026-03-29", "2026-03-29T01:00:00Z"),
        // A whole day that an island never had.
        ("06:00 Pacific/Apia -", "2011-12-30", "2011-12-30T10:00:00Z"),
        // Twice: the first.
        ("01:30 America/New_York -", "2026-11-01", "2026-11-01T05:30:00Z"),
        ("02:30 Europe/Berlin -", "2026-10-25", "2026-10-25T00:30:00Z"),
        ("01:45 Australia/Lord_Howe -", "2026-04-05", "2026-04-04T14:45:00Z"),
        // For the day before, over the change of clocks.
        ("02:30 America/New_York - before", "2026-03-07", "2026-03-08T07:00:00Z"),
        ("01:30 America/New_York - before", "2026-10-31", "2026-11-01T05:30:00Z"),
    ];
    for (promised, batch, wanted) in cases {
        assert_eq!(due(promised, batch).as_deref(), Some(wanted), "{promised} of {batch}");
    }
}

#[test]
fn a_calendar_says_which_days_are_asked_for() {
    // 2026-12-24 is a Thursday.
    let cases = [
        ("06:00 UTC weekdays", "2026-12-25", true),
        ("06:00 UTC weekdays", "2026-12-26", false),
        ("06:00 UTC weekends", "2026-12-26", true),
        ("06:00 UTC days", "2026-12-26", true),
        ("06:00 UTC monday+friday", "2026-12-25", true),
        ("06:00 UTC monday+friday", "2026-12-24", false),
        ("06:00 UTC trading_days", "2026-12-25", false),
        ("06:00 UTC trading_days", "2026-12-24", true),
        ("06:00 UTC TRADING_DAYS", "2026-12-24", true),
        ("06:00 UTC open_days", "2026-12-24", false),
        ("06:00 UTC open_days", "2026-12-25", false),
        ("06:00 UTC open_days", "2026-12-23", true),
        // The calendar is that of the deadline, not that of the batch: Friday's batch is due on no weekday.
        ("06:00 UTC weekdays before", "2026-12-18", false),
        ("06:00 UTC weekdays before", "2026-12-20", true),
    ];
    for (promised, batch, asked) in cases {
        assert_eq!(due(promised, batch).is_some(), asked, "{promised} of {batch}");
    }
}

#[test]
fn met_pending_and_missed_are_three_things() {
    let promised = "06:00 America/Sao_Paulo weekdays before";
    // Thursday 26 November 2026; the deadline is at 09:00 UTC of Friday.
    let early = "d=2026-11-25 2026-11-26T05:00:00Z 2026-11-26T08:00:00Z";
    let on_time = format!("{early}; d=2026-11-26 2026-11-27T05:00:00Z 2026-11-27T08:59:59Z");
    let at_once = format!("{early}; d=2026-11-26 2026-11-27T05:00:00Z 2026-11-27T09:00:00Z");
    let late = format!("{early}; d=2026-11-26 2026-11-27T05:00:00Z 2026-11-27T09:42:00Z");
    let came = format!("{early}; d=2026-11-26 2026-11-27T05:00:00Z -");
    let blocked = format!("{early}; d=2026-11-26 2026-11-27T05:00:00Z - 2026-11-27T08:30:00Z");
    let thursday = "2026-11-25 2026-11-26T09:00:00Z met";
    let monday = "2026-11-29 2026-11-30T09:00:00Z pending";
    let friday = |said: &str| format!("2026-11-26 2026-11-27T09:00:00Z {said}");
    let cases: [(&str, &str, Vec<String>); 9] = [
        (early, "2026-11-27T08:59:59Z", vec![thursday.into(), friday("pending"), "met".into()]),
        (early, "2026-11-27T09:00:00Z", vec![
            thursday.into(), friday("missed: it never came"), monday.into(), "missed".into(),
        ]),
        (&on_time, "2026-11-27T08:59:59Z", vec![thursday.into(), friday("met"), "met".into()]),
        (&on_time, "2026-11-27T10:00:00Z", vec![thursday.into(), friday("met"), monday.into(), "met".into()]),
        (&at_once, "2026-11-27T10:00:00Z", vec![thursday.into(), friday("met"), monday.into(), "met".into()]),
        (&late, "2026-11-27T10:00:00Z", vec![
            thursday.into(), friday("missed: published 42 minutes late"), monday.into(), "missed".into(),
        ]),
        // What happens after the clock is not known.
        (&late, "2026-11-27T09:30:00Z", vec![
            thursday.into(), friday("missed: it came and was not promoted"), monday.into(), "missed".into(),
        ]),
        (&came, "2026-11-27T10:00:00Z", vec![
            thursday.into(), friday("missed: it came and was not promoted"), monday.into(), "missed".into(),
        ]),
        (&blocked, "2026-11-27T10:00:00Z", vec![
            thursday.into(),
            friday("missed: blocked at the gate by `positive` since 2026-11-27T08:30:00Z"),
            monday.into(),
            "missed".into(),
        ]),
    ];
    for (arrivals, now, wanted) in cases {
        assert_eq!(told(promised, arrivals, now), wanted, "{arrivals} at {now}");
    }
}

#[test]
fn a_batch_that_never_came_stays_missed_until_it_does() {
    let promised = "06:00 UTC days";
    let gap = "d=2026-11-24 - 2026-11-24T05:00:00Z; d=2026-11-26 - 2026-11-26T05:00:00Z; d=2026-11-27 - 2026-11-27T05:00:00Z";
    let lines = told(promised, gap, "2026-11-27T12:00:00Z");
    assert_eq!(lines[1], "2026-11-25 2026-11-25T06:00:00Z missed: it never came");
    assert_eq!(lines.last().map(String::as_str), Some("missed"));
    let filled = format!("{gap}; d=2026-11-25 - 2026-11-27T11:00:00Z");
    let lines = told(promised, &filled, "2026-11-27T12:00:00Z");
    assert_eq!(lines[1], "2026-11-25 2026-11-25T06:00:00Z missed: published 2 days 5 hours late");
    assert_eq!(lines.last().map(String::as_str), Some("met"));
}

#[test]
fn a_backfill_neither_meets_nor_misses_todays_deadline() {
    let promised = "06:00 UTC days";
    let backfill = "d=2025-01-01 - 2026-11-27T05:00:00Z; d=2025-01-02 - 2026-11-27T05:30:00Z";
    // Deadlines from before anything was published are nobody's; today's is asked for.
    assert_eq!(
        told(promised, backfill, "2026-11-27T07:00:00Z"),
        ["2026-11-27 2026-11-27T06:00:00Z missed: it never came", "2026-11-28 2026-11-28T06:00:00Z pending", "missed"]
    );
    let with_today = format!("{backfill}; d=2026-11-27 - 2026-11-27T05:45:00Z");
    assert_eq!(told(promised, &with_today, "2026-11-27T07:00:00Z").last().map(String::as_str), Some("met"));
    assert_eq!(told(promised, "", "2026-11-27T07:00:00Z").last().map(String::as_str), Some("missed"));
}

#[test]
fn a_day_in_parts_is_there_when_its_last_part_is() {
    let promised = "06:00 UTC days";
    let two = "region=N/d=2026-11-27 - 2026-11-27T05:00:00Z; region=S/d=2026-11-27 2026-11-27T05:00:00Z -";
    assert!(told(promised, two, "2026-11-27T07:00:00Z")[0].contains("missed: it came and was not promoted"));
    let both = "region=N/d=2026-11-27 - 2026-11-27T05:00:00Z; region=S/d=2026-11-27 - 2026-11-27T06:30:00Z";
    assert!(told(promised, both, "2026-11-27T07:00:00Z")[0].ends_with("published 30 minutes late"));
    // Published anew later: the first time counts.
    let twice = "d=2026-11-27 - 2026-11-27T05:00:00Z; d=2026-11-27 - 2026-11-27T09:00:00Z";
    assert!(told(promised, twice, "2026-11-27T10:00:00Z")[0].ends_with("met"));
}

/// Its name tells whose batch it is: too early is in time. Without a name that tells a day, what comes before the day serves the day
/// before: see the next test.
#[test]
fn a_batch_that_comes_before_its_day_is_in_time() {
    let promised = "06:00 America/New_York days";
    let ahead = "d=2026-11-26 - 2026-11-26T08:00:00Z; d=2026-11-27 - 2026-11-26T08:00:00Z; d=2026-12-24 - 2026-11-26T08:00:00Z";
    let yesterday = "2026-11-26 2026-11-26T11:00:00Z met";
    let today = "2026-11-27 2026-11-27T11:00:00Z met";
    assert_eq!(told(promised, ahead, "2026-11-26T12:00:00Z"), [yesterday, today, "met"]);
    assert_eq!(told(promised, ahead, "2026-11-27T12:00:00Z"), [yesterday, today, "2026-11-28 2026-11-28T11:00:00Z pending", "met"]);
}

#[test]
fn a_dataset_without_days_is_asked_for_a_publication_on_the_day() {
    let promised = "06:00 America/New_York days";
    // Midnight in New York is 05:00 UTC.
    let yesterday = "all - 2026-11-26T06:00:00Z";
    let lines = told(promised, yesterday, "2026-11-27T12:00:00Z");
    assert_eq!(lines[0], "2026-11-26 2026-11-26T11:00:00Z met");
    assert_eq!(lines[1], "2026-11-27 2026-11-27T11:00:00Z missed: it never came");
    let before_midnight = format!("{yesterday}; all - 2026-11-27T04:59:00Z");
    assert!(told(promised, &before_midnight, "2026-11-27T12:00:00Z")[1].contains("missed"));
    let after = format!("{yesterday}; all - 2026-11-27T05:01:00Z");
    assert!(told(promised, &after, "2026-11-27T12:00:00Z")[1].ends_with("met"));
    let late = format!("{yesterday}; all - 2026-11-27T11:05:00Z");
    assert!(told(promised, &late, "2026-11-27T12:00:00Z")[1].ends_with("published 5 minutes late"));
}

#[test]
fn a_calendar_that_asks_for_no_day_promises_nothing() {
    let mut checked = checked();
    checked.calendars.push(Calendar {
        name: "never".into(),
        base: "monday".into(),
        except: (0..3000).map(|w| day("2020-01-06") + w * 7).collect(),
        span: Default::default(),
    });
    let sla = promise("06:00 UTC never");
    let deadline = Deadline::of(&sla, &checked.calendars).expect("a deadline");
    let asked = judge(&deadline, &[], at("2026-11-27T12:00:00Z"), None, USUAL);
    assert_eq!((asked.len(), status(&asked, at("2026-11-27T12:00:00Z"))), (0, Status::Pending));
}

#[test]
fn lengths_of_time_are_told_in_two_units() {
    let cases = [(0, "0 seconds"), (1, "1 second"), (61, "1 minute 1 second"), (3600, "1 hour"), (93_784, "1 day 2 hours")];
    for (seconds, wanted) in cases {
        assert_eq!(span(seconds * 1_000_000), wanted);
        assert_eq!(span(-seconds * 1_000_000), wanted);
    }
    assert_eq!(span(86_400_000_000 + 5_000_000), "1 day");
}

#[test]
fn budgets_count_misses() {
    use super::super::budget::{Budget, of_days, of_deadlines};
    use crate::hir::Unit;
    let (sla, checked) = (promise("06:00 UTC days"), checked());
    let deadline = Deadline::of(&sla, &checked.calendars).expect("a deadline");
    let days: Vec<String> = (1..=27)
        .filter(|d| *d != 10)
        .map(|d| format!("d=2026-11-{d:02} - 2026-11-{d:02}T0{}:00:00Z", if d == 20 { 7 } else { 5 }))
        .collect();
    let arrivals = came(&days.join(";"));
    let now = at("2026-11-27T12:00:00Z");
    let asked = judge(&deadline, &arrivals, now, Some(at("2026-11-01T05:00:00Z")), 30);
    let cases = [
        (1, 30, None, Budget { missed: 2, allowed: 1, window: 27 }, Status::Missed),
        (2, 30, None, Budget { missed: 2, allowed: 2, window: 27 }, Status::Met),
        (1, 10, None, Budget { missed: 1, allowed: 1, window: 10 }, Status::Met),
        (0, 7, Some(Unit::Day), Budget { missed: 0, allowed: 0, window: 7 }, Status::Met),
        (0, 1, Some(Unit::Week), Budget { missed: 0, allowed: 0, window: 7 }, Status::Met),
        (1, 1, Some(Unit::Month), Budget { missed: 2, allowed: 1, window: 27 }, Status::Missed),
    ];
    for (allowed, last, unit, wanted, stands) in cases {
        let found = of_deadlines(&asked, now, allowed, last, unit);
        assert_eq!((found, found.status()), (wanted, stands), "{allowed} of {last} {unit:?}");
    }
    let judged = [(at("2026-11-25T00:00:00Z"), true), (at("2026-11-26T00:00:00Z"), false), (at("2026-11-27T00:00:00Z"), true)];
    assert_eq!(of_days(&judged, now, 1, 2, None), Budget { missed: 1, allowed: 1, window: 2 });
    assert_eq!(of_days(&judged, now, 1, 3, Some(Unit::Day)), Budget { missed: 2, allowed: 1, window: 3 });
}

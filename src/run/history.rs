//! The past as rules compare with it, and what a batch leaves behind for those that come after it.

use std::collections::HashMap;

use chrono::{DateTime, Months, NaiveDate};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::show;
use crate::hir::{Expr, ExprKind, HistoryWindow, Privacy, RuleKind, Unit, Value};
use crate::ir::{Plan, PlanRule};

/// One value of one batch that was published.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    pub batch: String,
    /// The batch's own date, else the clock under which it was judged: microseconds since 1970 in UTC.
    pub at: i64,
    pub value: Option<f64>,
    /// As [`crate::engine::drift::Distribution::to_text`] gives it.
    pub distribution: Option<String>,
}

/// What was published, each batch once, by what the values mean and the group that they are of.
#[derive(Clone, Debug, Default)]
pub struct History {
    series: HashMap<(String, String), Vec<Past>>,
    /// Stands before what is hashed of persons.
    pub salt: String,
}

/// A value that this batch leaves behind, should it be published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The rule that computed it; another may mean the same.
    pub rule: String,
    /// SHA-256 of the value's meaning.
    pub meaning: String,
    /// A JSON array of the group's values; empty where there are no groups.
    pub group: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub distribution: Option<String>,
}

impl History {
    /// Adds what a batch left; what it left before is forgotten.
    pub fn add(&mut self, meaning: &str, group: &str, past: Past) {
        let series = self.series.entry((meaning.to_owned(), group.to_owned())).or_default();
        series.retain(|p| p.batch != past.batch);
        series.push(past);
    }

    /// The past that a batch is compared with, earliest first; in words where it is too little.
    pub fn within(&self, asked: &Asked<'_>, group: &str, window: HistoryWindow) -> Result<Vec<&Past>, String> {
        let key = |meaning: &String| (meaning.clone(), group.to_owned());
        let mut found: Vec<&Past> = Vec::new();
        for past in asked.meanings.iter().filter_map(|m| self.series.get(&key(m))).flatten() {
            if past.at < asked.before && Some(past.batch.as_str()) != asked.batch && !found.iter().any(|f| f.batch == past.batch) {
                found.push(past);
            }
        }
        found.sort_by(|a, b| (a.at, &a.batch).cmp(&(b.at, &b.batch)));
        match window.unit {
            None => drop(found.drain(..found.len().saturating_sub(usize::try_from(window.count).unwrap_or(usize::MAX)))),
            Some(unit) => {
                let from = back(asked.before, window.count, unit);
                found.retain(|p| p.at >= from);
            }
        }
        let enough = window.enough();
        if found.len() >= enough {
            return Ok(found);
        }
        let batches = |n: usize| if n == 1 { "1 batch".to_string() } else { format!("{n} batches") };
        Err(match found.len() {
            0 => format!("there is no history yet, and {} are needed", batches(enough)).replace("1 batch are", "1 batch is"),
            n => format!("there is too little history: {}, and {enough} are needed", batches(n)),
        })
    }
}

/// What is asked of the past.
pub struct Asked<'a> {
    /// The meaning, and that under the columns' former names.
    pub meanings: &'a [String],
    /// The batch that asks.
    pub batch: Option<&'a str>,
    /// Its own date, else the clock.
    pub before: i64,
}

/// So many units earlier; calendar units by the calendar of UTC.
fn back(at: i64, count: u64, unit: Unit) -> i64 {
    let months = |n: u64| {
        let months = Months::new(u32::try_from(n.saturating_mul(count)).unwrap_or(u32::MAX));
        let then = DateTime::from_timestamp_micros(at).and_then(|t| t.checked_sub_months(months));
        then.map_or(i64::MIN, |t| t.timestamp_micros())
    };
    let micros = |n: i64| i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(n);
    match unit {
        Unit::Millisecond => at.saturating_sub(micros(1_000)),
        Unit::Second => at.saturating_sub(micros(1_000_000)),
        Unit::Minute => at.saturating_sub(micros(60_000_000)),
        Unit::Hour => at.saturating_sub(micros(3_600_000_000)),
        Unit::Day => at.saturating_sub(micros(86_400_000_000)),
        Unit::Week => at.saturating_sub(micros(7 * 86_400_000_000)),
        Unit::Month => months(1),
        Unit::Year => months(12),
    }
}

/// The date in a batch's name, as in `ingest_date=2026-11-21`, `orders-20261121.csv`, `year=2026/month=11/day=21` or
/// `day=2026-11-21/hour=06`: microseconds since 1970 in UTC.
pub fn date_of(batch: &str) -> Option<i64> {
    let midnight = |date: NaiveDate| Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros());
    let part = |name: &str| {
        let parts = batch.split('/').filter_map(|p| p.split_once('='));
        parts.filter(|(key, _)| key.eq_ignore_ascii_case(name)).find_map(|(_, v)| v.parse::<u32>().ok())
    };
    let hour = part("hour").filter(|h| *h < 24).map_or(0, |h| i64::from(h) * 3_600_000_000);
    if let Some(year) = part("year") {
        let year = i32::try_from(year).ok()?;
        let date = NaiveDate::from_ymd_opt(year, part("month").unwrap_or(1), part("day").unwrap_or(1))?;
        return Some(midnight(date)? + hour);
    }
    let bytes = batch.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    for start in 0..bytes.len() {
        if !digit(start) || start > 0 && digit(start - 1) {
            continue;
        }
        for (length, pattern) in [(10, "%Y-%m-%d"), (10, "%Y_%m_%d"), (8, "%Y%m%d")] {
            let text = batch.get(start..start + length).filter(|_| !digit(start + length));
            if let Some(date) = text.and_then(|t| NaiveDate::parse_from_str(t, pattern).ok()) {
                return Some(midnight(date)? + hour);
            }
        }
    }
    None
}

/// What a value of a rule means: the same for all rules that compute the same over the same rows. First under today's
/// names, then under former ones where a column has one.
pub fn meanings(plan: &Plan, planned: &PlanRule, value: &Expr) -> Vec<String> {
    let rule = &planned.rule;
    let by: Vec<&Expr> = rule.for_each.iter().flat_map(|each| each.by.iter().map(|(_, e)| e)).collect();
    let parts = [std::slice::from_ref(value), rule.when.as_slice()].concat();
    let all: Vec<Expr> = parts.into_iter().chain(by.into_iter().cloned()).collect();
    let digest = |all: &[Expr]| {
        let text = serde_json::to_vec(&(all, rule.when.is_some(), rule.over)).unwrap_or_default();
        Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect::<String>()
    };
    let mut found = vec![digest(&all)];
    if plan.columns.iter().any(|c| c.was.is_some()) {
        let former: Vec<Expr> = all.iter().map(|e| renamed(plan, e)).collect();
        if former != all {
            found.push(digest(&former));
        }
    }
    found
}

fn renamed(plan: &Plan, expr: &Expr) -> Expr {
    let mut out = expr.clone();
    if let ExprKind::Column(name) = &mut out.kind
        && let Some(was) = plan.column(name).and_then(|c| c.was.clone())
    {
        *name = was;
    }
    out.children_mut().into_iter().for_each(|child| *child = renamed(plan, child));
    out
}

/// What of the past a condition looks at, in the order of the text: values over history, and distributions.
pub fn of_the_past(condition: &Expr) -> Vec<&Expr> {
    let mut found = Vec::new();
    condition.visit(&mut |e| {
        if matches!(e.kind, ExprKind::History { .. } | ExprKind::Drift { .. }) {
            found.push(e);
        }
    });
    found
}

/// For each rule of the plan, and each part of it that looks at the past: what its value means.
pub fn meanings_of(plan: &Plan) -> Vec<Vec<Vec<String>>> {
    let each = |planned: &PlanRule| match &planned.rule.kind {
        RuleKind::Aggregate { condition, .. } => {
            of_the_past(condition).into_iter().map(|e| meanings(plan, planned, compared(e))).collect()
        }
        _ => Vec::new(),
    };
    plan.rules.iter().map(each).collect()
}

/// The value whose past is looked at.
pub fn compared(past: &Expr) -> &Expr {
    match &past.kind {
        ExprKind::History { metric: value, .. } | ExprKind::Drift { value, .. } => value,
        _ => past,
    }
}

/// In the place of a value that nobody is to see: the same for equal values of one lake.
pub fn hashed(salt: &str, text: &str) -> String {
    let hash = Sha256::new().chain_update(salt).chain_update([0]).chain_update(text).finalize();
    hash.iter().take(12).map(|b| format!("{b:02x}")).collect()
}

/// A group's name in the ledger; values that nobody is to see as a hash.
pub fn group_name(values: &[(Value, Privacy)], salt: &str) -> String {
    let one = |(value, privacy): &(Value, Privacy)| match (show::json(value, Privacy::Public), privacy) {
        (Some(json), Privacy::Public) => json,
        (json, _) => serde_json::Value::String(hashed(salt, &json.unwrap_or_default().to_string())),
    };
    if values.is_empty() { String::new() } else { serde_json::Value::Array(values.iter().map(one).collect()).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    #[test]
    fn batches_are_dated_by_their_names() {
        let date = |d: &str| NaiveDate::parse_from_str(d, "%Y-%m-%d").unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_micros();
        assert_eq!(date_of("ingest_date=2026-11-21"), Some(date("2026-11-21")));
        assert_eq!(date_of("in/orders-20261121.csv"), Some(date("2026-11-21")));
        assert_eq!(date_of("year=2026/month=02"), Some(date("2026-02-01")));
        assert_eq!(date_of("day=2026-11-21/hour=06"), Some(date("2026-11-21") + 6 * 3_600_000_000));
        assert_eq!(date_of("v17"), None);
        assert_eq!(date_of("part-2026112199.parquet"), None);
    }

    #[test]
    fn the_window_ends_before_the_batch() {
        let mut history = History::default();
        for day in 0..20 {
            let past = Past { batch: format!("d{day}"), at: day * DAY, value: Some(day as f64), distribution: None };
            history.add("m", "", past);
        }
        let meanings = ["m".to_string()];
        let asked = |before: i64| Asked { meanings: &meanings, batch: Some("d10"), before };
        let values = |before: i64, count, unit| {
            let window = HistoryWindow { count, unit };
            history.within(&asked(before), "", window).map(|f| f.iter().filter_map(|p| p.value).collect::<Vec<_>>())
        };
        assert_eq!(values(10 * DAY, 3, None), Ok(vec![7.0, 8.0, 9.0]));
        assert_eq!(values(10 * DAY, 8, Some(Unit::Day)).map(|v| v.len()), Ok(8));
        assert_eq!(values(3 * DAY, 28, None), Err("there is too little history: 3 batches, and 7 are needed".into()));
        assert_eq!(values(0, 1, None), Err("there is no history yet, and 1 batch is needed".into()));
        // An attempt more takes the place of the one before.
        history.add("m", "", Past { batch: "d9".into(), at: 9 * DAY, value: Some(99.0), distribution: None });
        let found = history.within(&asked(10 * DAY), "", HistoryWindow { count: 2, unit: None }).unwrap();
        assert_eq!(found.iter().filter_map(|p| p.value).collect::<Vec<_>>(), vec![8.0, 99.0]);
    }
}

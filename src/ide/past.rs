//! What is remembered of data that was judged, as an editor shows it. Filled by whoever can read a ledger; empty, it is
//! simply not shown.

use std::collections::BTreeMap;

use crate::resolve::fold;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// By dataset and rule, both in lower case.
    rules: BTreeMap<(String, String), Verdict>,
    /// By dataset in lower case.
    batches: BTreeMap<String, Batch>,
}

/// What a rule last said.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// `passed`, `violated`, `not_evaluated`
    pub verdict: String,
    pub batch: String,
    /// Microseconds since 1970 in UTC.
    pub at: i64,
    pub checked: i64,
    pub violations: i64,
    pub value: Option<f64>,
    pub reason: Option<String>,
}

/// What became of a dataset's last batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `passed`, `blocked`, …
    pub verdict: String,
    pub batch: String,
    /// Microseconds since 1970 in UTC.
    pub at: i64,
    pub rows: Option<i64>,
    pub quarantined: Option<i64>,
}

impl Past {
    /// Keeps the newest verdict of a rule.
    pub fn add_rule(&mut self, dataset: &str, rule: &str, verdict: Verdict) {
        let entry = self.rules.entry((fold(dataset), fold(rule)));
        let kept = entry.or_insert_with(|| verdict.clone());
        if kept.at <= verdict.at {
            *kept = verdict;
        }
    }

    /// Keeps the newest batch of a dataset.
    pub fn add_batch(&mut self, dataset: &str, batch: Batch) {
        let kept = self.batches.entry(fold(dataset)).or_insert_with(|| batch.clone());
        if kept.at <= batch.at {
            *kept = batch;
        }
    }

    pub fn rule(&self, dataset: &str, rule: &str) -> Option<&Verdict> {
        self.rules.get(&(fold(dataset), fold(rule)))
    }

    pub fn batch(&self, dataset: &str) -> Option<&Batch> {
        self.batches.get(&fold(dataset))
    }
}

impl Verdict {
    /// `passed in batch 2026-11-21`, `12 of 3,000 rows violate it in batch …`
    pub fn in_words(&self) -> String {
        let what = match self.verdict.as_str() {
            "violated" => format!("{} of {} violate it", grouped(self.violations), grouped(self.checked)),
            "not_evaluated" => match &self.reason {
                Some(reason) => format!("not evaluated: {reason}"),
                None => "not evaluated".to_owned(),
            },
            other => other.to_owned(),
        };
        let value = self.value.map_or(String::new(), |v| format!(", value {v}"));
        format!("{what}{value} in batch {} ({})", self.batch, day(self.at))
    }
}

impl Batch {
    pub fn in_words(&self) -> String {
        let rows = self.rows.map_or(String::new(), |n| format!(", {} rows", grouped(n)));
        let held = self.quarantined.filter(|n| *n > 0).map_or(String::new(), |n| format!(", {} held back", grouped(n)));
        format!("{} {}{rows}{held} ({})", self.batch, self.verdict, day(self.at))
    }
}

/// `2026-11-21`
fn day(at: i64) -> String {
    chrono::DateTime::from_timestamp_micros(at).map_or("?".to_owned(), |t| t.format("%Y-%m-%d").to_string())
}

/// `1,234,567`
fn grouped(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::from(if n < 0 { "-" } else { "" });
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    out
}

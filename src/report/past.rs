//! What the ledger tells of a project's data, as plain values. Filled by whoever can read a ledger.

use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// By dataset; the earliest first.
    pub batches: BTreeMap<String, Vec<Batch>>,
    /// By dataset and rule; the earliest first.
    pub verdicts: BTreeMap<(String, String), Vec<Verdict>>,
    /// By dataset and service level: what was last found.
    pub levels: BTreeMap<(String, String), Level>,
}

/// A batch as a run left it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    pub batch: String,
    pub version: String,
    /// `passed`, `blocked`, `not_evaluated`, `refused`
    pub verdict: String,
    pub published: bool,
    /// `None`: it was not judged.
    pub input: Option<u64>,
    pub accepted: Option<u64>,
    pub held: Option<u64>,
    pub reason: Option<String>,
    /// The run's clock; microseconds since 1970 in UTC.
    pub as_of: i64,
}

/// What a rule said of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    pub batch: String,
    /// `passed`, `violated`, `not_evaluated`
    pub verdict: String,
    /// `none`, `warn`, `quarantine`, `block`
    pub action: String,
    pub checked: u64,
    pub violations: u64,
    /// Of a condition on a batch: what was measured, and what it was held against.
    pub value: Option<f64>,
    pub limit: Option<f64>,
    /// The run's clock; microseconds since 1970 in UTC.
    pub as_of: i64,
}

/// What was last found of a service level.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Level {
    /// `met`, `pending`, `missed`
    pub status: String,
    /// The deadline or day that it was found for.
    pub period: String,
}

impl Past {
    /// The last that was said of each batch, in the order of the runs and within one of the batches' names.
    pub fn last_batches(&self, dataset: &str) -> Vec<&Batch> {
        let all = self.batches.get(dataset).map_or(&[][..], Vec::as_slice);
        let mut found = last(all, |b| (b.batch.as_str(), b.as_of));
        found.sort_by(|a, b| (a.as_of, &a.batch).cmp(&(b.as_of, &b.batch)));
        found
    }

    /// As [`Past::last_batches`].
    pub fn last_verdicts(&self, dataset: &str, rule: &str) -> Vec<&Verdict> {
        let all = self.verdicts.get(&(dataset.to_owned(), rule.to_owned())).map_or(&[][..], Vec::as_slice);
        let mut found = last(all, |v| (v.batch.as_str(), v.as_of));
        found.sort_by(|a, b| (a.as_of, &a.batch).cmp(&(b.as_of, &b.batch)));
        found
    }
}

/// The last of each batch; one of a name that comes again with every run, as `all`, counts once for each run.
fn last<'p, T>(all: &'p [T], name: impl Fn(&T) -> (&str, i64)) -> Vec<&'p T> {
    let mut found: BTreeMap<(&str, i64), &T> = BTreeMap::new();
    for one in all {
        let (batch, as_of) = name(one);
        let key = if is_whole(batch) { as_of } else { 0 };
        found.insert((batch, key), one);
    }
    found.into_values().collect()
}

/// Whether a batch is all of its dataset: its name says nothing of its rows.
pub fn is_whole(batch: &str) -> bool {
    batch == "all"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_each_batch_counts() {
        let batch = |name: &str, as_of, verdict: &str| Batch { batch: name.into(), as_of, verdict: verdict.into(), ..Batch::default() };
        let mut past = Past::default();
        let all = [batch("day=2", 1, "blocked"), batch("day=1", 1, "passed"), batch("day=2", 2, "passed"), batch("all", 1, "passed"), batch("all", 2, "blocked")];
        past.batches.insert("a.b".into(), all.to_vec());
        let found: Vec<(&str, i64, &str)> = past.last_batches("a.b").iter().map(|b| (b.batch.as_str(), b.as_of, b.verdict.as_str())).collect();
        assert_eq!(found, [("all", 1, "passed"), ("day=1", 1, "passed"), ("all", 2, "blocked"), ("day=2", 2, "passed")]);
    }
}

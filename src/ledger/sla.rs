//! The table `sla`, and what the ledger knows of when batches came and were published.

use std::collections::BTreeMap;

use arrow::array::{Array, BooleanArray, StringArray, TimestampMicrosecondArray};

use super::columns::Columns;
use super::{Ledger, now};
use crate::fault::Fault;
use crate::ir::InputFile;
use crate::lake::rows::column;

/// A row of `sla`. Instants are microseconds since 1970 in UTC.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlaEntry {
    pub dataset: String,
    pub contract_version: String,
    pub name: String,
    pub kind: String,
    pub period: String,
    pub status: String,
    pub severity: String,
    pub batch: Option<String>,
    pub due_at: Option<i64>,
    pub event_at: Option<i64>,
    pub arrived_at: Option<i64>,
    pub published_at: Option<i64>,
    pub remaining_seconds: Option<i64>,
    pub missed: Option<i64>,
    pub allowed: Option<i64>,
    pub deadlines: Option<i64>,
    pub reason: Option<String>,
}

/// What was last found of a service level in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlaState {
    pub kind: String,
    pub status: String,
    /// Whether it was ever found missed in the period.
    pub missed_ever: bool,
    judged_at: i64,
}

/// By dataset, name and period.
pub type SlaStates = BTreeMap<(String, String, String), SlaState>;

/// What the ledger says of a batch at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    pub batch: String,
    /// `passed`, `blocked`, `not_evaluated`, `refused`
    pub verdict: String,
    pub published: bool,
    /// Published by an earlier run than the one that booked it.
    pub recovered: bool,
    pub target_version: Option<i64>,
    pub reason: Option<String>,
    /// When the newest of its files came.
    pub arrived_at: Option<i64>,
    pub finished_at: i64,
}

impl Ledger<'_> {
    pub async fn write_sla(&self, entries: &[SlaEntry]) -> Result<(), Fault> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut rows = Columns::new(entries.len());
        rows.text("run_id", entries.iter().map(|_| Some(self.run_id.as_str())));
        let texts: [(&str, fn(&SlaEntry) -> Option<&str>); 9] = [
            ("dataset", |e| Some(&e.dataset)),
            ("contract_version", |e| Some(&e.contract_version)),
            ("name", |e| Some(&e.name)),
            ("kind", |e| Some(&e.kind)),
            ("period", |e| Some(&e.period)),
            ("status", |e| Some(&e.status)),
            ("severity", |e| Some(&e.severity)),
            ("batch", |e| e.batch.as_deref()),
            ("reason", |e| e.reason.as_deref()),
        ];
        for (name, of) in texts {
            rows.text(name, entries.iter().map(of));
        }
        let times: [(&str, fn(&SlaEntry) -> Option<i64>); 4] = [
            ("due_at", |e| e.due_at),
            ("event_at", |e| e.event_at),
            ("arrived_at", |e| e.arrived_at),
            ("published_at", |e| e.published_at),
        ];
        for (name, of) in times {
            rows.time(name, entries.iter().map(of));
        }
        rows.number("remaining_seconds", entries.iter().map(|e| e.remaining_seconds));
        rows.number("missed", entries.iter().map(|e| e.missed));
        rows.number("allowed", entries.iter().map(|e| e.allowed));
        rows.number("deadlines", entries.iter().map(|e| e.deadlines));
        rows.time("as_of", entries.iter().map(|_| Some(self.as_of)));
        rows.time("judged_at", entries.iter().map(|_| Some(now())));
        self.append("sla", "all", rows.rows()?, None).await
    }

    /// What was last found of each service level in each period.
    pub async fn sla_states(&self) -> Result<SlaStates, Fault> {
        let mut newest = SlaStates::new();
        let columns = ["dataset", "name", "kind", "period", "status", "judged_at"];
        self.each("sla", None, &columns, &mut |rows| {
            let (datasets, names): (&StringArray, &StringArray) = (column(rows, "dataset")?, column(rows, "name")?);
            let (kinds, periods): (&StringArray, &StringArray) = (column(rows, "kind")?, column(rows, "period")?);
            let statuses: &StringArray = column(rows, "status")?;
            let times: &TimestampMicrosecondArray = column(rows, "judged_at")?;
            for row in 0..rows.num_rows() {
                let key = (
                    datasets.value(row).to_owned(),
                    names.value(row).to_owned(),
                    periods.value(row).to_owned(),
                );
                let state = SlaState {
                    kind: kinds.value(row).to_owned(),
                    status: statuses.value(row).to_owned(),
                    missed_ever: statuses.value(row) == "missed",
                    judged_at: times.value(row),
                };
                let known = newest.entry(key).or_insert_with(|| state.clone());
                let missed_ever = known.missed_ever || state.missed_ever;
                if known.judged_at <= state.judged_at {
                    *known = state;
                }
                known.missed_ever = missed_ever;
            }
            Some(())
        })
        .await?;
        Ok(newest)
    }

    /// Everything that is booked of a dataset's batches, in no order; not rows that came out of quarantine later, which make no batch.
    pub async fn booked(&self, dataset: &str) -> Result<Vec<Booked>, Fault> {
        let mut found = Vec::new();
        let columns = [
            "dataset",
            "batch",
            "verdict",
            "published",
            "recovered",
            "target_version",
            "reason",
            "files",
            "kind",
            "finished_at",
        ];
        self.each("batches", Some(dataset), &columns, &mut |rows| {
            let (datasets, batches): (&StringArray, &StringArray) = (column(rows, "dataset")?, column(rows, "batch")?);
            let (verdicts, reasons): (&StringArray, &StringArray) = (column(rows, "verdict")?, column(rows, "reason")?);
            let (published, recovered): (&BooleanArray, &BooleanArray) =
                (column(rows, "published")?, column(rows, "recovered")?);
            let versions: &arrow::array::Int64Array = column(rows, "target_version")?;
            let files: &StringArray = column(rows, "files")?;
            let times: &TimestampMicrosecondArray = column(rows, "finished_at")?;
            // Files of an earlier version have no kinds.
            let kinds: Option<&StringArray> = column(rows, "kind");
            let is_batch = |row: usize| kinds.is_none_or(|kinds| kinds.is_null(row) || kinds.value(row) != super::RETRY);
            for row in (0..rows.num_rows()).filter(|row| datasets.value(*row) == dataset && is_batch(*row)) {
                let listed: Vec<InputFile> = serde_json::from_str(files.value(row)).unwrap_or_default();
                found.push(Booked {
                    batch: batches.value(row).to_owned(),
                    verdict: verdicts.value(row).to_owned(),
                    published: published.value(row),
                    recovered: recovered.value(row),
                    target_version: (!versions.is_null(row)).then(|| versions.value(row)),
                    reason: (!reasons.is_null(row)).then(|| reasons.value(row).to_owned()),
                    arrived_at: listed.iter().map(|f| f.modified).max(),
                    finished_at: times.value(row),
                });
            }
            Some(())
        })
        .await?;
        Ok(found)
    }

    /// The rules of a dataset that blocked, by batch.
    pub async fn blocking_rules(&self, dataset: &str) -> Result<BTreeMap<String, Vec<String>>, Fault> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        self.each("results", Some(dataset), &["dataset", "batch", "rule", "action"], &mut |rows| {
            let (datasets, batches): (&StringArray, &StringArray) = (column(rows, "dataset")?, column(rows, "batch")?);
            let (rules, actions): (&StringArray, &StringArray) = (column(rows, "rule")?, column(rows, "action")?);
            for row in 0..rows.num_rows() {
                if datasets.value(row) == dataset && actions.value(row) == "block" {
                    let rules_of = found.entry(batches.value(row).to_owned()).or_default();
                    let rule = rules.value(row).to_owned();
                    if !rules_of.contains(&rule) {
                        rules_of.push(rule);
                    }
                }
            }
            Some(())
        })
        .await?;
        Ok(found)
    }
}

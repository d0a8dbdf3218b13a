//! What was last found: of each rule, and of each dataset's batch. For people who look at a contract, not for judging.

use std::collections::BTreeMap;

use arrow::array::{Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};

use super::{Ledger, RETRY, lacking};
use crate::fault::Fault;
use crate::ir::InputFile;
use crate::lake::delta::Table;
use crate::lake::rows::{self, column};

/// So many files of each dataset are read, from the newest back: a file holds what one run found.
const FILES: usize = 6;

/// By dataset and rule.
pub type LastResults = BTreeMap<(String, String), LastResult>;
/// By dataset.
pub type LastBatches = BTreeMap<String, LastBatch>;

/// What a rule last said.
#[derive(Clone, Debug, PartialEq)]
pub struct LastResult {
    pub verdict: String,
    pub batch: String,
    pub checked: i64,
    pub violations: i64,
    /// Of a condition on a batch: what was measured.
    pub value: Option<f64>,
    pub reason: Option<String>,
    /// Microseconds since 1970 in UTC.
    pub at: i64,
}

/// What became of the batch that was judged last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastBatch {
    pub verdict: String,
    pub batch: String,
    /// `None`: it was not judged.
    pub rows: Option<i64>,
    pub quarantined: Option<i64>,
    /// Microseconds since 1970 in UTC.
    pub at: i64,
}

impl Ledger<'_> {
    /// Of every rule; nothing where there is no ledger yet.
    pub async fn last_results(&self) -> Result<LastResults, Fault> {
        let mut newest = LastResults::new();
        let columns = ["dataset", "rule", "batch", "verdict", "checked", "violations", "value", "reason", "as_of"];
        self.newest("results", None, &columns, &mut |rows| {
            let (datasets, rules): (&StringArray, &StringArray) = (column(rows, "dataset")?, column(rows, "rule")?);
            let (batches, verdicts): (&StringArray, &StringArray) = (column(rows, "batch")?, column(rows, "verdict")?);
            let (checked, violations): (&Int64Array, &Int64Array) = (column(rows, "checked")?, column(rows, "violations")?);
            let (values, reasons): (&Float64Array, &StringArray) = (column(rows, "value")?, column(rows, "reason")?);
            let times: &TimestampMicrosecondArray = column(rows, "as_of")?;
            for row in 0..rows.num_rows() {
                let found = LastResult {
                    verdict: verdicts.value(row).to_owned(),
                    batch: batches.value(row).to_owned(),
                    checked: checked.value(row),
                    violations: violations.value(row),
                    value: (!values.is_null(row)).then(|| values.value(row)),
                    reason: (!reasons.is_null(row)).then(|| reasons.value(row).to_owned()),
                    at: times.value(row),
                };
                let key = (datasets.value(row).to_owned(), rules.value(row).to_owned());
                // Of two batches of one run the later name is the later batch.
                let order = |r: &LastResult| (r.at, r.batch.clone());
                if newest.get(&key).is_none_or(|known| order(known) <= order(&found)) {
                    newest.insert(key, found);
                }
            }
            Some(true)
        })
        .await?;
        Ok(newest)
    }

    /// Of every dataset.
    pub async fn last_batches(&self) -> Result<LastBatches, Fault> {
        let mut newest = LastBatches::new();
        // Rows that came out of quarantine since: how many are in it still.
        let mut rests: BTreeMap<(String, String), (i64, Option<i64>)> = BTreeMap::new();
        let columns = ["dataset", "batch", "verdict", "kind", "rows_input", "rows_quarantined", "finished_at"];
        self.newest("batches", None, &columns, &mut |rows| {
            let (datasets, batches): (&StringArray, &StringArray) = (column(rows, "dataset")?, column(rows, "batch")?);
            let verdicts: &StringArray = column(rows, "verdict")?;
            let (input, held): (&Int64Array, &Int64Array) = (column(rows, "rows_input")?, column(rows, "rows_quarantined")?);
            let times: &TimestampMicrosecondArray = column(rows, "finished_at")?;
            // Files of an earlier version have no kinds.
            let kinds: Option<&StringArray> = column(rows, "kind");
            let mut judged = false;
            for row in 0..rows.num_rows() {
                if kinds.is_some_and(|kinds| kinds.is_valid(row) && kinds.value(row) == RETRY) {
                    let key = (datasets.value(row).to_owned(), batches.value(row).to_owned());
                    let rest = (times.value(row), (!held.is_null(row)).then(|| held.value(row)));
                    if rests.get(&key).is_none_or(|known| *known <= rest) {
                        rests.insert(key, rest);
                    }
                    continue;
                }
                judged = true;
                let found = LastBatch {
                    verdict: verdicts.value(row).to_owned(),
                    batch: batches.value(row).to_owned(),
                    rows: (!input.is_null(row)).then(|| input.value(row)),
                    quarantined: (!held.is_null(row)).then(|| held.value(row)),
                    at: times.value(row),
                };
                let dataset = datasets.value(row);
                if newest.get(dataset).is_none_or(|known| known.at <= found.at) {
                    newest.insert(dataset.to_owned(), found);
                }
            }
            Some(judged)
        })
        .await?;
        for (dataset, last) in &mut newest {
            let rest = rests.get(&(dataset.clone(), last.batch.clone()));
            if let Some((_, rest)) = rest.filter(|(at, _)| *at >= last.at) {
                last.quarantined = *rest;
            }
        }
        Ok(newest)
    }

    /// Why a rule was remarked on in the batch of a promotion that was judged last; `None`: it was not.
    pub async fn last_remark(&self, promotion: &str, dataset: &str, rule: &str) -> Result<Option<String>, Fault> {
        let mut last: Option<(i64, String)> = None;
        let mut remark = None;
        let columns = ["promotion", "batch", "rule", "reason", "as_of"];
        self.newest("results", Some(dataset), &columns, &mut |rows| {
            let text = |name: &str| column::<StringArray>(rows, name);
            let (promotions, batches, rules, reasons) = (text("promotion")?, text("batch")?, text("rule")?, text("reason")?);
            let times: &TimestampMicrosecondArray = column(rows, "as_of")?;
            for row in (0..rows.num_rows()).filter(|row| promotions.value(*row) == promotion) {
                let of = (times.value(row), batches.value(row).to_owned());
                if last.as_ref().is_none_or(|known| *known < of) {
                    (last, remark) = (Some(of), None);
                } else if last.as_ref() != Some(&of) {
                    continue;
                }
                if rules.value(row) == rule {
                    remark = (!reasons.is_null(row)).then(|| reasons.value(row).to_owned());
                }
            }
            Some(last.is_some())
        })
        .await?;
        Ok(remark)
    }

    /// Hands over what the newest files of each folder hold, or of one dataset's, at least until `take` says that it found
    /// what it looks for.
    async fn newest(
        &self,
        table: &str,
        dataset: Option<&str>,
        columns: &[&str],
        take: &mut (dyn FnMut(&RecordBatch) -> Option<bool> + Send),
    ) -> Result<(), Fault> {
        let Some(log) = Table::open(&self.table(table), self.storage).await? else { return Ok(()) };
        let mut by_folder: BTreeMap<String, Vec<InputFile>> = BTreeMap::new();
        for file in log.files()? {
            let folder = file.path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
            if dataset.is_some_and(|dataset| dataset != folder) {
                continue;
            }
            by_folder.entry(folder).or_default().push(file);
        }
        for mut files in by_folder.into_values() {
            files.sort_by_key(|f| std::cmp::Reverse(f.modified));
            let mut found = false;
            for (number, file) in files.iter().enumerate() {
                if found && number >= FILES {
                    break;
                }
                for rows in rows::read(&log.store, &file.path, Some(columns)).await? {
                    found |= take(&rows).ok_or_else(|| lacking(table))?;
                }
            }
        }
        Ok(())
    }
}

//! All that is booked of batches and rules, for those who look at how things went.

use arrow::array::{Array, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use serde::Serialize;

use super::Ledger;
use crate::fault::Fault;
use crate::lake::rows::column;

/// A batch as a run left it. The fields are columns of `batches`, and the JSON form is what `dqc history` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PastBatch {
    pub dataset: String,
    pub promotion: String,
    pub batch: String,
    /// `batch`, or [`super::RETRY`] for rows that came out of quarantine.
    pub kind: String,
    pub contract_version: String,
    pub verdict: String,
    pub published: bool,
    pub recovered: bool,
    /// `None`: it was not judged.
    pub rows_input: Option<u64>,
    pub rows_accepted: Option<u64>,
    pub rows_quarantined: Option<u64>,
    pub reason: Option<String>,
    pub run_id: String,
    /// Microseconds since 1970 in UTC.
    pub as_of: i64,
    pub finished_at: i64,
}

/// What came of a rule. The fields are columns of `results`.
#[derive(Clone, Debug, PartialEq)]
pub struct PastResult {
    pub dataset: String,
    pub batch: String,
    pub run_id: String,
    pub rule: String,
    pub verdict: String,
    pub action: String,
    pub checked: u64,
    pub violations: u64,
    pub value: Option<f64>,
    pub limit: Option<f64>,
    /// Microseconds since 1970 in UTC.
    pub as_of: i64,
}

impl Ledger<'_> {
    /// Batches of one dataset, or of all; in the order in which runs were done with them.
    pub async fn past_batches(&self, dataset: Option<&str>) -> Result<Vec<PastBatch>, Fault> {
        let mut found = Vec::new();
        let columns = [
            "dataset", "promotion", "batch", "kind", "contract_version", "verdict", "published", "recovered", "rows_input",
            "rows_accepted", "rows_quarantined", "reason", "run_id", "as_of", "finished_at",
        ];
        self.each("batches", dataset, &columns, &mut |rows| {
            let text = |name: &str| column::<StringArray>(rows, name);
            let flag = |name: &str| column::<BooleanArray>(rows, name);
            let number = |name: &str| column::<Int64Array>(rows, name);
            let time = |name: &str| column::<TimestampMicrosecondArray>(rows, name);
            let (datasets, promotions, batches) = (text("dataset")?, text("promotion")?, text("batch")?);
            let (versions, verdicts) = (text("contract_version")?, text("verdict")?);
            let (reasons, runs) = (text("reason")?, text("run_id")?);
            // Files of an earlier version have no kinds.
            let kinds = text("kind");
            let (published, recovered) = (flag("published")?, flag("recovered")?);
            let (input, accepted, held) = (number("rows_input")?, number("rows_accepted")?, number("rows_quarantined")?);
            let (as_of, finished) = (time("as_of")?, time("finished_at")?);
            found.extend((0..rows.num_rows()).map(|row| PastBatch {
                dataset: datasets.value(row).to_owned(),
                promotion: promotions.value(row).to_owned(),
                batch: batches.value(row).to_owned(),
                kind: kinds.and_then(|k| some(k, row)).unwrap_or_else(|| "batch".to_owned()),
                contract_version: versions.value(row).to_owned(),
                verdict: verdicts.value(row).to_owned(),
                published: published.value(row),
                recovered: recovered.value(row),
                rows_input: count(input, row),
                rows_accepted: count(accepted, row),
                rows_quarantined: count(held, row),
                reason: some(reasons, row),
                run_id: runs.value(row).to_owned(),
                as_of: as_of.value(row),
                finished_at: finished.value(row),
            }));
            Some(())
        })
        .await?;
        found.retain(|b| dataset.is_none_or(|d| b.dataset == d));
        found.sort_by_key(|b| b.finished_at);
        Ok(found)
    }

    /// Results of one dataset's rules, or of all; in the order of the runs' clocks.
    pub async fn past_results(&self, dataset: Option<&str>) -> Result<Vec<PastResult>, Fault> {
        let mut found = Vec::new();
        let columns = [
            "dataset", "batch", "run_id", "rule", "verdict", "action", "checked", "violations", "value", "limit_value", "as_of",
        ];
        self.each("results", dataset, &columns, &mut |rows| {
            let text = |name: &str| column::<StringArray>(rows, name);
            let (datasets, batches, runs) = (text("dataset")?, text("batch")?, text("run_id")?);
            let (rules, verdicts, actions) = (text("rule")?, text("verdict")?, text("action")?);
            let (checked, violations): (&Int64Array, &Int64Array) = (column(rows, "checked")?, column(rows, "violations")?);
            let (values, limits): (&Float64Array, &Float64Array) = (column(rows, "value")?, column(rows, "limit_value")?);
            let as_of: &TimestampMicrosecondArray = column(rows, "as_of")?;
            let real = |column: &Float64Array, row: usize| column.is_valid(row).then(|| column.value(row));
            found.extend((0..rows.num_rows()).map(|row| PastResult {
                dataset: datasets.value(row).to_owned(),
                batch: batches.value(row).to_owned(),
                run_id: runs.value(row).to_owned(),
                rule: rules.value(row).to_owned(),
                verdict: verdicts.value(row).to_owned(),
                action: actions.value(row).to_owned(),
                checked: count(checked, row).unwrap_or(0),
                violations: count(violations, row).unwrap_or(0),
                value: real(values, row),
                limit: real(limits, row),
                as_of: as_of.value(row),
            }));
            Some(())
        })
        .await?;
        found.retain(|r| dataset.is_none_or(|d| r.dataset == d));
        found.sort_by_key(|r| r.as_of);
        Ok(found)
    }
}

fn some(column: &StringArray, row: usize) -> Option<String> {
    column.is_valid(row).then(|| column.value(row).to_owned())
}

fn count(column: &Int64Array, row: usize) -> Option<u64> {
    if column.is_valid(row) { u64::try_from(column.value(row)).ok() } else { None }
}

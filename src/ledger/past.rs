//! All that is booked of batches and rules, for pages that show how things went.

use arrow::array::{Array, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};

use super::Ledger;
use super::sla::column;
use crate::fault::Fault;

/// A row of `batches`.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchRow {
    pub dataset: String,
    pub batch: String,
    /// `batch`, or `retry` for rows that came out of quarantine.
    pub kind: String,
    pub contract_version: String,
    pub verdict: String,
    pub published: bool,
    /// `None`: it was not judged.
    pub input: Option<u64>,
    pub accepted: Option<u64>,
    pub held: Option<u64>,
    pub reason: Option<String>,
    /// Microseconds since 1970 in UTC.
    pub as_of: i64,
    pub finished_at: i64,
}

/// A row of `results`.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultRow {
    pub dataset: String,
    pub batch: String,
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
    /// In the order in which runs were done with them.
    pub async fn all_batches(&self) -> Result<Vec<BatchRow>, Fault> {
        let mut found = Vec::new();
        let columns = [
            "dataset", "batch", "kind", "contract_version", "verdict", "published", "rows_input", "rows_accepted",
            "rows_quarantined", "reason", "as_of", "finished_at",
        ];
        self.each("batches", &columns, &mut |rows| {
            let text = |name: &str| column::<StringArray>(rows, name);
            let number = |name: &str| column::<Int64Array>(rows, name);
            let time = |name: &str| column::<TimestampMicrosecondArray>(rows, name);
            let (datasets, batches, versions) = (text("dataset")?, text("batch")?, text("contract_version")?);
            let (verdicts, reasons) = (text("verdict")?, text("reason")?);
            // Files of an earlier version have no kinds.
            let kinds = text("kind");
            let published: &BooleanArray = column(rows, "published")?;
            let (input, accepted, held) = (number("rows_input")?, number("rows_accepted")?, number("rows_quarantined")?);
            let (as_of, finished) = (time("as_of")?, time("finished_at")?);
            found.extend((0..rows.num_rows()).map(|row| BatchRow {
                dataset: datasets.value(row).to_owned(),
                batch: batches.value(row).to_owned(),
                kind: kinds.and_then(|k| some(k, row)).unwrap_or_else(|| "batch".to_owned()),
                contract_version: versions.value(row).to_owned(),
                verdict: verdicts.value(row).to_owned(),
                published: published.value(row),
                input: count(input, row),
                accepted: count(accepted, row),
                held: count(held, row),
                reason: some(reasons, row),
                as_of: as_of.value(row),
                finished_at: finished.value(row),
            }));
            Some(())
        })
        .await?;
        found.sort_by_key(|b| b.finished_at);
        Ok(found)
    }

    /// In the order of the runs' clocks.
    pub async fn all_results(&self) -> Result<Vec<ResultRow>, Fault> {
        let mut found = Vec::new();
        let columns = [
            "dataset", "batch", "rule", "verdict", "action", "checked", "violations", "value", "limit_value", "as_of",
        ];
        self.each("results", &columns, &mut |rows| {
            let text = |name: &str| column::<StringArray>(rows, name);
            let (datasets, batches, rules) = (text("dataset")?, text("batch")?, text("rule")?);
            let (verdicts, actions) = (text("verdict")?, text("action")?);
            let (checked, violations): (&Int64Array, &Int64Array) = (column(rows, "checked")?, column(rows, "violations")?);
            let (values, limits): (&Float64Array, &Float64Array) = (column(rows, "value")?, column(rows, "limit_value")?);
            let as_of: &TimestampMicrosecondArray = column(rows, "as_of")?;
            let real = |column: &Float64Array, row: usize| column.is_valid(row).then(|| column.value(row));
            found.extend((0..rows.num_rows()).map(|row| ResultRow {
                dataset: datasets.value(row).to_owned(),
                batch: batches.value(row).to_owned(),
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

//! The past, as the ledger tells it: batches and the results of their rules.

use arrow::array::{Array, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Serialize;

use super::Ledger;
use crate::fault::Fault;
use crate::lake::delta::Table;
use crate::lake::store::Store;

/// A batch as a run left it; the columns are those of the ledger's `batches`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PastBatch {
    pub dataset: String,
    pub promotion: String,
    pub batch: String,
    pub kind: String,
    pub contract_version: String,
    pub verdict: String,
    pub published: bool,
    pub recovered: bool,
    pub rows_input: Option<i64>,
    pub rows_accepted: Option<i64>,
    pub rows_quarantined: Option<i64>,
    pub reason: Option<String>,
    pub run_id: String,
    /// Microseconds since 1970 in UTC.
    pub as_of: i64,
    pub finished_at: i64,
}

/// What came of a rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PastResult {
    pub batch: String,
    pub run_id: String,
    pub rule: String,
    pub verdict: String,
    pub action: String,
    pub checked: i64,
    pub violations: i64,
    /// Microseconds since 1970 in UTC.
    pub as_of: i64,
}

impl Ledger<'_> {
    /// Batches of one dataset, or of all; in the order in which runs were done with them.
    pub async fn every_batch(&self, dataset: Option<&str>) -> Result<Vec<PastBatch>, Fault> {
        let mut found = Vec::new();
        for rows in self.rows_of("batches", dataset).await? {
            found.extend(batches(&rows).ok_or_else(|| unreadable("batches"))?);
        }
        found.retain(|b| dataset.is_none_or(|d| b.dataset == d));
        found.sort_by_key(|b| b.finished_at);
        Ok(found)
    }

    /// Results of a dataset's rules, in the order of the runs' clocks.
    pub async fn results_of(&self, dataset: &str) -> Result<Vec<PastResult>, Fault> {
        let mut found = Vec::new();
        for rows in self.rows_of("results", Some(dataset)).await? {
            found.extend(results(&rows, dataset).ok_or_else(|| unreadable("results"))?);
        }
        found.sort_by_key(|r| r.as_of);
        Ok(found)
    }

    async fn rows_of(&self, table: &str, dataset: Option<&str>) -> Result<Vec<RecordBatch>, Fault> {
        let Some(table) = Table::open(&self.table(table), self.storage).await? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for file in table.files()? {
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            if dataset.is_none_or(|d| folder.is_empty() || folder == d) {
                found.extend(stored(&table.store, &file.path).await?);
            }
        }
        Ok(found)
    }
}

/// All rows of a file, as they are stored.
async fn stored(store: &Store, path: &str) -> Result<Vec<RecordBatch>, Fault> {
    let unreadable = || Fault::storage(format!("`{path}` below the ledger `{}` cannot be read", store.url));
    let bytes = store.read(path).await?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|b| b.build()).map_err(|_| unreadable())?;
    reader.collect::<Result<_, _>>().map_err(|_| unreadable())
}

fn unreadable(table: &str) -> Fault {
    Fault::storage(format!("the ledger's `{table}` lack a column"))
}

fn column<'r, T: 'static>(rows: &'r RecordBatch, name: &str) -> Option<&'r T> {
    rows.column_by_name(name)?.as_any().downcast_ref::<T>()
}

fn batches(rows: &RecordBatch) -> Option<Vec<PastBatch>> {
    let text = |name: &str| column::<StringArray>(rows, name);
    let number = |name: &str| column::<Int64Array>(rows, name);
    let (datasets, promotions, names) = (text("dataset")?, text("promotion")?, text("batch")?);
    let (versions, verdicts, reasons, runs) =
        (text("contract_version")?, text("verdict")?, text("reason")?, text("run_id")?);
    // Files of an earlier version have no kinds.
    let kinds = text("kind");
    let flag = |name: &str| column::<BooleanArray>(rows, name);
    let (published, recovered) = (flag("published")?, flag("recovered")?);
    let counts = [number("rows_input")?, number("rows_accepted")?, number("rows_quarantined")?];
    let time = |name: &str| column::<TimestampMicrosecondArray>(rows, name);
    let (as_of, finished) = (time("as_of")?, time("finished_at")?);
    let some = |column: &StringArray, row: usize| column.is_valid(row).then(|| column.value(row).to_owned());
    let count = |at: usize, row: usize| counts[at].is_valid(row).then(|| counts[at].value(row));
    let one = |row: usize| PastBatch {
        dataset: datasets.value(row).to_owned(),
        promotion: promotions.value(row).to_owned(),
        batch: names.value(row).to_owned(),
        kind: kinds.and_then(|k| some(k, row)).unwrap_or_else(|| "batch".to_owned()),
        contract_version: versions.value(row).to_owned(),
        verdict: verdicts.value(row).to_owned(),
        published: published.value(row),
        recovered: recovered.value(row),
        rows_input: count(0, row),
        rows_accepted: count(1, row),
        rows_quarantined: count(2, row),
        reason: some(reasons, row),
        run_id: runs.value(row).to_owned(),
        as_of: as_of.value(row),
        finished_at: finished.value(row),
    };
    Some((0..rows.num_rows()).map(one).collect())
}

fn results(rows: &RecordBatch, dataset: &str) -> Option<Vec<PastResult>> {
    let text = |name: &str| column::<StringArray>(rows, name);
    let number = |name: &str| column::<Int64Array>(rows, name);
    let (datasets, names, runs) = (text("dataset")?, text("batch")?, text("run_id")?);
    let (rules, verdicts, actions) = (text("rule")?, text("verdict")?, text("action")?);
    let (checked, violations) = (number("checked")?, number("violations")?);
    let as_of: &TimestampMicrosecondArray = column(rows, "as_of")?;
    let one = |row: usize| PastResult {
        batch: names.value(row).to_owned(),
        run_id: runs.value(row).to_owned(),
        rule: rules.value(row).to_owned(),
        verdict: verdicts.value(row).to_owned(),
        action: actions.value(row).to_owned(),
        checked: checked.value(row),
        violations: violations.value(row),
        as_of: as_of.value(row),
    };
    Some((0..rows.num_rows()).filter(|row| datasets.value(*row) == dataset).map(one).collect())
}

//! What happened to a project's data, from the ledger: every batch that was looked at, every verdict.

use arrow::array::{Array, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::fault::Fault;
use crate::lake::delta::Table;
use crate::storage::Storage;

/// One row of `batches`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    pub promotion: String,
    pub dataset: String,
    pub batch: String,
    pub contract_version: String,
    /// `passed`, `blocked`, `not_evaluated`, `refused`.
    pub verdict: String,
    pub published: bool,
    /// `None` where it was not judged.
    pub rows_input: Option<u64>,
    pub rows_accepted: Option<u64>,
    pub rows_quarantined: Option<u64>,
    /// Microseconds since 1970 in UTC.
    pub as_of: i64,
    pub finished_at: i64,
}

/// One row of `results`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    pub promotion: String,
    pub dataset: String,
    pub batch: String,
    pub rule: String,
    /// `passed`, `violated`, `not_evaluated`.
    pub verdict: String,
    /// `none`, `warn`, `quarantine`, `block`.
    pub action: String,
    pub checked: u64,
    pub violations: u64,
    pub value: Option<f64>,
    pub limit: Option<f64>,
    /// Microseconds since 1970 in UTC.
    pub as_of: i64,
}

/// All that the ledger holds, the earliest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    pub batches: Vec<Batch>,
    pub verdicts: Vec<Verdict>,
}

/// Reads the ledger at a URL with a closing slash, as far as the clock `as_of` lets it be known; one that is not there
/// yet is empty.
///
/// # Errors
/// Storage fails, or a file of the ledger cannot be read.
pub async fn read(url: &str, storage: &Storage, as_of: i64) -> Result<History, Fault> {
    let mut history = History::default();
    for rows in all(&format!("{url}batches/"), storage).await? {
        let row = Row(&rows);
        history.batches.extend((0..rows.num_rows()).map(|i| Batch {
            promotion: row.text("promotion", i),
            dataset: row.text("dataset", i),
            batch: row.text("batch", i),
            contract_version: row.text("contract_version", i),
            verdict: row.text("verdict", i),
            published: row.flag("published", i),
            rows_input: row.count("rows_input", i),
            rows_accepted: row.count("rows_accepted", i),
            rows_quarantined: row.count("rows_quarantined", i),
            as_of: row.time("as_of", i),
            finished_at: row.time("finished_at", i),
        }));
    }
    for rows in all(&format!("{url}results/"), storage).await? {
        let row = Row(&rows);
        history.verdicts.extend((0..rows.num_rows()).map(|i| Verdict {
            promotion: row.text("promotion", i),
            dataset: row.text("dataset", i),
            batch: row.text("batch", i),
            rule: row.text("rule", i),
            verdict: row.text("verdict", i),
            action: row.text("action", i),
            checked: row.count("checked", i).unwrap_or(0),
            violations: row.count("violations", i).unwrap_or(0),
            value: row.real("value", i),
            limit: row.real("limit_value", i),
            as_of: row.time("as_of", i),
        }));
    }
    history.batches.retain(|b| b.as_of <= as_of);
    history.verdicts.retain(|v| v.as_of <= as_of);
    history.batches.sort_by(|a, b| (a.as_of, &a.batch, a.finished_at).cmp(&(b.as_of, &b.batch, b.finished_at)));
    history.verdicts.sort_by(|a, b| (a.as_of, &a.batch, &a.rule).cmp(&(b.as_of, &b.batch, &b.rule)));
    Ok(history)
}

async fn all(url: &str, storage: &Storage) -> Result<Vec<RecordBatch>, Fault> {
    let mut found = Vec::new();
    let Some(table) = Table::open(url, storage).await? else { return Ok(found) };
    for file in table.files()? {
        let bytes = table.store.read(&file.path).await?;
        let unreadable = || Fault::storage(format!("the ledger's file `{}` could not be read", file.path));
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|builder| builder.build());
        for rows in reader.map_err(|_| unreadable())? {
            found.push(rows.map_err(|_| unreadable())?);
        }
    }
    Ok(found)
}

/// Columns by name; one that an older version did not write is empty.
struct Row<'a>(&'a RecordBatch);

impl Row<'_> {
    fn get<T: Array + 'static>(&self, name: &str, row: usize) -> Option<&T> {
        let column = self.0.column_by_name(name)?.as_any().downcast_ref::<T>()?;
        column.is_valid(row).then_some(column)
    }

    fn text(&self, name: &str, row: usize) -> String {
        self.get::<StringArray>(name, row).map_or_else(String::new, |c| c.value(row).to_owned())
    }

    fn flag(&self, name: &str, row: usize) -> bool {
        self.get::<BooleanArray>(name, row).is_some_and(|c| c.value(row))
    }

    fn count(&self, name: &str, row: usize) -> Option<u64> {
        self.get::<Int64Array>(name, row).and_then(|c| u64::try_from(c.value(row)).ok())
    }

    fn real(&self, name: &str, row: usize) -> Option<f64> {
        self.get::<Float64Array>(name, row).map(|c| c.value(row))
    }

    fn time(&self, name: &str, row: usize) -> i64 {
        self.get::<TimestampMicrosecondArray>(name, row).map_or(0, |c| c.value(row))
    }
}

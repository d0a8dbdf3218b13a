//! What the ledger knows of a promotion's batches.

use std::collections::BTreeMap;

use arrow::array::{Array, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::fault::Fault;
use crate::ir::InputFile;
use crate::lake::delta::Table;
use crate::storage::Storage;

/// A batch as it was last published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// As [`crate::lake::batch::identity`] gives it.
    pub identity: String,
    pub files: Vec<InputFile>,
    pub target_version: i64,
    /// Rows that went to quarantine.
    pub held: u64,
    pub finished_at: i64,
}

const COLUMNS: [&str; 8] =
    ["promotion", "batch", "published", "files_sha256", "files", "target_version", "rows_quarantined", "finished_at"];

pub async fn published(
    url: &str,
    storage: &Storage,
    promotion: &str,
    dataset: &str,
) -> Result<BTreeMap<String, Published>, Fault> {
    let mut newest: BTreeMap<String, Published> = BTreeMap::new();
    let Some(table) = Table::open(url, storage).await? else {
        return Ok(newest);
    };
    for file in table.files()? {
        if file.path.rsplit_once('/').is_some_and(|(folder, _)| folder != dataset) {
            continue;
        }
        let bytes = table.store.read(&file.path).await?;
        let unreadable = || Fault::storage(format!("the ledger's file `{}` could not be read", file.path));
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|_| unreadable())?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), COLUMNS);
        let reader = builder.with_projection(mask).build().map_err(|_| unreadable())?;
        for rows in reader {
            let rows = rows.map_err(|_| unreadable())?;
            take(&rows, promotion, &mut newest).ok_or_else(unreadable)?;
        }
    }
    Ok(newest)
}

fn take(rows: &RecordBatch, promotion: &str, newest: &mut BTreeMap<String, Published>) -> Option<()> {
    fn column<'r, T: 'static>(rows: &'r RecordBatch, name: &str) -> Option<&'r T> {
        rows.column_by_name(name)?.as_any().downcast_ref::<T>()
    }
    let promotions: &StringArray = column(rows, "promotion")?;
    let batches: &StringArray = column(rows, "batch")?;
    let published: &BooleanArray = column(rows, "published")?;
    let identities: &StringArray = column(rows, "files_sha256")?;
    let files: &StringArray = column(rows, "files")?;
    let versions: &Int64Array = column(rows, "target_version")?;
    let held: &Int64Array = column(rows, "rows_quarantined")?;
    let times: &TimestampMicrosecondArray = column(rows, "finished_at")?;
    for row in 0..rows.num_rows() {
        if promotions.value(row) != promotion || !published.value(row) {
            continue;
        }
        let entry = Published {
            identity: identities.value(row).to_owned(),
            files: serde_json::from_str(files.value(row)).unwrap_or_default(),
            target_version: if versions.is_null(row) { 0 } else { versions.value(row) },
            held: if held.is_null(row) { 0 } else { u64::try_from(held.value(row)).unwrap_or(0) },
            finished_at: times.value(row),
        };
        let batch = batches.value(row);
        if newest.get(batch).is_none_or(|known| known.finished_at <= entry.finished_at) {
            newest.insert(batch.to_owned(), entry);
        }
    }
    Some(())
}

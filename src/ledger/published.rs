//! What the ledger knows of a promotion's batches.

use std::collections::BTreeMap;

use arrow::array::{Array, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};

use super::Ledger;
use crate::fault::Fault;
use crate::ir::InputFile;
use crate::lake::rows::column;

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

impl Ledger<'_> {
    /// The newest row of each published batch of a dataset.
    pub async fn published(&self, promotion: &str, dataset: &str) -> Result<BTreeMap<String, Published>, Fault> {
        let mut newest = BTreeMap::new();
        self.each("batches", Some(dataset), &COLUMNS, &mut |rows| take(rows, promotion, &mut newest)).await?;
        Ok(newest)
    }
}

fn take(rows: &RecordBatch, promotion: &str, newest: &mut BTreeMap<String, Published>) -> Option<()> {
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

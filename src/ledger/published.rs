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
    /// By batch of a dataset, all that was published of it: of each state of its files the newest row, in the order of
    /// the clocks of those who published it, which may differ.
    pub async fn published(&self, promotion: &str, dataset: &str) -> Result<BTreeMap<String, Vec<Published>>, Fault> {
        let mut found = BTreeMap::new();
        self.each("batches", Some(dataset), &COLUMNS, &mut |rows| take(rows, promotion, &mut found)).await?;
        found.values_mut().for_each(|books: &mut Vec<Published>| books.sort_by_key(|book| book.finished_at));
        Ok(found)
    }
}

fn take(rows: &RecordBatch, promotion: &str, found: &mut BTreeMap<String, Vec<Published>>) -> Option<()> {
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
        let books = found.entry(batches.value(row).to_owned()).or_default();
        match books.iter_mut().find(|known| known.identity == entry.identity) {
            Some(known) if known.finished_at > entry.finished_at => {}
            Some(known) => *known = entry,
            None => books.push(entry),
        }
    }
    Some(())
}

//! What published batches left for the history of later ones.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};

use super::columns::Columns;
use super::{BatchEntry, Ledger, lacking};
use crate::fault::Fault;
use crate::lake::delta::Table;
use crate::lake::rows::{self, column};
use crate::run::history::{History, Past, date_of};

/// The rows of files that were read already: files of a table never change.
pub type Cache = Mutex<HashMap<String, Arc<Vec<Row>>>>;

/// One row of `metrics`.
pub struct Row {
    meaning: String,
    group: String,
    version: i64,
    past: Past,
}

impl Ledger<'_> {
    /// What a published batch leaves; `None` where it is nothing.
    pub(super) fn metrics(&self, entry: &BatchEntry<'_>) -> Result<Option<RecordBatch>, Fault> {
        let (Some(report), Some((_, version))) = (entry.report, entry.version) else { return Ok(None) };
        let left = &report.recorded;
        if !entry.published || left.is_empty() {
            return Ok(None);
        }
        let at = date_of(entry.batch).unwrap_or(self.as_of);
        let mut rows = Columns::new(left.len());
        rows.text("run_id", left.iter().map(|_| Some(self.run_id.as_str())));
        rows.text("promotion", left.iter().map(|_| Some(entry.promotion)));
        rows.text("dataset", left.iter().map(|_| Some(entry.dataset)));
        rows.text("batch", left.iter().map(|_| Some(entry.batch)));
        rows.text("attempt", left.iter().map(|_| Some(entry.attempt)));
        rows.text("rule", left.iter().map(|m| Some(m.rule.as_str())));
        rows.text("meaning", left.iter().map(|m| Some(m.meaning.as_str())));
        rows.text("group_key", left.iter().map(|m| Some(m.group.as_str())));
        rows.real("value", left.iter().map(|m| m.value));
        rows.text("distribution", left.iter().map(|m| m.distribution.as_deref()));
        rows.time("batch_at", left.iter().map(|_| Some(at)));
        rows.time("as_of", left.iter().map(|_| Some(self.as_of)));
        rows.number("target_version", left.iter().map(|_| Some(version)));
        rows.rows().map(Some)
    }

    /// All that the batches of a dataset left; of a batch that was published again only the last.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn history(&self, dataset: &str) -> Result<History, Fault> {
        let mut history = History::default();
        let Some(table) = Table::open(&self.table("metrics"), self.storage).await? else {
            return Ok(history);
        };
        let mut rows: Vec<(Arc<Vec<Row>>, usize)> = Vec::new();
        for file in table.files()? {
            if file.path.rsplit_once('/').is_none_or(|(folder, _)| folder != dataset) {
                continue;
            }
            let read = match self.known(&file.path) {
                Some(known) => known,
                None => {
                    let read = rows::read(&table.store, &file.path, None).await?;
                    let read = Arc::new(rows_of(&read).ok_or_else(|| lacking("metrics"))?);
                    let mut cache = self.past.lock().unwrap_or_else(PoisonError::into_inner);
                    cache.insert(file.path.clone(), Arc::clone(&read));
                    read
                }
            };
            rows.extend((0..read.len()).map(|row| (Arc::clone(&read), row)));
        }
        rows.sort_by_key(|(rows, row)| rows[*row].version);
        for (rows, row) in rows {
            let row = &rows[row];
            history.add(&row.meaning, &row.group, row.past.clone());
        }
        Ok(history)
    }

    fn known(&self, path: &str) -> Option<Arc<Vec<Row>>> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }
}

fn rows_of(read: &[RecordBatch]) -> Option<Vec<Row>> {
    let mut found = Vec::new();
    for rows in read {
        let text = |name: &str| column::<StringArray>(rows, name);
        let (batches, meanings, groups) = (text("batch")?, text("meaning")?, text("group_key")?);
        let distributions = text("distribution")?;
        let values: &Float64Array = column(rows, "value")?;
        let times: &TimestampMicrosecondArray = column(rows, "batch_at")?;
        let versions: &Int64Array = column(rows, "target_version")?;
        for row in 0..rows.num_rows() {
            found.push(Row {
                meaning: meanings.value(row).to_owned(),
                group: groups.value(row).to_owned(),
                version: versions.value(row),
                past: Past {
                    batch: batches.value(row).to_owned(),
                    at: times.value(row),
                    value: values.is_valid(row).then(|| values.value(row)),
                    distribution: distributions.is_valid(row).then(|| distributions.value(row).to_owned()),
                },
            });
        }
    }
    Some(found)
}

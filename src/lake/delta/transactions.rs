//! All transactions of a table in one reading of its log, where asking for each would read it as often.
//!
//! Delta's protocol, "Transaction Identifiers": a `txn` action names an application and its version; the last
//! one of a name holds; a checkpoint keeps them in its column `txn`.

use std::collections::HashMap;

use arrow::array::{Array, Int64Array, StringArray, StructArray};
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::fault::Fault;
use crate::lake::store::Store;

/// Commits that are fetched side by side.
const FETCHES: usize = 16;

/// By application; `None` where the log is kept in a form that has to be asked name by name.
pub async fn all(store: &Store, version: i64) -> Result<Option<HashMap<String, i64>>, Fault> {
    let mut commits = Vec::new();
    let mut checkpoint = None;
    for file in store.list_below("_delta_log").await? {
        let Some((number, kind)) = file.path.rsplit('/').next().and_then(|name| name.split_once('.')) else { continue };
        let Ok(number) = number.parse::<i64>() else { continue };
        match kind {
            _ if number > version => {}
            "json" => commits.push((number, file.path)),
            "checkpoint.parquet" => checkpoint = checkpoint.max(Some((number, file.path))),
            // In parts, or of the second version of the format.
            kind if kind.starts_with("checkpoint") => return Ok(None),
            _ => {}
        }
    }
    let mut found = HashMap::new();
    let base = match checkpoint {
        Some((number, path)) => {
            let Some(kept) = of_checkpoint(store.read(&path).await?) else { return Ok(None) };
            found = kept;
            number
        }
        None => -1,
    };
    commits.retain(|(number, _)| *number > base);
    commits.sort();
    if commits.len() as i64 != version - base {
        return Ok(None);
    }
    let read = commits.into_iter().map(|(_, path)| async move { store.read(&path).await });
    let mut texts = futures::stream::iter(read).buffered(FETCHES);
    while let Some(text) = texts.try_next().await? {
        for line in text.split(|b| *b == b'\n').filter(|line| line.starts_with(b"{\"txn\"")) {
            let Ok(action) = serde_json::from_slice::<Value>(line) else { return Ok(None) };
            let (Some(name), Some(number)) = (action["txn"]["appId"].as_str(), action["txn"]["version"].as_i64())
            else {
                return Ok(None);
            };
            found.insert(name.to_owned(), number);
        }
    }
    Ok(Some(found))
}

fn of_checkpoint(bytes: bytes::Bytes) -> Option<HashMap<String, i64>> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).ok()?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["txn.appId", "txn.version"]);
    let mut found = HashMap::new();
    for rows in builder.with_projection(mask).build().ok()? {
        let rows = rows.ok()?;
        // A checkpoint without transactions may lack the column.
        let Some(column) = rows.column_by_name("txn") else { continue };
        let txn = column.as_any().downcast_ref::<StructArray>()?;
        let names = txn.column_by_name("appId")?.as_any().downcast_ref::<StringArray>()?;
        let numbers = txn.column_by_name("version")?.as_any().downcast_ref::<Int64Array>()?;
        for row in (0..txn.len()).filter(|row| txn.is_valid(*row) && names.is_valid(*row)) {
            found.insert(names.value(row).to_owned(), numbers.value(row));
        }
    }
    Some(found)
}

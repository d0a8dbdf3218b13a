//! Rows of a text file that stand in a parquet file already: those that were held back, and are judged again.

use std::io::Write;

use arrow::array::Array;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::spool::file;
use super::{CORRUPT, Spooled, no_room};
use crate::engine::sources::NotOpened;

pub fn spool(bytes: &Bytes, path: &str) -> Result<Spooled, NotOpened> {
    let unreadable = || NotOpened::Broken(format!("`{path}` cannot be read"));
    let rows = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).and_then(|b| b.build()).map_err(|_| unreadable())?;
    let mut corrupt = 0;
    for rows in rows {
        let rows = rows.map_err(|_| unreadable())?;
        corrupt += rows.column_by_name(CORRUPT).map_or(0, |column| column.len() - column.null_count());
    }
    let mut file = file()?;
    file.write_all(bytes).map_err(|_| no_room())?;
    Ok(Spooled { file, corrupt: corrupt as u64 })
}

//! Columns of text on their way into a parquet file.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use tempfile::NamedTempFile;

use super::{CORRUPT, Spooled, no_room};
use crate::engine::sources::NotOpened;

/// Rows that are written together.
const ROWS: usize = 8192;
const GROUP_ROWS: usize = 1 << 17;

pub struct Spool {
    schema: SchemaRef,
    columns: Vec<StringBuilder>,
    rows: usize,
    corrupt: u64,
    writer: ArrowWriter<NamedTempFile>,
}

/// As cells of text are written: fast rather than small.
pub fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .build()
}

pub fn file() -> Result<NamedTempFile, NotOpened> {
    tempfile::Builder::new().prefix("dqc-").suffix(".parquet").tempfile().map_err(|_| no_room())
}

impl Spool {
    /// With one column more for lines that are no rows.
    pub fn new(names: &[String]) -> Result<Self, NotOpened> {
        let all = names.iter().map(String::as_str).chain([CORRUPT]);
        let schema = Arc::new(Schema::new(all.map(|n| Field::new(n, DataType::Utf8, true)).collect::<Vec<_>>()));
        let writer = ArrowWriter::try_new(file()?, Arc::clone(&schema), Some(properties())).map_err(|_| no_room())?;
        let columns = (0..=names.len()).map(|_| StringBuilder::new()).collect();
        Ok(Self { schema, columns, rows: 0, corrupt: 0, writer })
    }

    /// One row, with as many cells as there are names.
    pub fn row<'c>(&mut self, cells: impl Iterator<Item = Option<&'c str>>) -> Result<(), NotOpened> {
        let mut filled = 0;
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.append_option(cell);
            filled += 1;
        }
        self.columns.iter_mut().skip(filled).for_each(StringBuilder::append_null);
        self.next()
    }

    /// A line that is no row: what it says, and why it is none.
    pub fn corrupt(&mut self, why: &str, text: &[u8]) -> Result<(), NotOpened> {
        let last = self.columns.len() - 1;
        self.columns.iter_mut().take(last).for_each(StringBuilder::append_null);
        if let Some(column) = self.columns.last_mut() {
            let text: String = String::from_utf8_lossy(text).chars().take(1000).collect();
            column.append_value(format!("{why}: {}", text.trim_end_matches(['\r', '\n'])));
        }
        self.corrupt += 1;
        self.next()
    }

    fn next(&mut self) -> Result<(), NotOpened> {
        self.rows += 1;
        if self.rows == ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), NotOpened> {
        let arrays = self.columns.iter_mut().map(|c| Arc::new(c.finish()) as ArrayRef).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(|_| no_room())?;
        self.rows = 0;
        self.writer.write(&batch).map_err(|_| no_room())
    }

    pub fn finish(mut self) -> Result<Spooled, NotOpened> {
        self.flush()?;
        let file = self.writer.into_inner().map_err(|_| no_room())?;
        Ok(Spooled { file, corrupt: self.corrupt })
    }
}

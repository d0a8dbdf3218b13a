//! Where the rows of a judgement go.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, SchemaRef};
use parquet::file::metadata::ColumnChunkMetaData;

use super::sources::part::Part;
use crate::fault::Fault;

/// Takes the rows of a judgement as they stream by, several partitions side by side.
#[async_trait::async_trait]
pub trait Sink: Send + Sync {
    /// A pass over the rows begins; what an earlier pass gave is void. `accepted` is the schema of the target's rows,
    /// `held` that of the source's, both without our own columns.
    async fn begin(
        &self,
        accepted: SchemaRef,
        held: SchemaRef,
        partitions: usize,
    ) -> Result<(), Fault>;

    /// Rows that break nothing which holds them back, as the target will show them.
    async fn accept(&self, partition: usize, rows: arrow::array::RecordBatch) -> Result<(), Fault>;

    /// Rows to hold back, as the source has them; `marks` has one entry a row.
    async fn hold(
        &self,
        partition: usize,
        rows: RecordBatch,
        marks: Vec<HeldRow>,
    ) -> Result<(), Fault>;

    /// Whether columns are taken as they stand in their files: [`Self::begin_group`].
    fn takes_stored(&self) -> bool {
        false
    }

    /// A row group of a file begins. For each column of the accepted rows: how the file has it, where its values stand there
    /// as they are accepted. Gives those that are to come that way; where there are any, [`Self::accept`] brings the other
    /// columns alone until [`Self::end_group`] brings these.
    async fn begin_group(&self, _partition: usize, offered: &[Option<OfferedColumn>]) -> Result<Vec<bool>, Fault> {
        Ok(vec![false; offered.len()])
    }

    /// The row group ends: whether each of its rows was accepted, and the columns that were asked for.
    async fn end_group(&self, _partition: usize, _rows: BooleanBuffer, _columns: Vec<StoredColumn>) -> Result<(), Fault> {
        Ok(())
    }

    /// Whether the rows are taken. Where not, no more is read than the verdicts need: in place of [`Self::accept`] and
    /// [`Self::hold`], [`Self::found_to_hold`] is called.
    fn takes_rows(&self) -> bool {
        true
    }

    /// So many rows of a partition break something which holds them back. An error ends the judgement.
    async fn found_to_hold(&self, _rows: u64) -> Result<(), Fault> {
        Ok(())
    }
}

/// A column of a row group of which no more is known than its footer says.
pub struct OfferedColumn {
    pub chunk: ColumnChunkMetaData,
    /// As the file's parquet types say.
    pub ty: DataType,
}

/// A column of a row group as it stands in its file.
pub struct StoredColumn {
    pub chunk: ColumnChunkMetaData,
    /// Has all of the chunk.
    pub part: Arc<Part>,
}

/// Where a held row comes from and why it is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRow {
    /// As in [`crate::ir::InputFile::path`].
    pub file: Arc<str>,
    /// Counts from 1 in the file.
    pub row: u64,
    /// Each rule that holds it back: the name, and the reason in words with the operands' values, masked.
    pub reasons: Vec<(Arc<str>, String)>,
}

/// Takes rows and drops them.
pub struct Discard;

#[async_trait::async_trait]
impl Sink for Discard {
    async fn begin(&self, _: SchemaRef, _: SchemaRef, _: usize) -> Result<(), Fault> {
        Ok(())
    }

    async fn accept(&self, _: usize, _: RecordBatch) -> Result<(), Fault> {
        Ok(())
    }

    async fn hold(&self, _: usize, _: RecordBatch, _: Vec<HeldRow>) -> Result<(), Fault> {
        Ok(())
    }
}

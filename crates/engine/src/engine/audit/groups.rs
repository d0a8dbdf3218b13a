//! The row groups that a partition passes on as they stand in their files: which of their rows are accepted is known once
//! all are judged.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanBufferBuilder, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Int64Type, UInt32Type};

use crate::engine::sink::Sink;
use crate::engine::sources::stored::{GroupOf, Stored};
use crate::fault::Fault;

pub struct Groups {
    stored: Option<Arc<Stored>>,
    partition: usize,
    open: Option<Open>,
}

struct Open {
    group: GroupOf,
    rows: usize,
    /// For each column of the accepted rows.
    taken: Vec<bool>,
    kept: BooleanBufferBuilder,
}

impl Groups {
    pub fn new(stored: Option<Arc<Stored>>, partition: usize) -> Self {
        Self { stored, partition, open: None }
    }

    /// For each column of the accepted rows whether it is passed on; none where all are computed.
    pub fn taken(&self) -> &[bool] {
        self.open.as_ref().map_or(&[], |open| &open.taken)
    }

    /// Before the rows of a batch are judged.
    pub async fn begin(&mut self, sink: &Arc<dyn Sink>, batch: &RecordBatch) -> Result<(), Fault> {
        let width = batch.num_columns();
        let Some(stored) = self.stored.as_ref().filter(|_| self.open.is_none() && batch.num_rows() > 0 && width >= 2)
        else {
            return Ok(());
        };
        let file = batch.column(width - 2).as_primitive::<UInt32Type>().value(0) as usize;
        let first = batch.column(width - 1).as_primitive::<Int64Type>().value(0);
        let Some((number, rows)) = stored.group(file, first) else { return Ok(()) };
        let group = (file, number);
        let taken = sink.begin_group(self.partition, &stored.offered(group)).await?;
        if taken.contains(&true) {
            self.open = Some(Open { group, rows, taken, kept: BooleanBufferBuilder::new(rows) });
        } else {
            stored.forget(group);
        }
        Ok(())
    }

    /// After the rows of a batch were judged.
    pub async fn end(&mut self, sink: &Arc<dyn Sink>, kept: &BooleanBuffer) -> Result<(), Fault> {
        let (Some(stored), Some(open)) = (&self.stored, &mut self.open) else { return Ok(()) };
        open.kept.append_buffer(kept);
        if open.kept.len() >= open.rows
            && let Some(mut open) = self.open.take()
        {
            let columns = stored.take(open.group, &open.taken).await?;
            sink.end_group(self.partition, open.kept.finish(), columns).await?;
        }
        Ok(())
    }
}

//! One parquet file on its way to storage: encoded group by group, hashed as it leaves, visible once it is closed.

use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Schema, SchemaRef};
use object_store::WriteMultipart;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use sha2::{Digest, Sha256};

use crate::engine::chunk::{self, Chunk};
use crate::engine::sink::{OfferedColumn, StoredColumn};
use crate::fault::Fault;
use crate::lake::store::{Store, hex};
use crate::storage::fault;

/// A group of so many rows is closed; one of rows that are taken as they stand can have as many as its source more.
const GROUP_ROWS: usize = 1 << 20;
/// As much of values that stand in dictionaries.
const DICTIONARY: usize = 1 << 20;
/// What is sent at once; a smaller file is one request.
const PART: usize = 8 << 20;
/// Parts on their way side by side.
const PARTS: usize = 4;

pub struct FileWriter {
    store: Store,
    path: String,
    schema: SchemaRef,
    encoder: SerializedFileWriter<Buffer>,
    factory: ArrowRowGroupWriterFactory,
    group: Option<Group>,
    encoded: Buffer,
    upload: Option<WriteMultipart>,
    hash: Sha256,
    size: u64,
    rows: u64,
}

/// A row group that is not closed yet.
struct Group {
    rows: usize,
    columns: Vec<Column>,
}

enum Column {
    /// Encoded from values, a writer for each leaf.
    Values(Vec<ArrowColumnWriter>),
    /// Put together from stored ones.
    Stored(Box<Chunk>),
}

/// A file as it was written.
pub struct Closed {
    pub path: String,
    pub size: u64,
    pub rows: u64,
    /// In hexadecimal.
    pub sha256: String,
    pub footer: ParquetMetaData,
}

/// What the encoder has given and storage has not got yet.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl FileWriter {
    pub fn new(store: &Store, path: String, schema: &SchemaRef) -> Result<Self, Fault> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("dqc ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let encoded = Buffer::default();
        let (encoder, factory) = ArrowWriter::try_new(encoded.clone(), schema.clone(), Some(properties))
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(|_| Fault::usage("the columns are of types that parquet cannot keep"))?;
        let (store, schema, hash) = (store.clone(), schema.clone(), Sha256::new());
        Ok(Self { store, path, schema, encoder, factory, group: None, encoded, upload: None, hash, size: 0, rows: 0 })
    }

    /// Bytes so far, those not encoded yet included.
    pub fn size(&self) -> u64 {
        self.size + (self.encoded.len() + self.group.as_ref().map_or(0, Group::size)) as u64
    }

    pub async fn write(&mut self, rows: &RecordBatch) -> Result<(), Fault> {
        self.encode(rows).map_err(|_| self.unencodable())?;
        self.rows += rows.num_rows() as u64;
        self.send_parts().await
    }

    fn encode(&mut self, rows: &RecordBatch) -> Result<(), ParquetError> {
        let none = vec![false; self.schema.fields().len()];
        let mut from = 0;
        while from < rows.num_rows() {
            let group = self.group(&none)?;
            let count = (rows.num_rows() - from).min(GROUP_ROWS.saturating_sub(group.rows).max(1));
            group.write(rows.slice(from, count).columns().iter(), rows.schema().as_ref())?;
            group.rows += count;
            from += count;
            if group.rows >= GROUP_ROWS {
                self.close_group()?;
            }
        }
        Ok(())
    }

    /// The open group, if its columns are taken so; else another.
    fn group(&mut self, stored: &[bool]) -> Result<&mut Group, ParquetError> {
        if self.group.as_ref().is_some_and(|group| !group.takes(stored)) {
            self.close_group()?;
        }
        let group = match self.group.take() {
            Some(group) => group,
            None => self.new_group(stored)?,
        };
        Ok(self.group.insert(group))
    }

    fn new_group(&self, stored: &[bool]) -> Result<Group, ParquetError> {
        let parquet = self.encoder.schema_descr();
        let mut columns = Vec::with_capacity(stored.len());
        for (leaf, writer) in
            self.factory.create_column_writers(self.encoder.flushed_row_groups().len())?.into_iter().enumerate()
        {
            let root = parquet.get_column_root_idx(leaf);
            if root < columns.len() {
                if let Some(Column::Values(writers)) = columns.get_mut(root) {
                    writers.push(writer);
                }
                continue;
            }
            let chunk = stored.get(root).filter(|stored| **stored).and_then(|_| Chunk::new(parquet.column(leaf)));
            columns.push(chunk.map_or_else(|| Column::Values(vec![writer]), |chunk| Column::Stored(Box::new(chunk))));
        }
        Ok(Group { rows: 0, columns })
    }

    /// Which of the offered columns can be taken as they stand.
    pub fn takes(&self, offered: &[Option<OfferedColumn>]) -> Vec<bool> {
        let parquet = self.encoder.schema_descr();
        let leaf = |root: usize| (0..parquet.num_columns()).find(|leaf| parquet.get_column_root_idx(*leaf) == root);
        let takes = |(root, offered): (usize, &Option<OfferedColumn>)| match (offered, leaf(root)) {
            (Some(offered), Some(leaf)) => {
                self.schema.field(root).data_type() == &offered.ty && chunk::fits(&offered.chunk, &parquet.column(leaf))
            }
            _ => false,
        };
        offered.iter().enumerate().map(takes).collect()
    }

    /// Rows of which only some columns come as values; the others are `stored` and come with [`Self::write_stored`].
    pub async fn write_values(&mut self, rows: &RecordBatch, stored: &[bool]) -> Result<(), Fault> {
        let wrote = self.group(stored).and_then(|group| group.write(rows.columns().iter(), rows.schema().as_ref()));
        wrote.map_err(|_| self.unencodable())
    }

    /// The stored columns of rows that [`Self::write_values`] has got, of a row group of which only these are kept.
    pub async fn write_stored(
        &mut self,
        rows: &BooleanBuffer,
        columns: &[StoredColumn],
        stored: &[bool],
    ) -> Result<(), Fault> {
        let kept: Vec<Range<usize>> = rows.set_slices().map(|(start, end)| start..end).collect();
        let count: usize = kept.iter().map(ExactSizeIterator::len).sum();
        let add = |group: &mut Group| {
            group.rows += count;
            let chunks = group.columns.iter_mut().filter_map(|column| match column {
                Column::Stored(chunk) => Some(chunk),
                Column::Values(_) => None,
            });
            chunks.zip(columns).try_for_each(|(chunk, stored)| chunk.add(stored, &kept, rows.len()))
        };
        self.group(stored).and_then(add).map_err(|_| self.unreadable())?;
        self.rows += count as u64;
        if self.group.as_ref().is_some_and(Group::is_full) {
            self.close_group().map_err(|_| self.unencodable())?;
        }
        self.send_parts().await
    }

    fn close_group(&mut self) -> Result<(), ParquetError> {
        let Some(group) = self.group.take().filter(|group| group.rows > 0) else { return Ok(()) };
        let mut out = self.encoder.next_row_group()?;
        for column in group.columns {
            match column {
                Column::Values(writers) => {
                    for writer in writers {
                        writer.close()?.append_to_row_group(&mut out)?;
                    }
                }
                Column::Stored(chunk) => {
                    let (bytes, close) = chunk.finish()?;
                    out.append_column(&bytes, close)?;
                }
            }
        }
        out.close()?;
        Ok(())
    }

    fn unencodable(&self) -> Fault {
        Fault::internal(format!("rows could not be encoded for `{}` below `{}`", self.path, self.store.url))
    }

    fn unreadable(&self) -> Fault {
        Fault::internal(format!("rows could not be taken over for `{}` below `{}`", self.path, self.store.url))
    }

    fn refused(&self, error: &object_store::Error) -> Fault {
        fault(error, &format!("rows could not be written below `{}`", self.store.url))
    }

    fn count(&mut self) -> bytes::Bytes {
        let bytes = bytes::Bytes::from(self.encoded.take());
        self.hash.update(&bytes);
        self.size += bytes.len() as u64;
        bytes
    }

    /// Hands over what is encoded, in parts, once it is enough.
    async fn send_parts(&mut self) -> Result<(), Fault> {
        if self.encoded.len() < PART {
            return Ok(());
        }
        let bytes = self.count();
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => {
                let begun = self.store.begin(&self.path).await.map_err(|e| self.refused(&e))?;
                self.upload.insert(WriteMultipart::new_with_chunk_size(begun, PART))
            }
        };
        upload.put(bytes);
        let sent = upload.wait_for_capacity(PARTS).await;
        sent.map_err(|e| self.refused(&e))
    }

    /// # Errors
    /// Storage refuses: the file is not there.
    pub async fn close(mut self) -> Result<Closed, Fault> {
        let finished = self.close_group().and_then(|()| self.encoder.finish());
        let footer = match finished {
            Ok(footer) => footer,
            Err(_) => {
                let fault = self.unencodable();
                self.abort().await;
                return Err(fault);
            }
        };
        let bytes = self.count();
        let done = match self.upload.take() {
            Some(mut upload) => {
                upload.put(bytes);
                upload.finish().await.map(|_| ())
            }
            None => self.store.put(&self.path, bytes).await,
        };
        done.map_err(|e| self.refused(&e))?;
        let sha256 = hex(&std::mem::take(&mut self.hash).finalize());
        Ok(Closed { path: self.path, size: self.size, rows: self.rows, sha256, footer })
    }

    /// Gives the file up.
    pub async fn abort(self) {
        if let Some(upload) = self.upload {
            let _ = upload.abort().await;
        }
    }
}

impl Group {
    fn takes(&self, stored: &[bool]) -> bool {
        self.columns.iter().map(|column| matches!(column, Column::Stored(_))).eq(stored.iter().copied())
    }

    /// The columns that come as values, in their order.
    fn write<'a>(&mut self, rows: impl Iterator<Item = &'a ArrayRef>, schema: &Schema) -> Result<(), ParquetError> {
        let own = self.columns.iter_mut().filter_map(|column| match column {
            Column::Values(writers) => Some(writers),
            Column::Stored(_) => None,
        });
        for ((writers, values), field) in own.zip(rows).zip(schema.fields()) {
            for (writer, leaf) in writers.iter_mut().zip(compute_leaves(field, values)?) {
                writer.write(&leaf)?;
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        let size = |column: &Column| match column {
            Column::Values(writers) => writers.iter().map(ArrowColumnWriter::get_estimated_total_bytes).sum(),
            Column::Stored(chunk) => chunk.size(),
        };
        self.columns.iter().map(size).sum()
    }

    fn is_full(&self) -> bool {
        let large = |column: &Column| matches!(column, Column::Stored(chunk) if chunk.dictionary() >= DICTIONARY);
        self.rows >= GROUP_ROWS || self.columns.iter().any(large)
    }
}

//! Rows spread over files: one at a time, or one for each value of the table's partition columns.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use deltalake::kernel::Add;

use super::file::{Closed, FileWriter};
use super::stats;
use crate::engine::sink::{OfferedColumn, StoredColumn};
use crate::fault::Fault;
use crate::lake::store::Store;

/// The tag of a file in the log that holds the SHA-256 of its bytes, in hexadecimal.
pub const SHA256: &str = "dqc_sha256";

/// A file that has grown so large is closed, and another begun.
const LARGE: u64 = 256 << 20;
/// Files open at once; with more values than that, the files become smaller.
const OPEN: usize = 64;

/// Whether the log tells of the values in the files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Bounds,
    /// Bounds are values of rows, and the rows may have to be forgotten.
    Counts,
}

/// Values of the partition columns, as the log writes them.
type Part = Vec<Option<String>>;

pub struct Split {
    store: Store,
    folder: String,
    told: Told,
    /// Positions and names of the partition columns.
    by: Vec<(usize, String)>,
    /// Of the files: without the partition columns.
    schema: SchemaRef,
    open: BTreeMap<Part, FileWriter>,
    /// Within a row group: which columns are taken as they stand in its file.
    stored: Option<Vec<bool>>,
    done: Vec<Add>,
    rows: u64,
}

impl Split {
    /// For rows of `schema`, in files below `folder`.
    pub fn new(store: &Store, folder: &str, schema: &SchemaRef, partitioned: &[String], told: Told) -> Result<Self, Fault> {
        let mut by = Vec::new();
        for name in partitioned {
            let at = schema.fields().iter().position(|f| f.name().eq_ignore_ascii_case(name));
            let at = at.ok_or_else(|| {
                Fault::usage(format!("the table `{}` is partitioned by `{name}`, which the contract does not have", store.url))
            })?;
            let ty = schema.field(at).data_type();
            if !as_text(ty) {
                return Err(Fault::usage(format!(
                    "the table `{}` is partitioned by `{name}`, and a column of that type cannot be one of folders",
                    store.url
                ))
                .with_help("partition by a date, a whole number, a text or a boolean"));
            }
            by.push((at, name.clone()));
        }
        let own = |(i, _): &(usize, _)| by.iter().all(|(at, _)| at != i);
        let files = schema.fields().iter().enumerate().filter(own).map(|(_, f)| f.clone()).collect::<Vec<_>>();
        let (store, folder) = (store.clone(), folder.to_owned());
        let schema = std::sync::Arc::new(Schema::new(files));
        Ok(Self { store, folder, told, by, schema, open: BTreeMap::new(), stored: None, done: Vec::new(), rows: 0 })
    }

    pub async fn write(&mut self, rows: &RecordBatch) -> Result<(), Fault> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        self.rows += rows.num_rows() as u64;
        if self.by.is_empty() {
            return self.write_part(Vec::new(), rows).await;
        }
        let unfit = |_| Fault::internal("rows could not be divided by their partition");
        let texts: Result<Vec<ArrayRef>, _> =
            self.by.iter().map(|(at, _)| cast(rows.column(*at), &DataType::Utf8).map_err(unfit)).collect();
        let texts = texts?;
        let part = |row: usize| -> Part {
            let text = |column: &ArrayRef| {
                let column = column.as_string::<i32>();
                // An empty text and null are one in a log.
                (column.is_valid(row) && !column.value(row).is_empty()).then(|| column.value(row).to_owned())
            };
            texts.iter().map(text).collect()
        };
        let mut of: BTreeMap<Part, Vec<bool>> = BTreeMap::new();
        for row in 0..rows.num_rows() {
            of.entry(part(row)).or_insert_with(|| vec![false; rows.num_rows()])[row] = true;
        }
        let kept: Vec<usize> = (0..rows.num_columns()).filter(|i| self.by.iter().all(|(at, _)| at != i)).collect();
        let files = rows.project(&kept).map_err(unfit)?;
        for (part, chosen) in of {
            let rows = filter_record_batch(&files, &BooleanArray::from(chosen)).map_err(unfit)?;
            self.write_part(part, &rows).await?;
        }
        Ok(())
    }

    async fn write_part(&mut self, part: Part, rows: &RecordBatch) -> Result<(), Fault> {
        self.file(&part).await?.write(rows).await?;
        self.close_large(&part).await
    }

    /// The open file of a part.
    async fn file(&mut self, part: &Part) -> Result<&mut FileWriter, Fault> {
        if !self.open.contains_key(part) && self.open.len() >= OPEN {
            self.finish_open().await?;
        }
        match self.open.entry(part.clone()) {
            Entry::Occupied(open) => Ok(open.into_mut()),
            Entry::Vacant(none) => {
                let id = uuid::Uuid::new_v4();
                let path = format!("{}/part-00000-{id}-c000.snappy.parquet", self.folder);
                Ok(none.insert(FileWriter::new(&self.store, path.trim_start_matches('/').to_owned(), &self.schema)?))
            }
        }
    }

    async fn close_large(&mut self, part: &Part) -> Result<(), Fault> {
        if self.open.get(part).is_some_and(|file| file.size() >= LARGE)
            && let Some(file) = self.open.remove(part)
        {
            let closed = file.close().await?;
            self.keep(part, closed);
        }
        Ok(())
    }

    /// A row group begins: which of its columns are taken as they stand in their file, until [`Self::end_group`].
    pub async fn begin_group(&mut self, offered: &[Option<OfferedColumn>]) -> Result<Vec<bool>, Fault> {
        if !self.by.is_empty() {
            return Ok(vec![false; offered.len()]);
        }
        let stored = self.file(&Part::new()).await?.takes(offered);
        self.stored = stored.contains(&true).then(|| stored.clone());
        Ok(stored)
    }

    /// The schema of the rows that [`Self::write_values`] takes; `None` outside of a row group.
    pub fn values(&self) -> Option<SchemaRef> {
        let stored = self.stored.as_ref()?;
        let own = self.schema.fields().iter().zip(stored).filter(|(_, stored)| !**stored).map(|(field, _)| field.clone());
        Some(std::sync::Arc::new(Schema::new(own.collect::<Vec<_>>())))
    }

    /// Within a row group the columns that do not stand in its file.
    pub async fn write_values(&mut self, rows: &RecordBatch) -> Result<(), Fault> {
        let stored = self.stored.clone().unwrap_or_default();
        self.file(&Part::new()).await?.write_values(rows, &stored).await
    }

    /// The row group ends: the rows of it that are kept, and the columns that stand in its file.
    pub async fn end_group(&mut self, rows: &BooleanBuffer, columns: &[StoredColumn]) -> Result<(), Fault> {
        let stored = self.stored.take().unwrap_or_default();
        let count = rows.count_set_bits() as u64;
        if count > 0 {
            self.rows += count;
            self.file(&Part::new()).await?.write_stored(rows, columns, &stored).await?;
        }
        self.close_large(&Part::new()).await
    }

    async fn finish_open(&mut self) -> Result<(), Fault> {
        let mut failed = None;
        for (part, file) in std::mem::take(&mut self.open) {
            match (&failed, file) {
                (None, file) => match file.close().await {
                    Ok(closed) => self.keep(&part, closed),
                    Err(fault) => failed = Some(fault),
                },
                (Some(_), file) => file.abort().await,
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn keep(&mut self, part: &Part, closed: Closed) {
        let values = self.by.iter().zip(part).map(|((_, name), value)| (name.clone(), value.clone())).collect();
        let stats = match self.told {
            Told::Bounds => stats::of(&closed.footer, &self.schema),
            Told::Counts => stats::count(closed.rows),
        };
        self.done.push(add(closed.path, closed.size, values, stats, &closed.sha256));
    }

    /// Closes the files; gives them and the number of rows. After a fault, those that were closed are there still.
    pub async fn finish(&mut self) -> (Vec<Add>, u64, Option<Fault>) {
        let failed = self.finish_open().await.err();
        let mut done = std::mem::take(&mut self.done);
        done.sort_by(|a, b| a.path.cmp(&b.path));
        (done, self.rows, failed)
    }

    /// Gives up what is being written.
    pub async fn abort(&mut self) {
        for (_, file) in std::mem::take(&mut self.open) {
            file.abort().await;
        }
        self.store.discard(std::mem::take(&mut self.done).into_iter().map(|f| f.path)).await;
    }
}

fn as_text(ty: &DataType) -> bool {
    ty.is_integer() || matches!(ty, DataType::Utf8 | DataType::Date32 | DataType::Boolean)
}

/// A file as the log of a table names it.
pub fn add(
    path: String,
    size: u64,
    partition_values: HashMap<String, Option<String>>,
    stats: String,
    sha256: &str,
) -> Add {
    Add {
        path,
        partition_values,
        size: i64::try_from(size).unwrap_or(i64::MAX),
        modification_time: chrono::Utc::now().timestamp_millis(),
        data_change: true,
        stats: Some(stats),
        tags: Some(HashMap::from([(SHA256.to_owned(), Some(sha256.to_owned()))])),
        ..Add::default()
    }
}

//! Where a batch's rows go while it is judged: parquet files that no log names yet.

mod file;
mod split;
pub mod stats;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Schema, SchemaRef};
use deltalake::kernel::Add;
use futures::{Stream, StreamExt};
use tokio::sync::{Mutex, RwLock};

use crate::engine::sink::{OfferedColumn, StoredColumn};
use crate::fault::{Fault, FaultKind};
use crate::lake::quarantine::{Held, Marks};
use crate::lake::schema;
use crate::lake::store::Store;
use crate::run::{HeldRow, Sink};
use split::{Split, Told};

pub use split::{SHA256, add};

/// Takes the rows of one judgement.
pub struct Stage {
    target: Store,
    held: Held,
    /// The folder of the batch, in the target and in quarantine.
    folder: String,
    /// The target's partition columns.
    partitioned: Vec<String>,
    pass: RwLock<Option<Arc<Pass>>>,
}

struct Pass {
    accepted: SchemaRef,
    held: SchemaRef,
    writers: Vec<Mutex<Split>>,
    holder: Mutex<Split>,
}

/// Files that are written and not yet part of a table.
#[derive(Default)]
pub struct Staged {
    pub accepted: Files,
    pub held: Files,
}

#[derive(Default)]
pub struct Files {
    pub files: Vec<Add>,
    pub rows: u64,
    /// `None` where the judgement gave no schema.
    pub schema: Option<SchemaRef>,
}

impl Stage {
    pub fn new(target: Store, held: Held, folder: &str, partitioned: Vec<String>) -> Self {
        Self { target, held, folder: folder.to_owned(), partitioned, pass: RwLock::default() }
    }

    /// Closes the files.
    ///
    /// # Errors
    /// Storage refuses; what was written is discarded.
    pub async fn finish(&self) -> Result<Staged, Fault> {
        let Some(pass) = self.pass.write().await.take() else {
            return Ok(Staged::default());
        };
        let mut staged = Staged::default();
        staged.accepted.schema = Some(pass.accepted.clone());
        staged.held.schema = Some(pass.held.clone());
        let mut failed = None;
        for writer in &pass.writers {
            failed = failed.or(staged.accepted.take(&mut *writer.lock().await).await);
        }
        failed = failed.or(staged.held.take(&mut *pass.holder.lock().await).await);
        match failed {
            None => Ok(staged),
            Some(fault) => {
                self.discard(staged).await;
                Err(fault)
            }
        }
    }

    /// Gives up what is being written.
    pub async fn abort(&self) {
        if let Some(pass) = self.pass.write().await.take() {
            pass.abort().await;
        }
    }

    /// Removes what was written, which nothing refers to.
    pub async fn discard(&self, staged: Staged) {
        self.target.discard(staged.accepted.files.into_iter().map(|f| f.path)).await;
        self.held.store.discard(staged.held.files.into_iter().map(|f| f.path)).await;
    }

    async fn pass(&self) -> Result<Arc<Pass>, Fault> {
        let pass = self.pass.read().await.clone();
        pass.ok_or_else(|| Fault::internal("rows came before their schema"))
    }
}

#[async_trait::async_trait]
impl Sink for Stage {
    async fn begin(&self, accepted: SchemaRef, held: SchemaRef, partitions: usize) -> Result<(), Fault> {
        let accepted = schema::stored(&accepted);
        let held = self.held.schema(&held);
        let split = |_| Split::new(&self.target, &self.folder, &accepted, &self.partitioned, Told::Bounds);
        let writers: Result<Vec<_>, Fault> =
            (0..partitions.max(1)).map(|partition| split(partition).map(Mutex::new)).collect();
        let holder = Mutex::new(Split::new(&self.held.store, &self.folder, &held, &[], Told::Counts)?);
        let pass = Pass { accepted, held, writers: writers?, holder };
        let before = self.pass.write().await.replace(Arc::new(pass));
        if let Some(before) = before {
            before.abort().await;
        }
        Ok(())
    }

    async fn accept(&self, partition: usize, rows: RecordBatch) -> Result<(), Fault> {
        let pass = self.pass().await?;
        let mut writer = pass.writer(partition)?.lock().await;
        match writer.values() {
            Some(schema) => writer.write_values(&schema::convert(&rows, &schema)?).await,
            None => writer.write(&schema::convert(&rows, &pass.accepted)?).await,
        }
    }

    fn takes_stored(&self) -> bool {
        self.partitioned.is_empty()
    }

    async fn begin_group(&self, partition: usize, offered: &[Option<OfferedColumn>]) -> Result<Vec<bool>, Fault> {
        let pass = self.pass().await?;
        pass.writer(partition)?.lock().await.begin_group(offered).await
    }

    async fn end_group(
        &self,
        partition: usize,
        rows: BooleanBuffer,
        columns: Vec<StoredColumn>,
    ) -> Result<(), Fault> {
        let pass = self.pass().await?;
        pass.writer(partition)?.lock().await.end_group(&rows, &columns).await
    }

    async fn hold(&self, _: usize, rows: RecordBatch, marks: Vec<HeldRow>) -> Result<(), Fault> {
        let pass = self.pass().await?;
        let rows = Marks(&marks).beside(&rows, &self.held, &pass.held)?;
        pass.holder.lock().await.write(&rows).await
    }
}

impl Pass {
    fn writer(&self, partition: usize) -> Result<&Mutex<Split>, Fault> {
        self.writers.get(partition).ok_or_else(|| Fault::internal("a partition that was not announced"))
    }

    async fn abort(&self) {
        for writer in &self.writers {
            writer.lock().await.abort().await;
        }
        self.holder.lock().await.abort().await;
    }
}

impl Files {
    /// Closes the files of a writer and takes them in.
    async fn take(&mut self, writer: &mut Split) -> Option<Fault> {
        let (files, rows, failed) = writer.finish().await;
        self.files.extend(files);
        self.rows += rows;
        failed
    }
}

/// Takes the rows of a batch that is expected to need no change, and does not write them: its files can be copied.
/// The first row that is held back ends the judgement; the rows are needed then.
pub struct Unchanged {
    schema: RwLock<Option<SchemaRef>>,
    dirty: AtomicBool,
}

impl Unchanged {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { schema: RwLock::default(), dirty: AtomicBool::new(false) }
    }

    /// Whether a row was held back.
    pub fn is_dirty(&self) -> bool {
        self.dirty.load(Ordering::SeqCst)
    }

    /// Of the rows that were accepted, as a table keeps them.
    pub async fn schema(&self) -> Option<SchemaRef> {
        self.schema.read().await.clone()
    }
}

#[async_trait::async_trait]
impl Sink for Unchanged {
    async fn begin(&self, accepted: SchemaRef, _: SchemaRef, _: usize) -> Result<(), Fault> {
        self.schema.write().await.replace(schema::stored(&accepted));
        Ok(())
    }

    async fn accept(&self, _: usize, _: RecordBatch) -> Result<(), Fault> {
        Ok(())
    }

    async fn hold(&self, _: usize, rows: RecordBatch, _: Vec<HeldRow>) -> Result<(), Fault> {
        self.found_to_hold(rows.num_rows() as u64).await
    }

    fn takes_rows(&self) -> bool {
        false
    }

    async fn found_to_hold(&self, rows: u64) -> Result<(), Fault> {
        if rows == 0 {
            return Ok(());
        }
        self.dirty.store(true, Ordering::SeqCst);
        Err(Fault::new(FaultKind::Conflict, "a row is held back"))
    }
}

/// Files as the log of a table would name them.
pub type Written = Vec<Add>;

/// Writes rows to one file below a folder of a place, where no log names it yet.
pub async fn write(store: &Store, folder: &str, rows: &RecordBatch) -> Result<Written, Fault> {
    let one = futures::stream::iter([Ok(rows.clone())]);
    Ok(write_all(store, folder, &rows.schema(), one, true).await?.0)
}

/// Writes a stream of rows likewise; gives the files and the number of rows. `bounds`: the log tells the least and
/// greatest values.
pub async fn write_all(
    store: &Store,
    folder: &str,
    schema: &Schema,
    mut rows: impl Stream<Item = Result<RecordBatch, Fault>> + Unpin,
    bounds: bool,
) -> Result<(Written, u64), Fault> {
    let schema = schema::stored(schema);
    let mut writer = Split::new(store, folder, &schema, &[], if bounds { Told::Bounds } else { Told::Counts })?;
    while let Some(next) = rows.next().await {
        let written = match next.and_then(|rows| schema::convert(&rows, &schema)) {
            Ok(rows) => writer.write(&rows).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = written {
            writer.abort().await;
            return Err(fault);
        }
    }
    match writer.finish().await {
        (files, rows, None) => Ok((files, rows)),
        (files, _, Some(fault)) => {
            store.discard(files.into_iter().map(|f| f.path)).await;
            Err(fault)
        }
    }
}

/// Writes rows to one file of their own types, which no log will name; gives its path.
pub async fn write_as_is(
    store: &Store,
    schema: &SchemaRef,
    rows: Vec<RecordBatch>,
) -> Result<String, Fault> {
    let path = format!("{}.parquet", uuid::Uuid::new_v4());
    let mut file = file::FileWriter::new(store, path.clone(), schema)?;
    for rows in &rows {
        file.write(rows).await?;
    }
    file.close().await?;
    Ok(path)
}

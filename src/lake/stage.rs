//! Where a batch's rows go while it is judged: parquet files that no log names yet.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use deltalake::datafile::writer::{PartitionWriter, PartitionWriterConfig};
use deltalake::kernel::Add;
use futures::{Stream, StreamExt};
use object_store::path::Path;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tokio::sync::{Mutex, RwLock};

use crate::fault::Fault;
use crate::lake::quarantine::{Held, Marks};
use crate::lake::schema;
use crate::lake::store::Store;
use crate::lake::store::hashing::Hashing;
use crate::run::{HeldRow, Sink};
use crate::storage::fault;

/// Rows in memory before they are encoded; a file has one group for so many.
const GROUP_ROWS: usize = 1 << 20;

/// Takes the rows of one judgement.
pub struct Stage {
    target: Store,
    held: Held,
    /// The folder of the batch, in the target and in quarantine.
    folder: String,
    pass: RwLock<Option<Arc<Pass>>>,
}

struct Pass {
    accepted: SchemaRef,
    held: SchemaRef,
    writers: Vec<Mutex<Writer>>,
    holder: Mutex<Writer>,
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
    pub fn new(target: Store, held: Held, folder: &str) -> Self {
        Self { target, held, folder: folder.to_owned(), pass: RwLock::default() }
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
            failed = failed.or(writer.lock().await.close(&mut staged.accepted).await.err());
        }
        failed = failed.or(pass.holder.lock().await.close(&mut staged.held).await.err());
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
        let writers: Result<Vec<_>, Fault> = (0..partitions.max(1))
            .map(|_| Writer::new(&self.target, &self.folder, &accepted).map(Mutex::new))
            .collect();
        let holder = Mutex::new(Writer::new(&self.held.store, &self.folder, &held)?);
        let pass = Pass { accepted, held, writers: writers?, holder };
        let before = self.pass.write().await.replace(Arc::new(pass));
        if let Some(before) = before {
            before.abort().await;
        }
        Ok(())
    }

    async fn accept(&self, partition: usize, rows: RecordBatch) -> Result<(), Fault> {
        let pass = self.pass().await?;
        let writer =
            pass.writers.get(partition).ok_or_else(|| Fault::internal("a partition that was not announced"))?;
        let rows = schema::convert(&rows, &pass.accepted)?;
        writer.lock().await.write(&rows).await
    }

    async fn hold(&self, _: usize, rows: RecordBatch, marks: Vec<HeldRow>) -> Result<(), Fault> {
        let pass = self.pass().await?;
        let rows = Marks(&marks).beside(&rows, &self.held, &pass.held)?;
        pass.holder.lock().await.write(&rows).await
    }
}

impl Pass {
    async fn abort(&self) {
        for writer in &self.writers {
            writer.lock().await.abort().await;
        }
        self.holder.lock().await.abort().await;
    }
}

/// The tag of a file in the log that holds the SHA-256 of its bytes, in hexadecimal.
pub const SHA256: &str = "dqc_sha256";

/// Writes one file, which is not begun before its first row.
struct Writer {
    inner: Option<PartitionWriter>,
    store: Arc<Hashing>,
    rows: AtomicU64,
    place: String,
}

impl Writer {
    fn new(store: &Store, folder: &str, schema: &SchemaRef) -> Result<Self, Fault> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_created_by(concat!("dqc ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let unnameable = |_| Fault::usage(format!("`{folder}` cannot be the name of a folder"));
        let folder = Path::parse(folder).map_err(unnameable)?;
        let config = PartitionWriterConfig::try_new(
            schema.clone(),
            Default::default(),
            Some(properties),
            None,
            None,
            None,
            Some(folder),
        );
        let hashing = Arc::new(Hashing::new(store.folder()));
        let writer =
            config.and_then(|c| PartitionWriter::try_with_config(hashing.clone(), c, Default::default(), None));
        let place = store.url.to_string();
        match writer {
            Ok(writer) => Ok(Self { inner: Some(writer), store: hashing, rows: AtomicU64::new(0), place }),
            Err(e) => Err(failed(&e, &place)),
        }
    }

    async fn write(&mut self, rows: &RecordBatch) -> Result<(), Fault> {
        let Some(writer) = &mut self.inner else {
            return Err(Fault::internal("rows came after the end"));
        };
        writer.write(rows).await.map_err(|e| failed(&e, &self.place))?;
        self.rows.fetch_add(rows.num_rows() as u64, Ordering::Relaxed);
        Ok(())
    }

    async fn close(&mut self, files: &mut Files) -> Result<(), Fault> {
        let Some(writer) = self.inner.take() else {
            return Ok(());
        };
        for mut file in writer.close().await.map_err(|e| failed(&e, &self.place))? {
            file.tags = Some(HashMap::from([(SHA256.to_owned(), self.store.digest(&file.path))]));
            files.files.push(file);
        }
        files.rows += self.rows.load(Ordering::Relaxed);
        Ok(())
    }

    async fn abort(&mut self) {
        if let Some(writer) = self.inner.take() {
            let _ = writer.abort().await;
        }
    }
}

fn failed(error: &deltalake::DeltaTableError, place: &str) -> Fault {
    fault(error, &format!("rows could not be written below `{place}`"))
}

/// Files as the log of a table would name them.
pub type Written = Vec<Add>;

/// Writes rows to one file below a folder of a place, where no log names it yet.
pub async fn write(store: &Store, folder: &str, rows: &RecordBatch) -> Result<Written, Fault> {
    let one = futures::stream::iter([Ok(rows.clone())]);
    Ok(write_all(store, folder, &rows.schema(), one).await?.0)
}

/// Writes a stream of rows likewise; gives the files and the number of rows.
pub async fn write_all(
    store: &Store,
    folder: &str,
    schema: &Schema,
    mut rows: impl Stream<Item = Result<RecordBatch, Fault>> + Unpin,
) -> Result<(Written, u64), Fault> {
    let schema = schema::stored(schema);
    let mut writer = Writer::new(store, folder, &schema)?;
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
    let mut files = Files::default();
    writer.close(&mut files).await?;
    Ok((files.files, files.rows))
}

//! Where rows come from: object stores by URL, the footers of a batch's files, and the scan of those columns that a
//! judgement needs. Every row comes with its file and its number in it.

mod footer;
pub mod layout;
pub mod part;
mod row_groups;
pub mod schema;
pub mod stored;
pub mod text;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef};
use chrono::TimeZone;
use datafusion::common::ScalarValue;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::physical_plan::parquet::ParquetAccessPlan;
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use parquet::arrow::RowNumber;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use url::Url;

use crate::engine::prove::log::Spared;
use crate::engine::unique::Space;
use crate::fault::{Fault, FaultKind, contained};
use crate::ir::{Format, Input, InputFile, Place, SourceColumn};
use crate::storage::Storage;
use footer::Footers;
use layout::Layout;
use stored::Fetched;

/// Rows of a batch that flows through the operators.
pub const BATCH_ROWS: usize = 8192;
/// Footers fetched side by side.
const FETCHES: usize = 16;

/// The column that holds the file's position in the input.
pub const FILE: &str = "#file";
/// The column that holds the row's number in its file, from 0.
pub const ROW: &str = "#row";

/// What a judgement runs in: memory, partitions, stores.
pub struct Session {
    runtime: Arc<RuntimeEnv>,
    task: Arc<TaskContext>,
    storage: Storage,
    pub partitions: usize,
    /// Bytes that may be held.
    pub memory: usize,
}

impl Session {
    /// `memory`: bytes that may be held; `None`: six tenths of the machine's.
    pub fn new(memory: Option<usize>, storage: &Storage) -> Result<Self, Fault> {
        let limit = memory.unwrap_or_else(|| machine_memory() / 10 * 6);
        let partitions = std::thread::available_parallelism().map_or(2, usize::from);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(limit)))
            .build_arc()
            .map_err(|_| Fault::internal("the engine could not be set up"))?;
        let config = SessionConfig::new().with_batch_size(BATCH_ROWS).with_target_partitions(partitions);
        let task = TaskContext::default().with_session_config(config).with_runtime(Arc::clone(&runtime));
        Ok(Self { runtime, task: Arc::new(task), storage: storage.clone(), partitions, memory: limit })
    }

    /// The same, dividing what it reads into so many parts, however many processors there are.
    pub fn in_parts(&self, partitions: usize) -> Self {
        let (runtime, task) = (Arc::clone(&self.runtime), Arc::clone(&self.task));
        Self { runtime, task, storage: self.storage.clone(), partitions, memory: self.memory }
    }

    pub fn task(&self) -> Arc<TaskContext> {
        Arc::clone(&self.task)
    }

    /// For what is kept of rows.
    pub fn space(&self) -> Space {
        Space(Arc::clone(&self.runtime.memory_pool))
    }

    /// For queries, in the same memory.
    pub fn context(&self) -> SessionContext {
        SessionContext::new_with_config_rt(self.task.session_config().clone(), Arc::clone(&self.runtime))
    }

    pub fn runtime(&self) -> &Arc<RuntimeEnv> {
        &self.runtime
    }
}

fn machine_memory() -> usize {
    let field = |text: &str| {
        let line = text.lines().find(|l| l.starts_with("MemTotal:"))?;
        line.split_whitespace().nth(1)?.parse::<usize>().ok()
    };
    let text = |path: &str| std::fs::read_to_string(path).ok();
    let machine = text("/proc/meminfo").and_then(|t| field(&t)).map_or(4 << 30, |kib| kib << 10);
    // A container may have less than its machine.
    let group = text("/proc/self/cgroup").and_then(|t| Some(t.lines().find_map(|l| l.strip_prefix("0::"))?.to_string()));
    let own = group.map(|g| format!("/sys/fs/cgroup{}/memory.max", g.trim_end_matches('/')));
    let places = own.into_iter().chain(CGROUP_LIMITS.map(str::to_string));
    places.filter_map(|p| text(&p)?.trim().parse::<usize>().ok()).fold(machine, usize::min)
}

/// Where a container's own bound stands: in the second version of control groups, and in the first.
const CGROUP_LIMITS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

fn parse(url: &str) -> Result<Url, Fault> {
    Url::parse(url).map_err(|_| Fault::usage(format!("`{url}` is not a place that can be read")))
}

/// One parquet file of an input, its footer read.
#[derive(Clone, Debug)]
pub struct SourceFile {
    pub input: InputFile,
    pub object: ObjectMeta,
    pub footer: Arc<ParquetMetaData>,
    /// As Arrow would read it.
    plain: ArrowReaderMetadata,
    /// As it is read: texts as views.
    pub schema: SchemaRef,
}

impl SourceFile {
    pub fn rows(&self) -> u64 {
        u64::try_from(self.footer.file_metadata().num_rows()).unwrap_or(0)
    }
}

/// The files of an input with their footers, in the input's order.
pub struct Opened {
    /// What the files hold, where it is text; they stand as parquet beside.
    pub text: Option<text::Kind>,
    /// Lines that are no rows.
    pub corrupt: u64,
    spooled: Vec<text::Spooled>,
    pub store: Arc<dyn ObjectStore>,
    store_url: ObjectStoreUrl,
    footers: Arc<Footers>,
    pub files: Vec<SourceFile>,
    /// Files of which all is known without opening them.
    pub spared: Vec<Spared>,
}

/// Why an input cannot be judged.
pub enum NotOpened {
    /// Storage failed; nothing is known of the data.
    Fault(Fault),
    /// A file is not what it should be; the reason names it.
    Broken(String),
}

impl From<Fault> for NotOpened {
    fn from(fault: Fault) -> Self {
        NotOpened::Fault(fault)
    }
}

/// Reads the footers of all files.
pub async fn open(session: &Session, input: &Input) -> Result<Opened, NotOpened> {
    open_declared(session, input, &[]).await
}

/// Reads the footers of all files; `declared` says what texts are to become.
pub async fn open_declared(session: &Session, input: &Input, declared: &[SourceColumn]) -> Result<Opened, NotOpened> {
    match input.place.format {
        Format::Parquet | Format::Delta => open_parquet(session, input).await,
        format => open_spooled(session, input, format, declared).await,
    }
}

/// Reads files of another format into parquet files beside, side by side.
async fn open_spooled(
    session: &Session,
    input: &Input,
    format: Format,
    declared: &[SourceColumn],
) -> Result<Opened, NotOpened> {
    let url = parse(&input.place.url)?;
    let store = session.storage.root(&url)?;
    let prefix = Path::from_url_path(url.path()).unwrap_or_default();
    let declared = Arc::new(declared.to_vec());
    let read = |file: &InputFile| {
        let (store, declared, location) = (Arc::clone(&store), Arc::clone(&declared), below(&prefix, &file.path));
        tokio::spawn(text::spool(store, location, file.clone(), format, declared))
    };
    let mut spooled = Vec::with_capacity(input.files.len());
    let mut reading = futures::stream::iter(input.files.iter().map(read)).buffered(session.partitions);
    while let Some(done) = reading.next().await {
        spooled.push(done.map_err(|_| Fault::internal("a file's reading stopped early"))??);
    }
    let local = Input {
        place: Place { url: "file:///".to_string(), format: Format::Parquet },
        files: spooled.iter().map(|s| beside(s.file.path())).collect::<Option<_>>().ok_or_else(|| Fault::internal("a file has no name"))?,
        version: None,
    };
    let mut opened = open_parquet(session, &local).await?;
    for (file, input) in opened.files.iter_mut().zip(&input.files) {
        file.input = input.clone();
    }
    opened.text = text::kind(format);
    opened.corrupt = spooled.iter().map(|s| s.corrupt).sum();
    if opened.corrupt == 0 && opened.text.is_some() {
        // The column for lines that are no rows is none of the files'.
        for file in &mut opened.files {
            let kept = file.schema.fields().iter().filter(|f| f.name() != text::CORRUPT).cloned().collect::<Vec<_>>();
            file.schema = Arc::new(arrow::datatypes::Schema::new(kept));
        }
    }
    opened.spooled = spooled;
    Ok(opened)
}

fn beside(path: &std::path::Path) -> Option<InputFile> {
    let path = path.to_str()?.trim_start_matches('/').to_owned();
    let size = std::fs::metadata(format!("/{path}")).ok()?.len();
    Some(InputFile { path, size, e_tag: None, modified: 0, partition: Vec::new(), statistics: None })
}

async fn open_parquet(session: &Session, input: &Input) -> Result<Opened, NotOpened> {
    let url = parse(&input.place.url)?;
    let store = session.storage.root(&url)?;
    let authority = match url.scheme() {
        "file" => "file://".to_string(),
        scheme => format!("{scheme}://{}", url.host_str().unwrap_or_default()),
    };
    let store_url = ObjectStoreUrl::parse(&authority).map_err(|_| Fault::usage(format!("`{url}` is not a place that can be read")))?;
    session.runtime.register_object_store(store_url.as_ref(), Arc::clone(&store));
    let prefix = Path::from_url_path(url.path()).unwrap_or_default();
    let mut fetches: Vec<BoxFuture<'static, Result<SourceFile, NotOpened>>> = Vec::with_capacity(input.files.len());
    for file in &input.files {
        let location = below(&prefix, &file.path);
        fetches.push(Box::pin(source_file(Arc::clone(&store), location, file.clone())));
    }
    let files: Vec<SourceFile> = futures::stream::iter(fetches).buffered(FETCHES).try_collect().await?;
    let footers = files.iter().map(|file| (file.object.location.clone(), Arc::clone(&file.footer))).collect();
    let footers = Arc::new(Footers { store: Arc::clone(&store), footers });
    Ok(Opened { text: None, corrupt: 0, spooled: Vec::new(), store, store_url, footers, files, spared: Vec::new() })
}

fn below(prefix: &Path, path: &str) -> Path {
    let joined = if prefix.as_ref().is_empty() { path.to_string() } else { format!("{prefix}/{path}") };
    Path::parse(&joined).unwrap_or_else(|_| Path::from(joined))
}

async fn source_file(store: Arc<dyn ObjectStore>, location: Path, input: InputFile) -> Result<SourceFile, NotOpened> {
    use object_store::ObjectStoreExt;
    let object = if input.size > 0 {
        let modified = chrono::Utc.timestamp_micros(input.modified).single().unwrap_or_default();
        ObjectMeta { location, last_modified: modified, size: input.size, e_tag: input.e_tag.clone(), version: None }
    } else {
        store.head(&location).await.map_err(|e| storage(&e, &input.path))?
    };
    let unreadable = || NotOpened::Broken(format!("`{}` cannot be read as parquet", input.path));
    let Some(footer) = contained(footer::read(store.as_ref(), &object)).await.flatten().map(Arc::new) else {
        // Whether the file is gone or broken decides what can be done about it.
        return Err(match store.head(&object.location).await {
            Err(e) => storage(&e, &input.path).into(),
            Ok(_) => unreadable(),
        });
    };
    let plain = ArrowReaderMetadata::try_new(Arc::clone(&footer), ArrowReaderOptions::new()).map_err(|_| unreadable())?;
    let schema = schema::as_read(plain.schema(), footer.file_metadata().schema_descr());
    Ok(SourceFile { input, object, footer, plain, schema })
}

/// A storage error in our words.
pub fn storage(error: &object_store::Error, path: &str) -> Fault {
    use object_store::Error::*;
    match error {
        NotFound { .. } => Fault::storage(format!("`{path}` is not there any more"))
            .with_help("the files changed after the run began; run it again"),
        PermissionDenied { .. } | Unauthenticated { .. } => {
            Fault::new(FaultKind::Permission, format!("`{path}` may not be read"))
        }
        _ => Fault::storage(format!("`{path}` could not be read")),
    }
}

/// Some row groups of a file.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The file's position in [`Opened::files`].
    pub file: usize,
    pub parts: Vec<Part>,
}

#[derive(Clone, Debug)]
pub struct Part {
    pub group: usize,
    pub only: Option<Only>,
}

/// Some rows of a row group, found through its file's index of pages.
#[derive(Clone, Debug)]
pub struct Only {
    /// In their order, apart from each other; counted from the group's first row.
    pub rows: Arc<[Range<u64>]>,
    /// The footer with the index.
    pub footer: Arc<ParquetMetaData>,
}

impl Part {
    pub fn whole(group: usize) -> Self {
        Self { group, only: None }
    }
}

impl Opened {
    /// All row groups of the layout's files, divided into at most `partitions` parts of like size.
    pub fn divide(&self, layout: &Layout, partitions: usize) -> Vec<Vec<Piece>> {
        let all = |&file: &usize| Piece { file, parts: (0..self.files[file].footer.num_row_groups()).map(Part::whole).collect() };
        self.share_out(&layout.files.iter().map(all).collect::<Vec<_>>(), partitions)
    }

    /// Row groups divided into at most `partitions` parts of like size, in their order.
    pub fn share_out(&self, pieces: &[Piece], partitions: usize) -> Vec<Vec<Piece>> {
        let rows = |file: usize, part: &Part| match &part.only {
            Some(only) => only.rows.iter().map(|r| r.end - r.start).sum(),
            None => u64::try_from(self.files[file].footer.row_group(part.group).num_rows()).unwrap_or(0),
        };
        let groups: Vec<(usize, &Part, u64)> =
            pieces.iter().flat_map(|p| p.parts.iter().map(|part| (p.file, part, rows(p.file, part)))).collect();
        let total: u64 = groups.iter().map(|g| g.2).sum();
        let mut parts: Vec<Vec<Piece>> = vec![Vec::new(); partitions.max(1)];
        let mut before = 0;
        for (file, group, rows) in groups {
            // A row group belongs to the part in which its middle lies.
            let middle = before + rows / 2;
            let part = (u128::from(middle) * parts.len() as u128 / u128::from(total.max(1))) as usize;
            let last = parts.len() - 1;
            let part = &mut parts[part.min(last)];
            match part.last_mut() {
                Some(piece) if piece.file == file => piece.parts.push(group.clone()),
                _ => part.push(Piece { file, parts: vec![group.clone()] }),
            }
            before += rows;
        }
        parts.retain(|p| !p.is_empty());
        parts
    }

    /// A scan of some columns of the layout's files, one partition a part: the columns in this order, then
    /// [`FILE`] and [`ROW`].
    pub fn scan(&self, layout: &Layout, columns: &[usize], parts: &[Vec<Piece>]) -> Result<Arc<dyn ExecutionPlan>, Fault> {
        let broken = |_| Fault::internal("the scan of the batch could not be planned");
        let width = layout.schema.fields().len();
        let row = Field::new(ROW, DataType::Int64, false).with_extension_type(RowNumber);
        let table = TableSchema::builder(Arc::clone(&layout.schema))
            .with_table_partition_cols(vec![Arc::new(Field::new(FILE, DataType::UInt32, false))])
            .with_virtual_columns(vec![Arc::new(row)])
            .build();
        let source = ParquetSource::new(table).with_parquet_file_reader_factory(Arc::clone(&self.footers) as _);
        let mut indices = columns.to_vec();
        indices.extend([width, width + 1]);
        let group = |part: &Vec<Piece>| FileGroup::new(part.iter().map(|piece| self.part(piece)).collect());
        let config = FileScanConfigBuilder::new(self.store_url.clone(), Arc::new(source))
            .with_projection_indices(Some(indices))
            .map_err(broken)?
            .with_file_groups(parts.iter().map(group).collect())
            .with_preserve_order(true)
            .with_batch_size(Some(BATCH_ROWS))
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    /// The same scan, but columns as they are stored: see [`row_groups`]. What is fetched of the files is left with `fetched`.
    pub fn scan_as_stored(
        &self,
        layout: &Layout,
        columns: &[usize],
        parts: &[Vec<Piece>],
        fetched: Option<Arc<Fetched>>,
    ) -> Arc<dyn ExecutionPlan> {
        Arc::new(row_groups::Scan::new(self, layout, columns, parts, fetched))
    }

    /// Whole row groups: only the other scan leaves rows out.
    fn part(&self, piece: &Piece) -> PartitionedFile {
        let file = &self.files[piece.file];
        let mut access = ParquetAccessPlan::new_none(file.footer.num_row_groups());
        for part in &piece.parts {
            access.scan(part.group);
        }
        let position = u32::try_from(piece.file).unwrap_or(u32::MAX);
        PartitionedFile::new_from_meta(file.object.clone())
            .with_partition_values(vec![ScalarValue::UInt32(Some(position))])
            .with_extension(access)
    }

    /// Whether a file has the column itself, not in the names of its folders.
    pub fn holds(&self, name: &str) -> bool {
        let same = |f: &Arc<Field>| f.name().to_lowercase() == name.to_lowercase();
        self.files.iter().any(|file| file.schema.fields().iter().any(same))
    }

    /// Parts of a file, as they are stored.
    pub fn ranges(
        &self,
        file: usize,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'static, Result<Vec<bytes::Bytes>, Fault>> {
        use object_store::ObjectStoreExt;
        let file = &self.files[file];
        let (store, location, path) =
            (Arc::clone(&self.store), file.object.location.clone(), file.input.path.clone());
        let local = self.store_url.as_str().starts_with("file:");
        Box::pin(async move {
            let parts = if local {
                store.get_ranges(&location, &ranges).await
            } else {
                // Other stores would be asked for what lies between, too.
                let one = |range| store.get_range(&location, range);
                futures::stream::iter(ranges).map(one).buffered(FETCHES).try_collect().await
            };
            parts.map_err(|e| storage(&e, &path))
        })
    }

    /// Compressed bytes of some columns in some row groups.
    pub fn bytes(&self, pieces: &[Piece], columns: &[usize]) -> u64 {
        if !self.spooled.is_empty() {
            let files: BTreeSet<usize> = pieces.iter().map(|piece| piece.file).collect();
            return files.iter().filter_map(|f| self.files.get(*f)).map(|f| f.input.size).sum();
        }
        let mut bytes = 0;
        for piece in pieces {
            let footer = &self.files[piece.file].footer;
            let schema = footer.file_metadata().schema_descr();
            for part in &piece.parts {
                let group = footer.row_group(part.group);
                let read = |leaf: &usize| columns.contains(&schema.get_column_root_idx(*leaf));
                let leaves = (0..group.num_columns()).filter(read);
                bytes += leaves.map(|leaf| chunk_bytes(part, leaf, group.column(leaf))).sum::<u64>();
            }
        }
        bytes
    }

    /// Beside files that are not opened.
    pub fn with(self, spared: Vec<Spared>) -> Self {
        Self { spared, ..self }
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|f| f.object.size).chain(self.spared.iter().map(|s| s.input.size)).sum()
    }

    pub fn rows(&self) -> u64 {
        self.files.iter().map(SourceFile::rows).sum::<u64>() + self.spared.iter().map(|s| s.rows).sum::<u64>()
    }
}

/// Of some rows those pages that hold one of them, and the dictionary.
fn chunk_bytes(part: &Part, leaf: usize, chunk: &ColumnChunkMetaData) -> u64 {
    let all = u64::try_from(chunk.compressed_size()).unwrap_or(0);
    let Some(only) = &part.only else { return all };
    let Some(pages) = only.footer.offset_index().and_then(|index| index.get(part.group)?.get(leaf)) else { return all };
    let pages = pages.page_locations();
    let first = |page: usize| pages.get(page).and_then(|p| u64::try_from(p.first_row_index).ok());
    let read = |page: usize| {
        let rows = first(page).unwrap_or(0)..first(page + 1).unwrap_or(u64::MAX);
        only.rows.iter().any(|r| r.start < rows.end && rows.start < r.end)
    };
    let data: u64 = pages.iter().map(|p| u64::try_from(p.compressed_page_size).unwrap_or(0)).sum();
    let left_out = (0..pages.len()).filter(|page| !read(*page));
    let left_out: u64 = left_out.map(|page| u64::try_from(pages[page].compressed_page_size).unwrap_or(0)).sum();
    all.max(data).saturating_sub(left_out)
}

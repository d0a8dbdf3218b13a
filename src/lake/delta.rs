//! Delta tables: opened at a version, created empty, changed by one commit.
//!
//! A table is always created empty first and changed from a version that was read: only then does every
//! writer that commits at the same time see the others' transactions.

mod safety;
mod statistics;
mod transactions;
pub mod versions;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::Schema;
use delta_kernel::table_properties::TableProperties;
use deltalake::kernel::transaction::{CommitBuilder, CommitData, CommitProperties, TableReference, TransactionError};
pub use deltalake::kernel::StructField;
use deltalake::kernel::{
    Action, Add, EagerSnapshot, LogicalFileView, Metadata, MetadataExt, Protocol, StructType, Transaction, new_metadata,
};
use deltalake::logstore::{CommitOrBytes, LogStoreRef, StorageConfig, default_logstore};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::table::state::DeltaTableState;
use deltalake::{DeltaTable, DeltaTableError};
use futures::TryStreamExt;
use serde_json::Value;

use crate::fault::{Fault, FaultKind};
use crate::ir::InputFile;
use crate::lake::schema;
use crate::lake::store::Store;
use crate::storage::{Storage, fault};

/// A Delta table at the version that was last read.
pub struct Table {
    pub store: Store,
    /// As faults name it.
    name: String,
    inner: DeltaTable,
}

/// What one commit does.
#[derive(Default)]
pub struct Change {
    /// Files that are there already, below the table.
    pub add: Vec<Add>,
    /// Paths of files of the version read.
    pub remove: HashSet<String>,
    /// Recorded with the commit. The commit fails if another has recorded the same name since the version read.
    pub transaction: Option<(String, i64)>,
    /// Kept in the log's entry; names begin with `dqc_`.
    pub metadata: HashMap<String, Value>,
    /// Columns that the table gets where it lacks them.
    pub columns: Option<Schema>,
    /// Fail if anything at all was committed since the version read.
    pub exclusive: bool,
    /// The same rows in other files.
    pub rearranges: bool,
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is the table's version of this number.
    Version(i64),
    /// It is not in the table: somebody else committed first. The table stands at the newest version.
    Conflict,
    /// It may or may not be in the table; the files that it names must stay.
    Unknown,
}

/// In the log's entry, so that a commit is recognised whose answer was lost.
const COMMIT: &str = "dqc_commit";

impl Table {
    /// The newest version; `None` where there is no table.
    pub async fn open(url: &str, storage: &Storage) -> Result<Option<Self>, Fault> {
        let store = Store::open(url, storage)?;
        let name = url.trim_end_matches('/').to_owned();
        let log = log_store(&store);
        let there = log.is_delta_table_location().await;
        if !there.map_err(|e| failed(&e, &format!("the table `{name}` could not be looked up")))? {
            return Ok(None);
        }
        let mut table = Self { store, inner: DeltaTable::new(log), name };
        table.reload().await?;
        table.readable()?;
        Ok(Some(table))
    }

    /// The newest version of the table, which is created without rows where it does not exist.
    pub async fn open_or_create(url: &str, storage: &Storage, schema: &Schema) -> Result<Self, Fault> {
        if let Some(table) = Self::open(url, storage).await? {
            return Ok(table);
        }
        let store = Store::open(url, storage)?;
        let created = create(&log_store(&store), schema, &store).await;
        // Somebody else may have created it meanwhile: then it is there.
        match (Self::open(url, storage).await?, created) {
            (Some(table), _) => Ok(table),
            (None, Err(fault)) => Err(fault),
            (None, Ok(())) => Err(Fault::storage(format!("the table `{url}` was created and is not there"))),
        }
    }

    pub async fn reload(&mut self) -> Result<(), Fault> {
        let loaded = self.inner.update_incremental(None).await;
        loaded.map_err(|e| failed(&e, &format!("the log of the table `{}` could not be read", self.name)))
    }

    /// Goes to an earlier version.
    pub async fn go_to(&mut self, version: i64) -> Result<(), Fault> {
        let newest = self.version();
        let missing = || {
            Fault::usage(format!("the table `{}` has no version {version}", self.name))
                .with_help(format!("the newest is {newest}; old ones go when the log is cleaned"))
        };
        let wanted = u64::try_from(version).map_err(|_| missing())?;
        if version > newest {
            return Err(missing());
        }
        let failed = self.inner.load_version(wanted as _).await.is_err();
        if failed { Err(missing()) } else { self.readable() }
    }

    /// Refuses what this program would misread.
    fn readable(&self) -> Result<(), Fault> {
        let snapshot = self.inner.snapshot().map_err(|e| failed(&e, "the table is not loaded"))?;
        let mapped = snapshot.metadata().configuration().get("delta.columnMapping.mode");
        if mapped.is_some_and(|mode| mode != "none") {
            return Err(Fault::usage(format!(
                "the table `{}` maps its columns' names, which is not supported",
                self.name
            ))
            .with_help("rewrite it without `delta.columnMapping.mode`"));
        }
        Ok(())
    }

    /// Refuses what this program would break.
    pub fn writable(&self) -> Result<(), Fault> {
        self.store.commits_safely()?;
        let snapshot = self.inner.snapshot().map_err(|e| failed(&e, "the table is not loaded"))?;
        let protocol = serde_json::to_value(snapshot.protocol()).unwrap_or_default();
        safety::check(&self.name, &protocol, snapshot.metadata().configuration(), &snapshot.schema())
    }

    /// The columns whose values stand in the log instead of the files.
    pub fn partitioned(&self) -> Result<Vec<String>, Fault> {
        let snapshot = self.inner.snapshot().map_err(|e| failed(&e, "the table is not loaded"))?;
        Ok(snapshot.metadata().partition_columns().iter().map(ToString::to_string).collect())
    }

    /// Files that were removed from the table: when, in milliseconds since 1970 in UTC, by path.
    pub async fn removed(&self) -> Result<HashMap<String, i64>, Fault> {
        let snapshot = self.inner.snapshot().map_err(|e| failed(&e, "the table is not loaded"))?;
        let unreadable = |e| failed(&e, &format!("the log of the table `{}` could not be read", self.name));
        let log = self.inner.log_store();
        let all: Vec<_> = snapshot.all_tombstones(log.as_ref()).try_collect().await.map_err(unreadable)?;
        Ok(all.iter().map(|gone| (gone.path().into_owned(), gone.deletion_timestamp().unwrap_or(i64::MAX))).collect())
    }

    pub fn version(&self) -> i64 {
        self.inner.version().and_then(|v| i64::try_from(v).ok()).unwrap_or(0)
    }

    /// Given when the table was created; another one if it is deleted and created anew.
    pub fn id(&self) -> Result<String, Fault> {
        let snapshot = self.inner.snapshot().map_err(|e| failed(&e, "the table is not loaded"))?;
        Ok(snapshot.metadata().id().to_owned())
    }

    /// The files of the version, sorted by path.
    ///
    /// # Errors
    /// Rows of a file are marked as deleted beside it, by another writer.
    pub fn files(&self) -> Result<Vec<InputFile>, Fault> {
        let snapshot = self.inner.snapshot().map_err(|e| failed(&e, "the table is not loaded"))?;
        let columns = schema::types(&snapshot.schema());
        let mut files = Vec::new();
        for file in snapshot.log_data().iter() {
            if file.deletion_vector_descriptor().is_some() {
                return Err(deletion_vectors(&self.name));
            }
            let path = file.object_store_path().to_string();
            let mut partition: Vec<(String, String)> =
                file.partition_values_map().into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
            partition.sort();
            files.push(InputFile {
                path,
                size: u64::try_from(file.size()).unwrap_or(0),
                e_tag: None,
                modified: file.modification_time().saturating_mul(1000),
                partition,
                statistics: file.stats().and_then(|text| statistics::of_entry(&text, &columns)).map(Arc::new),
            });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// Those files of the version, as the log names them, for which `wanted` holds.
    pub fn adds(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<Add>, Fault> {
        let snapshot = self.inner.snapshot().map_err(|e| failed(&e, "the table is not loaded"))?;
        let mut found = Vec::new();
        for file in snapshot.log_data().iter() {
            if wanted(file.object_store_path().as_ref()) {
                // There is no other way to a file's action.
                #[allow(deprecated)]
                found.push(Add { path: file.object_store_path().to_string(), ..file.add_action() });
            }
        }
        Ok(found)
    }

    /// The files of the version with what the log notes beside each, sorted by path.
    pub fn tags(&self) -> Result<BTreeMap<String, HashMap<String, Option<String>>>, Fault> {
        let snapshot = self.inner.snapshot().map_err(|e| failed(&e, "the table is not loaded"))?;
        // There is no other way to a file's tags.
        #[allow(deprecated)]
        let tags = |file: LogicalFileView| file.add_action().tags.unwrap_or_default();
        Ok(snapshot.log_data().iter().map(|f| (f.object_store_path().to_string(), tags(f))).collect())
    }

    /// The numbers last recorded under these names.
    pub async fn transactions(&self, names: &[String]) -> Result<HashMap<String, i64>, Fault> {
        if let Some(mut all) = transactions::all(&self.store, self.version()).await? {
            let wanted: HashSet<&String> = names.iter().collect();
            all.retain(|name, _| wanted.contains(name));
            return Ok(all);
        }
        let mut found = HashMap::new();
        for name in names {
            found.extend(self.transaction(name).await?.map(|number| (name.clone(), number)));
        }
        Ok(found)
    }

    /// The number last recorded under this name.
    pub async fn transaction(&self, name: &str) -> Result<Option<i64>, Fault> {
        let snapshot = self.inner.snapshot().map_err(|e| failed(&e, "the table is not loaded"))?;
        let found = snapshot.transaction_version(self.inner.log_store().as_ref(), name).await;
        found.map_err(|e| failed(&e, &format!("the log of the table `{}` could not be read", self.name)))
    }

    /// The table's columns.
    pub fn columns(&self) -> Result<Vec<StructField>, Fault> {
        let snapshot = self.inner.snapshot().map_err(|e| failed(&e, "the table is not loaded"))?;
        Ok(snapshot.schema().fields().cloned().collect())
    }

    /// Checks that rows of this schema can be added.
    pub fn takes(&self, columns: &Schema) -> Result<(), Fault> {
        let snapshot = self.inner.snapshot().map_err(|e| failed(&e, "the table is not loaded"))?;
        schema::widened(&snapshot.schema(), columns, &self.name).map(|_| ())
    }

    /// What the newest commit says of itself for which `wanted` holds, among the last `within`; with its version.
    pub async fn find_commit(
        &self,
        within: Option<i64>,
        wanted: impl Fn(&HashMap<String, Value>) -> bool,
    ) -> Result<Option<(i64, HashMap<String, Value>)>, Fault> {
        let unreadable = |e| failed(&e, &format!("the log of the table `{}` could not be read", self.name));
        let mut version = self.version();
        let limit = match within.map(usize::try_from) {
            Some(Ok(0) | Err(_)) => return Ok(None),
            Some(Ok(limit)) => Some(limit),
            None => None,
        };
        let mut history = self.inner.history(limit);
        while let Some(commit) = history.try_next().await.map_err(unreadable)? {
            if wanted(&commit.info) {
                return Ok(Some((version, commit.info)));
            }
            version -= 1;
        }
        Ok(None)
    }

    /// What every commit that the log still tells of says of itself, newest first, with its version.
    pub async fn commits(&self) -> Result<Vec<(i64, HashMap<String, Value>)>, Fault> {
        let unreadable = |e| failed(&e, &format!("the log of the table `{}` could not be read", self.name));
        let all: Vec<_> = self.inner.history(None).try_collect().await.map_err(unreadable)?;
        let said = all.into_iter().map(|mut commit| {
            // Kept beside the rest; in the log it is one of it.
            commit.info.extend(commit.timestamp.map(|at| ("timestamp".to_owned(), at.into())));
            commit.info
        });
        Ok((0..=self.version()).rev().zip(said).collect())
    }

    /// Makes the change, or says that it is not made.
    ///
    /// # Errors
    /// Storage refuses, and it is certain that nothing was committed.
    pub async fn commit(&mut self, change: Change) -> Result<Committed, Fault> {
        self.writable()?;
        let commit = uuid::Uuid::new_v4().to_string();
        let sent = self.send(&commit, change).await;
        match sent {
            Ok(Ok(version)) => {
                // The books are behind until read again; the commit stands.
                let _ = self.reload().await;
                Ok(Committed::Version(version))
            }
            Ok(Err(error)) => self.settle(&commit, &error).await,
            Err(fault) => Err(fault),
        }
    }

    async fn send(&self, commit: &str, change: Change) -> Result<Result<i64, DeltaTableError>, Fault> {
        let snapshot = self.inner.snapshot().map_err(|e| failed(&e, "the table is not loaded"))?;
        let mut actions: Vec<Action> = Vec::new();
        if let Some(columns) = &change.columns
            && let Some(wider) = schema::widened(&snapshot.schema(), columns, &self.name)?
        {
            let metadata = snapshot.metadata().clone().with_schema(&wider);
            let metadata = metadata.map_err(|_| Fault::internal("the table's schema could not be extended"))?;
            let known = serde_json::to_string(snapshot.protocol()).is_ok_and(|text| text.contains(WALL_CLOCK));
            if has_wall_clock(&wider) && !known {
                actions.push(Action::Protocol(protocol_for(&wider)?));
            }
            actions.push(Action::Metadata(metadata));
        }
        if !change.remove.is_empty() && !change.rearranges && safety::is_append_only(snapshot.metadata().configuration()) {
            return Err(Fault::usage(format!("the table `{}` lets no row be taken back (`delta.appendOnly`)", self.name))
                .with_help("write `append`, or set the property to false"));
        }
        let mode = if change.remove.is_empty() { SaveMode::Append } else { SaveMode::Overwrite };
        for file in snapshot.log_data().iter() {
            if change.remove.contains(file.object_store_path().as_ref()) {
                actions.push(Action::Remove(file.remove_action(!change.rearranges)));
            }
        }
        actions.extend(change.add.into_iter().map(|add| Action::Add(Add { data_change: !change.rearranges, ..add })));
        let mut metadata = change.metadata;
        metadata.insert(COMMIT.to_owned(), Value::from(commit));
        let mut properties = CommitProperties::default().with_metadata(metadata);
        if change.exclusive {
            properties = properties.with_max_retries(0);
        }
        if let Some((name, number)) = change.transaction {
            properties = properties.with_application_transaction(Transaction::new(name, number));
        }
        let operation = DeltaOperation::Write { mode, partition_by: None, predicate: None };
        let judged = Judged { snapshot, protocol: protocol_of(LEAST)? };
        let done = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(&judged), self.inner.log_store(), operation)
            .await;
        Ok(done.map(|done| i64::try_from(done.version()).unwrap_or(i64::MAX)))
    }

    /// After an error: what the log says. A commit that stands can be answered with a conflict or not at all.
    async fn settle(&mut self, commit: &str, error: &DeltaTableError) -> Result<Committed, Fault> {
        let read = self.version();
        if self.reload().await.is_err() {
            return Ok(Committed::Unknown);
        }
        let ours = |info: &HashMap<String, Value>| info.get(COMMIT).and_then(Value::as_str) == Some(commit);
        match self.find_commit(Some(self.version() - read), ours).await {
            Err(_) => return Ok(Committed::Unknown),
            Ok(Some((version, _))) => return Ok(Committed::Version(version)),
            Ok(None) => {}
        }
        match error {
            DeltaTableError::VersionAlreadyExists(_)
            | DeltaTableError::Transaction {
                source:
                    TransactionError::CommitConflict(_)
                    | TransactionError::VersionAlreadyExists(_)
                    | TransactionError::MaxCommitAttempts(_),
            } => Ok(Committed::Conflict),
            other => {
                let fault = failed(other, &format!("the table `{}` could not be written", self.name));
                // A request that was given up can still arrive; one that was refused cannot.
                if fault.kind == FaultKind::Storage && self.store.url.scheme() != "file" {
                    return Ok(Committed::Unknown);
                }
                Err(fault)
            }
        }
    }
}

fn deletion_vectors(table: &str) -> Fault {
    Fault::usage(format!("the table `{table}` has deletion vectors, which are not supported"))
        .with_help("purge them: `reorg table … apply (purge)`")
}

/// Writes version 0, or fails. The library's own way tries again after another creator as the next version, and
/// gives the table a second identity by that.
async fn create(log: &LogStoreRef, schema: &Schema, store: &Store) -> Result<(), Fault> {
    store.commits_safely()?;
    let unfit = || Fault::internal("the table's first version could not be made");
    let schema = StructType::try_new(schema::delta_fields(schema)?).map_err(|_| unfit())?;
    let metadata = new_metadata(&schema, Vec::<String>::new(), Vec::<(String, String)>::new()).map_err(|_| unfit())?;
    let protocol = protocol_for(&schema)?;
    let operation = DeltaOperation::Create {
        mode: SaveMode::ErrorIfExists,
        location: store.url.clone(),
        protocol: protocol.clone(),
        metadata: metadata.clone(),
    };
    let actions = vec![Action::Protocol(protocol), Action::Metadata(metadata)];
    let entry = CommitData::new(actions, operation, HashMap::new(), Vec::new()).get_bytes().map_err(|_| unfit())?;
    let written = log.write_commit_entry(0, CommitOrBytes::LogBytes(entry), uuid::Uuid::new_v4()).await;
    written.map_err(|e| fault(&e, &format!("the table `{}` could not be created", store.url)))
}

/// A table as the library sees it when it commits. What the table asks of its writers [`safety`] has judged already; the
/// library, without an engine of its own, knows fewer features and would refuse the table.
struct Judged<'s> {
    snapshot: &'s DeltaTableState,
    protocol: Protocol,
}

impl TableReference for Judged<'_> {
    fn config(&self) -> &TableProperties {
        TableReference::config(self.snapshot)
    }

    fn protocol(&self) -> &Protocol {
        &self.protocol
    }

    fn metadata(&self) -> &Metadata {
        TableReference::metadata(self.snapshot)
    }

    fn eager_snapshot(&self) -> &EagerSnapshot {
        TableReference::eager_snapshot(self.snapshot)
    }
}

/// The least that readers and writers must know for these columns.
fn protocol_for(schema: &StructType) -> Result<Protocol, Fault> {
    protocol_of(if has_wall_clock(schema) { OF_WALL_CLOCKS } else { LEAST })
}

fn protocol_of(text: &str) -> Result<Protocol, Fault> {
    serde_json::from_str(text).map_err(|_| Fault::internal("the table's protocol could not be made"))
}

const LEAST: &str = r#"{"minReaderVersion": 1, "minWriterVersion": 2}"#;
const OF_WALL_CLOCKS: &str = r#"{"minReaderVersion": 3, "minWriterVersion": 7,
    "readerFeatures": ["timestampNtz"], "writerFeatures": ["timestampNtz", "appendOnly", "invariants"]}"#;

/// The feature of a table with timestamps without a zone.
const WALL_CLOCK: &str = "timestampNtz";

fn has_wall_clock(schema: &StructType) -> bool {
    serde_json::to_string(schema).is_ok_and(|text| text.contains("\"timestamp_ntz\""))
}

fn log_store(store: &Store) -> LogStoreRef {
    default_logstore(store.folder(), store.root.clone(), &store.url, &StorageConfig::default())
}

fn failed(error: &DeltaTableError, doing: &str) -> Fault {
    fault(error, doing)
}

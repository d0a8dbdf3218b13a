//! A batch that needs no change of its rows: its files are copied into the target instead of being written anew.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::future::maybe_done;
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use crate::engine::types::arrow_type;
use crate::fault::Fault;
use crate::hir::{ExprKind, OtherColumns, Write};
use crate::ir::{Format, Input, InputFile};
use crate::lake::delta::Table;
use crate::lake::schema;
use crate::lake::stage::{Files, Staged, Unchanged, add, stats};
use crate::lake::store::Store;
use crate::promote::pending::{Identity, State};
use crate::promote::{Run, Task};
use crate::run::{BatchVerdict, Job, Report};

/// Copies on their way side by side.
const COPIES: usize = 8;
/// Of a footer, at first.
const TAIL: u64 = 64 << 10;

/// What came of a batch that was judged while its files were copied.
pub(super) enum Beside {
    /// No row needs a change: the copies hold the batch.
    Clean { report: Box<Report>, identity: Identity, files: Files, schema: SchemaRef },
    Blocked(Box<Report>, Identity),
    /// A row is held back, so that the others have to be written.
    Dirty(Identity),
    NotJudged(Fault),
}

/// A file whose bytes the target can hold as they are.
pub(super) struct Whole {
    file: InputFile,
    footer: ParquetMetaData,
    schema: Schema,
}

impl Run<'_> {
    /// The batch's files, if each can stand in the target as it is when none of its rows is held back.
    pub(super) async fn copyable(
        &self,
        task: &Task<'_>,
        state: &State,
        target: Option<&Table>,
    ) -> Result<Option<Vec<Whole>>, Fault> {
        let input = &state.batch.input;
        let partitioned = match target {
            Some(target) => !target.partitioned()?.is_empty(),
            None => false,
        };
        if partitioned || !state.likely_clean || !keeps_rows(task) || !is_plain(input) {
            return Ok(None);
        }
        let store = Store::open(&input.place.url, self.lake.storage)?;
        let store = &store;
        let read = input.files.iter().map(|file| async move { footer(store, file).await });
        let footers: Vec<_> = futures::stream::iter(read).buffered(COPIES).try_collect().await?;
        let mut files = Vec::with_capacity(footers.len());
        for (file, footer) in input.files.iter().zip(footers) {
            let Some(footer) = footer else { return Ok(None) };
            let metadata = footer.file_metadata();
            // What the file's bytes are, not what its writer had in memory.
            let Ok(schema) = parquet_to_arrow_schema(metadata.schema_descr(), None) else { return Ok(None) };
            if !fits(task, &schema) {
                return Ok(None);
            }
            files.push(Whole { file: file.clone(), footer, schema });
        }
        Ok(Some(files))
    }

    /// Judges a batch while its files are read for what they are and copied to where no log names them.
    pub(super) async fn judged_beside_copies(
        &self,
        task: &Task<'_>,
        job: &Job<'_>,
        known: Option<&Identity>,
        files: &[Whole],
    ) -> Result<Beside, Fault> {
        let target = Store::open(&self.place(&task.promotion.to)?.url, self.lake.storage)?;
        let source = Store::open(&job.input.place.url, self.lake.storage)?;
        let batch = job.batch.unwrap_or_default();
        let to: Vec<String> =
            (0..files.len()).map(|number| format!("{batch}/part-{number:05}-{}-c000.parquet", uuid::Uuid::new_v4())).collect();
        let unchanged = Arc::new(Unchanged::new());
        let mut identity = pin!(maybe_done(async {
            match known {
                Some(known) => Ok(known.clone()),
                None => self.identity(job.input).await,
            }
        }));
        let mut copies = Box::pin(maybe_done(copy(&source, &target, files, &to)));
        let judged = {
            let mut judged = pin!(self.judged(job, unchanged.clone()));
            poll_fn(|context| {
                let _ = identity.as_mut().poll(context);
                let _ = copies.as_mut().poll(context);
                judged.as_mut().poll(context)
            })
            .await
        };
        let needs_none = |report: &Report| report.verdict != BatchVerdict::Blocked && report.rows.quarantined == 0;
        let clean = judged.as_ref().is_ok_and(needs_none);
        let schema = unchanged.schema().await;
        if let (Ok(report), Some(schema), true) = (&judged, &schema, clean) {
            let both = async { futures::join!(identity.as_mut(), copies.as_mut()) };
            let stopped = tokio::select! {
                _ = both => None,
                fault = self.options.stop.asked() => Some(Err(fault)),
            };
            let lost = || Fault::internal("copies were not waited for");
            let copied = match stopped {
                Some(stopped) => stopped,
                None => copies.as_mut().take_output().unwrap_or_else(|| Err(lost())),
            };
            let identity = match copied {
                Ok(()) => identity.as_mut().take_output().unwrap_or_else(|| Err(lost())),
                Err(fault) => Err(fault),
            };
            match identity {
                Ok(identity) => {
                    self.log.note("copied", &[("batch", batch)], &[("files", files.len() as u64)]);
                    let files = named(files, &to, &identity);
                    return Ok(Beside::Clean { report: Box::new(report.clone()), identity, files, schema: schema.clone() });
                }
                Err(fault) => {
                    drop(copies);
                    target.discard(to).await;
                    return Err(fault);
                }
            }
        }
        drop(copies);
        target.discard(to).await;
        match judged {
            Err(fault) if !unchanged.is_dirty() => return Ok(Beside::NotJudged(fault)),
            _ => identity.as_mut().await,
        }
        let identity = identity.as_mut().take_output().unwrap_or_else(|| Err(Fault::internal("files were not waited for")))?;
        Ok(match judged {
            Ok(report) if report.verdict == BatchVerdict::Blocked => Beside::Blocked(Box::new(report), identity),
            _ => Beside::Dirty(identity),
        })
    }
}

async fn copy(source: &Store, target: &Store, files: &[Whole], to: &[String]) -> Result<(), Fault> {
    let copies = files.iter().zip(to).map(|(whole, to)| target.copy_from(source, &whole.file.path, to, whole.file.size));
    futures::stream::iter(copies).buffer_unordered(COPIES).try_collect().await
}

/// The copies as a log would name them.
fn named(files: &[Whole], to: &[String], identity: &Identity) -> Files {
    let mut copied = Files::default();
    for ((whole, to), sha256) in files.iter().zip(to).zip(&identity.digests) {
        let stats = stats::of(&whole.footer, &whole.schema);
        copied.files.push(add(to.clone(), whole.file.size, Default::default(), stats, sha256));
        copied.rows += u64::try_from(whole.footer.file_metadata().num_rows()).unwrap_or(0);
    }
    copied
}

/// The staged form of copied files: no row is held.
pub(super) fn staged(copied: Files, accepted: arrow::datatypes::SchemaRef) -> Staged {
    Staged { accepted: Files { schema: Some(accepted), ..copied }, held: Files::default() }
}

/// Whether the promotion gives every row as it takes it.
fn keeps_rows(task: &Task<'_>) -> bool {
    let same = |column: &crate::ir::PlanColumn| {
        column.value.as_ref().is_some_and(|value| matches!(&value.kind, ExprKind::Column(name) if *name == column.name))
    };
    !matches!(task.promotion.write, Write::Merge { .. }) && !task.plan.columns.is_empty() && task.plan.columns.iter().all(same)
}

/// Whether all columns are in the files themselves.
fn is_plain(input: &Input) -> bool {
    let parquet = matches!(input.place.format, Format::Parquet | Format::Delta);
    let delta = input.place.format == Format::Delta;
    parquet && !input.files.is_empty() && !(delta && input.files.iter().any(|f| !f.partition.is_empty()))
}

fn fits(task: &Task<'_>, file: &Schema) -> bool {
    let plan = task.plan;
    let declared = |field: &Field| plan.columns.iter().find(|c| c.name == *field.name());
    let as_declared = file.fields().iter().all(|field| match declared(field) {
        Some(column) => {
            let wanted = schema::stored(&Schema::new(vec![Field::new(&column.name, arrow_type(&column.ty), true)]));
            !field.data_type().is_nested() && wanted.field(0).data_type() == field.data_type()
        }
        // The names of columns are found whatever their case; files are kept as they are.
        None => plan.other == OtherColumns::Kept && kept_as_is(field) && plan.columns.iter().all(|c| !c.name.eq_ignore_ascii_case(field.name())),
    });
    as_declared && plan.columns.iter().all(|c| file.fields().iter().any(|f| *f.name() == c.name))
}

fn kept_as_is(field: &Field) -> bool {
    let stored = schema::stored(&Schema::new(vec![field.clone()]));
    !field.data_type().is_nested() && stored.field(0).data_type() == field.data_type() && field.data_type() != &DataType::Null
}

async fn footer(store: &Store, file: &InputFile) -> Result<Option<ParquetMetaData>, Fault> {
    let mut reader = ParquetMetaDataReader::new();
    let mut tail = TAIL.min(file.size);
    loop {
        let bytes = store.read_range(&file.path, file.size - tail..file.size).await?;
        match reader.try_parse_sized(&bytes, file.size) {
            Ok(()) => return Ok(reader.finish().ok()),
            Err(parquet::errors::ParquetError::NeedMoreData(needed)) if (needed as u64) > tail && (needed as u64) <= file.size => {
                tail = needed as u64;
            }
            Err(_) => return Ok(None),
        }
    }
}

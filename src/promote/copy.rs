//! A batch that needs no change of its rows: its files are copied into the target instead of being written anew.

use arrow::datatypes::{DataType, Field, Schema};
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use crate::engine::types::arrow_type;
use crate::fault::Fault;
use crate::hir::{ExprKind, OtherColumns, Write};
use crate::ir::{Format, Input, InputFile};
use crate::lake::delta::Table;
use crate::lake::schema;
use crate::lake::stage::{Files, Staged, add, stats};
use crate::lake::store::Store;
use crate::promote::pending::{Identity, State};
use crate::promote::{Run, Task};

/// Copies on their way side by side.
const COPIES: usize = 8;
/// Of a footer, at first.
const TAIL: u64 = 64 << 10;

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

    /// Copies them to where no log names them yet.
    pub(super) async fn copied(
        &self,
        task: &Task<'_>,
        state: &State,
        identity: &Identity,
        files: &[Whole],
    ) -> Result<Files, Fault> {
        let target = Store::open(&self.place(&task.promotion.to)?.url, self.lake.storage)?;
        let source = Store::open(&state.batch.input.place.url, self.lake.storage)?;
        let (target, source) = (&target, &source);
        let copies = files.iter().zip(&identity.digests).enumerate().map(|(number, (whole, sha256))| async move {
            let to = format!("{}/part-{number:05}-{}-c000.parquet", state.batch.name, uuid::Uuid::new_v4());
            target.copy_from(source, &whole.file.path, &to, whole.file.size).await?;
            let stats = stats::of(&whole.footer, &whole.schema);
            Ok::<_, Fault>(add(to, whole.file.size, Default::default(), stats, sha256))
        });
        let done: Vec<Result<_, Fault>> = futures::stream::iter(copies).buffered(COPIES).collect().await;
        let mut copied = Files::default();
        let mut failed = None;
        for (copy, whole) in done.into_iter().zip(files) {
            match copy {
                Ok(add) => {
                    copied.files.push(add);
                    copied.rows += u64::try_from(whole.footer.file_metadata().num_rows()).unwrap_or(0);
                }
                Err(fault) => failed = Some(fault),
            }
        }
        match failed {
            None => Ok(copied),
            Some(fault) => {
                target.discard(copied.files.into_iter().map(|f| f.path)).await;
                Err(fault)
            }
        }
    }
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

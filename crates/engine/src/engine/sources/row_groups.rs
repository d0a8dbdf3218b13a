//! The scan of row groups that keeps columns as they are stored where that is less: texts whose pages all refer to a
//! dictionary stay in it, so that they can be judged once a distinct value; decimals of up to 18 digits stay in eight
//! bytes. So the type of a column may differ from row group to row group; who reads this scan must bring a column into
//! its type ([`super::layout::as_type`]).

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, SendableRecordBatchStream,
};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::ObjectStore;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection};
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use super::footer::Ranges;
use super::layout::Layout;
use super::part::Part;
use super::stored::Fetched;
use super::{BATCH_ROWS, FILE, Only, Opened, Piece, ROW};
use crate::engine::prove::dictionary::all_pages_refer;
use crate::engine::prove::statistics::leaf;

/// Of the scan's partitions, each some row groups.
pub struct Scan {
    shared: Arc<Shared>,
    parts: Vec<Vec<Group>>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

#[derive(Clone)]
struct Group {
    file: Arc<File>,
    group: usize,
    /// The number of its first row in the file.
    first: i64,
    only: Option<Only>,
}

struct File {
    position: u32,
    location: Path,
    footer: Arc<ParquetMetaData>,
    plain: ArrowReaderMetadata,
}

struct Shared {
    store: Arc<dyn ObjectStore>,
    /// Of the files, as they are read elsewhere.
    layout: SchemaRef,
    columns: Vec<usize>,
    fetched: Option<Arc<Fetched>>,
}

impl Scan {
    pub fn new(
        opened: &Opened,
        layout: &Layout,
        columns: &[usize],
        parts: &[Vec<Piece>],
        fetched: Option<Arc<Fetched>>,
    ) -> Self {
        let mut schema: Vec<Field> = columns.iter().map(|c| layout.schema.field(*c).clone()).collect();
        schema.push(Field::new(FILE, DataType::UInt32, false));
        schema.push(Field::new(ROW, DataType::Int64, false));
        let schema = Arc::new(Schema::new(schema));
        let groups = |piece: &Piece| {
            let of = &opened.files[piece.file];
            let file = Arc::new(File {
                position: u32::try_from(piece.file).unwrap_or(u32::MAX),
                location: of.object.location.clone(),
                footer: Arc::clone(&of.footer),
                plain: of.plain.clone(),
            });
            let rows: Vec<i64> = of.footer.row_groups().iter().map(|g| g.num_rows()).collect();
            let group = move |part: &super::Part| {
                let first = rows[..part.group].iter().sum();
                Group { file: Arc::clone(&file), group: part.group, first, only: part.only.clone() }
            };
            piece.parts.iter().map(group).collect::<Vec<_>>()
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(parts.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            shared: Arc::new(Shared {
                store: Arc::clone(&opened.store),
                layout: Arc::clone(&layout.schema),
                columns: columns.to_vec(),
                fetched,
            }),
            parts: parts.iter().map(|part| part.iter().flat_map(groups).collect()).collect(),
            schema,
            properties: Arc::new(properties),
        }
    }
}

impl Shared {
    /// The row group's batches, then the file's position and the rows' numbers.
    fn read(&self, group: Group) -> Result<BoxStream<'static, EngineResult<RecordBatch>>, ParquetError> {
        let file = &group.file;
        let descriptor = file.footer.file_metadata().schema_descr();
        let held = file.plain.schema();
        // Where a layout leaves columns of the file out, names tell which.
        let roots: Vec<usize> = (self.columns.iter())
            .map(|column| match held.fields().len() == self.layout.fields().len() {
                true => Ok(*column),
                false => held.index_of(self.layout.field(*column).name()),
            })
            .collect::<Result<_, _>>()?;
        let mut fields: Vec<Field> = held.fields().iter().map(|f| f.as_ref().clone()).collect();
        for (column, root) in self.columns.iter().zip(&roots) {
            let ty = self.as_stored(&group, *root, self.layout.field(*column).data_type());
            fields[*root] = fields[*root].clone().with_data_type(ty);
        }
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
        // With the index of pages those without a row that is wanted are not even fetched.
        let footer = group.only.as_ref().map_or(&file.footer, |only| &only.footer);
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(footer), options).unwrap_or_else(|_| file.plain.clone());
        let ranges = Ranges {
            store: Arc::clone(&self.store),
            location: file.location.clone(),
            footer: Arc::clone(&file.footer),
        };
        let reader = Leaving {
            ranges,
            left: self.fetched.clone().map(|fetched| (fetched, (file.position as usize, group.group))),
        };
        let mut read = roots.clone();
        read.sort_unstable();
        read.dedup();
        let order: Vec<usize> = roots.iter().map(|root| read.partition_point(|r| r < root)).collect();
        let mut stream = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata)
            .with_row_groups(vec![group.group])
            .with_projection(ProjectionMask::roots(descriptor, roots))
            .with_batch_size(BATCH_ROWS);
        let all = i64::MAX - group.first;
        let mut numbers: VecDeque<Range<i64>> = VecDeque::from([group.first..group.first + all]);
        if let Some(only) = &group.only {
            let rows = usize::try_from(file.footer.row_group(group.group).num_rows()).unwrap_or(0);
            let span = |r: &Range<u64>| r.start as usize..r.end as usize;
            stream = stream.with_row_selection(RowSelection::from_consecutive_ranges(only.rows.iter().map(span), rows));
            numbers = only.rows.iter().map(|r| group.first + r.start as i64..group.first + r.end as i64).collect();
        }
        let stream = stream.build()?;
        let position = file.position;
        Ok(stream
            .map(move |batch| {
                let batch = batch.map_err(engine)?;
                let rows = batch.num_rows();
                let mut columns: Vec<ArrayRef> = order.iter().map(|at| Arc::clone(batch.column(*at))).collect();
                columns.push(Arc::new(UInt32Array::from(vec![position; rows])));
                columns.push(Arc::new(Int64Array::from(take(&mut numbers, rows))));
                let fields = columns.iter().map(|c| Field::new("", c.data_type().clone(), true)).collect::<Vec<_>>();
                let options = RecordBatchOptions::new().with_row_count(Some(rows));
                Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
            })
            .boxed())
    }

    fn as_stored(&self, group: &Group, root: usize, ty: &DataType) -> DataType {
        let footer = &group.file.footer;
        let chunk = leaf(footer, root).map(|leaf| footer.row_group(group.group).column(leaf));
        match ty {
            DataType::Utf8View if chunk.is_some_and(all_pages_refer) => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            DataType::Decimal128(precision, scale) if *precision <= 18 => DataType::Decimal64(*precision, *scale),
            other => other.clone(),
        }
    }
}

/// The next so many numbers.
fn take(numbers: &mut VecDeque<Range<i64>>, count: usize) -> Vec<i64> {
    let mut taken = Vec::with_capacity(count);
    while taken.len() < count
        && let Some(first) = numbers.front_mut()
    {
        let end = first.end.min(first.start.saturating_add((count - taken.len()) as i64));
        taken.extend(first.start..end);
        first.start = end;
        if first.is_empty() {
            numbers.pop_front();
        }
    }
    taken
}

/// Leaves what it fetches with another, too, and as which row group of which file.
struct Leaving {
    ranges: Ranges,
    left: Option<(Arc<Fetched>, (usize, usize))>,
}

impl Leaving {
    fn leave(&self, start: u64, bytes: &Bytes) {
        if let Some((fetched, group)) = &self.left {
            fetched.leave(*group, Part { start, bytes: bytes.clone() });
        }
    }
}

impl AsyncFileReader for Leaving {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        Box::pin(async move {
            let bytes = self.ranges.get_bytes(range.clone()).await?;
            self.leave(range.start, &bytes);
            Ok(bytes)
        })
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        Box::pin(async move {
            let parts = self.ranges.get_byte_ranges(ranges.clone()).await?;
            ranges.iter().zip(&parts).for_each(|(range, bytes)| self.leave(range.start, bytes));
            Ok(parts)
        })
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        self.ranges.get_metadata(options)
    }
}

/// Storage's failures stay apart from broken files.
fn engine(error: ParquetError) -> DataFusionError {
    match error {
        ParquetError::External(cause) => match cause.downcast::<object_store::Error>() {
            Ok(cause) => DataFusionError::ObjectStore(cause),
            Err(cause) => DataFusionError::ParquetError(Box::new(ParquetError::External(cause))),
        },
        other => DataFusionError::ParquetError(Box::new(other)),
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scan")
    }
}

impl DisplayAs for Scan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scan: columns={}, partitions={}", self.shared.columns.len(), self.parts.len())
    }
}

impl ExecutionPlan for Scan {
    fn name(&self) -> &'static str {
        "Scan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> EngineResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> EngineResult<TreeNodeRecursion>,
    ) -> EngineResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> EngineResult<SendableRecordBatchStream> {
        let groups = self.parts.get(partition).cloned().unwrap_or_default();
        let shared = Arc::clone(&self.shared);
        let batches = futures::stream::iter(groups).map(move |group| shared.read(group).map_err(engine)).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches)))
    }
}

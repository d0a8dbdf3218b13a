//! Rows of pinned files as tables of a query: nothing is read but the columns that it names.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef, UInt32Type};
use datafusion::catalog::{Session as Catalog, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties, SendableRecordBatchStream,
};
use futures::StreamExt;

use crate::engine::sources::Opened;
use crate::engine::sources::layout::{Reader, layouts};
use crate::engine::types::arrow_type;
use crate::fault::Fault;
use crate::hir::{Privacy, Type};
use crate::ir::SourceColumn;

/// The columns as a query sees them.
pub fn schema(columns: &[(String, Type)]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|(name, ty)| Field::new(name, arrow_type(ty), true)).collect::<Vec<_>>()))
}

/// Makes the rows of a query out of those of a scan; gives columns in the order asked for.
pub type Make = Arc<dyn Fn(&RecordBatch) -> Result<RecordBatch, Fault> + Send + Sync>;

/// Where rows come from, given the positions of the wanted columns.
pub type Scan = Arc<dyn Fn(&[usize]) -> Result<Vec<(Arc<dyn ExecutionPlan>, Make)>, Fault> + Send + Sync>;

/// A table of a query.
pub struct Rows {
    schema: SchemaRef,
    scan: Scan,
}

impl Rows {
    pub fn new(columns: &[(String, Type)], scan: Scan) -> Self {
        Self { schema: schema(columns), scan }
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rows")
    }
}

#[async_trait::async_trait]
impl TableProvider for Rows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Catalog,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let wanted = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let schema = Arc::new(self.schema.project(&wanted)?);
        let parts = (self.scan)(&wanted).map_err(|f| DataFusionError::External(Box::new(Failed(f))))?;
        let mut plans: Vec<Arc<dyn ExecutionPlan>> = parts
            .into_iter()
            .map(|(input, make)| Arc::new(MadeExec::new(input, make, Arc::clone(&schema))) as Arc<dyn ExecutionPlan>)
            .collect();
        match plans.len() {
            0 => Ok(Arc::new(EmptyExec::new(schema))),
            1 => Ok(plans.remove(0)),
            _ => UnionExec::try_new(plans),
        }
    }
}

/// A fault of ours on its way through the engine.
#[derive(Debug)]
pub struct Failed(pub Fault);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of the query failed")
    }
}

impl std::error::Error for Failed {}

/// The columns of a dataset's pinned files, in their declared types; `keep` says which rows are seen, of the columns
/// that it asks for.
pub fn of_files(opened: Arc<Opened>, columns: Vec<(String, Type)>, partitions: usize, keep: Option<Keep>) -> Scan {
    Arc::new(move |wanted| {
        let source = |(name, ty): &(String, Type)| SourceColumn {
            name: name.clone(),
            ty: ty.clone(),
            nullable: true,
            privacy: Privacy::Public,
        };
        let mut declared: Vec<SourceColumn> = wanted.iter().filter_map(|i| columns.get(*i)).map(source).collect();
        let asked = declared.len();
        declared.extend(keep.iter().flat_map(|k| k.columns.iter()).map(source));
        let mut plans = Vec::new();
        for layout in layouts(&opened, &declared) {
            let (reader, scanned) = Reader::new(&opened, &layout, &declared, &vec![true; declared.len()]);
            let parts = opened.divide(&layout, partitions);
            if parts.is_empty() {
                continue;
            }
            let scan = opened.scan(&layout, &scanned, &parts)?;
            let fields = declared[..asked].iter().map(|c| Field::new(&c.name, arrow_type(&c.ty), true));
            let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
            let keep = keep.clone();
            let make: Make = Arc::new(move |batch| {
                let rows = batch.num_rows();
                let file = file_of(batch);
                let mut arrays: Vec<ArrayRef> = reader.read(batch, file).iter().map(|c| c.spread(rows)).collect();
                let keys = arrays.split_off(asked);
                let made = batch_of(&schema, arrays, rows)?;
                match &keep {
                    None => Ok(made),
                    Some(keep) => filter(&made, &(keep.rows)(&keys, rows)),
                }
            });
            plans.push((scan, make));
        }
        Ok(plans)
    })
}

/// Says of rows whether they are seen, by some of their columns.
#[derive(Clone)]
pub struct Keep {
    pub columns: Vec<(String, Type)>,
    pub rows: Arc<dyn Fn(&[ArrayRef], usize) -> arrow::buffer::BooleanBuffer + Send + Sync>,
}

/// The file's position in the input, of a batch that a scan gave.
pub fn file_of(batch: &RecordBatch) -> usize {
    let width = batch.num_columns();
    if batch.num_rows() == 0 || width < 2 {
        return 0;
    }
    batch.column(width - 2).as_primitive::<UInt32Type>().value(0) as usize
}

pub fn filter(batch: &RecordBatch, rows: &arrow::buffer::BooleanBuffer) -> Result<RecordBatch, Fault> {
    let rows = arrow::array::BooleanArray::new(rows.clone(), None);
    arrow::compute::filter_record_batch(batch, &rows).map_err(|_| Fault::internal("rows of a query could not be chosen"))
}

pub fn batch_of(schema: &SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, Fault> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)
        .map_err(|_| Fault::internal("the rows of a query do not have the columns that they should"))
}

/// Maps every batch of its input.
struct MadeExec {
    input: Arc<dyn ExecutionPlan>,
    make: Make,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl MadeExec {
    fn new(input: Arc<dyn ExecutionPlan>, make: Make, schema: SchemaRef) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { input, make, schema, properties: Arc::new(properties) }
    }
}

impl fmt::Debug for MadeExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MadeExec")
    }
}

impl DisplayAs for MadeExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MadeExec: columns={}", self.schema.fields().len())
    }
}

impl ExecutionPlan for MadeExec {
    fn name(&self) -> &'static str {
        "MadeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Self::new(input, Arc::clone(&self.make), Arc::clone(&self.schema))))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        use datafusion::physical_plan::execution_plan::ChildrenPropertiesMode;
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> EngineResult<TreeNodeRecursion>,
    ) -> EngineResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> EngineResult<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let make = Arc::clone(&self.make);
        let made = input.map(move |batch| {
            make(&batch?).map_err(|f| DataFusionError::External(Box::new(Failed(f))))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), made)))
    }
}

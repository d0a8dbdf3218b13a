//! The pass: one operator over one scan decides all rules that rows decide, keeps what the others need, and routes
//! every row to the accepted or to the held ones.

mod dictionaries;
mod groups;
mod worker;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, UInt64Array};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties, SendableRecordBatchStream,
};
use futures::StreamExt;

use super::aggregates;
use super::compile::Judgement;
use super::references::KeySet;
use super::rows::{First, RowId};
use super::sources::layout::Reader;
use super::sources::stored::Stored;
use super::unique;
use crate::fault::Fault;
use crate::ir::Plan;
use super::sink::Sink;
use dictionaries::Dictionaries;
use groups::Groups;
pub use worker::{Extra, ExtraAt};
pub(crate) use worker::{Masks, masks};

/// What all partitions of a pass share.
pub struct Pass {
    pub plan: Arc<Plan>,
    pub judgement: Arc<Judgement>,
    /// For each rule of the plan: whether a row that breaks it is held back.
    pub holds: Vec<bool>,
    /// For each reference: the keys that exist; `None` where the dataset does not exist, and nothing is judged.
    pub keys: Vec<Option<Arc<KeySet>>>,
    /// For each unique rule.
    pub modes: Vec<unique::Mode>,
    /// Takes the rows.
    pub sink: Option<Arc<dyn Sink>>,
    /// Takes no rows, and hears whether any is held back.
    pub watch: Option<Arc<dyn Sink>>,
    /// Columns of the files that nobody declared, as they are written.
    pub extra: Vec<Extra>,
    pub accepted: SchemaRef,
    pub held: SchemaRef,
    /// Rows kept as samples of a rule.
    pub samples: usize,
    /// The files' paths, by their positions.
    pub files: Vec<Arc<str>>,
    pub read: AtomicU64,
    /// What partitions leave behind, by their numbers.
    pub left: Mutex<Vec<(usize, Tallies)>>,
    pub fault: Mutex<Option<Fault>>,
}

/// What a pass came to.
#[derive(Default)]
pub struct Tallies {
    pub rows: u64,
    /// Rows that a row rule or a reference holds back.
    pub held: u64,
    /// For each rule of the plan.
    pub rules: Vec<Tally>,
    /// For each unique rule.
    pub uniques: Vec<unique::Kept>,
    /// For each metric.
    pub metrics: Vec<aggregates::Tally>,
}

#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub checked: u64,
    pub violations: u64,
    pub unknown: u64,
    pub first: First,
}

impl Pass {
    /// All that the partitions left, together.
    pub fn tallies(&self) -> Tallies {
        let mut left = std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        left.sort_by_key(|(partition, _)| *partition);
        let mut all = self.new_tallies();
        for (_, tallies) in left {
            all.merge(self.samples, tallies);
        }
        all
    }

    pub fn new_tallies(&self) -> Tallies {
        let mut tallies = Tallies { rules: vec![Tally::default(); self.plan.rules.len()], ..Tallies::default() };
        tallies.uniques.resize_with(self.judgement.uniques.len(), Default::default);
        tallies.metrics.resize_with(self.judgement.metrics.len(), Default::default);
        tallies
    }

    fn fail(&self, fault: Fault) -> DataFusionError {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
        DataFusionError::Execution(String::new())
    }
}

impl Tallies {
    fn merge(&mut self, samples: usize, other: Tallies) {
        self.rows += other.rows;
        self.held += other.held;
        for (mine, theirs) in self.rules.iter_mut().zip(other.rules) {
            mine.checked += theirs.checked;
            mine.violations += theirs.violations;
            mine.unknown += theirs.unknown;
            mine.first.merge(samples, &theirs.first);
        }
        for (mine, theirs) in self.uniques.iter_mut().zip(other.uniques) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.metrics.iter_mut().zip(other.metrics) {
            mine.merge(theirs);
        }
    }
}

/// Of a batch of a scan the rows that nothing holds back, and their names; nothing is counted.
pub fn accepted(pass: &Pass, reader: &Reader, batch: &RecordBatch) -> Result<Option<(RecordBatch, UInt64Array)>, Fault> {
    let open = vec![true; pass.judgement.checks.len()];
    let mut known = Dictionaries::new(&pass.judgement);
    let routed = worker::judge(pass, reader, &[], &open, &[], &mut known, &mut pass.new_tallies(), batch)?;
    Ok(routed.map(|r| {
        let place = worker::Place::of(batch);
        (r.accepted, RowId::column(r.kept.set_indices().map(|row| place.name(row))))
    }))
}

/// The operator; its own output is empty, what it finds is left with the [`Pass`].
pub struct AuditExec {
    input: Arc<dyn ExecutionPlan>,
    pass: Arc<Pass>,
    reader: Reader,
    extra: Vec<ExtraAt>,
    /// For each check whether it is to be judged here.
    open: Arc<Vec<bool>>,
    /// The number of the first partition.
    offset: usize,
    /// The files, where columns can be passed on as they stand there.
    stored: Option<Arc<Stored>>,
    properties: Arc<PlanProperties>,
}

impl AuditExec {
    pub fn new(
        input: Arc<dyn ExecutionPlan>,
        pass: Arc<Pass>,
        reader: Reader,
        extra: Vec<ExtraAt>,
        open: Arc<Vec<bool>>,
        offset: usize,
        stored: Option<Arc<Stored>>,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::new(Schema::empty())),
            input.output_partitioning().clone(),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self { input, pass, reader, extra, open, offset, stored, properties: Arc::new(properties) }
    }
}

impl fmt::Debug for AuditExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditExec")
    }
}

impl DisplayAs for AuditExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditExec: rules={}", self.pass.plan.rules.len())
    }
}

impl ExecutionPlan for AuditExec {
    fn name(&self) -> &'static str {
        "AuditExec"
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
        let (pass, open) = (Arc::clone(&self.pass), Arc::clone(&self.open));
        let (reader, extra) = (self.reader.clone(), self.extra.clone());
        Ok(Arc::new(Self::new(input, pass, reader, extra, open, self.offset, self.stored.clone())))
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
        let (pass, reader, extra) = (Arc::clone(&self.pass), self.reader.clone(), self.extra.clone());
        let open = Arc::clone(&self.open);
        let number = self.offset + partition;
        let stored = self.stored.clone();
        let run = async move {
            consume(input, pass, reader, extra, open, number, stored).await?;
            Ok(RecordBatch::new_empty(Arc::new(Schema::empty())))
        };
        let stream = futures::stream::once(run);
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::new(Schema::empty()), stream)))
    }
}

#[allow(clippy::too_many_arguments)]
async fn consume(
    mut input: SendableRecordBatchStream,
    pass: Arc<Pass>,
    reader: Reader,
    extra: Vec<ExtraAt>,
    open: Arc<Vec<bool>>,
    partition: usize,
    stored: Option<Arc<Stored>>,
) -> EngineResult<()> {
    let mut tallies = pass.new_tallies();
    let mut known = Dictionaries::new(&pass.judgement);
    let mut groups = Groups::new(stored, partition);
    while let Some(batch) = input.next().await {
        let batch = batch?;
        if let Some(sink) = &pass.sink {
            groups.begin(sink, &batch).await.map_err(|f| pass.fail(f))?;
        }
        let routed = worker::judge(&pass, &reader, &extra, &open, groups.taken(), &mut known, &mut tallies, &batch);
        let routed = routed.map_err(|f| pass.fail(f))?;
        if let (Some(sink), Some(routed)) = (&pass.sink, routed) {
            if routed.accepted.num_rows() > 0 && routed.accepted.num_columns() > 0 {
                sink.accept(partition, routed.accepted).await.map_err(|f| pass.fail(f))?;
            }
            if routed.held.num_rows() > 0 {
                sink.hold(partition, routed.held, routed.marks).await.map_err(|f| pass.fail(f))?;
            }
            groups.end(sink, &routed.kept).await.map_err(|f| pass.fail(f))?;
        }
        if let Some(watch) = pass.watch.as_ref().filter(|_| tallies.held > 0) {
            watch.found_to_hold(tallies.held).await.map_err(|f| pass.fail(f))?;
        }
        pass.read.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
    }
    pass.left.lock().unwrap_or_else(PoisonError::into_inner).push((partition, tallies));
    Ok(())
}

//! Rules over the table as it would be: the rows that stay of it, beside those of the batch.

use arrow::array::{ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::UInt64Type;

use super::constants::{add, columns_in, columns_of, metric};
use super::scan::Batch;
use super::routed::Routed;
use super::{Job, prepare};
use crate::engine::aggregates::Tally;
use crate::engine::audit;
use crate::engine::compile::Judgement;
use crate::engine::expr::{Computed, Frame, NodeId, Program, falsehoods, truths};
use crate::engine::rows::RowId;
use crate::engine::sources::Session;
use crate::fault::Fault;
use crate::hir::{Expr, Nulls, Over, RuleKind};
use crate::ir::{PlanRule, SourceColumn};

/// Judges the rows of the table by the row rules over it; gives how many of them break a rule, by its position. Of a batch
/// that is merged the rows that do not come into the table are not counted, save where a rule holds them back.
pub async fn row_rules(
    session: &Session,
    job: &Job<'_>,
    batch: &Batch<'_>,
    routed: &Routed,
    tallies: &mut [audit::Tally],
) -> Result<Vec<(usize, u64)>, Fault> {
    let mut found = Vec::new();
    let plan = &routed.plan;
    for (position, planned) in plan.rules.iter().enumerate() {
        let RuleKind::Row { condition } = &planned.rule.kind else { continue };
        if planned.rule.over != Over::Table || routed.unjudged.contains_key(&position) {
            continue;
        }
        let mut columns: Vec<SourceColumn> = Vec::new();
        std::iter::once(condition).chain(&planned.rule.when).for_each(|e| columns_in(e, &mut columns));
        let mut program = Program::new(job.as_of);
        let names = prepare::Table(&columns);
        let condition = program.add(condition, &names)?;
        let when = planned.rule.when.as_ref().map(|w| program.add(w, &names)).transpose()?;
        let rule = Rule { program, condition, when, nulls: planned.rule.nulls };
        let asked = columns.len();
        let tally = &mut tallies[position];
        if routed.merged.is_some() && !routed.holds[position] {
            let scan = routed.scan_named(batch, false, true)?;
            let names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
            *tally = audit::Tally::default();
            routed
                .each(session, &scan, &names, |arrays, rows| {
                    let broken = rule.judge(&arrays[..asked], rows, BooleanBuffer::new_set(rows), tally);
                    let named = arrays[asked].as_primitive::<UInt64Type>();
                    broken.set_indices().for_each(|row| tally.first.offer(job.samples, RowId::of_column(named, row)));
                })
                .await?;
        }
        let Some(table) = job.table else { continue };
        let before = tally.violations;
        let stays = routed.merged.as_ref().map(|m| m.stays());
        columns.extend(stays.iter().flat_map(|k| &k.columns).map(|(name, ty)| prepare::column(name, ty.clone())));
        prepare::read(session, &plan.dataset, table, &columns, |arrays, batch, _| {
            let rows = batch.num_rows();
            let keep = stays.as_ref().map_or_else(|| BooleanBuffer::new_set(rows), |k| (k.rows)(&arrays[asked..], rows));
            rule.judge(&arrays[..asked], rows, keep, tally);
        })
        .await?;
        if tally.violations > before {
            found.push((position, tally.violations - before));
        }
    }
    Ok(found)
}

/// A rule over rows, whose columns are the program's inputs.
struct Rule {
    program: Program,
    condition: NodeId,
    when: Option<NodeId>,
    nulls: Nulls,
}

impl Rule {
    /// Counts what it says of the rows that are to `keep`; gives those that break it.
    fn judge(&self, arrays: &[ArrayRef], rows: usize, keep: BooleanBuffer, tally: &mut audit::Tally) -> BooleanBuffer {
        let inputs: Vec<Computed> = arrays.iter().cloned().map(Computed::new).collect();
        let mut frame = Frame::new(&self.program, rows, &inputs);
        let wrong = |c: &Computed| BooleanBuffer::collect_bool(rows, |row| c.error(row) != 0);
        let (mut judged, mut broken) = (keep.clone(), BooleanBuffer::new_unset(rows));
        if let Some(when) = self.when {
            let when = frame.get(when);
            broken = &keep & &wrong(&when);
            judged = &keep & &truths(when.spread(rows).as_boolean());
        }
        let condition = frame.get(self.condition);
        let values = condition.spread(rows);
        let mut fails = &falsehoods(values.as_boolean()) | &wrong(&condition);
        let null = values.logical_nulls().map_or_else(|| BooleanBuffer::new_unset(rows), |n| !n.inner());
        let null = &(&null & &!&wrong(&condition)) & &judged;
        let unknown = match self.nulls {
            Nulls::Fail => {
                fails = &fails | &null;
                0
            }
            Nulls::Pass => null.count_set_bits() as u64,
        };
        broken = &broken | &(&fails & &judged);
        tally.checked += (&judged | &broken).count_set_bits() as u64 - unknown;
        tally.unknown += unknown;
        tally.violations += broken.count_set_bits() as u64;
        broken
    }
}

/// Whether a rule needs to know what stays of the table.
pub fn reads(planned: &PlanRule) -> bool {
    use crate::hir::{ExprKind, Rows};
    let of_table = |e: &Expr| e.any(&mut |e| matches!(&e.kind, ExprKind::Aggregate(a) if a.rows == Rows::Table));
    planned.rule.over == Over::Table
        || match &planned.rule.kind {
            RuleKind::NoRows { .. } => true,
            RuleKind::Aggregate { condition, .. } => of_table(condition),
            _ => false,
        }
}

/// Adds the rows of the table to the metrics of rules over it: those that the batch does not take the place of.
pub async fn metrics(
    session: &Session,
    job: &Job<'_>,
    judgement: &Judgement,
    batch: &Batch<'_>,
    routed: &Routed,
    tallies: &mut [Tally],
) -> Result<(), Fault> {
    if job.table.is_none() && routed.merged.is_none() {
        return Ok(());
    }
    let plan = &routed.plan;
    for (metric_of_batch, tally) in judgement.metrics.iter().zip(tallies) {
        if !metric_of_batch.table {
            continue;
        }
        let rule = &plan.rules[metric_of_batch.rule].rule;
        let by: Vec<Expr> = match &rule.for_each {
            Some(each) if !metric_of_batch.by.is_empty() => each.by.iter().map(|(_, e)| e.clone()).collect(),
            _ => Vec::new(),
        };
        let mut columns = columns_of(&metric_of_batch.aggregate);
        by.iter().chain(&rule.when).for_each(|e| columns_in(e, &mut columns));
        let mut program = Program::new(job.as_of);
        let mut metric = metric(&mut program, &columns, &metric_of_batch.aggregate, &metric_of_batch.ty, &by)?;
        metric.all = routed.merged.is_none();
        if let Some(when) = rule.when.as_ref().filter(|_| metric_of_batch.when.is_some()) {
            metric.when = Some(program.add(when, &prepare::Table(&columns))?);
        }
        let Some(merged) = &routed.merged else {
            let mut of_table = Tally::default();
            if let Some(table) = job.table {
                add(session, &plan.dataset, table, &columns, &program, &metric, &mut of_table).await?;
            }
            tally.merge(of_table);
            continue;
        };
        let take = |arrays: &[ArrayRef], rows: usize, keep: BooleanBuffer, tally: &mut Tally| {
            let inputs: Vec<Computed> = arrays.iter().cloned().map(Computed::new).collect();
            let mut frame = Frame::new(&program, rows, &inputs);
            tally.update(&metric, &mut frame, Some(&keep));
        };
        let mut all = Tally::default();
        let stays = merged.stays();
        let asked = columns.len();
        let keys = stays.columns.iter().map(|(name, ty)| prepare::column(name, ty.clone()));
        let with_keys: Vec<SourceColumn> = columns.iter().cloned().chain(keys).collect();
        if let Some(table) = job.table {
            prepare::read(session, &plan.dataset, table, &with_keys, |arrays, rows, _| {
                let keep = (stays.rows)(&arrays[asked..], rows.num_rows());
                take(&arrays[..asked], rows.num_rows(), keep, &mut all);
            })
            .await?;
        }
        let names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
        let scan = routed.scan(batch, false)?;
        routed.each(session, &scan, &names, |arrays, rows| take(arrays, rows, BooleanBuffer::new_set(rows), &mut all)).await?;
        *tally = all;
    }
    Ok(())
}

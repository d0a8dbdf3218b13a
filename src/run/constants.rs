//! Values that are known before rows are judged: aggregates of other datasets, of the table as it stands, and those of
//! the whole batch that row rules compare with. They take the place of the expressions in the plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::buffer::BooleanBuffer;

use super::judge::pass_over;
use super::scan::Batch;
use super::{Job, prepare};
use crate::engine::aggregates::{Metric, Tally};
use crate::engine::compile::Judgement;
use crate::engine::expr::{Computed, Frame, Program};
use crate::engine::sources::{NotOpened, Session};
use crate::fault::Fault;
use crate::hir::{Aggregate, Expr, ExprKind, Grain, Over, Privacy, RuleKind, Rows, Type, Value};
use crate::ir::{Input, Plan, SourceColumn};
use crate::source::Span;

/// What was put into the plan.
#[derive(Default)]
pub struct Settled {
    /// Rules that cannot be judged, and why.
    pub unjudged: BTreeMap<usize, String>,
    pub passes: u64,
    pub bytes: u64,
}

/// Computes and replaces what can be known before.
pub async fn settle(session: &Session, job: &Job<'_>, plan: &mut Plan, batch: &Batch<'_>) -> Result<Settled, NotOpened> {
    let mut settled = Settled::default();
    let mut known: Vec<(Aggregate, Result<Value, String>)> = Vec::new();
    let mut of_batch: Vec<(usize, Aggregate, Type)> = Vec::new();
    for position in 0..plan.rules.len() {
        for (aggregate, ty) in wanted(plan, position) {
            if known.iter().any(|(a, _)| *a == aggregate) || of_batch.iter().any(|(_, a, _)| *a == aggregate) {
                continue;
            }
            let value = match &aggregate.rows {
                Rows::Dataset(name) => match job.datasets.get(name) {
                    Some(input) => of_table(session, job, name, Some(input), &aggregate, &ty).await?,
                    None => Err(format!("there is no {name} yet")),
                },
                Rows::Table => of_table(session, job, &plan.dataset, job.table, &aggregate, &ty).await?,
                _ => {
                    of_batch.push((position, aggregate, ty));
                    continue;
                }
            };
            known.push((aggregate, value));
        }
    }
    if !of_batch.is_empty() {
        let judgement = Judgement::of_metrics(plan, job.as_of, &of_batch)?;
        let (tallies, bytes) = pass_over(session, plan, Arc::new(judgement), batch).await?;
        settled.passes += 1;
        settled.bytes += bytes;
        for ((_, aggregate, _), value) in of_batch.into_iter().zip(tallies) {
            known.push((aggregate, value));
        }
    }
    for position in 0..plan.rules.len() {
        for (aggregate, _) in wanted(plan, position) {
            if let Some((_, Err(reason))) = known.iter().find(|(a, _)| *a == aggregate) {
                settled.unjudged.entry(position).or_insert_with(|| reason.clone());
            }
        }
        expressions(&mut plan.rules[position].rule).into_iter().for_each(|e| put(e, &known));
    }
    Ok(settled)
}

/// The rules that cannot be judged before aggregates are known, and those.
pub fn waiting(plan: &Plan) -> BTreeMap<usize, Vec<Aggregate>> {
    let of_rule = |rule: usize| (rule, wanted(plan, rule).into_iter().map(|(a, _)| a).collect::<Vec<_>>());
    (0..plan.rules.len()).map(of_rule).filter(|(_, aggregates)| !aggregates.is_empty()).collect()
}

/// The columns that an aggregate reads.
pub fn names(aggregate: &Aggregate) -> Vec<String> {
    columns_of(aggregate).into_iter().map(|c| c.name).collect()
}

/// The columns that a rule reads, those of its aggregates too.
pub fn names_of_rule(plan: &Plan, position: usize) -> Vec<String> {
    let mut columns = Vec::new();
    expressions(&mut plan.rules[position].rule.clone()).iter().for_each(|e| columns_in(e, &mut columns));
    columns.into_iter().map(|c| c.name).collect()
}

/// The aggregates of a rule that are to be known before.
fn wanted(plan: &Plan, position: usize) -> Vec<(Aggregate, Type)> {
    let mut rule = plan.rules[position].rule.clone();
    let row = !matches!(rule.kind, RuleKind::Aggregate { .. });
    let over_table = rule.over == Over::Table;
    let mut found = Vec::new();
    for expr in expressions(&mut rule) {
        expr.visit(&mut |e| {
            let ExprKind::Aggregate(a) = &e.kind else { return };
            let before = match a.rows {
                Rows::Dataset(_) => true,
                // Of a rule over the batch: the table as it stands; of one over the table the pass adds its rows.
                Rows::Table => row || !over_table,
                _ => row,
            };
            if before {
                found.push((a.clone(), e.ty.clone()));
            }
        });
    }
    found
}

fn expressions(rule: &mut crate::hir::Rule) -> Vec<&mut Expr> {
    let mut found: Vec<&mut Expr> = match &mut rule.kind {
        RuleKind::Row { condition } => vec![condition],
        RuleKind::Unique { by, .. } => by.iter_mut().collect(),
        RuleKind::Aggregate { condition, value, limit } => {
            [Some(condition), value.as_mut(), limit.as_mut()].into_iter().flatten().collect()
        }
        _ => Vec::new(),
    };
    found.extend(rule.when.as_mut());
    found
}

fn put(expr: &mut Expr, known: &[(Aggregate, Result<Value, String>)]) {
    if let ExprKind::Aggregate(a) = &expr.kind {
        if let Some((_, Ok(value))) = known.iter().find(|(k, _)| k == a) {
            *expr = Expr {
                kind: ExprKind::Literal(value.clone()),
                ty: expr.ty.clone(),
                nullable: true,
                grain: Grain::Constant,
                span: Span::default(),
            };
        }
        return;
    }
    expr.operands_mut().into_iter().for_each(|e| put(e, known));
}

/// An aggregate over all rows of a dataset; none where it does not exist.
async fn of_table(
    session: &Session,
    job: &Job<'_>,
    dataset: &str,
    input: Option<&Input>,
    aggregate: &Aggregate,
    ty: &Type,
) -> Result<Result<Value, String>, Fault> {
    let columns = columns_of(aggregate);
    let mut program = Program::new(job.as_of);
    let metric = metric(&mut program, &columns, aggregate, ty, &[])?;
    let mut tally = Tally::default();
    if let Some(input) = input {
        add(session, dataset, input, &columns, &program, &metric, &mut tally).await?;
    }
    Ok(match tally.failed() {
        Some((_, reason)) => Err(reason.clone()),
        None => tally.value(&metric, &program),
    })
}

pub fn metric(
    program: &mut Program,
    columns: &[SourceColumn],
    aggregate: &Aggregate,
    ty: &Type,
    by: &[Expr],
) -> Result<Metric, Fault> {
    let names = prepare::Table(columns);
    Ok(Metric {
        rule: 0,
        aggregate: aggregate.clone(),
        ty: ty.clone(),
        args: aggregate.args.iter().map(|a| program.add(a, &names)).collect::<Result<_, _>>()?,
        filter: aggregate.filter.as_ref().map(|f| program.add(f, &names)).transpose()?,
        when: None,
        all: true,
        table: false,
        by: by.iter().map(|e| program.add(e, &names)).collect::<Result<_, _>>()?,
    })
}

pub async fn add(
    session: &Session,
    dataset: &str,
    input: &Input,
    columns: &[SourceColumn],
    program: &Program,
    metric: &Metric,
    tally: &mut Tally,
) -> Result<(), Fault> {
    prepare::read(session, dataset, input, columns, |arrays, batch, _| {
        let inputs: Vec<Computed> = arrays.iter().cloned().map(Computed::new).collect();
        let mut frame = Frame::new(program, batch.num_rows(), &inputs);
        let all = BooleanBuffer::new_set(batch.num_rows());
        tally.update(metric, &mut frame, Some(&all));
    })
    .await
}

pub fn columns_of(aggregate: &Aggregate) -> Vec<SourceColumn> {
    let mut columns = Vec::new();
    aggregate.args.iter().chain(aggregate.filter.as_deref()).for_each(|e| columns_in(e, &mut columns));
    columns
}

/// The columns that an expression reads, with the types that it takes them to have.
pub fn columns_in(expr: &Expr, columns: &mut Vec<SourceColumn>) {
    let mut seen: BTreeSet<String> = columns.iter().map(|c| c.name.clone()).collect();
    expr.visit(&mut |e| {
        if let ExprKind::Column(name) = &e.kind
            && seen.insert(name.clone())
        {
            let column = SourceColumn {
                name: name.clone(),
                ty: e.ty.clone(),
                nullable: true,
                privacy: Privacy::Public,
            };
            columns.push(column);
        }
    });
}

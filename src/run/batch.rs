//! Rules over aggregates: of the batch, or of each group.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::rules::Findings;
use super::Job;
use crate::engine::aggregates::{self, Metric};
use crate::engine::compile::columns_in;
use crate::engine::expr::{Frame, Names, NodeId, Program};
use crate::engine::show;
use crate::engine::types::value_at;
use crate::hir::{Aggregate, AggregateFn, Among, Expr, ExprKind, ForEach, Grain, Nulls, Over, Privacy, RuleKind, Type, Value, Write};
use crate::ir::{Plan, PlanRule};
use crate::source::Span;

/// What came of a rule over aggregates.
#[derive(Default)]
pub struct Outcome {
    /// Groups judged; 1 for a rule without groups.
    pub checked: u64,
    pub violations: u64,
    pub unknown: u64,
    pub value: Option<Json>,
    pub limit: Option<Json>,
    pub reason: Option<String>,
    /// Groups that break the rule, in the order of their values.
    pub groups: Vec<Broken>,
}

/// A group that breaks a rule.
pub struct Broken {
    pub values: serde_json::Map<String, Json>,
    pub texts: BTreeMap<String, String>,
    pub reason: Option<String>,
}

/// The values of aggregates and groups, to put in place of the expressions.
type Known<'a> = Vec<(&'a Expr, Result<Value, String>)>;

pub fn evaluate(job: &Job<'_>, findings: &Findings, position: usize) -> Outcome {
    let planned = &job.plan.rules[position];
    let Some(judgement) = &findings.judgement else { return Outcome::default() };
    let RuleKind::Aggregate { condition, .. } = &planned.rule.kind else { return Outcome::default() };
    if let Some(reason) = unsupported(job, planned, condition) {
        return Outcome { reason: Some(reason), ..Outcome::default() };
    }
    let metrics: Vec<(&Metric, &aggregates::Tally)> =
        judgement.metrics.iter().zip(&findings.tallies.metrics).filter(|(m, _)| m.rule == position).collect();
    if let Some((rows, reason)) = metrics.iter().find_map(|(_, tally)| tally.failed()) {
        let reason = format!("{reason} in {rows} {}", if *rows == 1 { "row" } else { "rows" });
        return Outcome { checked: 1, violations: 1, reason: Some(reason), ..Outcome::default() };
    }
    match &planned.rule.for_each {
        None => whole(job, planned, condition, &metrics, &judgement.program),
        Some(each) => grouped(job, planned, condition, each, &metrics, &judgement.program),
    }
}

/// What this engine does not judge yet.
fn unsupported(job: &Job<'_>, planned: &PlanRule, condition: &Expr) -> Option<String> {
    let past = condition.any(&mut |e| matches!(e.kind, ExprKind::History { .. } | ExprKind::Drift { .. }));
    if past {
        return Some("there is too little history".to_string());
    }
    let merged = matches!(job.plan.write, Some(Write::Merge { .. })) && planned.rule.over == Over::Table;
    merged.then(|| "a rule over a merged table is not judged by this version".to_string())
}

fn whole(
    job: &Job<'_>,
    planned: &PlanRule,
    condition: &Expr,
    metrics: &[(&Metric, &aggregates::Tally)],
    program: &Program,
) -> Outcome {
    let known = |aggregate: &Aggregate| {
        let (metric, tally) = metrics.iter().find(|(m, _)| &m.aggregate == aggregate)?;
        Some(tally.value(metric, program))
    };
    let mut outcome = Outcome::default();
    let (value, limit) = sides(job, planned, &known, &Vec::new());
    (outcome.value, outcome.limit) = (value, limit);
    match verdict(job.as_of, condition, planned.rule.nulls, &known, &Vec::new()) {
        Verdict::Holds => outcome.checked = 1,
        Verdict::Breaks(reason) => {
            (outcome.checked, outcome.violations, outcome.reason) = (1, 1, reason);
        }
        Verdict::Unknown => outcome.reason = Some("the value is null".to_string()),
    }
    outcome
}

fn grouped(
    job: &Job<'_>,
    planned: &PlanRule,
    condition: &Expr,
    each: &ForEach,
    metrics: &[(&Metric, &aggregates::Tally)],
    program: &Program,
) -> Outcome {
    // Every group that any aggregate of the rule has seen.
    let mut groups: BTreeMap<Vec<u8>, Vec<Value>> = BTreeMap::new();
    for (metric, tally) in metrics.iter().filter(|(m, _)| !m.by.is_empty()) {
        let _ = metric;
        for (key, group) in tally.groups() {
            groups.entry(key.to_vec()).or_insert_with(|| group.key.clone());
        }
    }
    let mut judged: Vec<(Option<Vec<u8>>, Vec<Value>)> = groups.into_iter().map(|(k, v)| (Some(k), v)).collect();
    if let Some(Among::Values(expected)) = &each.among {
        for key in expected {
            if !judged.iter().any(|(_, k)| k == key) {
                judged.push((None, key.clone()));
            }
        }
    }
    let mut outcome = Outcome::default();
    for (encoded, key) in judged {
        let known = |aggregate: &Aggregate| {
            let (metric, tally) = metrics.iter().find(|(m, _)| &m.aggregate == aggregate)?;
            if metric.by.is_empty() {
                return Some(tally.value(metric, program));
            }
            let groups = tally.groups();
            let group = encoded.as_ref().and_then(|e| groups.iter().find(|(k, _)| k == e));
            Some(group.map_or_else(|| aggregates::of_nothing(metric, program), |(_, g)| g.state.finish(&metric.ty)))
        };
        let by: Known<'_> = each.by.iter().zip(&key).map(|((_, e), v)| (e, Ok(v.clone()))).collect();
        match verdict(job.as_of, condition, planned.rule.nulls, &known, &by) {
            Verdict::Holds => outcome.checked += 1,
            Verdict::Unknown => outcome.unknown += 1,
            Verdict::Breaks(reason) => {
                outcome.checked += 1;
                outcome.violations += 1;
                let (value, limit) = sides(job, planned, &known, &by);
                let broken = broken(job.plan, each, &key, &value, &limit, reason);
                if outcome.groups.is_empty() {
                    (outcome.value, outcome.limit) = (value, limit);
                }
                outcome.groups.push(broken);
            }
        }
    }
    if outcome.checked == 0 {
        outcome.reason = Some(if outcome.unknown > 0 { "the value is null for every group" } else { "there is no group" }.into());
    }
    outcome
}

fn broken(
    plan: &Plan,
    each: &ForEach,
    key: &[Value],
    value: &Option<Json>,
    limit: &Option<Json>,
    reason: Option<String>,
) -> Broken {
    let mut values = serde_json::Map::new();
    let mut texts = BTreeMap::new();
    for ((name, expr), part) in each.by.iter().zip(key) {
        let privacy = privacy(plan, &columns_in(expr));
        if let Some(json) = show::json(part, privacy) {
            values.insert(name.clone(), json);
        }
        texts.insert(name.clone(), show::filling(part, privacy).unwrap_or_else(|| "***".to_string()));
    }
    for (name, side) in [("value", value), ("limit", limit)] {
        if let Some(side) = side {
            values.insert(name.to_string(), side.clone());
        }
    }
    Broken { values, texts, reason }
}

enum Verdict {
    Holds,
    Breaks(Option<String>),
    Unknown,
}

fn verdict(
    now: i64,
    condition: &Expr,
    nulls: Nulls,
    aggregate: &dyn Fn(&Aggregate) -> Option<Result<Value, String>>,
    known: &Known<'_>,
) -> Verdict {
    match compute(now, condition, aggregate, known) {
        Ok(Value::Bool(true)) => Verdict::Holds,
        Ok(Value::Null) if nulls == Nulls::Pass => Verdict::Unknown,
        Ok(_) => Verdict::Breaks(None),
        Err(reason) => Verdict::Breaks(Some(reason)),
    }
}

/// The two sides of a comparison, as reports show them.
fn sides(
    job: &Job<'_>,
    planned: &PlanRule,
    aggregate: &dyn Fn(&Aggregate) -> Option<Result<Value, String>>,
    known: &Known<'_>,
) -> (Option<Json>, Option<Json>) {
    let RuleKind::Aggregate { value, limit, .. } = &planned.rule.kind else { return (None, None) };
    let side = |expr: &Option<Expr>| {
        let expr = expr.as_ref()?;
        let value = compute(job.as_of, expr, aggregate, known).ok()?;
        show::json(&value, shown(job.plan, expr))
    };
    (side(value), side(limit))
}

/// Aggregates that give back a value of the data are as private as the data.
fn shown(plan: &Plan, expr: &Expr) -> Privacy {
    let mut most = Privacy::Public;
    expr.visit(&mut |e| {
        if let ExprKind::Aggregate(a) = &e.kind
            && matches!(a.function, AggregateFn::Min | AggregateFn::Max | AggregateFn::Mode)
        {
            let columns: Vec<String> = a.args.iter().flat_map(columns_in).collect();
            most = most.max(privacy(plan, &columns));
        }
    });
    most
}

fn privacy(plan: &Plan, columns: &[String]) -> Privacy {
    columns.iter().filter_map(|c| plan.column(c)).map(|c| c.privacy).max().unwrap_or_default()
}

/// The value of an expression once its aggregates are known.
fn compute(
    now: i64,
    expr: &Expr,
    aggregate: &dyn Fn(&Aggregate) -> Option<Result<Value, String>>,
    known: &Known<'_>,
) -> Result<Value, String> {
    let expr = replace(expr, aggregate, known)?;
    let mut program = Program::new(now);
    let node = program.add(&expr, &Nothing).map_err(|_| "cannot be computed".to_string())?;
    let computed = Frame::new(&program, 1, &[]).get(node);
    match computed.error(0) {
        0 => Ok(value_at(&computed.values, 0, program.ty(node))),
        code => Err(program.reason(code).to_string()),
    }
}

struct Nothing;

impl Names for Nothing {
    fn column(&self, _: &mut Program, _: &str) -> Option<NodeId> {
        None
    }
}

fn literal(value: Value, ty: &Type) -> Expr {
    Expr { kind: ExprKind::Literal(value), ty: ty.clone(), nullable: true, grain: Grain::Constant, span: Span::default() }
}

fn replace(
    expr: &Expr,
    aggregate: &dyn Fn(&Aggregate) -> Option<Result<Value, String>>,
    known: &Known<'_>,
) -> Result<Expr, String> {
    if let Some((_, value)) = known.iter().find(|(e, _)| e.kind == expr.kind) {
        return value.clone().map(|v| literal(v, &expr.ty));
    }
    if let ExprKind::Aggregate(a) = &expr.kind {
        let value = aggregate(a).unwrap_or_else(|| Err("cannot be computed".to_string()))?;
        return Ok(literal(value, &expr.ty));
    }
    let mut out = expr.clone();
    let mut failed = None;
    for child in out.operands_mut() {
        match replace(child, aggregate, known) {
            Ok(new) => *child = new,
            Err(reason) => failed = Some(reason),
        }
    }
    match failed {
        Some(reason) => Err(reason),
        None => Ok(out),
    }
}

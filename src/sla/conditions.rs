//! `age(max(created_at)) <= 2 hours`, `count(*) >= 1_000`: conditions over the table as it stands.

use std::collections::BTreeMap;

use serde_json::Value;

use super::watch::Watch;
use super::{Level, Status};
use crate::fault::Fault;
use crate::hir::{
    Act, Action, BinaryOp, Contract, Expr, ExprKind, Grain, Nulls, OtherColumns, Over, Rule, RuleKind, SlaWhat, Type,
    Value as Constant,
};
use crate::ir::{Location, Plan, PlanRule, Stage, lower};
use crate::lake::batch;
use crate::run::{Job, RuleResult, RuleVerdict};

/// What came of one condition.
pub struct Found {
    missed: Option<String>,
    value: Option<Value>,
    limit: Option<Value>,
    event_time: Option<String>,
}

impl Found {
    pub fn tell(self, level: &mut Level) {
        level.status = if self.missed.is_some() { Status::Missed } else { Status::Met };
        level.reason = self.missed;
        let seconds = |value: &Option<Value>| {
            value.as_ref()?.as_str()?.strip_suffix(" seconds")?.parse::<f64>().ok().map(|s| s.floor() as i64)
        };
        if self.event_time.is_some() {
            level.remaining_seconds =
                seconds(&self.limit).zip(seconds(&self.value)).map(|(limit, value)| limit.saturating_sub(value));
        }
        (level.value, level.limit, level.event_time) = (self.value, self.limit, self.event_time);
    }
}

/// Judges a contract's conditions in one pass, in their order.
pub async fn judge(watch: &Watch<'_>, contract: &Contract) -> Result<Vec<Found>, Fault> {
    let conditions: Vec<&Expr> = contract
        .sla
        .iter()
        .filter_map(|s| if let SlaWhat::Condition(e) = &s.what { Some(e) } else { None })
        .collect();
    let place = watch.places.get(&contract.dataset);
    let place = place.ok_or_else(|| Fault::internal(format!("`{}` has no place", contract.dataset)))?;
    let Some(input) = batch::whole(place, watch.storage).await? else {
        let nothing = || Found {
            missed: Some("nothing has been published yet".to_owned()),
            value: None,
            limit: None,
            event_time: None,
        };
        return Ok(conditions.iter().map(|_| nothing()).collect());
    };
    let plan = plan(watch, contract, &conditions)?;
    let mut datasets = BTreeMap::new();
    for dataset in plan.datasets() {
        if let Some(place) = watch.places.get(&dataset)
            && let Some(input) = batch::whole(place, watch.storage).await?
        {
            datasets.insert(dataset, input);
        }
    }
    let job = Job {
        plan: &plan,
        storage: watch.storage,
        input: &input,
        datasets: &datasets,
        table: Some(&input),
        history: None,
        batch: None,
        as_of: watch.as_of,
        memory: watch.memory,
        proofs: true,
        samples: 0,
        pictures: false,
        progress: None,
    };
    let report = crate::run::judge(&job, None).await?;
    let result = |name: &str| report.rules.iter().find(|r| r.rule == name);
    let found = |(i, condition): (usize, &&Expr)| {
        let ages: Vec<&RuleResult> =
            (0..ages(condition).len()).filter_map(|n| result(&format!("{i}.{n}"))).collect();
        let event_time = ages.iter().find_map(|r| Some(r.value.as_ref()?.as_str()?.to_owned()));
        let missed = match (ages.iter().any(|r| r.verdict == RuleVerdict::Violated), result(&i.to_string())) {
            (true, _) => Some("the newest event lies in the future".to_owned()),
            (false, Some(r)) => missed(r),
            (false, None) => Some("the table cannot be read".to_owned()),
        };
        let own = result(&i.to_string());
        Found {
            missed,
            value: own.and_then(|r| r.value.clone()),
            limit: own.and_then(|r| r.limit.clone()),
            event_time,
        }
    };
    Ok(conditions.iter().enumerate().map(found).collect())
}

/// Why a condition is missed; what cannot be judged is.
fn missed(result: &RuleResult) -> Option<String> {
    let shown = |value: &Option<Value>| value.as_ref().map(plain);
    match result.verdict {
        RuleVerdict::Passed => None,
        RuleVerdict::Violated => Some(match (shown(&result.value), shown(&result.limit), &result.reason) {
            (_, _, Some(reason)) => reason.clone(),
            (Some(value), Some(limit), None) => format!("{value} against {limit}"),
            (Some(value), None, None) => format!("it is {value}"),
            _ => "the condition is false".to_owned(),
        }),
        RuleVerdict::NotEvaluated => Some(match result.reason.as_deref() {
            Some("the value is null") | None => "the table is empty, or the column holds nothing".to_owned(),
            Some(reason) => reason.to_owned(),
        }),
    }
}

/// A value as people read it; a length of time in its two largest units.
pub fn plain(value: &Value) -> String {
    let Some(text) = value.as_str() else { return value.to_string() };
    match text.strip_suffix(" seconds").and_then(|s| s.parse::<f64>().ok()) {
        Some(seconds) => {
            let sign = if seconds < 0.0 { "-" } else { "" };
            format!("{sign}{}", super::deadlines::span((seconds * 1e6) as i64))
        }
        None => text.to_owned(),
    }
}

/// The contract's table, judged by nothing but these conditions; and by whether what they take the age of is past.
fn plan(watch: &Watch<'_>, contract: &Contract, conditions: &[&Expr]) -> Result<Plan, Fault> {
    let plan = lower::audit(watch.checked, watch.sources, &contract.dataset);
    let mut plan = plan.ok_or_else(|| Fault::internal(format!("`{}` has no plan", contract.dataset)))?;
    plan.rules.clear();
    (plan.other, plan.source_other, plan.quarantine_cap) = (OtherColumns::Ignored, OtherColumns::Ignored, None);
    for (i, condition) in conditions.iter().enumerate() {
        let condition = condition.without_spans();
        for (n, age) in ages(&condition).into_iter().enumerate() {
            let ExprKind::Call { args, .. } = &age.kind else { continue };
            let of = args.first().cloned();
            plan.rules.push(rule(format!("{i}.{n}"), not_negative(age), of, None));
        }
        let (value, limit) = match &condition.kind {
            ExprKind::Binary { op, left, right } if op.is_comparison() => {
                (Some(left.as_ref().clone()), Some(right.as_ref().clone()))
            }
            _ => (None, None),
        };
        plan.rules.push(rule(i.to_string(), condition, value, limit));
    }
    Ok(plan)
}

/// The ages that a condition is about.
fn ages(condition: &Expr) -> Vec<Expr> {
    let mut found = Vec::new();
    condition.visit(&mut |e| {
        if matches!(&e.kind, ExprKind::Call { function, .. } if function == "age") {
            found.push(e.clone());
        }
    });
    found
}

fn not_negative(age: Expr) -> Expr {
    let nothing = Expr {
        kind: ExprKind::Literal(Constant::Interval(0)),
        ty: Type::Interval,
        nullable: false,
        grain: Grain::Constant,
        span: Default::default(),
    };
    let (nullable, grain) = (age.nullable, age.grain);
    let kind = ExprKind::Binary { op: BinaryOp::GreaterEqual, left: Box::new(age), right: Box::new(nothing) };
    Expr { kind, ty: Type::Boolean, nullable, grain, span: Default::default() }
}

fn rule(name: String, condition: Expr, value: Option<Expr>, limit: Option<Expr>) -> PlanRule {
    let rule = Rule {
        name,
        kind: RuleKind::Aggregate { condition, value, limit },
        when: None,
        for_each: None,
        over: Over::Batch,
        nulls: Nulls::Pass,
        actions: vec![Action { act: Act::Block, above: None }],
        if_not_evaluated: None,
        because: None,
        fix: None,
        tags: Vec::new(),
        doc: String::new(),
        span: Default::default(),
        condition_span: Default::default(),
    };
    PlanRule { rule, stage: Stage::Batch, location: Location::default() }
}

//! Rules over aggregates: of the batch, or of each group.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::Job;
use super::history::{self, Asked, Recorded};
use super::pictures::Segment;
use super::rules::Findings;
use super::value::{self, Known, Why};
use crate::engine::aggregates::{self, Metric, Tally};
use crate::engine::compile::distribution;
use crate::engine::drift::Distribution;
use crate::engine::expr::Program;
use crate::engine::show;
use crate::eval;
use crate::hir::{Aggregate, Among, Expr, ExprKind, ForEach, Nulls, Privacy, Rows, RuleKind, Type, Value, privacy};
use crate::ir::{Plan, PlanRule};

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
    /// Groups that break the rule, the worst first.
    pub groups: Vec<Broken>,
    /// What the batch leaves for later ones.
    pub recorded: Vec<Recorded>,
    /// The groups with their values, for a page.
    pub segments: Vec<Segment>,
}

/// A group that breaks a rule.
pub struct Broken {
    pub values: serde_json::Map<String, Json>,
    pub texts: BTreeMap<String, String>,
    pub reason: Option<String>,
    /// How far the value is from the limit.
    distance: f64,
}

pub fn evaluate(job: &Job<'_>, findings: &Findings, position: usize) -> Outcome {
    let planned = &job.plan.rules[position];
    let Some(judgement) = &findings.judgement else { return Outcome::default() };
    let RuleKind::Aggregate { condition, value, limit } = &planned.rule.kind else { return Outcome::default() };
    let metrics: Vec<(&Metric, &Tally)> =
        judgement.metrics.iter().zip(&findings.tallies.metrics).filter(|(m, _)| m.rule == position).collect();
    if let Some((rows, reason)) = metrics.iter().find_map(|(_, tally)| tally.failed()) {
        let reason = format!("{reason} in {rows} {}", if *rows == 1 { "row" } else { "rows" });
        return Outcome { checked: 1, violations: 1, reason: Some(reason), ..Outcome::default() };
    }
    let told = findings.told.get(position).cloned().unwrap_or_default();
    let past: Vec<(&Expr, &[String], Option<Privacy>)> = history::of_the_past(condition)
        .into_iter()
        .zip(findings.meanings.get(position).into_iter().flatten().map(Vec::as_slice))
        .zip(&told.past)
        .map(|((e, meanings), hidden)| (e, meanings, *hidden))
        .collect();
    let sides = (value.as_ref(), limit.as_ref());
    let rule = Rule { job, planned, condition, sides, told: &told, metrics, past, program: &judgement.program };
    match &planned.rule.for_each {
        None => rule.whole(),
        Some(each) => rule.grouped(each, findings.among.get(&position)),
    }
}

/// A rule with all that its value is made from.
struct Rule<'a> {
    job: &'a Job<'a>,
    planned: &'a PlanRule,
    condition: &'a Expr,
    sides: (Option<&'a Expr>, Option<&'a Expr>),
    told: &'a Told,
    metrics: Vec<(&'a Metric, &'a Tally)>,
    /// The parts of the condition that look at the past, what their values mean, and how private they are where they
    /// are not kept for that.
    past: Vec<(&'a Expr, &'a [String], Option<Privacy>)>,
    program: &'a Program,
}

/// The batch, or one group of it.
struct Part<'a> {
    /// The group's values, by the expressions that group.
    by: Vec<(&'a Expr, Value)>,
    /// As the aggregates keep it; `None` for a group that no row has.
    encoded: Option<&'a [u8]>,
    grouped: bool,
    /// In the ledger.
    name: String,
}

enum Verdict {
    Holds,
    Breaks(Option<String>),
    Unknown,
    NotEvaluated(String),
}

impl Rule<'_> {
    fn whole(&self) -> Outcome {
        let part = Part { by: Vec::new(), encoded: None, grouped: false, name: String::new() };
        let mut outcome = Outcome::default();
        (outcome.value, outcome.limit) = self.shown(&part);
        self.record(&part, &mut outcome.recorded);
        match self.verdict(&part) {
            Verdict::Holds => outcome.checked = 1,
            Verdict::Breaks(reason) => {
                (outcome.checked, outcome.violations, outcome.reason) = (1, 1, reason);
            }
            Verdict::Unknown => outcome.reason = Some("the value is null".to_string()),
            Verdict::NotEvaluated(reason) => outcome.reason = Some(reason),
        }
        outcome
    }

    fn grouped(&self, each: &ForEach, of_dataset: Option<&Vec<Vec<Value>>>) -> Outcome {
        // Every group that any aggregate of the rule has seen, then those that should be there.
        let mut groups: BTreeMap<&[u8], Vec<Value>> = BTreeMap::new();
        for (_, tally) in self.metrics.iter().filter(|(m, _)| !m.by.is_empty()) {
            for (key, group) in tally.groups() {
                groups.entry(key).or_insert_with(|| group.key.clone());
            }
        }
        let mut judged: Vec<(Option<&[u8]>, Vec<Value>)> = groups.into_iter().map(|(k, v)| (Some(k), v)).collect();
        let expected = match &each.among {
            Some(Among::Values(values)) => Some(values),
            Some(Among::Dataset { .. }) => of_dataset,
            None => None,
        };
        let order = |a: &[Value], b: &[Value]| {
            a.iter().zip(b).map(|(a, b)| eval::value::order(a, b)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        };
        let mut there: Vec<Vec<Value>> = judged.iter().map(|(_, key)| key.clone()).collect();
        there.sort_by(|a, b| order(a, b));
        for key in expected.into_iter().flatten() {
            if there.binary_search_by(|k| order(k, key)).is_err() {
                judged.push((None, key.clone()));
            }
        }
        let mut outcome = Outcome::default();
        let mut unjudged = None;
        for (encoded, key) in judged {
            let privacies = each.by.iter().map(|(_, e)| self.privacy(e));
            let named: Vec<(Value, Privacy)> = key.iter().cloned().zip(privacies).collect();
            let by = each.by.iter().map(|(_, e)| e).zip(key.iter().cloned()).collect();
            let part = Part { by, encoded, grouped: true, name: history::group_name(&named, self.salt()) };
            self.record(&part, &mut outcome.recorded);
            let verdict = self.verdict(&part);
            outcome.segments.extend(self.segment(each, &key, &part, matches!(verdict, Verdict::Breaks(_))));
            match verdict {
                Verdict::Holds => outcome.checked += 1,
                Verdict::Unknown => outcome.unknown += 1,
                Verdict::NotEvaluated(reason) => {
                    outcome.unknown += 1;
                    unjudged.get_or_insert(reason);
                }
                Verdict::Breaks(reason) => {
                    outcome.checked += 1;
                    outcome.violations += 1;
                    outcome.groups.push(self.broken(each, &key, &part, reason));
                }
            }
        }
        outcome.groups.sort_by(|a, b| b.distance.total_cmp(&a.distance));
        if let Some(worst) = outcome.groups.first() {
            (outcome.value, outcome.limit) = (worst.values.get("value").cloned(), worst.values.get("limit").cloned());
        }
        if outcome.checked == 0 {
            let nothing = if outcome.unknown > 0 { "the value is null for every group" } else { "there is no group" };
            outcome.reason = Some(unjudged.unwrap_or_else(|| nothing.to_string()));
        }
        outcome
    }

    fn verdict(&self, part: &Part<'_>) -> Verdict {
        match self.compute(self.condition, part) {
            Ok(Value::Bool(true)) => Verdict::Holds,
            Ok(Value::Null) if self.planned.rule.nulls == Nulls::Pass => Verdict::Unknown,
            Ok(_) => Verdict::Breaks(None),
            Err(Why::Broken(reason)) => Verdict::Breaks(Some(reason)),
            Err(Why::NotEvaluated(reason)) => Verdict::NotEvaluated(reason),
        }
    }

    fn compute(&self, expr: &Expr, part: &Part<'_>) -> Result<Value, Why> {
        let aggregate = |wanted: &Aggregate| {
            let (metric, tally) = self.metrics.iter().find(|(m, _)| &m.aggregate == wanted)?;
            if !part.grouped || metric.by.is_empty() {
                return Some(tally.value(metric, self.program));
            }
            let group = part.encoded.and_then(|e| tally.group(e));
            Some(group.map_or_else(|| aggregates::of_nothing(metric, self.program), |g| g.state.finish(&metric.ty)))
        };
        let past = |e: &Expr| self.past(e, part);
        value::compute(self.job.as_of, expr, &Known { by: &part.by, aggregate: &aggregate, past: &past })
    }

    /// The value of a part that looks at the past.
    fn past(&self, e: &Expr, part: &Part<'_>) -> Result<Value, Why> {
        let nothing = || Why::NotEvaluated("there is no history here".to_string());
        let (_, meanings, hidden) = self.past.iter().find(|(known, ..)| known.kind == e.kind).ok_or_else(nothing)?;
        if let Some(privacy) = hidden {
            let word = if *privacy == Privacy::Secret { "secret" } else { "personal" };
            return Err(Why::NotEvaluated(format!("nothing is kept of what is looked at over past batches: it is {word}")));
        }
        let history = self.job.history.ok_or_else(nothing)?;
        let batch = self.job.batch;
        let before = batch.and_then(history::date_of).unwrap_or(self.job.as_of);
        let asked = Asked { meanings, batch, before };
        match &e.kind {
            ExprKind::History { statistic, window, .. } => {
                let past = history.within(&asked, &part.name, *window).map_err(Why::NotEvaluated)?;
                let values = past.iter().filter_map(|p| p.value.map(Value::Double)).collect();
                eval::aggregate::over(*statistic, values, 0.5, &Type::Double).map_err(|r| Why::Broken(r.to_string()))
            }
            ExprKind::Drift { value, measure, window } => {
                let past = history.within(&asked, &part.name, *window).map_err(Why::NotEvaluated)?;
                let mut parts = past.iter().filter_map(|p| Distribution::parse(p.distribution.as_deref()?));
                let (Some(now), Some(mut then)) = (self.distributed(value, part), parts.next()) else {
                    return Ok(Value::Null);
                };
                parts.for_each(|p| then.merge(&p));
                Ok(now.drift(&then, *measure).map_or(Value::Null, Value::Double))
            }
            _ => Err(nothing()),
        }
    }

    /// How an expression's values are distributed in a part, as the ledger may know it.
    fn distributed(&self, of: &Expr, part: &Part<'_>) -> Option<Distribution> {
        let wanted = distribution(of);
        let (_, tally) = self.metrics.iter().find(|(m, _)| m.aggregate == wanted)?;
        let found = match part.grouped {
            true => tally.group(part.encoded?)?.state.distribution(),
            false => tally.distribution(),
        }?;
        Some(if self.privacy(of) == Privacy::Public { found.clone() } else { found.masked(&|text| history::hashed(self.salt(), text)) })
    }

    fn salt(&self) -> &str {
        self.job.history.map_or("", |history| history.salt.as_str())
    }

    /// Of the values of another dataset that name the groups.
    fn privacy_among(&self, each: &ForEach) -> Privacy {
        let Some(Among::Dataset { dataset, columns }) = &each.among else { return Privacy::Public };
        let rows = Rows::Dataset(dataset.clone());
        columns.iter().map(|c| self.job.plan.privacy(&rows, c)).max().unwrap_or_default()
    }

    /// Of an expression of each row.
    fn privacy(&self, of: &Expr) -> Privacy {
        privacy::read(of, &Rows::Own, &|rows, name| self.job.plan.privacy(rows, name))
    }

    /// Notes the rule's value, and those whose past it looks at.
    fn record(&self, part: &Part<'_>, into: &mut Vec<Recorded>) {
        let mut note = |of: &Expr, meaning: &str, distribution: bool| {
            let known = |r: &Recorded| r.meaning == meaning && r.group == part.name;
            if into.iter().rev().take(8).any(known) {
                return;
            }
            let (mut value, mut distributed) = (None, None);
            match distribution {
                true => distributed = self.distributed(of, part).filter(|d| !d.is_empty()).map(|d| d.to_text()),
                false => value = self.compute(of, part).ok().and_then(|v| eval::value::as_f64(&v)),
            }
            if value.is_some() || distributed.is_some() {
                into.push(Recorded {
                    rule: self.planned.rule.name.clone(),
                    meaning: meaning.to_owned(),
                    group: part.name.clone(),
                    value,
                    distribution: distributed,
                });
            }
        };
        for (e, meanings, hidden) in &self.past {
            if let (Some(meaning), None) = (meanings.first(), hidden) {
                note(history::compared(e), meaning, matches!(e.kind, ExprKind::Drift { .. }));
            }
        }
        if let Some(value) = self.sides.0
            && value.ty.is_numeric()
            && self.told.value == Privacy::Public
            && self.planned.rule.for_each.iter().flat_map(|each| &each.by).all(|(_, e)| privacy::is_kept(self.privacy(e), &e.ty))
            && history::of_the_past(value).is_empty()
            && let Some(meaning) = history::meanings(self.job.plan, self.planned, value).first()
        {
            note(value, meaning, false);
        }
    }

    /// The two sides of a comparison, as reports show them.
    fn shown(&self, part: &Part<'_>) -> (Option<Json>, Option<Json>) {
        let side = |expr: Option<&Expr>, privacy| show::json(&self.compute(expr?, part).ok()?, privacy);
        (side(self.sides.0, self.told.value), side(self.sides.1, self.told.limit))
    }

    /// A group as a page draws it: of values that everybody may see.
    fn segment(&self, each: &ForEach, key: &[Value], part: &Part<'_>, broken: bool) -> Option<Segment> {
        let public = |e: &Expr| self.privacy(e).max(self.privacy_among(each)) == Privacy::Public;
        if !self.job.pictures || !each.by.iter().all(|(_, e)| public(e)) || self.told.value != Privacy::Public {
            return None;
        }
        let number = |side: Option<&Expr>| self.compute(side?, part).ok().and_then(|v| eval::value::as_f64(&v));
        let names: Vec<String> = key.iter().filter_map(|value| show::filling(value, Privacy::Public)).collect();
        let limit = number(self.sides.1.filter(|_| self.told.limit == Privacy::Public));
        Some(Segment { group: names.join(", "), value: number(self.sides.0)?, limit, broken })
    }

    fn broken(&self, each: &ForEach, key: &[Value], part: &Part<'_>, reason: Option<String>) -> Broken {
        let mut values = serde_json::Map::new();
        let mut texts = BTreeMap::new();
        for ((name, expr), part) in each.by.iter().zip(key) {
            let privacy = self.privacy(expr).max(self.privacy_among(each));
            if let Some(json) = show::json(part, privacy) {
                values.insert(name.clone(), json);
            }
            texts.insert(name.clone(), show::filling(part, privacy).unwrap_or_else(|| "***".to_string()));
        }
        let (value, limit) = self.shown(part);
        for (name, side) in [("value", value), ("limit", limit)] {
            if let Some(side) = side {
                values.insert(name.to_string(), side);
            }
        }
        let number = |side: Option<&Expr>| self.compute(side?, part).ok().and_then(|v| eval::value::as_f64(&v));
        let distance = match (number(self.sides.0), number(self.sides.1)) {
            (Some(value), Some(limit)) => (value - limit).abs(),
            _ => 0.0,
        };
        Broken { values, texts, reason, distance }
    }
}

/// What a rule over aggregates tells of values that not everybody may see. To be asked before aggregates of other rows are
/// replaced by what they come to.
#[derive(Clone, Debug, Default)]
pub struct Told {
    value: Privacy,
    limit: Privacy,
    /// Of each part of the condition that looks at the past: why nothing is kept of it.
    past: Vec<Option<Privacy>>,
}

pub fn told(plan: &Plan, rule: &crate::hir::Rule) -> Told {
    let RuleKind::Aggregate { condition, value, limit } = &rule.kind else { return Told::default() };
    let columns = |rows: &Rows, name: &str| plan.privacy(rows, name);
    let side = |expr: &Option<Expr>| expr.as_ref().map_or(Privacy::Public, |e| privacy::told(e, &columns));
    let past = history::of_the_past(condition).into_iter();
    let past = past.map(|e| privacy::never_kept(e, rule.for_each.as_ref(), &columns).map(|(_, p)| p)).collect();
    Told { value: side(value), limit: side(limit), past }
}

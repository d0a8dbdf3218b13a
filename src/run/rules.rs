//! What came of each rule, from what the passes found.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::batch::{self, Outcome, Told};
use super::samples::Shown;
use super::verdict::{Counts, effect};
use super::history::{self, Recorded};
use super::queries::Queried;
use super::{Effect, Evidence, Job, RuleResult, RuleVerdict, Sample, schema};
use crate::diagnostics::paint::visible;
use crate::engine::audit::{Tallies, Tally};
use crate::engine::compile::Judgement;
use crate::engine::rows::RowId;
use crate::hir::{Act, Action, RuleKind, Template, Value};
use crate::ir::{Location, Plan, PlanRule};

/// Everything that the report is made from.
#[derive(Default)]
pub struct Findings {
    /// A file that cannot be read; nothing else is known then.
    pub unreadable: Option<String>,
    /// For each rule why the files' columns break it.
    pub schema: Vec<Option<String>>,
    pub forbidden: Vec<String>,
    /// For each rule about a type what is worth knowing where it holds.
    pub notes: Vec<Option<String>>,
    /// What else the columns show, by the name that reports give it.
    pub remarks: Vec<(&'static str, String)>,
    /// Whether rows were read.
    pub read: bool,
    pub tallies: Tallies,
    pub judgement: Option<Arc<Judgement>>,
    /// For each rule how it came to its verdict.
    pub evidence: Vec<Evidence>,
    /// For each rule whether rows that break it were held back.
    pub holds: Vec<bool>,
    /// For each unique rule the rows that break it.
    pub duplicates: Vec<Arc<HashSet<RowId>>>,
    /// Rules that cannot be judged, and why.
    pub unjudged: BTreeMap<usize, String>,
    pub samples: Vec<Vec<Shown>>,
    /// For each rule, and each part of it that looks at the past, what its value means.
    pub meanings: Vec<Vec<Vec<String>>>,
    /// For each rule what its two sides, and what it keeps of them, tell of values that not everybody may see.
    pub told: Vec<Told>,
    /// For rules with groups that another dataset names: those groups.
    pub among: BTreeMap<usize, Vec<Vec<Value>>>,
    /// How many rows of the table break a row rule over it.
    pub of_table: Vec<(usize, u64)>,
    /// Rules in SQL that were judged.
    pub queries: BTreeMap<usize, Queried>,
    rules: usize,
    rows: u64,
    cap: Option<f64>,
}

impl Findings {
    pub fn new(plan: &Plan, rows: u64) -> Self {
        let (meanings, told) = (history::meanings_of(plan), plan.rules.iter().map(|r| batch::told(plan, &r.rule)).collect());
        Self { rules: plan.rules.len(), rows, cap: plan.quarantine_cap, meanings, told, ..Self::default() }
    }

    fn unique(&self, rule: usize) -> Option<&Arc<HashSet<RowId>>> {
        let uniques = &self.judgement.as_ref()?.uniques;
        self.duplicates.get(uniques.iter().position(|u| u.rule == rule)?)
    }

    /// The rows to be shown, by rule.
    pub fn first(&self, limit: usize) -> Vec<Vec<RowId>> {
        let rows = |rule: usize| match self.unique(rule) {
            Some(broken) => {
                let mut rows: Vec<RowId> = broken.iter().copied().collect();
                rows.sort_unstable();
                rows.truncate(limit);
                rows
            }
            None => self.tallies.rules.get(rule).map(|t| t.first.rows().to_vec()).unwrap_or_default(),
        };
        (0..self.rules).map(rows).collect()
    }

    /// Rows that are held back.
    pub fn held(&self) -> u64 {
        let mut duplicates: HashSet<RowId> = HashSet::new();
        if let Some(judgement) = &self.judgement {
            for (unique, rows) in judgement.uniques.iter().zip(&self.duplicates) {
                if self.holds.get(unique.rule).copied().unwrap_or(false) {
                    duplicates.extend(rows.iter());
                }
            }
        }
        self.tallies.held + duplicates.len() as u64
    }
}

pub fn results(job: &Job<'_>, findings: &Findings, recorded: &mut Vec<Recorded>) -> Vec<RuleResult> {
    let plan = job.plan;
    let mut results = Vec::new();
    if let Some(reason) = &findings.unreadable {
        results.push(ours("files", "type", &plan.source_location, reason.clone()));
    }
    if !findings.forbidden.is_empty() {
        let names: Vec<String> = findings.forbidden.iter().map(|n| format!("`{n}`")).collect();
        let reason = format!("the files have {}, which the contract does not allow", names.join(", "));
        results.push(ours(schema::OTHER_COLUMNS, "type", &plan.source_location, reason));
    }
    for (name, reason) in &findings.remarks {
        let remark = ours(name, "type", &plan.source_location, reason.clone());
        results.push(RuleResult { verdict: RuleVerdict::Passed, action: Effect::None, violations: 0, ..remark });
    }
    for (i, planned) in plan.rules.iter().enumerate() {
        results.push(result(job, findings, i, planned, recorded));
    }
    let held = findings.held();
    if let Some(cap) = findings.cap
        && findings.read
        && held as f64 * 100.0 > cap * findings.rows as f64
    {
        let reason = format!("{held} of {} rows would be held back, more than {cap}%", findings.rows);
        let mut result = ours("quarantine", "aggregate", &plan.location, reason);
        result.value = Some((held as f64 * 100.0 / findings.rows as f64).into());
        result.limit = Some(cap.into());
        results.push(result);
    }
    results
}

/// A violation of what the contract says outside of rules.
fn ours(name: &str, kind: &str, location: &Location, reason: String) -> RuleResult {
    RuleResult {
        rule: name.to_string(),
        kind: kind.to_string(),
        verdict: RuleVerdict::Violated,
        action: Effect::Block,
        evidence: Evidence::Proven,
        checked: 1,
        violations: 1,
        unknown: 0,
        value: None,
        limit: None,
        reason: Some(reason),
        location: location.clone(),
        samples: Vec::new(),
        because: None,
        fix: None,
        segments: Vec::new(),
        told: false,
    }
}

fn result(
    job: &Job<'_>,
    findings: &Findings,
    i: usize,
    planned: &PlanRule,
    recorded: &mut Vec<Recorded>,
) -> RuleResult {
    let rule = &planned.rule;
    let mut result = RuleResult {
        rule: rule.name.clone(),
        kind: rule.kind.name().to_string(),
        verdict: RuleVerdict::NotEvaluated,
        action: Effect::None,
        evidence: findings.evidence.get(i).copied().unwrap_or(Evidence::Scanned),
        location: planned.location.clone(),
        checked: 0,
        violations: 0,
        unknown: 0,
        value: None,
        limit: None,
        reason: None,
        samples: Vec::new(),
        because: None,
        fix: None,
        segments: Vec::new(),
        told: false,
    };
    if let RuleKind::Type { .. } = &rule.kind {
        if findings.unreadable.is_some() {
            result.reason = Some("the files cannot be read".to_string());
            return result;
        }
        result.evidence = Evidence::Proven;
        result.checked = 1;
        result.verdict = RuleVerdict::Passed;
        result.reason = findings.notes.get(i).and_then(Clone::clone);
        if let Some(reason) = findings.schema.get(i).and_then(Clone::clone) {
            result.verdict = RuleVerdict::Violated;
            result.violations = 1;
            // Whatever the column says: what cannot be read cannot be judged.
            result.action = Effect::Block;
            result.reason = Some(reason);
            speak(job, planned, &mut result, &BTreeMap::new());
        }
        return result;
    }
    if !findings.read {
        result.reason = Some("the files' columns are not those of the contract".to_string());
        return result;
    }
    if let Some(reason) = findings.unjudged.get(&i) {
        result.reason = Some(reason.clone());
        // What was not judged is never promoted.
        result.action = rule.if_not_evaluated.map_or(Effect::Block, Effect::from);
        return result;
    }
    let mut texts = BTreeMap::new();
    match &rule.kind {
        RuleKind::Aggregate { .. } => {
            let mut outcome = batch::evaluate(job, findings, i);
            recorded.append(&mut outcome.recorded);
            settle(job, planned, outcome, &mut result, &mut texts);
        }
        RuleKind::NoRows { .. } => {
            let queried = findings.queries.get(&i).cloned().unwrap_or_default();
            let checked = findings.rows.max(queried.rows).max(1);
            let tally = Tally { checked, violations: queried.rows, ..Tally::default() };
            count(&mut result, &rule.actions, &tally, findings.rows);
            result.reason = queried.reason;
            result.samples = queried.samples;
        }
        _ => {
            let tally = findings.tallies.rules.get(i).cloned().unwrap_or_default();
            count(&mut result, &rule.actions, &tally, findings.rows);
            if result.verdict == RuleVerdict::NotEvaluated {
                result.reason = Some(nothing(planned, &tally, findings.rows));
                result.action = rule.if_not_evaluated.map_or(Effect::None, Effect::from);
            }
            if let Some((_, rows)) = findings.of_table.iter().find(|(rule, _)| *rule == i) {
                result.reason = Some(format!("{rows} of them are in the table already"));
            }
            let shown = findings.samples.get(i).map_or(&[][..], Vec::as_slice);
            result.samples = shown.iter().map(|s| s.sample.clone()).collect();
            texts = shown.first().map(|s| s.values.clone()).unwrap_or_default();
        }
    }
    if result.verdict == RuleVerdict::Violated {
        speak(job, planned, &mut result, &texts);
    }
    result
}

fn count(result: &mut RuleResult, actions: &[Action], tally: &Tally, all: u64) {
    result.checked = tally.checked;
    result.violations = tally.violations;
    result.unknown = tally.unknown;
    let counts = Counts { violations: tally.violations, checked: tally.checked, all };
    result.verdict = match (tally.violations, tally.checked) {
        (0, 0) => RuleVerdict::NotEvaluated,
        (0, _) => RuleVerdict::Passed,
        _ => RuleVerdict::Violated,
    };
    result.action = effect(actions, counts);
}

/// Why a rule over rows had nothing to judge.
fn nothing(planned: &PlanRule, tally: &Tally, all: u64) -> String {
    let reason = match (&planned.rule.kind, planned.rule.when.is_some()) {
        _ if all == 0 => "there are no rows",
        _ if tally.unknown > 0 => "the condition is null for every row",
        (_, true) => "no row meets the condition after `when`",
        (RuleKind::Unique { .. } | RuleKind::References { .. }, _) => "every row has a null in these columns",
        _ => "no row is left to judge",
    };
    reason.to_string()
}

/// Puts the outcome of a batch rule into the result.
fn settle(
    job: &Job<'_>,
    planned: &PlanRule,
    outcome: Outcome,
    result: &mut RuleResult,
    texts: &mut BTreeMap<String, String>,
) {
    let rule = &planned.rule;
    result.value = outcome.value;
    result.limit = outcome.limit;
    result.reason = outcome.reason;
    result.checked = outcome.checked;
    result.violations = outcome.violations;
    result.unknown = outcome.unknown;
    result.segments = outcome.segments;
    let counts = Counts { violations: outcome.violations, checked: outcome.checked, all: outcome.checked };
    if outcome.violations > 0 {
        result.verdict = RuleVerdict::Violated;
        result.action = effect(&rule.actions, counts);
    } else if outcome.checked > 0 {
        result.verdict = RuleVerdict::Passed;
    } else {
        let act = rule.if_not_evaluated.unwrap_or(Act::Warn);
        result.action = act.into();
    }
    for (i, group) in outcome.groups.into_iter().take(job.samples).enumerate() {
        if i == 0 {
            *texts = group.texts;
        }
        result.samples.push(Sample { file: None, row: None, values: group.values, reason: group.reason });
    }
}

/// A computed fraction with the digits that a reader wants; anything else as it is.
fn rounded(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) if text.contains('.') && text.len() > 7 && number.abs() >= 1e-4 => {
            let digits = if number.abs() < 1.0 { 4 } else { 2 };
            let text = format!("{number:.digits$}");
            text.trim_end_matches('0').trim_end_matches('.').to_string()
        }
        _ => text.to_string(),
    }
}

/// Fills the author's messages: with the first sample, the rule's numbers and the batch.
fn speak(job: &Job<'_>, planned: &PlanRule, result: &mut RuleResult, texts: &BTreeMap<String, String>) {
    let plain = |json: &serde_json::Value| match json.as_str() {
        Some(text) => text.to_string(),
        None => rounded(&json.to_string()),
    };
    let value = |name: &str| match (texts.get(name), name) {
        (Some(text), "value" | "limit") => Some(rounded(text)),
        (Some(text), _) => Some(text.clone()),
        (None, "value") => result.value.as_ref().map(plain),
        (None, "limit") => result.limit.as_ref().map(plain),
        (None, "violations") => Some(result.violations.to_string()),
        (None, "batch") => job.batch.map(str::to_string),
        _ => None,
    };
    // A value with line breaks in it must not pass for lines of the author's.
    let shown = |name: &str| value(name).map(|text| visible(&text).into_owned());
    let fill = |template: &Option<Template>| template.as_ref().map(|t| t.fill(shown));
    let (because, fix) = (fill(&planned.rule.because), fill(&planned.rule.fix));
    result.because = because;
    result.fix = fix;
}

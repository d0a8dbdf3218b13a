//! Violations over time: what the ledger knows of a rule, then what this report adds.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::chart::{Point, trend};
use super::rule::effect;
use crate::ledger::past::PastResult;
use crate::report::judged::Judged;
use crate::report::numbers::grouped;
use crate::run::{RuleResult, RuleVerdict};

/// So many batches are drawn.
const DRAWN: usize = 60;

/// By dataset and rule, earliest first, as the ledger had it before anything of the report was judged.
#[derive(Debug, Default)]
pub struct Past(BTreeMap<(String, String), Vec<PastResult>>);

impl Past {
    pub fn add(&mut self, dataset: &str, results: Vec<PastResult>) {
        for result in results {
            self.0.entry((dataset.to_owned(), result.rule.clone())).or_default().push(result);
        }
    }

    /// Of a rule up to the last of `judged`; nothing where there is no past to see.
    pub(super) fn trend(&self, judged: &[Judged], rule: &RuleResult) -> Markup {
        let Some(last) = judged.last().and_then(|batch| batch.report.as_ref()) else { return html! {} };
        let key = (last.contract.clone(), rule.rule.clone());
        let mut points: Vec<Point> = self.0.get(&key).into_iter().flatten().map(of_ledger).collect();
        let same = judged.iter().filter(|batch| batch.report.as_ref().is_some_and(|r| r.contract == last.contract));
        points.extend(same.filter_map(|batch| {
            let found = batch.rules().iter().find(|r| r.rule == rule.rule)?;
            Some(of_report(&batch.title, found))
        }));
        let drawn = points.split_off(points.len().saturating_sub(DRAWN));
        if drawn.len() > 1 { trend(&rule.rule, &drawn) } else { html! {} }
    }
}

fn of_ledger(result: &PastResult) -> Point {
    let violations = u64::try_from(result.violations).unwrap_or(0);
    Point { words: words(&result.batch, result.verdict == "not_evaluated", violations), violations, tone: tone(result) }
}

fn of_report(batch: &str, result: &RuleResult) -> Point {
    let words = words(batch, result.verdict == RuleVerdict::NotEvaluated, result.violations);
    Point { words, violations: result.violations, tone: effect(result) }
}

fn words(batch: &str, unjudged: bool, violations: u64) -> String {
    if unjudged { format!("{batch}: not evaluated") } else { format!("{batch}: {} broken", grouped(violations)) }
}

/// The colour of a verdict of the ledger.
pub fn tone(result: &PastResult) -> &'static str {
    match (result.verdict.as_str(), result.action.as_str()) {
        (_, "block") => "bad",
        (_, "quarantine" | "warn") | ("violated", _) => "odd",
        ("passed", _) => "good",
        _ => "open",
    }
}

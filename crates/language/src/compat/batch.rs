//! Rules about batches and between rows, and what a contract says of all its rules together.

use super::rows::{means_the_same, refuses};
use super::{Change, Pair, errors};
use crate::check::facts::{Answer, Facts, Formula};
use crate::hir::{Act, Expr, Rule, RuleKind};

pub fn compare(pair: &Pair, changes: &mut Vec<Change>) {
    let contract = pair.contract;
    compare_rules(pair, &pair.before.rules, &contract.rules, changes);
    match (pair.before.quarantine_cap, contract.quarantine_cap) {
        (a, b) if a == b => {}
        (None, Some(cap)) => changes.push(errors::cap_lower(contract, None, cap)),
        (Some(was), Some(cap)) if cap < was => changes.push(errors::cap_lower(contract, Some(was), cap)),
        (Some(was), cap) => changes.push(errors::cap_higher(contract, was, cap)),
        (None, None) => {}
    }
}

/// The rules of a contract, or those that stand in the promotion into it.
pub fn compare_rules(pair: &Pair, before: &[Rule], now: &[Rule], changes: &mut Vec<Change>) {
    let contract = pair.contract;
    // Rows are compared by what is accepted of them.
    let others = |rule: &&Rule| match rule.kind {
        RuleKind::Row { .. } | RuleKind::Type { .. } | RuleKind::Mapping { .. } => false,
        _ => true,
    };
    let same_kind = |rules: &'_ [Rule], rule: &Rule| -> Option<usize> {
        rules.iter().position(|r| r.name == rule.name && r.kind.name() == rule.kind.name())
    };
    for rule in now.iter().filter(others) {
        match same_kind(before, rule).and_then(|i| before.get(i)) {
            Some(was) if means_the_same(rule, was) => {}
            Some(was) if !refuses(rule) && !refuses(was) => {}
            Some(was) => changed(pair, rule, was, changes),
            None if refuses(rule) && !implied(rule, before) => {
                changes.push(errors::rule_added(contract, rule, example(&[], rule)));
            }
            None => {}
        }
    }
    for rule in before.iter().filter(others) {
        if same_kind(now, rule).is_none() && refuses(rule) && !implied(rule, now) {
            changes.push(errors::rule_gone(pair.before, contract, rule));
        }
    }
    for rule in now {
        let Some(was) = same_kind(before, rule).and_then(|i| before.get(i)) else { continue };
        let blocks = |r: &Rule| r.if_not_evaluated == Some(Act::Block);
        if blocks(rule) != blocks(was) {
            changes.push(errors::if_not_evaluated(contract, rule, was.if_not_evaluated, blocks(rule)));
        }
    }
}

/// Whether a rule of the other revision, under whatever name, says the same.
fn implied(rule: &Rule, others: &[Rule]) -> bool {
    others.iter().any(|o| refuses(o) && means_the_same(rule, o))
}

fn changed(pair: &Pair, rule: &Rule, was: &Rule, changes: &mut Vec<Change>) {
    let contract = pair.contract;
    match (&was.kind, &rule.kind) {
        (RuleKind::Unique { by: old, .. }, RuleKind::Unique { by: new, .. }) => {
            let within = |a: &[Expr], b: &[Expr]| a.iter().all(|e| b.iter().any(|o| same(e, o)));
            match (within(new, old), within(old, new)) {
                (true, true) => changes.push(errors::perhaps_changed(contract, rule)),
                (true, false) => changes.push(errors::rule_stricter(contract, rule, None)),
                (false, true) => changes.push(errors::rule_laxer(contract, rule, None)),
                (false, false) => {
                    changes.push(errors::rule_stricter(contract, rule, None));
                    changes.push(errors::rule_laxer(contract, rule, None));
                }
            }
        }
        (RuleKind::References { .. }, RuleKind::References { .. }) => {
            changes.push(errors::perhaps_changed(contract, rule))
        }
        (RuleKind::Aggregate { .. }, RuleKind::Aggregate { .. }) if same_rows(rule, was) => {
            let mut told = false;
            if refuses(rule)
                && let Some(example) = difference(was, rule, &mut told)
            {
                changes.push(errors::rule_stricter(contract, rule, Some(example)));
            }
            if refuses(was)
                && let Some(example) = difference(rule, was, &mut told)
            {
                changes.push(errors::rule_laxer(contract, rule, Some(example)));
            }
            if told {
                changes.push(errors::perhaps_changed(contract, rule));
            }
        }
        _ => changes.push(errors::perhaps_changed(contract, rule)),
    }
}

fn same(a: &Expr, b: &Expr) -> bool {
    crate::check::facts::key(a) == crate::check::facts::key(b)
}

fn same_rows(a: &Rule, b: &Rule) -> bool {
    let rows = |r: &Rule| serde_json::to_string(&(&r.when, &r.for_each, r.over)).ok();
    rows(a) == rows(b)
}

/// A batch that `accepts` lets through and `breaks` does not: as words, `None` where there is none; `undecided` is
/// set where it cannot be told.
fn difference(accepts: &Rule, breaks: &Rule, undecided: &mut bool) -> Option<String> {
    let facts = Facts::over_batch([breaks, accepts].into_iter());
    let [breaking, accepting] = facts.rules.as_slice() else {
        *undecided = true;
        return None;
    };
    let formulas: Vec<&Formula> =
        if refuses(accepts) { vec![&breaking.breaks, &accepting.accepts] } else { vec![&breaking.breaks] };
    if facts.never(&formulas) {
        return None;
    }
    let found = facts.one_number(&formulas);
    *undecided |= found.is_none();
    found
}

/// A batch that breaks a rule.
fn example(given: &[&Rule], rule: &Rule) -> Option<String> {
    let facts = Facts::over_batch(std::iter::once(rule).chain(given.iter().copied()));
    let formula = &facts.rules.first()?.breaks;
    matches!(facts.solve(&[formula]), Answer::Maybe(_)).then(|| facts.one_number(&[formula]))?
}

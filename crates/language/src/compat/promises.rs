//! What a contract promises of the time: deadlines, freshness, budgets.

use super::{Change, Pair, errors};
use crate::check::facts::Facts;
use crate::check::known::deadlines::{Deadline, compared_days};
use crate::hir::{Act, Expr, Nulls, Over, Rule, RuleKind, Sla, SlaWhat};

pub fn compare(pair: &Pair, changes: &mut Vec<Change>) {
    let contract = pair.contract;
    for sla in &contract.sla {
        let Some(was) = pair.before.sla.iter().find(|s| s.name == sla.name) else {
            changes.push(errors::promise_added(contract, sla));
            continue;
        };
        match (&was.what, &sla.what) {
            (a, b) if a == b => {}
            (SlaWhat::Arrives { .. }, SlaWhat::Arrives { .. }) => deadlines(pair, was, sla, changes),
            (SlaWhat::Condition(old), SlaWhat::Condition(new)) => conditions(pair, sla, old, new, changes),
            (
                SlaWhat::Budget { at_most: a, last: n, unit: u, of: x },
                SlaWhat::Budget { at_most: b, last: m, unit: v, of: y },
            ) if n == m && u == v && x == y => {
                changes.push(if b < a {
                    errors::budget_smaller(contract, sla, *a, *b)
                } else {
                    errors::budget_larger(contract, sla, *a, *b)
                });
            }
            _ => changes.push(errors::promise_perhaps_changed(contract, sla)),
        }
    }
    for was in pair.before.sla.iter().filter(|s| !contract.sla.iter().any(|n| n.name == s.name)) {
        changes.push(errors::promise_gone(pair.before, contract, was));
    }
}

/// Day by day, each on its own clock.
fn deadlines(pair: &Pair, was: &Sla, sla: &Sla, changes: &mut Vec<Change>) {
    let (Some(old), Some(new)) = (Deadline::of(was, &pair.old.calendars), Deadline::of(sla, &pair.new.calendars)) else {
        changes.push(errors::promise_perhaps_changed(pair.contract, sla));
        return;
    };
    let (mut earlier, mut later) = (None, None);
    for day in compared_days() {
        match (old.of_batch(day), new.of_batch(day)) {
            (Some(a), Some(b)) if b < a => earlier = earlier.or(Some((day, Some(a), b))),
            (None, Some(b)) => earlier = earlier.or(Some((day, None, b))),
            (Some(a), Some(b)) if b > a => later = later.or(Some((day, a, Some(b)))),
            (Some(a), None) => later = later.or(Some((day, a, None))),
            _ => {}
        }
    }
    if let Some((day, was, now)) = earlier {
        changes.push(errors::deadline_earlier(pair.contract, sla, day, was.map(|t| new.clock(t)), &new.clock(now)));
    }
    if let Some((day, was, now)) = later {
        changes.push(errors::deadline_later(pair.contract, sla, day, &new.clock(was), now.map(|t| new.clock(t))));
    }
}

fn conditions(pair: &Pair, sla: &Sla, old: &Expr, new: &Expr, changes: &mut Vec<Change>) {
    let rule = |condition: &Expr| Rule {
        name: sla.name.clone(),
        kind: RuleKind::Aggregate { condition: condition.clone(), value: None, limit: None },
        when: None,
        for_each: None,
        over: Over::Batch,
        nulls: Nulls::Pass,
        actions: vec![crate::hir::Action { act: Act::Block, above: None }],
        if_not_evaluated: None,
        because: None,
        fix: None,
        tags: Vec::new(),
        doc: String::new(),
        span: sla.span,
        condition_span: sla.span,
    };
    let (before, after) = (rule(old), rule(new));
    let facts = Facts::over_batch([&before, &after].into_iter());
    let [a, b] = facts.rules.as_slice() else { return };
    let stricter = !facts.never(&[&a.accepts, &b.breaks]);
    let laxer = !facts.never(&[&b.accepts, &a.breaks]);
    match (stricter, laxer) {
        (false, false) => {}
        (true, true) => changes.push(errors::promise_perhaps_changed(pair.contract, sla)),
        (true, false) => changes.push(errors::promise_stricter(pair.contract, sla)),
        (false, true) => changes.push(errors::promise_laxer(pair.contract, sla)),
    }
}

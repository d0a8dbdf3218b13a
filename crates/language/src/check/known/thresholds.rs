//! Thresholds that no batch can pass, or that change nothing when it does.

use super::errors;
use crate::check::directory::Directory;
use crate::diagnostics::Diagnostic;
use crate::hir::{Above, Act, Action, Contract, Rule, RuleKind};

pub fn can_act(contract: &Contract, found: &mut Vec<Diagnostic>) {
    for rule in &contract.rules {
        for (i, action) in rule.actions.iter().enumerate() {
            let later = rule.actions.get(i + 1..).unwrap_or_default();
            if unreachable(action.above) {
                found.push(errors::never_above(rule, action));
            } else if let Some(other) = later.iter().find(|l| passes_with(l.above, action.above)) {
                found.push(errors::overtaken(rule, action, other));
            } else {
                continue;
            }
            break;
        }
    }
}

/// More than all of the rows.
fn unreachable(above: Option<Above>) -> bool {
    matches!(above, Some(Above::Percent { percent, .. }) if percent >= 100.0)
}

/// Whether a batch that passes `narrow` passes `wide` too.
fn passes_with(wide: Option<Above>, narrow: Option<Above>) -> bool {
    match (wide, narrow) {
        (None, _) => true,
        (Some(Above::Rows(0) | Above::Groups(0)), _) => true,
        (Some(Above::Rows(a)), Some(Above::Rows(b))) | (Some(Above::Groups(a)), Some(Above::Groups(b))) => a <= b,
        (Some(Above::Percent { percent: a, of_all_rows: all }), Some(Above::Percent { percent: b, of_all_rows })) => {
            // A share of all rows is never more than the share of those judged.
            a <= b && (all == of_all_rows || of_all_rows)
        }
        _ => false,
    }
}

/// `quarantine at most 5%` beside rules that block before they hold back so much.
pub fn cap_can_be_passed(contract: &Contract, directory: &Directory, found: &mut Vec<Diagnostic>) {
    let Some(cap) = contract.quarantine_cap else { return };
    let promoted = directory.promotion_to(&contract.dataset).map(|p| p.rules.as_slice()).unwrap_or_default();
    let rules: Vec<&Rule> = contract.rules.iter().chain(promoted).collect();
    if cap >= 100.0 {
        found.push(errors::cap_of_everything(contract, cap));
        return;
    }
    // A mapping that cannot be computed holds its row back, whatever the contract says.
    if rules.iter().any(|r| matches!(r.kind, RuleKind::Mapping { .. })) {
        return;
    }
    let holding: Vec<&&Rule> = rules.iter().filter(|r| r.actions.iter().any(|a| a.act == Act::Quarantine)).collect();
    if holding.is_empty() {
        found.push(errors::cap_without_quarantine(contract, cap));
        return;
    }
    let most = holding.iter().try_fold(0.0, |sum, rule| Some(sum + most_held(&rule.actions)?));
    if let Some(most) = most.filter(|most| *most <= cap) {
        found.push(errors::cap_out_of_reach(contract, cap, most, &holding));
    }
}

/// The percentage of rows above which the rule blocks the batch instead.
fn most_held(actions: &[Action]) -> Option<f64> {
    let blocks = actions.iter().find(|a| a.act == Act::Block)?;
    match blocks.above {
        Some(Above::Percent { percent, .. }) => Some(percent),
        _ => None,
    }
}

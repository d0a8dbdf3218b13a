//! What is wrong with rules that compile, and can be known without data: those that no row can satisfy, that others
//! imply, thresholds that never act, promises that cannot be kept.

mod constants;
pub mod deadlines;
pub mod errors;
mod messages;
mod promotions;
mod rules;
mod thresholds;

use rayon::prelude::*;

use super::directory::Directory;
use crate::diagnostics::Diagnostic;
use crate::hir::{Checked, Contract, Promotion, Rule};

/// So few contracts are looked at one after the other.
const FEW: usize = 16;

/// All that is known without data, in no order. `layers` are the project's, upstream first.
/// `whole`: nothing has been left out because of an error.
pub fn findings(checked: &Checked, layers: &[String], whole: bool) -> Vec<Diagnostic> {
    let directory = &Directory::of(checked);
    let of_contract = |contract: &Contract| {
        let mut found = Vec::new();
        rules_say_something(contract, &mut found);
        thresholds::can_act(contract, &mut found);
        if whole {
            thresholds::cap_can_be_passed(contract, directory, &mut found);
        }
        messages::show_no_private_values(contract, &mut found);
        promotions::references_follow_the_layers(contract, layers, &mut found);
        deadlines::budgets_can_be_missed(contract, &mut found);
        found
    };
    let of_promotion = |promotion: &Promotion| {
        let mut found = Vec::new();
        promotions::source_fills_target(promotion, directory, &mut found);
        promotions::follow_the_layers(promotion, layers, &mut found);
        deadlines::leave_time_upstream(promotion, directory, &checked.calendars, &mut found);
        found
    };
    if checked.contracts.len() < FEW {
        let contracts = checked.contracts.iter().flat_map(of_contract);
        return contracts.chain(checked.promotions.iter().flat_map(of_promotion)).collect();
    }
    let contracts = checked.contracts.par_iter().flat_map_iter(of_contract);
    contracts.chain(checked.promotions.par_iter().flat_map_iter(of_promotion)).collect()
}

fn rules_say_something(contract: &Contract, found: &mut Vec<Diagnostic>) {
    let mut told = vec![false; contract.rules.len()];
    constants::belong_to_their_type(contract, &mut told, found);
    constants::patterns_match_something(contract, &mut told, found);
    rules::row_rules_can_hold_and_break(contract, &told, found);
    rules::batch_rules_can_hold_and_break(contract, &told, found);
}

/// Whether the rule is what a column claims, not written among the rules: it is read at the column.
fn is_claim(contract: &Contract, rule: &Rule) -> bool {
    rule.name.split_once('.').is_some_and(|(column, _)| {
        contract.column(column).is_some_and(|c| {
            let (inner, outer) = (c.span, rule.span);
            inner.file == outer.file && outer.start <= inner.start && inner.end <= outer.end
        })
    })
}

/// Whether the rule's text stands elsewhere, in a rule set that is included here.
fn is_included(contract: &Contract, rule: &Rule) -> bool {
    rule.name.contains('.') && !is_claim(contract, rule)
}

//! What is wrong with rules that compile, and can be known without data: those that no row can satisfy, that others
//! imply, thresholds that never act, promises that cannot be kept.

mod constants;
pub mod deadlines;
pub mod errors;
mod messages;
mod past;
mod promotions;
mod rules;
mod thresholds;
mod tried;

use rayon::prelude::*;

use super::directory::Directory;
use crate::diagnostics::Diagnostic;
use crate::hir::{Calendar, Contract, Promotion, Rule};

/// So few are looked at one after the other.
pub const FEW: usize = 16;

/// What is known of one contract by itself. `layers` are the project's, upstream first.
pub fn of_contract(contract: &Contract, layers: &[String]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    rules_say_something(contract, &mut found);
    thresholds::can_act(contract, &mut found);
    messages::show_no_private_values(contract, &mut found);
    past::is_kept(contract, &mut found);
    promotions::references_follow_the_layers(contract, layers, &mut found);
    deadlines::budgets_can_be_missed(contract, &mut found);
    found
}

/// What is known of one promotion and the contracts at its two ends.
pub fn of_promotion(promotion: &Promotion, directory: &Directory, layers: &[String]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    promotions::source_fills_target(promotion, directory, &mut found);
    promotions::follow_the_layers(promotion, layers, &mut found);
    found
}

/// What a contract's limit of held rows and all rules on the way to it say together. Only where nothing has been left
/// out because of an error.
pub fn of_caps(contract: &Contract, directory: &Directory) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    thresholds::cap_can_be_passed(contract, directory, &mut found);
    found
}

/// What the deadlines at both ends of a promotion, or further up, say together.
pub fn of_deadlines(promotion: &Promotion, directory: &Directory, calendars: &[Calendar]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    deadlines::leave_time_upstream(promotion, directory, calendars, &mut found);
    found
}

/// Does it with each; a few are not worth the threads.
pub fn side_by_side<T: Send>(all: &mut [T], each: impl Fn(&mut T) + Sync + Send) {
    if all.len() < FEW {
        all.iter_mut().for_each(each);
    } else {
        all.par_iter_mut().for_each(each);
    }
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
    let Some((column, _)) = rule.name.split_once('.') else { return false };
    // Columns stand in the order of the text.
    let at = contract.columns.partition_point(|c| c.span.start < rule.span.start);
    contract.columns.get(at).is_some_and(|c| {
        let (inner, outer) = (c.span, rule.span);
        c.name == column && inner.file == outer.file && inner.end <= outer.end
    })
}

/// Whether the rule's text stands elsewhere, in a rule set that is included here.
fn is_included(contract: &Contract, rule: &Rule) -> bool {
    rule.name.contains('.') && !is_claim(contract, rule)
}

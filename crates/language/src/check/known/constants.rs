//! Constants in conditions: those outside an enumerated type, patterns that no text matches.

use rustc_hash::FxHashMap;

use super::{errors, is_claim, is_included};
use crate::check::facts::{Pattern, each_part, is_matched_by_some};
use crate::diagnostics::Diagnostic;
use crate::hir::{BinaryOp, Column, Contract, Expr, ExprKind, Rule, RuleKind, Value};

/// `status = "payed"` where the type of `status` lists `paid`.
pub fn belong_to_their_type(contract: &Contract, told: &mut [bool], found: &mut Vec<Diagnostic>) {
    let listed: FxHashMap<&str, &Column> =
        contract.columns.iter().filter(|c| c.values.is_some()).map(|c| (c.name.as_str(), c)).collect();
    if listed.is_empty() {
        return;
    }
    for (rule, told) in contract.rules.iter().zip(told) {
        if is_claim(contract, rule) {
            continue;
        }
        for condition in conditions(rule) {
            each_part(condition, &mut |part| {
                for (column, constant) in compared(&listed, part) {
                    let Some(values) = &column.values else { continue };
                    if constant_of(constant).is_some_and(|v| *v != Value::Null && !values.contains(v)) {
                        found.push(errors::not_among(rule, is_included(contract, rule), column, values, constant));
                        *told = true;
                    }
                }
            });
        }
    }
}

pub fn patterns_match_something(contract: &Contract, told: &mut [bool], found: &mut Vec<Diagnostic>) {
    for (rule, told) in contract.rules.iter().zip(told) {
        for condition in conditions(rule) {
            each_part(condition, &mut |part| {
                let pattern = match &part.kind {
                    ExprKind::Matches { pattern, .. } => Pattern::regex(pattern),
                    _ => return,
                };
                if !*told && !is_matched_by_some(&pattern) {
                    found.push(errors::matches_nothing(rule, part, is_included(contract, rule)));
                    *told = true;
                }
            });
        }
    }
}

fn conditions(rule: &Rule) -> impl Iterator<Item = &Expr> {
    let condition = match &rule.kind {
        RuleKind::Row { condition } | RuleKind::Aggregate { condition, .. } => Some(condition),
        _ => None,
    };
    condition.into_iter().chain(&rule.when)
}

fn constant_of(expr: &Expr) -> Option<&Value> {
    match &expr.kind {
        ExprKind::Literal(value) => Some(value),
        _ => None,
    }
}

/// The columns that a part compares with constants for equality.
fn compared<'c, 'e>(columns: &FxHashMap<&str, &'c Column>, part: &'e Expr) -> Vec<(&'c Column, &'e Expr)> {
    let column = |e: &Expr| match &e.kind {
        ExprKind::Column(name) => columns.get(name.as_str()).copied(),
        _ => None,
    };
    match &part.kind {
        ExprKind::Binary { op: BinaryOp::Equal | BinaryOp::NotEqual, left, right } => {
            let pairs = [(column(left), &**right), (column(right), &**left)];
            pairs.into_iter().filter_map(|(c, e)| Some((c?, e))).collect()
        }
        ExprKind::In { value, list } => {
            column(value).map(|c| list.iter().map(|e| (c, e)).collect()).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

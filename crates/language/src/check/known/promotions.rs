//! Promotions against the contracts at their two ends.

use std::collections::HashMap;

use super::rules::is_never_kept;
use super::tried::{Shown, Tried, is_of_rows};
use super::{errors, is_claim};
use crate::check::directory::Directory;
use crate::check::facts::{Facts, replace_columns};
use crate::diagnostics::Diagnostic;
use crate::hir::{Act, Contract, Expr, ExprKind, Grain, Promotion, Rule, RuleKind, Type, Value};

/// What the target asks, over the source's columns: contradicted by the source's contract, or kept by it already.
pub fn source_fills_target(promotion: &Promotion, directory: &Directory, found: &mut Vec<Diagnostic>) {
    let (Some(source), Some(target)) = (directory.contract(&promotion.from), directory.contract(&promotion.to)) else {
        return;
    };
    // Only what is judged on its way into the source is known to hold there.
    let judged = directory.promotion_to(&source.dataset).is_some();
    let asked: Vec<(&Rule, Shown)> = target
        .rules
        .iter()
        .filter(|rule| is_of_rows(rule))
        .map(|rule| {
            let on_purpose = is_never_kept(rule);
            (rule, Shown { passed: !on_purpose, broken: judged && !is_claim(target, rule), ..Shown::default() })
        })
        .collect();
    let shown = Tried::mapped(promotion, source, target, asked.iter().copied());
    let open = asked.iter().zip(&shown).filter(|((_, wanted), shown)| shown.lacks(*wanted));
    let open: Vec<(&Rule, Shown)> = open.map(|((rule, _), shown)| (*rule, *shown)).collect();
    if open.is_empty() {
        return;
    }
    let mapped = mapped_rules(promotion, target, &open);
    if mapped.is_empty() {
        return;
    }
    let facts = Facts::over(source.rules.iter().chain(mapped.iter().map(|(_, rule)| rule)));
    let held = facts.rules.iter().take_while(|r| source.rules.iter().any(|s| std::ptr::eq(s, r.rule))).count();
    for (i, rule) in facts.rules.iter().enumerate().skip(held) {
        let Some(((original, shown), _)) = mapped.iter().find(|(_, m)| std::ptr::eq(m, rule.rule)) else { continue };
        let mut near = facts.neighbours(i);
        near.retain(|j| *j < held);
        let named = |needed: &[usize]| needed.iter().map(|j| facts.rules[*j].rule).collect::<Vec<_>>();
        if !is_never_kept(original)
            && !shown.passed
            && !facts.is_possible(&[&rule.met, &rule.accepts])
            && let Some(needed) = facts.needed(&[&rule.met, &rule.accepts], &near)
            && !facts.never(&[&rule.met])
            && possible_alone(original)
        {
            found.push(errors::cannot_fill(promotion, original, &named(&needed)));
        } else if judged && !is_claim(target, original) {
            near.retain(|j| facts.rules[*j].rule.actions.iter().any(|a| a.above.is_none() && a.act >= Act::Quarantine));
            if near.is_empty() || shown.broken || facts.is_possible_but(Some(i), &[&rule.breaks]) {
                continue;
            }
            if let Some(needed) = facts.needed(&[&rule.breaks], &near).filter(|n| !n.is_empty()) {
                found.push(errors::already_guaranteed(promotion, original, &source.dataset, &named(&needed)));
            }
        }
    }
}

/// Whether the rule can hold at all; if not, that has been said where it stands.
fn possible_alone(rule: &Rule) -> bool {
    let facts = Facts::over(std::iter::once(rule));
    facts.rules.first().is_some_and(|r| !facts.never(&[&r.met, &r.accepts]))
}

/// The rules with each column replaced by what is mapped to it; without those of which a column stays open.
fn mapped_rules<'c>(
    promotion: &Promotion,
    target: &Contract,
    rules: &[(&'c Rule, Shown)],
) -> Vec<((&'c Rule, Shown), Rule)> {
    let mut values: HashMap<&str, Expr> = HashMap::new();
    for column in &target.columns {
        let absent = Expr {
            kind: ExprKind::Literal(Value::Null),
            ty: Type::Null,
            nullable: true,
            grain: Grain::Constant,
            span: column.span,
        };
        let value = promotion.mappings.iter().find(|m| m.column == column.name).map(|m| m.value.clone());
        // A column that is absent and may not be is told of by itself.
        match value {
            Some(value) => values.insert(&column.name, value),
            None if column.nullable => values.insert(&column.name, absent),
            None => None,
        };
    }
    let fill = |expr: &Expr| replace_columns(expr, &|name| values.get(name).cloned());
    let mut mapped = Vec::new();
    for &(rule, shown) in rules {
        let RuleKind::Row { condition } = &rule.kind else { continue };
        let Some(condition) = fill(condition) else { continue };
        let when = match &rule.when {
            Some(when) => match fill(when) {
                Some(when) => Some(when),
                None => continue,
            },
            None => None,
        };
        mapped.push(((rule, shown), Rule { kind: RuleKind::Row { condition }, when, ..rule.clone() }));
    }
    mapped
}

/// From a layer to the same one or a later one, leaving none out.
pub fn follow_the_layers(promotion: &Promotion, layers: &[String], found: &mut Vec<Diagnostic>) {
    let (Some(from), Some(to)) = (layer_at(&promotion.from, layers), layer_at(&promotion.to, layers)) else { return };
    if from > to {
        found.push(errors::against_the_layers(promotion, layers));
    } else if to > from + 1 {
        found.push(errors::skips_layers(promotion, &layers[from + 1..to]));
    }
}

/// A dataset is judged before those of later layers exist.
pub fn references_follow_the_layers(contract: &Contract, layers: &[String], found: &mut Vec<Diagnostic>) {
    for rule in &contract.rules {
        let RuleKind::References { dataset, .. } = &rule.kind else { continue };
        let (Some(own), Some(other)) = (layer_at(&contract.dataset, layers), layer_at(dataset, layers)) else {
            continue;
        };
        if other > own {
            found.push(errors::refers_to_a_later_layer(rule, &contract.dataset, dataset));
        }
    }
}

fn layer_at(dataset: &str, layers: &[String]) -> Option<usize> {
    let layer = dataset.split('.').next().unwrap_or("");
    layers.iter().position(|l| l == layer)
}

//! Whom a change reaches within the project: what fills a dataset, and what reads it.

use std::collections::BTreeMap;

use crate::hir::{Aggregate, Among, Checked, Contract, Expr, ExprKind, Rows, Rule, RuleKind, SlaWhat, queries};

/// Datasets with their owners, by name.
pub type Reached<'c> = BTreeMap<&'c str, Option<&'c str>>;

/// What the dataset is promoted from.
pub fn sources<'c>(revisions: [&'c Checked; 2], dataset: &str) -> Reached<'c> {
    let into = revisions.into_iter().flat_map(|r| r.promotions.iter().map(move |p| (r, p))).filter(|(_, p)| p.to == dataset);
    into.map(|(r, p)| (p.from.as_str(), owner(r, &p.from))).collect()
}

/// What is promoted from the dataset, or names it in its rules.
pub fn readers<'c>(revisions: [&'c Checked; 2], dataset: &str) -> Reached<'c> {
    let mut found = Reached::new();
    for revision in revisions {
        for promotion in &revision.promotions {
            if promotion.from == dataset || promotion.to != dataset && promotion.rules.iter().any(|r| reads(r, dataset)) {
                found.insert(&promotion.to, owner(revision, &promotion.to));
            }
        }
        for contract in revision.contracts.iter().filter(|c| c.dataset != dataset) {
            let promises = contract.sla.iter().any(|s| matches!(&s.what, SlaWhat::Condition(e) if mentions(e, dataset)));
            if promises || contract.rules.iter().any(|r| reads(r, dataset)) {
                found.insert(&contract.dataset, contract.owner.as_deref());
            }
        }
    }
    found
}

fn owner<'c>(revision: &'c Checked, dataset: &str) -> Option<&'c str> {
    revision.contract(dataset).and_then(|c: &Contract| c.owner.as_deref())
}

fn reads(rule: &Rule, dataset: &str) -> bool {
    let among = rule.for_each.as_ref().and_then(|f| f.among.as_ref());
    let named = match &rule.kind {
        RuleKind::References { dataset: other, .. } => other == dataset,
        RuleKind::NoRows { sql } => queries::names(sql, dataset),
        RuleKind::Row { condition } | RuleKind::Aggregate { condition, .. } => mentions(condition, dataset),
        RuleKind::Unique { .. } | RuleKind::Type { .. } | RuleKind::Mapping { .. } => false,
    };
    named
        || matches!(among, Some(Among::Dataset { dataset: other, .. }) if other == dataset)
        || rule.when.as_ref().is_some_and(|e| mentions(e, dataset))
}

fn mentions(e: &Expr, dataset: &str) -> bool {
    e.any(&mut |e| matches!(&e.kind, ExprKind::Aggregate(Aggregate { rows: Rows::Dataset(d), .. }) if d == dataset))
}

//! Which dataset is made of which, and which looks at which.

use std::collections::BTreeSet;

use crate::hir::{Among, Checked, Contract, Expr, ExprKind, Rows, Rule, RuleKind};

/// How an edge came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Promotion,
    /// A rule of the target reads the source.
    Reference,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Promotion => "promotion",
            Kind::Reference => "reference",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    pub from: String,
    pub to: String,
    pub kind: Kind,
}

#[derive(Debug, Default)]
pub struct Lineage {
    /// Every dataset that has a contract or stands in an edge, once.
    pub datasets: BTreeSet<String>,
    pub edges: BTreeSet<Edge>,
}

impl Lineage {
    pub fn of(checked: &Checked) -> Self {
        let mut lineage = Self::default();
        let mut add = |from: &str, to: &str, kind: Kind| {
            if from != to {
                lineage.edges.insert(Edge { from: from.to_owned(), to: to.to_owned(), kind });
            }
        };
        for contract in &checked.contracts {
            contract.rules.iter().for_each(|rule| reads(checked, rule, &mut |from| add(from, &contract.dataset, Kind::Reference)));
        }
        for promotion in &checked.promotions {
            add(&promotion.from, &promotion.to, Kind::Promotion);
            promotion.rules.iter().for_each(|rule| reads(checked, rule, &mut |from| add(from, &promotion.to, Kind::Reference)));
            for mapping in &promotion.mappings {
                of_expr(&mapping.value, &mut |from| add(from, &promotion.to, Kind::Reference));
            }
        }
        let ends: Vec<String> = lineage.edges.iter().flat_map(|e| [e.from.clone(), e.to.clone()]).collect();
        lineage.datasets.extend(ends);
        lineage.datasets.extend(checked.contracts.iter().map(|c| c.dataset.clone()));
        lineage
    }

    pub fn upstream<'l>(&'l self, dataset: &'l str) -> impl Iterator<Item = &'l Edge> {
        self.edges.iter().filter(move |edge| edge.to == dataset)
    }

    pub fn downstream<'l>(&'l self, dataset: &'l str) -> impl Iterator<Item = &'l Edge> {
        self.edges.iter().filter(move |edge| edge.from == dataset)
    }
}

fn reads(checked: &Checked, rule: &Rule, found: &mut dyn FnMut(&str)) {
    if let Some(Among::Dataset { dataset, .. }) = rule.for_each.as_ref().and_then(|each| each.among.as_ref()) {
        found(dataset);
    }
    match &rule.kind {
        RuleKind::References { dataset, .. } => found(dataset),
        RuleKind::NoRows { sql } => {
            checked.contracts.iter().filter(|c| in_sql(sql, c)).for_each(|c| found(&c.dataset));
        }
        RuleKind::Type { .. }
        | RuleKind::Mapping { .. }
        | RuleKind::Row { .. }
        | RuleKind::Unique { .. }
        | RuleKind::Aggregate { .. } => {}
    }
    expressions(rule).into_iter().for_each(|expr| of_expr(expr, found));
}

fn of_expr(expr: &Expr, found: &mut dyn FnMut(&str)) {
    expr.visit(&mut |e| {
        if let ExprKind::Aggregate(aggregate) = &e.kind
            && let Rows::Dataset(dataset) = &aggregate.rows
        {
            found(dataset);
        }
    });
}

/// All that a rule computes.
pub fn expressions(rule: &Rule) -> Vec<&Expr> {
    let mut all: Vec<&Expr> = rule.when.iter().collect();
    all.extend(rule.for_each.iter().flat_map(|each| &each.by).map(|(_, value)| value));
    match &rule.kind {
        RuleKind::Row { condition } => all.push(condition),
        RuleKind::Unique { by, keep, .. } => {
            all.extend(by);
            all.extend(keep.iter().map(|keep| &keep.by));
        }
        RuleKind::Aggregate { condition, value, limit } => {
            all.push(condition);
            all.extend(value);
            all.extend(limit);
        }
        RuleKind::Type { .. } | RuleKind::Mapping { .. } | RuleKind::References { .. } | RuleKind::NoRows { .. } => {}
    }
    all
}

/// Whether a query names a dataset, as `silver.orders` stands in it.
fn in_sql(sql: &str, contract: &Contract) -> bool {
    let plain: String = sql.chars().filter(|c| *c != '`' && *c != '"').collect::<String>().to_lowercase();
    let wanted = contract.dataset.to_lowercase();
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    plain.match_indices(&wanted).any(|(at, _)| {
        let before = plain.get(..at).and_then(|text| text.chars().next_back());
        let after = plain.get(at + wanted.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

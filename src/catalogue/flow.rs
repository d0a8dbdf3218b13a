//! How data flows: between datasets by promotions and by what rules look up, between columns by mappings.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::hir::{Among, Checked, ExprKind, Rows, Rule, RuleKind, queries};

use super::{Book, page_of};

/// `layer.name` and a column's name.
pub type ColumnName = (String, String);

#[derive(Default)]
pub struct Flow {
    /// From and to.
    pub promotions: BTreeSet<(String, String)>,
    /// Looked up, and by whom.
    pub lookups: BTreeSet<(String, String)>,
    /// What a column is made from, and whether an expression stands between.
    pub made_from: BTreeMap<ColumnName, Vec<ColumnName>>,
    pub goes_to: BTreeMap<ColumnName, Vec<ColumnName>>,
}

impl Flow {
    pub fn of(checked: &Checked) -> Self {
        let mut flow = Flow::default();
        for promotion in &checked.promotions {
            flow.promotions.insert((promotion.from.clone(), promotion.to.clone()));
            for mapping in &promotion.mappings {
                let target = (promotion.to.clone(), mapping.column.clone());
                mapping.value.any(&mut |e| {
                    if let ExprKind::Column(name) = &e.kind {
                        flow.join((promotion.from.clone(), name.clone()), target.clone());
                    }
                    false
                });
            }
            for rule in &promotion.rules {
                flow.looked_up(checked, rule, &promotion.to);
            }
        }
        for contract in &checked.contracts {
            for rule in &contract.rules {
                flow.looked_up(checked, rule, &contract.dataset);
            }
        }
        let promoted = flow.promotions.clone();
        flow.lookups.retain(|edge| edge.0 != edge.1 && !promoted.contains(edge));
        flow
    }

    fn join(&mut self, from: ColumnName, to: ColumnName) {
        let sources = self.made_from.entry(to.clone()).or_default();
        if !sources.contains(&from) {
            sources.push(from.clone());
            self.goes_to.entry(from).or_default().push(to);
        }
    }

    fn looked_up(&mut self, checked: &Checked, rule: &Rule, by: &str) {
        let mut add = |dataset: &str| {
            self.lookups.insert((dataset.to_owned(), by.to_owned()));
        };
        match &rule.kind {
            RuleKind::References { dataset, .. } => add(dataset),
            RuleKind::NoRows { sql } => queries::named(sql, checked).for_each(|contract| add(&contract.dataset)),
            _ => {}
        }
        if let Some(Among::Dataset { dataset, .. }) = rule.for_each.as_ref().and_then(|each| each.among.as_ref()) {
            add(dataset);
        }
        let condition = match &rule.kind {
            RuleKind::Aggregate { condition, .. } | RuleKind::Row { condition } => Some(condition),
            _ => None,
        };
        for e in condition.into_iter().chain(&rule.when) {
            e.any(&mut |e| {
                if let ExprKind::Aggregate(a) = &e.kind
                    && let Rows::Dataset(dataset) = &a.rows
                {
                    add(dataset);
                }
                false
            });
        }
    }

    /// Edges into a dataset, or out of it.
    pub fn around<'f>(edges: &'f BTreeSet<(String, String)>, dataset: &str, into: bool) -> Vec<&'f str> {
        let mine = |(from, to): &&(String, String)| if into { to == dataset } else { from == dataset };
        edges.iter().filter(mine).map(|(from, to)| if into { from.as_str() } else { to.as_str() }).collect()
    }

    /// A dataset, all that it is made from and all that is made from it, and what these look up.
    fn near(&self, dataset: &str) -> BTreeSet<String> {
        let mut near = BTreeSet::from([dataset.to_owned()]);
        for into in [true, false] {
            let mut open = vec![dataset.to_owned()];
            while let Some(at) = open.pop() {
                for next in Self::around(&self.promotions, &at, into) {
                    if near.insert(next.to_owned()) {
                        open.push(next.to_owned());
                    }
                }
            }
        }
        for into in [true, false] {
            near.extend(Self::around(&self.lookups, dataset, into).into_iter().map(str::to_owned));
        }
        near
    }
}

/// The graph as the script draws it: of all datasets, or of those around one. `up`: the way to the site's folder.
pub fn graph(book: &Book<'_>, of: Option<&str>, up: &str) -> Value {
    let near = of.map(|dataset| book.flow.near(dataset));
    let shown = |dataset: &str| near.as_ref().is_none_or(|near| near.contains(dataset));
    let nodes: Vec<Value> = book
        .contracts
        .iter()
        .filter(|c| shown(&c.dataset))
        .map(|c| {
            let state = book.state(&c.dataset);
            json!({
                "id": c.dataset, "layer": c.layer(), "name": c.dataset.split_once('.').map_or("", |(_, name)| name),
                "href": format!("{up}{}", page_of(&c.dataset)), "mood": state.mood.class(),
                "sign": state.mood.sign(), "words": state.words, "here": of == Some(c.dataset.as_str()),
            })
        })
        .collect();
    let edge = |kind: &'static str| move |(from, to): &(String, String)| json!({"from": from, "to": to, "kind": kind});
    let known = |(from, to): &&(String, String)| {
        let is = |name: &str| shown(name) && book.checked().contract(name).is_some();
        is(from) && is(to)
    };
    let mut edges: Vec<Value> = book.flow.promotions.iter().filter(known).map(edge("promotion")).collect();
    edges.extend(book.flow.lookups.iter().filter(known).map(edge("lookup")));
    json!({"nodes": nodes, "edges": edges})
}

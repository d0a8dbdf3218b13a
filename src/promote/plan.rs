//! What a promotion needs from others: the order of a run, and the datasets that its rules read.

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::Fault;
use crate::hir::{ExprKind, Over, RuleKind, Write};
use crate::ir::{Input, Plan};
use crate::lake::batch;
use crate::lake::merge::By;
use crate::promote::{Run, Task};

/// Each task after those that write what it reads; tasks that wait for each other keep their order.
pub fn upstream_first<'t, 'a>(tasks: &'t [Task<'a>]) -> Vec<&'t Task<'a>> {
    let mut waiting: Vec<&Task<'a>> = tasks.iter().collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let targets: BTreeSet<&str> = waiting.iter().map(|t| t.promotion.to.as_str()).collect();
        let free = |task: &&Task<'a>| {
            let own = task.promotion.to.as_str();
            let waits = |dataset: &str| dataset != own && targets.contains(dataset);
            !waits(&task.promotion.from) && !datasets(task.plan).iter().any(|d| waits(d))
        };
        let next = waiting.iter().position(free).unwrap_or(0);
        ordered.push(waiting.remove(next));
    }
    ordered
}

impl Run<'_> {
    /// The datasets that a promotion's rules read, pinned; one that does not exist yet is missing.
    pub(super) async fn datasets(&self, task: &Task<'_>) -> Result<BTreeMap<String, Input>, Fault> {
        let mut pinned = BTreeMap::new();
        for dataset in datasets(task.plan) {
            // A name in a query that is no dataset's is an alias with a column.
            let Some(place) = self.lake.places.get(&dataset) else { continue };
            if let Some(input) = batch::whole(place, self.lake.storage).await? {
                pinned.insert(dataset, input);
            }
        }
        Ok(pinned)
    }
}

/// `layer.name` of each dataset that a rule reads.
fn datasets(plan: &Plan) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rule in &plan.rules {
        walk(&serde_json::to_value(&rule.rule).unwrap_or_default(), &mut |key, value| match key {
            // Of `References` and `Among`, and `Rows::Dataset`.
            "dataset" | "Dataset" => found.extend(value.as_str().map(str::to_owned)),
            "sql" => {
                found.extend(value.as_str().into_iter().flat_map(words).filter(|w| w.contains('.')).map(str::to_owned))
            }
            _ => {}
        });
    }
    found
}

/// Refuses what a merge cannot do yet.
pub fn can_write(task: &Task<'_>) -> Result<(), Fault> {
    let Write::Merge { .. } = &task.promotion.write else { return Ok(()) };
    let name = task.promotion.name();
    if merge_by(task)?.is_some_and(|by| by.key.is_empty()) {
        return Err(Fault::usage(format!(
            "`{name}` is written with `merge`, and `{}` has no `key`",
            task.promotion.to
        )));
    }
    Ok(())
}

/// How a promotion merges; `None` where it does not.
pub fn merge_by(task: &Task<'_>) -> Result<Option<By>, Fault> {
    let Write::Merge { by } = &task.promotion.write else { return Ok(None) };
    let newest = match by.as_ref().map(|by| &by.kind) {
        None => None,
        Some(ExprKind::Column(name)) => Some(name.clone()),
        // The check has refused all others.
        Some(_) => return Err(Fault::internal("a merge goes by an expression")),
    };
    let key = task.plan.columns.iter().filter(|c| c.key).map(|c| c.name.clone()).collect();
    Ok(Some(By { key, newest }))
}

/// Whether a rule's verdict depends on the rows that the target already has.
pub fn reads_table(plan: &Plan, write: &Write) -> bool {
    plan.rules.iter().any(|rule| {
        let mut reads = rule.rule.over == Over::Table
            || matches!(rule.rule.kind, RuleKind::Unique { key: true, .. }) && !matches!(write, Write::Merge { .. });
        walk(&serde_json::to_value(&rule.rule).unwrap_or_default(), &mut |key, value| match key {
            "rows" => reads |= value.as_str() == Some("Table"),
            "sql" => reads |= value.as_str().is_some_and(|sql| words(sql).any(|w| w.eq_ignore_ascii_case("table"))),
            _ => {}
        });
        reads
    })
}

/// Every entry of every object, at any depth.
fn walk(value: &serde_json::Value, visit: &mut impl FnMut(&str, &serde_json::Value)) {
    match value {
        serde_json::Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        serde_json::Value::Object(entries) => entries.iter().for_each(|(key, value)| {
            visit(key, value);
            walk(value, visit);
        }),
        _ => {}
    }
}

/// Names in a query's text, dots included.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).filter(|w| !w.is_empty())
}

//! What is known before a row is read: whether the files have the columns, in types that can be read.

use crate::engine::compile::columns_in;
use crate::engine::sources::Opened;
use crate::engine::sources::layout::{Layout, problem};
use crate::hir::{OtherColumns, RuleKind};
use crate::ir::Plan;

/// For each source column what is wrong with it.
pub fn problems(plan: &Plan, opened: &Opened, layouts: &[Layout]) -> Vec<Option<String>> {
    let first = |i: usize, column| layouts.iter().find_map(|l| problem(opened, l, i, column));
    plan.source.iter().enumerate().map(|(i, column)| first(i, column)).collect()
}

/// For each rule of the plan the reason for which it is broken; only rules about types can be.
pub fn broken(plan: &Plan, problems: &[Option<String>]) -> Vec<Option<String>> {
    let rule = |kind: &RuleKind| {
        let RuleKind::Type { column } = kind else { return None };
        let column = plan.column(column)?;
        let Some(value) = &column.value else {
            let missing = format!("{} has no column that becomes `{}`", plan.source_dataset, column.name);
            return (!column.nullable).then_some(missing);
        };
        let reads = columns_in(value);
        let position = |name: &String| plan.source.iter().position(|c| &c.name == name);
        reads.iter().find_map(|name| {
            let problem = problems.get(position(name)?)?.as_ref()?;
            Some(format!("`{name}` {problem}"))
        })
    };
    plan.rules.iter().map(|planned| rule(&planned.rule.kind)).collect()
}

/// Columns that the source's contract forbids, each once, in the files' order.
pub fn forbidden(plan: &Plan, layouts: &[Layout]) -> Vec<String> {
    let mut found = Vec::new();
    if plan.source_other == OtherColumns::Forbidden {
        for layout in layouts {
            for &extra in &layout.extra {
                let name = layout.schema.field(extra).name();
                if !found.contains(name) {
                    found.push(name.clone());
                }
            }
        }
    }
    found
}

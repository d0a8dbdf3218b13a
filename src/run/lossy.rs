//! Files whose columns can hold what their declared types cannot: instants too far away, nulls inside of a value that has
//! none there. A rule of each such column holds back the rows in which they do; nothing becomes null in silence.

use super::texts;
use crate::engine::expr::lost::may_lose;
use crate::engine::sources::layout::{Found, Layout};
use crate::hir::{ExprKind, RuleKind};
use crate::ir::{Plan, PlanRule, Stage};

/// Adds the rules. What is computed of a column has one already.
pub fn prepare(plan: &mut Plan, layouts: &[Layout]) {
    let loses = |plan: &Plan, name: &str| {
        let Some(position) = plan.source.iter().position(|c| c.name == name) else { return false };
        layouts.iter().any(|layout| match layout.columns.get(position) {
            Some(Found::At(at)) => may_lose(layout.schema.field(*at).data_type(), &plan.source[position].ty),
            _ => false,
        })
    };
    let location = plan.source_location.clone();
    let names: Vec<(usize, String)> = (plan.columns.iter().enumerate())
        .filter(|(_, column)| match column.value.as_ref().map(|value| &value.kind) {
            Some(ExprKind::Column(name)) => loses(plan, name),
            _ => false,
        })
        .map(|(i, column)| (i, column.name.clone()))
        .collect();
    for (i, column) in names.into_iter().rev() {
        let judged = |r: &PlanRule| matches!(&r.rule.kind, RuleKind::Mapping { column: c } if c == &column);
        if plan.rules.iter().any(judged) {
            continue;
        }
        let own = |r: &PlanRule| r.rule.name.strip_prefix(&column).is_some_and(|rest| rest.starts_with('.'));
        let at = plan.rules.iter().position(own).unwrap_or_else(|| i.min(plan.rules.len()));
        let rule = texts::rule(format!("{column}.cast"), RuleKind::Mapping { column });
        plan.rules.insert(at, PlanRule { rule, stage: Stage::Row, location: location.clone() });
    }
}

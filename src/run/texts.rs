//! Files that hold nothing but text, CSV and JSON lines: every column comes as text and becomes what its contract says
//! while it is judged. A cell that cannot is a reason of its row, and so is a line that cannot be read at all.

use crate::engine::sources::Opened;
use crate::engine::sources::text::CORRUPT;
use crate::hir::{Act, Action, Expr, ExprKind, Grain, Nulls, Over, Privacy, Rule, RuleKind, Type, Value};
use crate::ir::{Plan, PlanRule, SourceColumn, Stage};
use crate::source::Span;

/// Makes a plan over texts of one over values.
pub fn prepare(plan: &mut Plan, opened: &Opened) {
    if opened.text.is_none() {
        return;
    }
    let held: Vec<bool> = plan.source.iter().map(|c| opened.holds(&c.name)).collect();
    let columns: Vec<SourceColumn> =
        plan.source.iter().zip(&held).filter(|(_, held)| **held).map(|(c, _)| c.clone()).collect();
    for column in &mut plan.columns {
        if let Some(value) = &mut column.value {
            *value = read(value, &columns, plan.source_zone.as_deref());
        }
    }
    let location = plan.source_location.clone();
    for (i, column) in plan.columns.iter().enumerate().rev() {
        let fails = column.value.as_ref().is_some_and(|v| v.any(&mut |e| matches!(e.kind, ExprKind::Cast { .. } | ExprKind::Call { .. })));
        let judged = |r: &PlanRule| matches!(&r.rule.kind, RuleKind::Mapping { column: c } if c == &column.name);
        if fails && !plan.rules.iter().any(judged) {
            let own = |r: &PlanRule| r.rule.name.strip_prefix(&column.name).is_some_and(|rest| rest.starts_with('.'));
            let at = plan.rules.iter().position(own).unwrap_or_else(|| i.min(plan.rules.len()));
            let rule = rule(format!("{}.cast", column.name), RuleKind::Mapping { column: column.name.clone() });
            plan.rules.insert(at, PlanRule { rule, stage: Stage::Row, location: location.clone() });
        }
    }
    if opened.corrupt > 0 {
        let rule = rule("lines.readable".to_owned(), RuleKind::Mapping { column: CORRUPT.to_owned() });
        plan.rules.insert(0, PlanRule { rule, stage: Stage::Row, location });
        let privacy = plan.source.iter().map(|c| c.privacy).max().unwrap_or(Privacy::Public);
        plan.source.push(SourceColumn { name: CORRUPT.to_owned(), ty: Type::String, nullable: true, privacy });
    }
    for (column, held) in plan.source.iter_mut().zip(held) {
        if held {
            column.ty = Type::String;
        }
    }
}

/// The expression with every column of the files read from text.
fn read(expr: &Expr, columns: &[SourceColumn], zone: Option<&str>) -> Expr {
    let mut out = expr.clone();
    if let ExprKind::Column(name) = &expr.kind
        && let Some(column) = columns.iter().find(|c| &c.name == name)
    {
        let text = Expr { ty: Type::String, nullable: true, ..expr.clone() };
        return match &column.ty {
            Type::String => text,
            Type::Timestamp if zone.is_some() => {
                let zone = Value::String(zone.unwrap_or_default().to_owned());
                let zone = Expr { kind: ExprKind::Literal(zone), nullable: false, grain: Grain::Constant, ..text.clone() };
                let kind = ExprKind::Call { function: "to_timestamp".to_owned(), args: vec![text, zone] };
                Expr { kind, ty: Type::Timestamp, nullable: true, ..expr.clone() }
            }
            ty => Expr {
                kind: ExprKind::Cast { value: Box::new(text), attempt: false },
                ty: ty.clone(),
                nullable: true,
                ..expr.clone()
            },
        };
    }
    out.children_mut().into_iter().for_each(|child| *child = read(child, columns, zone));
    out
}

/// Holds back the rows for which it is broken.
pub(super) fn rule(name: String, kind: RuleKind) -> Rule {
    Rule {
        name,
        kind,
        when: None,
        for_each: None,
        over: Over::Batch,
        nulls: Nulls::Pass,
        actions: vec![Action { act: Act::Quarantine, above: None }],
        if_not_evaluated: None,
        because: None,
        fix: None,
        tags: Vec::new(),
        doc: String::new(),
        span: Span::default(),
        condition_span: Span::default(),
    }
}

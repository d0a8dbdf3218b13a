//! What a rule's condition is: one on each row, on groups or the batch, a key, a reference, a query.

use crate::hir::{BinaryOp, Expr, ExprKind, Grain, Keep, RuleKind, Type};
use crate::source::Span;
use crate::syntax::ast;

use super::super::scope::{self, Scope};
use super::super::infer::own_aggregate;
use super::super::{Checker, errors};
use super::modifiers::Modifiers;

impl<'a> Checker<'a> {
    pub fn the_condition_has_one_grain(
        &mut self,
        rule: &'a ast::Rule,
        mods: &Modifiers<'a>,
        when: Option<&Expr>,
        s: &mut Scope,
    ) -> Option<RuleKind> {
        match &rule.cond {
            ast::Cond::Expr(e) => {
                self.known_by(when, s);
                let condition = self.condition(e, s, "a rule");
                if condition.ty.is_error() {
                    return None;
                }
                let has_aggregate = condition.any(&mut |e| matches!(e.kind, ExprKind::Aggregate(_) | ExprKind::History { .. } | ExprKind::Drift { .. }));
                let row = condition.grain == Grain::Row || condition.grain == Grain::Constant && !has_aggregate;
                Some(if row {
                    RuleKind::Row { condition }
                } else {
                    let (value, limit) = sides(&condition);
                    RuleKind::Aggregate { condition, value, limit }
                })
            }
            ast::Cond::Unique { exprs, keep, .. } => {
                if mods.for_each.is_some() {
                    s.groups.clear();
                }
                let by: Vec<Expr> = exprs.iter().map(|e| self.row_value(e, s)).collect();
                let keep = match keep {
                    Some(keep) => Some(self.keep(keep, s)?),
                    None => None,
                };
                if by.iter().any(|e| e.ty.is_error()) {
                    return None;
                }
                Some(RuleKind::Unique { by, keep, key: false })
            }
            ast::Cond::References { columns, target, .. } => {
                let rows = s.rows.clone()?;
                let mut names = Vec::with_capacity(columns.len());
                for name in columns {
                    // In a rule set the column that stands for a parameter.
                    names.push(match s.binding(&name.text).map(|e| &e.kind) {
                        Some(ExprKind::Column(column)) => ast::Name { text: column.clone(), span: name.span },
                        _ => name.clone(),
                    });
                }
                let names: Vec<&ast::Name> = names.iter().collect();
                let own = rows.dataset.clone();
                self.references(&names, target, &rows, &own)
            }
            ast::Cond::NoRows { sql, span } => self.no_rows(sql, *span),
        }
    }

    /// A value of each row that can be compared with others.
    pub fn row_value(&mut self, e: &'a ast::Expr, s: &mut Scope) -> Expr {
        let found = self.expr(e, s);
        if found.ty.is_error() {
            return found;
        }
        if let Some(aggregate) = own_aggregate(&found) {
            self.report(errors::row_value_wanted(aggregate.span, self.text(aggregate.span)));
            return scope::error(found.span);
        }
        if found.grain == Grain::Constant {
            self.report(errors::row_value_wanted(found.span, self.text(found.span)));
            return scope::error(found.span);
        }
        if matches!(found.ty, Type::Map { .. }) {
            self.report(errors::no_order(found.span, BinaryOp::Equal, &found.ty));
            return scope::error(found.span);
        }
        found
    }

    fn keep(&mut self, keep: &'a ast::Keep, s: &mut Scope) -> Option<Keep> {
        let by = self.row_value(&keep.by, s);
        (!by.ty.is_error()).then_some(Keep { last: keep.last, by })
    }

    /// One `select`; what it says is planned by the engine. The datasets it names are read.
    fn no_rows(&mut self, sql: &ast::Text, span: Span) -> Option<RuleKind> {
        let text = sql.value.trim().trim_end_matches(';').trim();
        let first = text.split_whitespace().next().unwrap_or("");
        if !first.eq_ignore_ascii_case("select") && !first.eq_ignore_ascii_case("with") || text.contains(';') {
            self.report(errors::one_select(sql.span));
            return None;
        }
        for word in text.split(|c: char| !(c.is_alphanumeric() || "_.".contains(c))) {
            if let Some(schema) = self.schemas.get(&crate::resolve::fold(word)) {
                self.reads.push((schema.dataset.clone(), span));
            }
        }
        Some(RuleKind::NoRows { sql: text.to_owned() })
    }
}

/// The two sides of `a = b within t`, which asks of `a - b` that it lies between `-t` and `t`.
fn within(difference: &Expr, low: &Expr, high: &Expr) -> Option<(Expr, Expr)> {
    let bound = |e: &Expr| if let ExprKind::Binary { right, .. } = &e.kind { Some(right.span) } else { None };
    match &difference.kind {
        ExprKind::Binary { op: BinaryOp::Subtract, left, right } if bound(low)? == bound(high)? => {
            Some(((**left).clone(), (**right).clone()))
        }
        _ => None,
    }
}

/// The judged value of a condition and what it is compared with, where it is one comparison; of a range only the value.
fn sides(condition: &Expr) -> (Option<Expr>, Option<Expr>) {
    match &condition.kind {
        ExprKind::Binary { op, left, right } if op.is_comparison() => {
            if own_aggregate(left).is_some() || own_aggregate(right).is_none() {
                (Some((**left).clone()), Some((**right).clone()))
            } else {
                (Some((**right).clone()), Some((**left).clone()))
            }
        }
        ExprKind::Binary { op: BinaryOp::And, left, right } => match (sides(left).0, sides(right).0) {
            (Some(a), Some(b)) if a.without_spans() == b.without_spans() => {
                within(&a, left, right).map_or((Some(a), None), |(value, limit)| (Some(value), Some(limit)))
            }
            _ => (None, None),
        },
        ExprKind::Not(inner) => (sides(inner).0, None),
        _ => (None, None),
    }
}

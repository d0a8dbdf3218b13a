//! What a rule makes of the row.

use std::borrow::Cow;

use crate::eval::{self, Reason, Scope};
use crate::hir::{Aggregate, AggregateFn, DriftMeasure, Expr, ExprKind, HistoryWindow, Nulls, Type, Value};

use super::values::NOW;
use super::{Asked, Tried};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    Unmet,
    Kept,
    /// The condition is null, and that passes.
    Passed,
    Broken,
    /// Something cannot be computed.
    Unclear,
}

impl Outcome {
    pub fn lets_through(self) -> bool {
        matches!(self, Outcome::Unmet | Outcome::Kept | Outcome::Passed)
    }
}

/// The row as a rule sees it: itself, or what is mapped of it.
pub struct Row<'t, 'c> {
    pub tried: &'t Tried<'c>,
    pub mapped: bool,
}

impl Row<'_, '_> {
    pub fn outcome(&self, rule: &Asked<'_>) -> Outcome {
        let met = rule.when.map_or(Ok(Some(true)), |when| eval::holds(when, self));
        match met {
            Ok(Some(true)) => {}
            Ok(_) => return Outcome::Unmet,
            Err(_) => return Outcome::Unclear,
        }
        match eval::holds(rule.condition, self) {
            Ok(Some(true)) => Outcome::Kept,
            Ok(None) if rule.nulls == Nulls::Pass => Outcome::Passed,
            Ok(_) => Outcome::Broken,
            Err(_) => Outcome::Unclear,
        }
    }

    fn batch(&self, is: impl Fn(&ExprKind) -> bool) -> eval::Result {
        let found = self.tried.same.iter().find(|(expr, _)| is(&expr.kind));
        found.map(|(_, slot)| self.tried.row[*slot].clone()).ok_or(Reason::UNSUPPORTED)
    }
}

impl Scope for Row<'_, '_> {
    fn column(&self, name: &str) -> Option<Value> {
        self.lent(name).map(Cow::into_owned)
    }

    fn lent(&self, name: &str) -> Option<Cow<'_, Value>> {
        if !self.mapped {
            return self.tried.slot_of(name).map(|slot| Cow::Borrowed(&self.tried.row[slot]));
        }
        self.tried.mapping(name).map(Cow::Owned)
    }

    fn now(&self) -> i64 {
        NOW
    }

    fn aggregate(&self, aggregate: &Aggregate, _ty: &Type) -> eval::Result {
        self.batch(|kind| matches!(kind, ExprKind::Aggregate(own) if std::ptr::eq(own, aggregate)))
    }

    fn history(&self, metric: &Expr, _statistic: AggregateFn, _window: HistoryWindow) -> eval::Result {
        self.batch(|kind| matches!(kind, ExprKind::History { metric: own, .. } if std::ptr::eq(&**own, metric)))
    }

    fn drift(&self, value: &Expr, _measure: DriftMeasure, _window: HistoryWindow) -> eval::Result {
        self.batch(|kind| matches!(kind, ExprKind::Drift { value: own, .. } if std::ptr::eq(&**own, value)))
    }
}

/// A row of which only that is known that some columns are null.
pub struct Absent<'t, 'c>(pub &'t [(&'c str, Option<&'c Expr>)]);

impl Scope for Absent<'_, '_> {
    fn column(&self, name: &str) -> Option<Value> {
        let (_, value) = self.0.iter().find(|(column, _)| *column == name)?;
        value.is_none().then_some(Value::Null)
    }

    fn now(&self) -> i64 {
        NOW
    }
}

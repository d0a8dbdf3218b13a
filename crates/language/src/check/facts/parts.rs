//! What `and` or `or` joins, taken together: however it is nested, it means the same.

use std::collections::HashMap;

use super::formula::Formula;
use super::meaning::Meaning;
use crate::hir::{BinaryOp, Expr, ExprKind, Type, Value};

/// In a run of so many conditions, those that compare one value with constants become a list.
const LONG: usize = 8;

pub enum Part<'e> {
    Condition(&'e Expr),
    /// The value is one of these constants, or none of them where that is not `inside`.
    Listed { value: &'e Expr, constants: Vec<&'e Expr>, inside: bool },
}

/// The parts in their order. Of many, the comparisons of a value with constants that are a list together,
/// `a = 1 or a = 2`, stand at the place of the first.
pub fn parts<'e>(op: BinaryOp, left: &'e Expr, right: &'e Expr) -> Vec<Part<'e>> {
    let mut found = Vec::new();
    let mut todo = vec![right, left];
    while let Some(e) = todo.pop() {
        match &e.kind {
            ExprKind::Binary { op: own, left, right } if *own == op => todo.extend([&**right, &**left]),
            _ => found.push(Part::Condition(e)),
        }
    }
    if found.len() < LONG {
        return found;
    }
    let mut lists: HashMap<String, usize> = HashMap::new();
    let mut joined: Vec<Part> = Vec::with_capacity(found.len());
    for part in found {
        let Part::Condition(condition) = part else { continue };
        let Some((value, constant)) = listed(op, condition) else {
            joined.push(Part::Condition(condition));
            continue;
        };
        let next = joined.len();
        let at = *lists.entry(super::key(value)).or_insert(next);
        match joined.get_mut(at) {
            Some(Part::Listed { constants, .. }) => constants.push(constant),
            _ => joined.push(Part::Listed { value, constants: vec![constant], inside: op == BinaryOp::Or }),
        }
    }
    joined
}

/// `a = 1` among `or`s, `a <> 1` among `and`s. Not of a floating value: NaN differs from no number, and is in no list.
fn listed(op: BinaryOp, condition: &Expr) -> Option<(&Expr, &Expr)> {
    let wanted = if op == BinaryOp::And { BinaryOp::NotEqual } else { BinaryOp::Equal };
    let ExprKind::Binary { op, left, right } = &condition.kind else { return None };
    let (value, constant) = match (&left.kind, &right.kind) {
        (ExprKind::Literal(_), ExprKind::Literal(_)) => return None,
        (_, ExprKind::Literal(_)) => (left, right),
        _ => (right, left),
    };
    let usable = *op == wanted
        && constant_of(constant).is_some_and(|c| *c != Value::Null)
        && value.ty != Type::Boolean
        && !value.ty.is_floating()
        && !constant.ty.is_floating();
    usable.then_some((&**value, &**constant))
}

fn constant_of(e: &Expr) -> Option<&Value> {
    if let ExprKind::Literal(value) = &e.kind { Some(value) } else { None }
}

impl Meaning<'_> {
    /// The part has this truth.
    pub fn truth_of_part(&mut self, part: &Part, wanted: bool) -> Formula {
        match part {
            Part::Condition(e) => self.truth(e, wanted),
            Part::Listed { value, constants, inside } => {
                let wanted = wanted == *inside;
                let values: Vec<&Value> = constants.iter().filter_map(|c| constant_of(c)).collect();
                self.listing(value, &values, wanted).unwrap_or_else(|| {
                    let each: Vec<Formula> =
                        constants.iter().map(|c| self.comparison(BinaryOp::Equal, value, c, wanted)).collect();
                    if wanted { Formula::any(each) } else { Formula::all(each) }
                })
            }
        }
    }

    /// The part is null.
    pub fn unknown_part(&mut self, part: &Part) -> Formula {
        match part {
            Part::Condition(e) => self.unknown(e),
            Part::Listed { value, .. } => self.null(value),
        }
    }

    /// The part has this truth, or is null.
    pub fn part_unless(&mut self, part: &Part, truth: bool) -> Formula {
        match part {
            Part::Condition(e) => self.unless(e, truth),
            Part::Listed { .. } => self.truth_of_part(part, truth).or(self.unknown_part(part)),
        }
    }
}

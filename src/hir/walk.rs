//! Ways through an expression.

use super::{Expr, ExprKind};

impl Expr {
    /// Calls with every expression within, from outside in, itself first. What stands inside an aggregate is not
    /// visited: it is of other rows.
    pub fn visit<'a>(&'a self, f: &mut impl FnMut(&'a Expr)) {
        f(self);
        for child in self.children() {
            child.visit(f);
        }
    }

    /// The operands, in the order in which they are written; none of an aggregate.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Error
            | ExprKind::Literal(_)
            | ExprKind::Column(_)
            | ExprKind::Variable(_)
            | ExprKind::Aggregate(_) => Vec::new(),
            ExprKind::Field(a, _)
            | ExprKind::Not(a)
            | ExprKind::Negate(a)
            | ExprKind::IsNull(a)
            | ExprKind::IsTrue(a)
            | ExprKind::IsFalse(a)
            | ExprKind::Matches { value: a, .. }
            | ExprKind::Cast { value: a, .. }
            | ExprKind::History { metric: a, .. }
            | ExprKind::Drift { value: a, .. } => vec![a],
            ExprKind::Index(a, b)
            | ExprKind::IsDistinct(a, b)
            | ExprKind::Binary { left: a, right: b, .. }
            | ExprKind::Like { value: a, pattern: b, .. }
            | ExprKind::Quantified { source: a, body: b, .. } => vec![a, b],
            ExprKind::In { value, list } => std::iter::once(&**value).chain(list).collect(),
            ExprKind::Case { arms, otherwise } => {
                arms.iter().flat_map(|(c, v)| [c, v]).chain(otherwise.as_deref()).collect()
            }
            ExprKind::Call { args, .. } => args.iter().collect(),
        }
    }

    /// As [`Expr::children`], to change them.
    pub fn children_mut(&mut self, f: &mut dyn FnMut(&mut Expr)) {
        match &mut self.kind {
            ExprKind::Error
            | ExprKind::Literal(_)
            | ExprKind::Column(_)
            | ExprKind::Variable(_)
            | ExprKind::Aggregate(_) => {}
            ExprKind::Field(a, _)
            | ExprKind::Not(a)
            | ExprKind::Negate(a)
            | ExprKind::IsNull(a)
            | ExprKind::IsTrue(a)
            | ExprKind::IsFalse(a)
            | ExprKind::Matches { value: a, .. }
            | ExprKind::Cast { value: a, .. }
            | ExprKind::History { metric: a, .. }
            | ExprKind::Drift { value: a, .. } => f(a),
            ExprKind::Index(a, b)
            | ExprKind::IsDistinct(a, b)
            | ExprKind::Binary { left: a, right: b, .. }
            | ExprKind::Like { value: a, pattern: b, .. }
            | ExprKind::Quantified { source: a, body: b, .. } => {
                f(a);
                f(b);
            }
            ExprKind::In { value, list } => {
                f(value);
                list.iter_mut().for_each(f);
            }
            ExprKind::Case { arms, otherwise } => {
                for (condition, value) in arms {
                    f(condition);
                    f(value);
                }
                if let Some(otherwise) = otherwise {
                    f(otherwise);
                }
            }
            ExprKind::Call { args, .. } => args.iter_mut().for_each(f),
        }
    }
}

//! The value of an expression once its aggregates, groups and past are known.

use crate::engine::expr::{Frame, Names, NodeId, Program};
use crate::engine::types::value_at;
use crate::hir::{Aggregate, Expr, ExprKind, Grain, Type, Value};
use crate::source::Span;

/// What stands for parts of an expression.
pub struct Known<'a> {
    /// The values of a group, by the expressions that group.
    pub by: &'a [(&'a Expr, Value)],
    pub aggregate: &'a dyn Fn(&Aggregate) -> Option<Result<Value, String>>,
    /// Of a part that looks at the past.
    pub past: &'a dyn Fn(&Expr) -> Result<Value, Why>,
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// It cannot be computed, which breaks the rule.
    Broken(String),
    /// There is nothing to judge by.
    NotEvaluated(String),
}

pub fn compute(now: i64, expr: &Expr, known: &Known<'_>) -> Result<Value, Why> {
    let expr = replace(expr, known)?;
    let mut program = Program::new(now);
    let node = program.add(&expr, &Nothing).map_err(|_| Why::Broken("cannot be computed".to_string()))?;
    let computed = Frame::new(&program, 1, &[]).get(node);
    match computed.error(0) {
        0 => Ok(value_at(&computed.values, 0, program.ty(node))),
        code => Err(Why::Broken(program.reason(code).to_string())),
    }
}

struct Nothing;

impl Names for Nothing {
    fn column(&self, _: &mut Program, _: &str) -> Option<NodeId> {
        None
    }
}

fn literal(value: Value, ty: &Type) -> Expr {
    Expr { kind: ExprKind::Literal(value), ty: ty.clone(), nullable: true, grain: Grain::Constant, span: Span::default() }
}

fn replace(expr: &Expr, known: &Known<'_>) -> Result<Expr, Why> {
    if let Some((_, value)) = known.by.iter().find(|(e, _)| e.kind == expr.kind) {
        return Ok(literal(value.clone(), &expr.ty));
    }
    match &expr.kind {
        ExprKind::Aggregate(a) => {
            let value = (known.aggregate)(a).unwrap_or_else(|| Err("cannot be computed".to_string()));
            return value.map(|v| literal(v, &expr.ty)).map_err(Why::Broken);
        }
        ExprKind::History { .. } | ExprKind::Drift { .. } => return Ok(literal((known.past)(expr)?, &expr.ty)),
        _ => {}
    }
    let mut out = expr.clone();
    let mut failed = None;
    for child in out.operands_mut() {
        match replace(child, known) {
            Ok(new) => *child = new,
            // What cannot be judged decides: a sum that is broken may be so for want of the past.
            Err(why @ Why::NotEvaluated(_)) => failed = Some(why),
            Err(why) => failed = failed.or(Some(why)),
        }
    }
    failed.map_or(Ok(out), Err)
}

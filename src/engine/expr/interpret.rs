//! The bridge to the interpreter, for operators that have no kernel.

use std::sync::Arc;

use super::{CANNOT, Computed, Program};
use crate::engine::types::{array_of, value_at};
use crate::hir::{Expr, ExprKind, Grain, Type, Value};
use crate::source::Span;

/// The expression with its operands replaced by the columns `$0`, `$1`, …, which go to `operands`. Operands that
/// depend on a variable of the expression stay.
pub fn detach(expr: &Expr, operands: &mut Vec<Expr>) -> Expr {
    let mut out = expr.clone();
    children(&mut out.kind, &mut |child| take(child, operands));
    out
}

fn take(child: &mut Expr, operands: &mut Vec<Expr>) {
    if matches!(child.kind, ExprKind::Literal(_)) || reads_variable(child) {
        // Columns below a body stay reachable: they are taken one by one.
        if !matches!(child.kind, ExprKind::Literal(_) | ExprKind::Variable(_)) {
            children(&mut child.kind, &mut |c| take(c, operands));
        }
        return;
    }
    let column = Expr {
        kind: ExprKind::Column(format!("${}", operands.len())),
        ty: child.ty.clone(),
        nullable: true,
        grain: Grain::Row,
        span: Span::default(),
    };
    operands.push(std::mem::replace(child, column));
}

fn reads_variable(expr: &Expr) -> bool {
    if matches!(expr.kind, ExprKind::Variable(_)) {
        return true;
    }
    let mut found = false;
    children(&mut expr.kind.clone(), &mut |child| found |= reads_variable(child));
    found
}

pub fn children(kind: &mut ExprKind, f: &mut dyn FnMut(&mut Expr)) {
    match kind {
        ExprKind::Error | ExprKind::Literal(_) | ExprKind::Column(_) | ExprKind::Variable(_) => {}
        ExprKind::Field(a, _)
        | ExprKind::Not(a)
        | ExprKind::Negate(a)
        | ExprKind::IsNull(a)
        | ExprKind::IsTrue(a)
        | ExprKind::IsFalse(a)
        | ExprKind::Matches { value: a, .. }
        | ExprKind::Cast { value: a, .. } => f(a),
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
        ExprKind::Aggregate(_) | ExprKind::History { .. } | ExprKind::Drift { .. } => {}
    }
}

/// What the interpreter may say of a row of this expression.
pub fn reasons(expr: &Expr) -> Vec<String> {
    let mut found = vec![super::cast::reason(&expr.ty)];
    let mut kind = expr.kind.clone();
    children(&mut kind, &mut |child| {
        if matches!(child.kind, ExprKind::Cast { .. }) {
            found.push(super::cast::reason(&child.ty));
        }
    });
    found
}

/// Computes `expr` row by row; its columns `$0`, `$1`, … are `args`.
pub fn run(program: &Program, expr: &Expr, args: &[Computed], types: &[&Type], rows: usize) -> Computed {
    let mut values = Vec::with_capacity(rows);
    let mut errors: Option<Vec<u8>> = None;
    for row in 0..rows {
        let inherited = args.iter().map(|a| a.error(row)).find(|e| *e != 0);
        let outcome = match inherited {
            Some(code) => Err(code),
            None => {
                let operands: Vec<Value> =
                    args.iter().zip(types).map(|(a, ty)| value_at(&a.values, a.at(row), ty)).collect();
                evaluate(program, expr, &operands)
            }
        };
        values.push(outcome.unwrap_or_else(|code| {
            errors.get_or_insert_with(|| vec![0; rows])[row] = code;
            Value::Null
        }));
    }
    Computed { values: array_of(&expr.ty, &values), constant: false, errors: errors.map(Arc::from) }
}

fn evaluate(program: &Program, expr: &Expr, operands: &[Value]) -> Result<Value, u8> {
    let _ = (program, expr, operands);
    Err(CANNOT)
}

/// A cast row by row.
pub fn cast(program: &Program, a: Computed, from: &Type, to: &Type, attempt: bool) -> Computed {
    let operand = Expr {
        kind: ExprKind::Column("$0".into()),
        ty: from.clone(),
        nullable: true,
        grain: Grain::Row,
        span: Span::default(),
    };
    let kind = ExprKind::Cast { value: Box::new(operand), attempt };
    let expr = Expr { kind, ty: to.clone(), nullable: true, grain: Grain::Row, span: Span::default() };
    let (constant, rows) = (a.constant, a.values.len());
    let mut computed = run(program, &expr, std::slice::from_ref(&a), &[from], rows);
    computed.constant = constant;
    computed
}

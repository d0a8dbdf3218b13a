//! The bridge to the interpreter, for operators that have no kernel.

use std::sync::Arc;

use super::{Computed, Program};
use crate::engine::types::{array_of, value_at};
use crate::eval::{Scope, eval};
use crate::hir::{Expr, ExprKind, Grain, Type, Value};
use crate::source::Span;

/// The expression with its operands replaced by the columns `$0`, `$1`, …, which go to `operands`. Operands that
/// depend on a variable of the expression stay.
pub fn detach(expr: &Expr, operands: &mut Vec<Expr>) -> Expr {
    let mut out = expr.clone();
    out.operands_mut().into_iter().for_each(|child| take(child, operands));
    out
}

fn take(child: &mut Expr, operands: &mut Vec<Expr>) {
    if matches!(child.kind, ExprKind::Literal(_)) || reads_variable(child) {
        // Columns below a body stay reachable: they are taken one by one.
        if !matches!(child.kind, ExprKind::Literal(_) | ExprKind::Variable(_)) {
            child.operands_mut().into_iter().for_each(|c| take(c, operands));
        }
        return;
    }
    let column = Expr::column(format!("${}", operands.len()), child.ty.clone(), true, Span::default());
    operands.push(std::mem::replace(child, column));
}

fn reads_variable(expr: &Expr) -> bool {
    let mut found = false;
    expr.visit(&mut |e| found |= matches!(e.kind, ExprKind::Variable(_)));
    found
}

/// What the interpreter may say of the casts in this expression.
pub fn casts(expr: &Expr) -> Vec<Type> {
    let mut found = Vec::new();
    expr.visit(&mut |e| found.push(e.ty.clone()));
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

struct Row<'a> {
    operands: &'a [Value],
    now: i64,
}

impl Scope for Row<'_> {
    fn column(&self, name: &str) -> Option<Value> {
        name.strip_prefix('$').and_then(|n| n.parse::<usize>().ok()).and_then(|i| self.operands.get(i)).cloned()
    }

    fn now(&self) -> i64 {
        self.now
    }
}

fn evaluate(program: &Program, expr: &Expr, operands: &[Value]) -> Result<Value, u8> {
    let row = Row { operands, now: program.now };
    eval(expr, &row).map_err(|reason| program.code(&reason.0))
}

/// A cast row by row.
pub fn cast(program: &Program, a: Computed, from: &Type, to: &Type, attempt: bool) -> Computed {
    let operand = Expr::column("$0", from.clone(), true, Span::default());
    let kind = ExprKind::Cast { value: Box::new(operand), attempt };
    let expr = Expr { kind, ty: to.clone(), nullable: true, grain: Grain::Row, span: Span::default() };
    let (constant, rows) = (a.constant, a.values.len());
    let mut computed = run(program, &expr, std::slice::from_ref(&a), &[from], rows);
    computed.constant = constant;
    computed
}

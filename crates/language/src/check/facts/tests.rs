//! Questions about conditions made by hand.

use super::*;
use crate::hir::{BinaryOp, Grain, Type, Value};
use BinaryOp::{Greater, GreaterEqual, Less, LessEqual};

fn expr(kind: ExprKind, ty: Type) -> Expr {
    Expr { kind, ty, nullable: true, grain: Grain::Row, span: Default::default() }
}

fn int(name: &str) -> Expr {
    expr(ExprKind::Column(name.into()), Type::Int)
}

fn double(name: &str) -> Expr {
    expr(ExprKind::Column(name.into()), Type::Double)
}

fn text(name: &str) -> Expr {
    expr(ExprKind::Column(name.into()), Type::String)
}

fn number(n: i64) -> Expr {
    expr(ExprKind::Literal(Value::Int(n)), Type::Int)
}

fn words(list: &[&str]) -> Vec<Expr> {
    list.iter().map(|w| expr(ExprKind::Literal(Value::String((*w).into())), Type::String)).collect()
}

fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    let ty = if matches!(op, BinaryOp::Add | BinaryOp::Subtract) { left.ty.clone() } else { Type::Boolean };
    expr(ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) }, ty)
}

fn not(value: Expr) -> Expr {
    expr(ExprKind::Not(Box::new(value)), Type::Boolean)
}

fn among(value: Expr, list: &[&str]) -> Expr {
    expr(ExprKind::In { value: Box::new(value), list: words(list) }, Type::Boolean)
}

fn matches(value: Expr, pattern: &str) -> Expr {
    expr(ExprKind::Matches { value: Box::new(value), pattern: pattern.into() }, Type::Boolean)
}

fn length(value: Expr) -> Expr {
    expr(ExprKind::Call { function: "length".into(), args: vec![value] }, Type::Int)
}

/// Whether it is proven that all of these are never true at once.
fn never(conditions: &[Expr]) -> bool {
    let mut terms = Terms::default();
    let formulas: Vec<Formula> = conditions.iter().map(|c| Meaning::new(&mut terms).holds(c)).collect();
    solve::solve(&terms, &formulas.iter().collect::<Vec<_>>(), &Effort::of(1)).is_no()
}

#[test]
fn limits_and_lists() {
    assert!(never(&[binary(Greater, int("a"), number(5)), binary(Less, int("a"), number(6))]));
    assert!(!never(&[binary(Greater, double("a"), number(5)), binary(Less, double("a"), number(6))]));
    assert!(never(&[binary(Greater, int("a"), number(i64::from(i32::MAX)))]));
    assert!(never(&[among(text("s"), &["a", "b"]), among(text("s"), &["c"])]));
    assert!(!never(&[among(text("s"), &["a", "b"]), not(among(text("s"), &["b"]))]));
    assert!(never(&[among(text("s"), &["a", "b"]), binary(GreaterEqual, length(text("s")), number(2))]));
    assert!(never(&[matches(text("s"), "[A-Z]{2}"), binary(Greater, length(text("s")), number(2))]));
    assert!(never(&[matches(text("s"), "[A-Z]{2}"), among(text("s"), &["abc", "A"])]));
    assert!(!never(&[matches(text("s"), "[A-Z]+"), not(matches(text("s"), "[A-Z]{2}"))]));
}

#[test]
fn orders_between_columns() {
    let chain = [binary(LessEqual, int("a"), int("b")), binary(LessEqual, int("b"), int("c"))];
    let cycle = |last: Expr| chain.iter().cloned().chain([last]).collect::<Vec<_>>();
    assert!(never(&cycle(binary(Less, int("c"), int("a")))));
    assert!(!never(&cycle(binary(LessEqual, int("c"), int("a")))));
    let sum = binary(BinaryOp::Add, int("a"), int("b"));
    let all = [binary(Greater, sum, number(10)), binary(Less, int("a"), number(5)), binary(Less, int("b"), number(6))];
    assert!(never(&all));
    assert!(!never(&all[..2]));
    let apart = binary(Greater, binary(BinaryOp::Subtract, int("b"), int("a")), number(7));
    assert!(never(&[apart.clone(), binary(LessEqual, int("b"), int("a"))]));
    assert!(!never(&[apart, binary(GreaterEqual, int("b"), int("a"))]));
}

#[test]
fn null_and_nan_get_past_a_negation() {
    // A NaN makes `a < 5` false and so its negation true: nothing follows for the limits.
    let negated = not(binary(Less, double("a"), number(5)));
    let other = binary(Less, double("b"), number(1));
    let mut terms = Terms::default();
    let mut meaning = Meaning::new(&mut terms);
    let (t, f) = (meaning.holds(&negated), meaning.fails(&binary(GreaterEqual, double("a"), number(5))));
    let _ = meaning.holds(&other);
    assert!(!solve::solve(&terms, &[&t, &f], &Effort::of(1)).is_no());
    // For integers it is a contradiction.
    assert!(never(&[not(binary(Less, int("a"), number(5))), not(binary(GreaterEqual, int("a"), number(5)))]));
    // A condition that may be null is not always true.
    let both = binary(BinaryOp::Or, binary(Less, int("a"), number(5)), binary(GreaterEqual, int("a"), number(5)));
    let mut terms = Terms::default();
    let mut meaning = Meaning::new(&mut terms);
    let (false_, null) = (meaning.fails(&both), meaning.unknown(&both));
    assert!(solve::solve(&terms, &[&false_], &Effort::of(1)).is_no());
    assert!(!solve::solve(&terms, &[&null], &Effort::of(1)).is_no());
}

#[test]
fn what_is_not_understood_proves_nothing() {
    let odd = |e: Expr| expr(ExprKind::Call { function: "levenshtein".into(), args: vec![e.clone(), e] }, Type::Int);
    let quotient = |e: Expr| expr(ExprKind::Call { function: "div".into(), args: vec![e, int("b")] }, Type::Int);
    assert!(never(&[binary(Less, odd(text("s")), number(0))]));
    assert!(!never(&[binary(Greater, odd(text("s")), number(3))]));
    assert!(!never(&[binary(Greater, quotient(int("a")), number(3)), binary(Less, quotient(int("c")), number(3))]));
    assert!(never(&[binary(Greater, quotient(int("a")), number(3)), binary(Less, quotient(int("a")), number(3))]));
}

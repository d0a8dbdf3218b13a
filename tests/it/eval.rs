//! The interpreter, by hand-made trees: what tables of cases in the language cannot say.

use dqc::eval::zone::Zone;
use dqc::eval::{Constants, Reason, cast, eval, functions, operators, text, time, value};
use dqc::hir::{BinaryOp, Expr, ExprKind, Grain, Type, Value};

fn literal(value: Value, ty: Type) -> Expr {
    Expr { kind: ExprKind::Literal(value), ty, nullable: true, grain: Grain::Constant, span: Default::default() }
}

fn of(kind: ExprKind, ty: Type) -> Expr {
    Expr { kind, ty, nullable: true, grain: Grain::Constant, span: Default::default() }
}

fn run(expr: &Expr) -> Result<Value, Reason> {
    eval(expr, &Constants { now: 0 })
}

fn decimal(text: &str, precision: u8, scale: u8) -> Value {
    cast::cast(Value::String(text.into()), &Type::Decimal { precision, scale }).expect("a decimal")
}

fn boolean(b: Option<bool>) -> Expr {
    literal(b.map_or(Value::Null, Value::Bool), Type::Boolean)
}

fn failing() -> Expr {
    let (one, zero) = (literal(Value::Int(1), Type::BigInt), literal(Value::Int(0), Type::BigInt));
    let ratio = of(ExprKind::Call { function: "div".into(), args: vec![one, zero] }, Type::BigInt);
    of(ExprKind::Not(Box::new(of(ExprKind::IsNull(Box::new(ratio)), Type::Boolean))), Type::Boolean)
}

#[test]
fn and_or_are_three_valued_and_decided_by_what_can_be_computed() {
    let fold =
        |op, a: Expr, b: Expr| run(&of(ExprKind::Binary { op, left: Box::new(a), right: Box::new(b) }, Type::Boolean));
    let (t, f, n) = (|| boolean(Some(true)), || boolean(Some(false)), || boolean(None));
    assert_eq!(fold(BinaryOp::And, t(), n()), Ok(Value::Null));
    assert_eq!(fold(BinaryOp::And, n(), f()), Ok(Value::Bool(false)));
    assert_eq!(fold(BinaryOp::Or, n(), t()), Ok(Value::Bool(true)));
    assert_eq!(fold(BinaryOp::And, failing(), f()), Ok(Value::Bool(false)));
    assert_eq!(fold(BinaryOp::And, f(), failing()), Ok(Value::Bool(false)));
    assert_eq!(fold(BinaryOp::And, t(), failing()), Err(Reason::ZERO));
    assert_eq!(fold(BinaryOp::Or, failing(), n()), Err(Reason::ZERO));
}

#[test]
fn a_long_chain_is_no_deep_tree() {
    let mut chain = boolean(Some(true));
    for _ in 0..100_000 {
        let kind = ExprKind::Binary { op: BinaryOp::And, left: Box::new(chain), right: Box::new(boolean(Some(true))) };
        chain = of(kind, Type::Boolean);
    }
    assert_eq!(run(&chain), Ok(Value::Bool(true)));
    // dropping the tree would recurse
    std::mem::forget(chain);
}

#[test]
fn nan_breaks_every_comparison_and_is_not_distinct_from_itself() {
    let nan = || Value::Double(f64::NAN);
    for op in [BinaryOp::Equal, BinaryOp::NotEqual, BinaryOp::Less, BinaryOp::GreaterEqual] {
        assert_eq!(operators::binary(op, &nan(), &nan(), &Type::Boolean), Ok(Value::Bool(false)), "{op:?}");
    }
    assert!(value::same(&nan(), &nan()));
}

#[test]
fn decimals_are_exact_and_rounded_half_up_to_the_results_scale() {
    let ty = |precision, scale| Type::Decimal { precision, scale };
    let two = |op, a: &Value, b: &Value, ty: &Type| operators::binary(op, a, b, ty);
    let (a, b) = (decimal("10.00", 12, 2), decimal("3", 10, 0));
    assert_eq!(two(BinaryOp::Divide, &a, &b, &ty(23, 11)), Ok(decimal("3.33333333333", 23, 11)));
    assert_eq!(
        two(BinaryOp::Multiply, &decimal("0.05", 4, 2), &decimal("0.5", 4, 1), &ty(9, 2)),
        Ok(decimal("0.03", 9, 2))
    );
    assert_eq!(two(BinaryOp::Add, &decimal("99.99", 4, 2), &decimal("0.01", 4, 2), &ty(4, 2)), Err(Reason::OVERFLOW));
    assert_eq!(two(BinaryOp::Divide, &a, &decimal("0", 10, 0), &ty(23, 11)), Err(Reason::ZERO));
    let large = decimal(&"9".repeat(38), 38, 0);
    assert_eq!(two(BinaryOp::Multiply, &large, &large, &ty(38, 0)), Err(Reason::OVERFLOW));
}

#[test]
fn integers_overflow_with_a_reason() {
    let sum = operators::binary(BinaryOp::Add, &Value::Int(i64::MAX), &Value::Int(1), &Type::BigInt);
    assert_eq!(sum, Err(Reason::OVERFLOW));
    assert_eq!(operators::negate(&Value::Int(-128), &Type::TinyInt), Err(Reason::OVERFLOW));
    let cast = cast::cast(Value::Int(300), &Type::TinyInt);
    assert_eq!(cast.map_err(|r| r.to_string()), Err("out of range for tinyint".to_owned()));
}

#[test]
fn casts_are_sparks_in_ansi_mode() {
    let ok = |from: &str, ty: Type| cast::cast(Value::String(from.into()), &ty).map_err(|r| r.to_string());
    assert_eq!(ok(" 12 ", Type::Int), Ok(Value::Int(12)));
    assert_eq!(ok("1.5", Type::BigInt), Err("not a bigint".into()));
    assert_eq!(ok("", Type::Int), Err("not an int".into()));
    assert_eq!(ok("1e3", Type::Decimal { precision: 6, scale: 1 }), Ok(decimal("1000", 6, 1)));
    assert_eq!(ok("1234.5", Type::Decimal { precision: 4, scale: 1 }), Err("out of range for decimal(4, 1)".into()));
    assert_eq!(ok("Yes", Type::Boolean), Ok(Value::Bool(true)));
    assert_eq!(ok("nan", Type::Double).map(|v| value::is_nan(&v)), Ok(true));
    assert_eq!(ok("2026-02-30", Type::Date), Err("not a date".into()));
    let shown = |v: Value| cast::text(&v).expect("shown");
    assert_eq!(shown(Value::Double(1e7)), "1.0E7");
    assert_eq!(shown(Value::Double(0.001)), "0.001");
    assert_eq!(shown(Value::Double(123456.0)), "123456.0");
    assert_eq!(shown(decimal("-0.05", 4, 2)), "-0.05");
    assert_eq!(shown(Value::Timestamp(-1)), "1969-12-31 23:59:59.999999");
}

#[test]
fn a_zones_clock_is_put_forward_and_back() {
    let zone = Zone::parse("America/New_York").expect("a zone");
    let at = |text: &str| time::timestamp(text, zone).map(|t| cast::text(&Value::Timestamp(t)).expect("shown"));
    assert_eq!(at("2026-01-02 03:04:05").as_deref(), Some("2026-01-02 08:04:05"));
    // skipped: as much later
    assert_eq!(at("2026-03-08 02:30:00").as_deref(), Some("2026-03-08 07:30:00"));
    // twice: the first
    assert_eq!(at("2026-11-01 01:30:00").as_deref(), Some("2026-11-01 05:30:00"));
    assert_eq!(at("2026-01-02T03:04:05.5+05:30").as_deref(), Some("2026-01-01 21:34:05.5"));
    assert_eq!(at("2026-01-02 25:00:00"), None);
    assert!(Zone::parse("Mars/Olympus").is_none());
}

#[test]
fn like_has_an_escape_and_matches_takes_all_of_the_text() {
    assert_eq!(text::like("a%c", r"a\%_", false, None), Ok(true));
    assert_eq!(text::like("abc", r"a\%_", false, None), Ok(false));
    assert_eq!(text::like("a_b\nc", "a!_%", false, Some('!')), Ok(true));
    assert_eq!(text::like("ÀB", "àb", true, None), Ok(true));
    assert_eq!(text::matches("ab", "a|ab"), Ok(true));
    assert_eq!(text::matches("ab\n", "ab"), Ok(false));
    assert_eq!(text::matches("ab", "("), Err(Reason::REGEX));
}

#[test]
fn null_in_is_null_out_unless_a_function_says_otherwise() {
    let call = |f: &str, args: &[Value]| functions::call(f, args, &Type::String, 0);
    assert_eq!(call("upper", &[Value::Null]), Ok(Value::Null));
    assert_eq!(call("concat", &[Value::String("a".into()), Value::Null]), Ok(Value::Null));
    let (dash, a) = (Value::String("-".into()), Value::String("a".into()));
    assert_eq!(call("concat_ws", &[dash, a.clone(), Value::Null, a]), Ok(Value::String("a-a".into())));
    assert_eq!(call("least", &[Value::Null, Value::Int(2)]), Ok(Value::Int(2)));
    assert_eq!(call("least", &[Value::Null, Value::Null]), Ok(Value::Null));
}

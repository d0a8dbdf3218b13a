//! What is known of functions: which give null only for null, which can always be computed, between which
//! limits their values lie.

use super::number::Number;
use super::terms::Sort;
use crate::hir::{AggregateFn, BinaryOp, Expr, ExprKind, Type, Value};

/// Functions that can be computed for every value of the types that they take (text that is read as something
/// else is not among those), and that are null exactly where an argument is.
const TOTAL: &[&str] = &[
    "bit_length",
    "contains",
    "date",
    "day",
    "dayofweek",
    "dayofyear",
    "ends_with",
    "hour",
    "initcap",
    "isnan",
    "length",
    "lower",
    "ltrim",
    "md5",
    "minute",
    "month",
    "octet_length",
    "quarter",
    "reverse",
    "rtrim",
    "second",
    "sha256",
    "sha512",
    "size",
    "starts_with",
    "strpos",
    "time_of_day",
    "to_unixtime",
    "trim",
    "unix_date",
    "unix_millis",
    "upper",
    "week",
    "weekday",
    "year",
];

/// Functions that are null exactly where an argument is, but cannot always be computed.
const STRICT: &[&str] =
    &["abs", "ceil", "div", "floor", "mod", "pmod", "power", "round", "sqrt", "to_date", "to_timestamp"];

fn total(function: &str, args: &[Expr]) -> bool {
    TOTAL.contains(&function) && (!matches!(function, "date") || args.first().is_some_and(|a| a.ty != Type::String))
}

/// Whether a value is null exactly where one of its parts is.
pub fn is_strict(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Call { function, .. } => TOTAL.contains(&function.as_str()) || STRICT.contains(&function.as_str()),
        ExprKind::Negate(_) | ExprKind::Cast { attempt: false, .. } => true,
        ExprKind::Binary { .. } => true,
        _ => false,
    }
}

/// Whether the value itself, its parts given, can always be computed.
pub fn is_total(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Column(_) | ExprKind::Variable(_) | ExprKind::Field(..) => true,
        ExprKind::Call { function, args } => {
            total(function, args) || matches!(function.as_str(), "coalesce" | "now" | "age" | "current_date")
        }
        ExprKind::Cast { attempt: true, .. } => true,
        ExprKind::Cast { value, .. } => keeps_value(&value.ty, &expr.ty),
        ExprKind::Binary { op: BinaryOp::Concat, .. } => true,
        ExprKind::Binary { op: BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply, .. } => expr.ty.is_floating(),
        // By zero there is no quotient, of floating numbers neither.
        ExprKind::Binary { op: BinaryOp::Divide | BinaryOp::Remainder, right, .. } => {
            expr.ty.is_floating() && matches!(right.kind, ExprKind::Literal(Value::Double(x)) if x != 0.0)
        }
        ExprKind::Negate(_) => expr.ty.is_floating() || matches!(expr.ty, Type::Decimal { .. }),
        ExprKind::Case { .. } | ExprKind::Aggregate(_) | ExprKind::History { .. } | ExprKind::Drift { .. } => true,
        ExprKind::IsNull(_) | ExprKind::IsTrue(_) | ExprKind::IsFalse(_) | ExprKind::IsDistinct(..) => true,
        ExprKind::Not(_) | ExprKind::In { .. } | ExprKind::Like { .. } | ExprKind::Matches { .. } => true,
        ExprKind::Binary { op, .. } => op.is_comparison() || matches!(op, BinaryOp::And | BinaryOp::Or),
        ExprKind::Quantified { .. } => true,
        ExprKind::Error | ExprKind::Index(..) => false,
    }
}

/// Whether a cast gives every value back as it was.
pub fn keeps_value(from: &Type, to: &Type) -> bool {
    if from == to {
        return true;
    }
    match (from, to) {
        (Type::TinyInt | Type::SmallInt | Type::Int, Type::Double) | (Type::Float, Type::Double) => true,
        (Type::TinyInt | Type::SmallInt, Type::Float) => true,
        (Type::Decimal { precision: p, scale: s }, Type::Decimal { precision, scale }) => {
            scale >= s && precision - scale >= p.saturating_sub(*s)
        }
        _ if from.is_integer() => match to {
            Type::Decimal { precision, scale } => {
                let digits = match from {
                    Type::TinyInt => 3,
                    Type::SmallInt => 5,
                    Type::Int => 10,
                    _ => 19,
                };
                precision.saturating_sub(*scale) >= digits
            }
            Type::SmallInt => matches!(from, Type::TinyInt),
            Type::Int => matches!(from, Type::TinyInt | Type::SmallInt),
            Type::BigInt => true,
            _ => false,
        },
        (Type::Array { item: a, nullable: n }, Type::Array { item: b, nullable: m }) => keeps_value(a, b) && n <= m,
        (Type::Map { key: k, value: a, nullable: n }, Type::Map { key: l, value: b, nullable: m }) => {
            keeps_value(k, l) && keeps_value(a, b) && n <= m
        }
        (Type::Struct(a), Type::Struct(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| a.name == b.name && keeps_value(&a.ty, &b.ty) && a.nullable <= b.nullable)
        }
        _ => false,
    }
}

/// The limits that a function or an aggregate keeps to.
pub fn narrow(expr: &Expr, sort: Sort) -> Sort {
    let Sort::Number { low, high, step, floating } = sort else { return sort };
    let whole = |n: i128| Some(Number::whole(n));
    let (least, most, never_nan) = match &expr.kind {
        ExprKind::Call { function, .. } => match function.as_str() {
            "length" | "octet_length" | "bit_length" | "size" | "strpos" | "abs" | "levenshtein" | "regexp_count" => {
                (whole(0), None, false)
            }
            "sign" => (whole(-1), whole(1), false),
            "month" => (whole(1), whole(12), true),
            "quarter" => (whole(1), whole(4), true),
            "week" => (whole(1), whole(53), true),
            "day" => (whole(1), whole(31), true),
            "dayofweek" => (whole(1), whole(7), true),
            "weekday" => (whole(0), whole(6), true),
            "dayofyear" => (whole(1), whole(366), true),
            "hour" => (whole(0), whole(23), true),
            "minute" | "second" => (whole(0), whole(59), true),
            "mod97" => (whole(-1), whole(96), true),
            _ => (None, None, false),
        },
        ExprKind::Aggregate(aggregate) => match aggregate.function {
            AggregateFn::Count | AggregateFn::ApproxDistinct => (whole(0), None, true),
            AggregateFn::Share => (whole(0), whole(1), true),
            AggregateFn::StdDev | AggregateFn::StdDevPop | AggregateFn::Variance | AggregateFn::VariancePop => {
                (whole(0), None, false)
            }
            AggregateFn::Entropy | AggregateFn::Gaps | AggregateFn::Overlaps | AggregateFn::MutualInformation => {
                (whole(0), None, true)
            }
            AggregateFn::Association => (whole(0), whole(1), true),
            AggregateFn::Correlation => (whole(-1), whole(1), false),
            _ => (None, None, false),
        },
        ExprKind::Drift { .. } => (whole(0), None, false),
        _ => return Sort::Number { low, high, step, floating },
    };
    let low = match (low, least) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    };
    let high = match (high, most) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    Sort::Number { low, high, step, floating: floating && !never_nan }
}

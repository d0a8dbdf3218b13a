//! A text for an expression that equal ones share, wherever they stand, and no others.

use std::fmt::Write;

use crate::hir::{Aggregate, Expr, ExprKind, Type, Value};

/// The same for equal expressions wherever they stand.
pub fn key(expr: &Expr) -> String {
    let mut text = String::with_capacity(48);
    write_expr(expr, &mut text);
    text
}

fn write_expr(expr: &Expr, out: &mut String) {
    match &expr.kind {
        ExprKind::Error => out.push('!'),
        ExprKind::Literal(value) => literal(value, out),
        ExprKind::Column(name) => word('$', name, out),
        ExprKind::Variable(name) => word('@', name, out),
        ExprKind::Field(of, name) => {
            word('.', name, out);
            write_expr(of, out);
        }
        ExprKind::Index(of, at) => node("[", &[of, at], out),
        ExprKind::Not(inner) => node("not", &[inner], out),
        ExprKind::Negate(inner) => node("neg", &[inner], out),
        ExprKind::Binary { op, left, right } => {
            node(op.text(), &[left, right], out);
            if !op.is_comparison() && expr.ty != Type::Boolean {
                ty(&expr.ty, out);
            }
        }
        ExprKind::IsNull(inner) => node("null", &[inner], out),
        ExprKind::IsTrue(inner) => node("true", &[inner], out),
        ExprKind::IsFalse(inner) => node("false", &[inner], out),
        ExprKind::IsDistinct(left, right) => node("distinct", &[left, right], out),
        ExprKind::In { value, list } => {
            out.push_str("(in");
            write_expr(value, out);
            list.iter().for_each(|item| write_expr(item, out));
            out.push(')');
        }
        ExprKind::Like { value, pattern, insensitive, escape } => {
            node(if *insensitive { "ilike" } else { "like" }, &[value, pattern], out);
            _ = write!(out, "{escape:?}");
        }
        ExprKind::Matches { value, pattern } => {
            word('~', pattern, out);
            write_expr(value, out);
        }
        ExprKind::Case { arms, otherwise } => {
            out.push_str("(case");
            for (condition, value) in arms {
                node("", &[condition, value], out);
            }
            otherwise.iter().for_each(|value| write_expr(value, out));
            out.push(')');
        }
        ExprKind::Cast { value, attempt } => {
            node(if *attempt { "try" } else { "cast" }, &[value], out);
            ty(&expr.ty, out);
        }
        ExprKind::Call { function, args } => {
            word('f', function, out);
            out.push('(');
            args.iter().for_each(|arg| write_expr(arg, out));
            out.push(')');
        }
        ExprKind::Quantified { every, variable, source, body } => {
            word(if *every { 'E' } else { 'A' }, variable, out);
            node("", &[source, body], out);
        }
        ExprKind::Aggregate(aggregate) => write_aggregate(aggregate, out),
        ExprKind::History { metric, statistic, window } => {
            _ = write!(out, "{statistic:?}{window:?}");
            node("", &[metric], out);
        }
        ExprKind::Drift { value, measure, window } => {
            _ = write!(out, "{measure:?}{window:?}");
            node("", &[value], out);
        }
    }
}

fn write_aggregate(aggregate: &Aggregate, out: &mut String) {
    let Aggregate { function, args, distinct, filter, rows } = aggregate;
    _ = write!(out, "{function:?}{distinct}{rows:?}");
    out.push('(');
    args.iter().for_each(|arg| write_expr(arg, out));
    out.push('|');
    filter.iter().for_each(|filter| write_expr(filter, out));
    out.push(')');
}

fn node(name: &str, parts: &[&Expr], out: &mut String) {
    out.push('(');
    out.push_str(name);
    parts.iter().for_each(|part| write_expr(part, out));
    out.push(')');
}

/// A text of any characters, its length before it.
fn word(kind: char, text: &str, out: &mut String) {
    out.push(kind);
    number(text.len(), out);
    out.push(':');
    out.push_str(text);
}

/// Without the formatter, which is slow for what it does here.
fn number(n: usize, out: &mut String) {
    if n >= 10 {
        number(n / 10, out);
    }
    out.push(char::from(b'0' + (n % 10) as u8));
}

fn literal(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => word('"', text, out),
        Value::Int(n) if *n >= 0 => {
            out.push('#');
            number(*n as usize, out);
            out.push(';');
        }
        other => _ = write!(out, "#{other:?};"),
    }
}

fn ty(ty: &Type, out: &mut String) {
    match ty {
        Type::BigInt => out.push_str(":b"),
        Type::Int => out.push_str(":i"),
        Type::Double => out.push_str(":d"),
        Type::String => out.push_str(":s"),
        Type::Timestamp => out.push_str(":t"),
        Type::Date => out.push_str(":D"),
        Type::Decimal { precision, scale } => {
            out.push_str(":n");
            number(usize::from(*precision), out);
            out.push(',');
            number(usize::from(*scale), out);
        }
        other => _ = write!(out, ":{other:?};"),
    }
}

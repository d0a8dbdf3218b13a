//! Which types go together, and which casts make it so: Spark's rules in ANSI mode, but that text never becomes a
//! number, a date or an instant by itself unless it is a constant.

use super::literals;
use crate::hir::{BinaryOp, Expr, ExprKind, Field, Type, Value};

/// A decimal that keeps the whole digits and, if it must, gives up digits after the point, but for six: Spark's
/// `DecimalType.adjustPrecisionScale`.
pub fn decimal(precision: i32, scale: i32) -> Type {
    let (precision, scale) = if precision <= 38 {
        (precision, scale)
    } else {
        let whole = precision - scale;
        (38, (38 - whole).max(scale.min(6)))
    };
    Type::Decimal { precision: clamp(precision), scale: clamp(scale) }
}

fn clamp(n: i32) -> u8 {
    u8::try_from(n.clamp(0, 38)).unwrap_or(38)
}

fn rank(ty: &Type) -> u8 {
    match ty {
        Type::TinyInt => 1,
        Type::SmallInt => 2,
        Type::Int => 3,
        Type::BigInt => 4,
        _ => 5,
    }
}

/// The type to which both widen; `None` where they do not go together.
pub fn common(a: &Type, b: &Type) -> Option<Type> {
    use Type::*;
    Some(match (a, b) {
        _ if a == b => a.clone(),
        (Error, _) | (_, Error) => Error,
        (Null, other) | (other, Null) => other.clone(),
        _ if a.is_integer() && b.is_integer() => (if rank(a) >= rank(b) { a } else { b }).clone(),
        _ if a.is_floating() && b.is_numeric() || b.is_floating() && a.is_numeric() => Double,
        _ if a.is_numeric() && b.is_numeric() => {
            let ((p1, s1), (p2, s2)) = (a.as_decimal()?, b.as_decimal()?);
            let scale = i32::from(s1.max(s2));
            let whole = i32::from(p1.saturating_sub(s1).max(p2.saturating_sub(s2)));
            decimal(whole + scale, scale)
        }
        (Date, Timestamp) | (Timestamp, Date) | (TimestampNtz, Timestamp) | (Timestamp, TimestampNtz) => Timestamp,
        (Date, TimestampNtz) | (TimestampNtz, Date) => TimestampNtz,
        (Time, Timestamp | TimestampNtz) | (Timestamp | TimestampNtz, Time) => Time,
        (Array { item: x, nullable: m }, Array { item: y, nullable: n }) => {
            Array { item: Box::new(common(x, y)?), nullable: *m || *n }
        }
        (Map { key: k, value: v, nullable: m }, Map { key: l, value: w, nullable: n }) => {
            Map { key: Box::new(common(k, l)?), value: Box::new(common(v, w)?), nullable: *m || *n }
        }
        (Struct(f), Struct(g)) if f.len() == g.len() => {
            let mut fields = Vec::with_capacity(f.len());
            for (x, y) in f.iter().zip(g) {
                let ty = common(&x.ty, &y.ty).filter(|_| x.name.eq_ignore_ascii_case(&y.name))?;
                fields.push(Field { name: x.name.clone(), ty, nullable: x.nullable || y.nullable });
            }
            Struct(fields)
        }
        _ => return None,
    })
}

/// Whether every value of `from` is a value of `to`; that dates and times need a zone for it is not asked here.
pub fn widens(from: &Type, to: &Type) -> bool {
    use Type::*;
    match (from, to) {
        _ if from == to => true,
        (Error | Null, _) | (_, Error) => true,
        _ if from.is_integer() && to.is_integer() => rank(from) <= rank(to),
        _ if from.is_integer() && to.is_floating() => true,
        (Float | Decimal { .. }, Double) => true,
        (_, Decimal { precision, scale }) => from.as_decimal().is_some_and(|(p, s)| {
            // A bigint has 19 digits; its decimal in arithmetic has 20, as Spark counts.
            let p = if *from == BigInt { 19 } else { p };
            s <= *scale && p.saturating_sub(s) <= precision.saturating_sub(*scale)
        }),
        (Date, Timestamp | TimestampNtz) | (TimestampNtz, Timestamp) => true,
        (Array { item: x, nullable: m }, Array { item: y, nullable: n }) => widens(x, y) && (!m || *n),
        (Map { key: k, value: v, nullable: m }, Map { key: l, value: w, nullable: n }) => {
            widens(k, l) && widens(v, w) && (!m || *n)
        }
        (Struct(f), Struct(g)) => {
            f.len() == g.len()
                && f.iter().zip(g).all(|(x, y)| {
                    x.name.eq_ignore_ascii_case(&y.name) && widens(&x.ty, &y.ty) && (!x.nullable || y.nullable)
                })
        }
        _ => false,
    }
}

/// Whether an author may write `cast(… as …)` between the two, as in Spark's ANSI mode.
pub fn castable(from: &Type, to: &Type) -> bool {
    use Type::*;
    match (from, to) {
        _ if from == to => true,
        (Error | Null, _) | (_, Error) => true,
        (String, Binary | Boolean | Date | Timestamp | TimestampNtz) => true,
        (String, _) => to.is_numeric(),
        (_, String) => !matches!(from, Array { .. } | Map { .. } | Struct(_) | Interval | MonthInterval),
        (Boolean, _) => to.is_numeric(),
        (_, Boolean) => from.is_numeric(),
        _ if from.is_numeric() && to.is_numeric() => true,
        (Date | Timestamp | TimestampNtz, Date | Timestamp | TimestampNtz) => true,
        (Array { item: x, .. }, Array { item: y, .. }) => castable(x, y),
        (Map { key: k, value: v, .. }, Map { key: l, value: w, .. }) => castable(k, l) && castable(v, w),
        (Struct(f), Struct(g)) => f.len() == g.len() && f.iter().zip(g).all(|(x, y)| castable(&x.ty, &y.ty)),
        _ => false,
    }
}

/// How well a value goes where `to` is wanted, without being asked to: 0 as it is, more the more it is changed.
pub fn fits(e: &Expr, to: &Type) -> Option<u32> {
    if e.ty == *to || e.ty.is_error() || to.is_error() || e.ty == Type::Null {
        return Some(0);
    }
    match &e.kind {
        ExprKind::Literal(Value::String(_)) if to.is_temporal() || *to == Type::Time => return Some(3),
        ExprKind::Literal(value) if to.is_numeric() && literals::adapt_number(value, to).is_some() => {
            return Some(if e.ty.is_integer() && to.is_integer() { 1 } else { 2 });
        }
        _ => {}
    }
    if matches!(e.ty, Type::Timestamp | Type::TimestampNtz) && *to == Type::Time {
        return Some(4);
    }
    widens(&e.ty, to).then_some(2)
}

/// The types to which the operands of `+ - * / %` are cast, and the result's, for two numbers, as Spark has it.
pub fn arithmetic(op: BinaryOp, a: &Type, b: &Type) -> Option<(Type, Type, Type)> {
    use BinaryOp::*;
    if a.is_floating() || b.is_floating() {
        let ty = if *a == Type::Float && *b == Type::Float && op != Divide { Type::Float } else { Type::Double };
        return Some((ty.clone(), ty.clone(), ty));
    }
    if a.is_integer() && b.is_integer() {
        let ty = if op == Divide { Type::Double } else { common(a, b)? };
        return Some((ty.clone(), ty.clone(), ty));
    }
    let ((p1, s1), (p2, s2)) = (a.as_decimal()?, b.as_decimal()?);
    let own = |precision, scale| Type::Decimal { precision, scale };
    let (left, right) = (own(p1, s1), own(p2, s2));
    let (p1, s1, p2, s2) = (i32::from(p1), i32::from(s1), i32::from(p2), i32::from(s2));
    let scale = s1.max(s2);
    Some(match op {
        Add | Subtract => {
            let wide = common(&left, &right)?;
            (wide.clone(), wide, decimal((p1 - s1).max(p2 - s2) + scale + 1, scale))
        }
        Multiply => (left, right, decimal(p1 + p2 + 1, s1 + s2)),
        Divide => {
            let scale = 6.max(s1 + p2 + 1);
            (left, right, decimal(p1 - s1 + s2 + scale, scale))
        }
        Remainder => (left, right, decimal((p1 - s1).min(p2 - s2) + scale, scale)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(precision: u8, scale: u8) -> Type {
        Type::Decimal { precision, scale }
    }

    /// Values from Spark 4's `DecimalPrecisionTypeCoercion`.
    #[test]
    fn decimals_grow_as_in_spark() {
        let result = |op, a, b| arithmetic(op, &a, &b).map(|(_, _, ty)| ty);
        assert_eq!(result(BinaryOp::Add, dec(12, 2), dec(10, 4)), Some(dec(15, 4)));
        assert_eq!(result(BinaryOp::Multiply, dec(12, 2), dec(10, 4)), Some(dec(23, 6)));
        assert_eq!(result(BinaryOp::Divide, dec(12, 2), dec(10, 4)), Some(dec(27, 13)));
        assert_eq!(result(BinaryOp::Multiply, dec(38, 10), dec(38, 10)), Some(dec(38, 6)));
        assert_eq!(result(BinaryOp::Divide, Type::Int, Type::Int), Some(Type::Double));
        assert_eq!(common(&Type::Int, &dec(12, 2)), Some(dec(12, 2)));
        assert_eq!(common(&Type::BigInt, &dec(12, 2)), Some(dec(22, 2)));
    }
}

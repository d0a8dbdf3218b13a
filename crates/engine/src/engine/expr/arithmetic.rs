//! Arithmetic that has kernels: integers and decimals with every overflow noticed, floating numbers as IEEE 754
//! computes. The rest goes to the interpreter.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};

use super::{Computed, DIVISION_BY_ZERO, OVERFLOW, compare::both, either};
use crate::engine::types::arrow_type;
use crate::hir::{BinaryOp, Type};

pub fn has_kernel(op: BinaryOp, left: &Type, right: &Type, result: &Type) -> bool {
    use BinaryOp::*;
    match (left, right, result) {
        (l, r, t) if l.is_integer() => l == r && r == t && matches!(op, Add | Subtract | Multiply | Remainder),
        (l, r, t) if l.is_floating() => l == r && r == t && matches!(op, Add | Subtract | Multiply | Divide | Remainder),
        (Type::Decimal { scale: l, .. }, Type::Decimal { scale: r, .. }, Type::Decimal { scale: t, .. }) => match op {
            Add | Subtract => l == r && r == t,
            Multiply => l + r == *t,
            _ => false,
        },
        (Type::Timestamp | Type::TimestampNtz, Type::Interval, t) => t == left && matches!(op, Add | Subtract),
        (Type::Timestamp, Type::Timestamp, Type::Interval) | (Type::TimestampNtz, Type::TimestampNtz, Type::Interval) => {
            op == Subtract
        }
        (Type::Interval, Type::Interval, Type::Interval) => matches!(op, Add | Subtract),
        _ => false,
    }
}

pub fn compute(op: BinaryOp, a: &Computed, b: &Computed, ty: &Type, rows: usize) -> Computed {
    macro_rules! checked {
        ($left:ty, $right:ty, $result:ty) => {
            integers::<$left, $right, $result>(op, a, b, ty, rows)
        };
    }
    macro_rules! micros {
        ($left:ty, $right:ty, $result:ty) => {
            whole::<$left, $right, $result>(a, b, ty, rows, match op {
                BinaryOp::Subtract => |x: i64, y: i64| x.checked_sub(y).ok_or(OVERFLOW),
                _ => |x: i64, y: i64| x.checked_add(y).ok_or(OVERFLOW),
            })
        };
    }
    type Instant = TimestampMicrosecondType;
    type Length = DurationMicrosecondType;
    match (ty, a.values.data_type()) {
        (Type::TinyInt, _) => checked!(Int8Type, Int8Type, Int8Type),
        (Type::SmallInt, _) => checked!(Int16Type, Int16Type, Int16Type),
        (Type::Int, _) => checked!(Int32Type, Int32Type, Int32Type),
        (Type::BigInt, _) => checked!(Int64Type, Int64Type, Int64Type),
        (Type::Float, _) => floats::<Float32Type>(op, a, b, ty, rows),
        (Type::Double, _) => floats::<Float64Type>(op, a, b, ty, rows),
        (Type::Decimal { precision, .. }, _) => decimals(op, a, b, *precision, ty, rows),
        (Type::Interval, arrow::datatypes::DataType::Timestamp(..)) => micros!(Instant, Instant, Length),
        (Type::Interval, _) => micros!(Length, Length, Length),
        _ => micros!(Instant, Length, Instant),
    }
}

fn integers<L, R, T>(op: BinaryOp, a: &Computed, b: &Computed, ty: &Type, rows: usize) -> Computed
where
    L: ArrowPrimitiveType,
    R: ArrowPrimitiveType<Native = L::Native>,
    T: ArrowPrimitiveType<Native = L::Native>,
    L::Native: ArrowNativeTypeOp,
{
    type N<T> = <T as ArrowPrimitiveType>::Native;
    whole::<L, R, T>(a, b, ty, rows, match op {
        BinaryOp::Add => |x: N<L>, y: N<L>| x.add_checked(y).map_err(|_| OVERFLOW),
        BinaryOp::Subtract => |x: N<L>, y: N<L>| x.sub_checked(y).map_err(|_| OVERFLOW),
        BinaryOp::Multiply => |x: N<L>, y: N<L>| x.mul_checked(y).map_err(|_| OVERFLOW),
        _ => |x: N<L>, y: N<L>| if y.is_zero() { Err(DIVISION_BY_ZERO) } else { Ok(x.mod_wrapping(y)) },
    })
}

/// Computes every row; a row that fails has its reason, and any value.
fn whole<L, R, T>(
    a: &Computed,
    b: &Computed,
    ty: &Type,
    rows: usize,
    f: impl Fn(L::Native, R::Native) -> Result<T::Native, u8>,
) -> Computed
where
    L: ArrowPrimitiveType,
    R: ArrowPrimitiveType,
    T: ArrowPrimitiveType,
{
    let nulls = both(a, b, rows);
    let (l, r) = (a.values.as_primitive::<L>().values(), b.values.as_primitive::<R>().values());
    let (left_one, right_one) = (a.constant && rows != 1, b.constant && rows != 1);
    let mut failed = false;
    let mut one = |i: usize| {
        let result = f(l[if left_one { 0 } else { i }], r[if right_one { 0 } else { i }]);
        failed |= result.is_err();
        result.unwrap_or_default()
    };
    let values: Vec<T::Native> = (0..rows).map(&mut one).collect();
    let mut errors = either(a, b, rows);
    if failed {
        let fail = |i: usize| {
            let earlier = errors.as_ref().map_or(0, |e| e[i]);
            if earlier != 0 || nulls.as_ref().is_some_and(|n| n.is_null(i)) {
                return earlier;
            }
            f(l[if left_one { 0 } else { i }], r[if right_one { 0 } else { i }]).err().unwrap_or(0)
        };
        errors = Some((0..rows).map(fail).collect());
    }
    finish::<T>(values, nulls, ty, errors)
}

fn finish<T: ArrowPrimitiveType>(
    values: Vec<T::Native>,
    nulls: Option<NullBuffer>,
    ty: &Type,
    errors: Option<Arc<[u8]>>,
) -> Computed {
    let array = PrimitiveArray::<T>::new(values.into(), nulls).with_data_type(arrow_type(ty));
    Computed { values: Arc::new(array) as ArrayRef, constant: false, errors: errors.filter(|e| e.iter().any(|c| *c != 0)) }
}

/// Division by zero is refused as in ANSI mode; everything else is what the processor gives.
fn floats<T>(op: BinaryOp, a: &Computed, b: &Computed, ty: &Type, rows: usize) -> Computed
where
    T: ArrowPrimitiveType,
    T::Native: ArrowNativeTypeOp,
{
    type N<T> = <T as ArrowPrimitiveType>::Native;
    whole::<T, T, T>(a, b, ty, rows, match op {
        BinaryOp::Add => |x: N<T>, y: N<T>| Ok(x.add_wrapping(y)),
        BinaryOp::Subtract => |x: N<T>, y: N<T>| Ok(x.sub_wrapping(y)),
        BinaryOp::Multiply => |x: N<T>, y: N<T>| Ok(x.mul_wrapping(y)),
        BinaryOp::Divide => |x: N<T>, y: N<T>| if zero::<T>(y) { Err(DIVISION_BY_ZERO) } else { Ok(x.div_wrapping(y)) },
        _ => |x: N<T>, y: N<T>| if zero::<T>(y) { Err(DIVISION_BY_ZERO) } else { Ok(x.mod_wrapping(y)) },
    })
}

fn zero<T: ArrowPrimitiveType>(value: T::Native) -> bool
where
    T::Native: ArrowNativeTypeOp,
{
    // `is_zero` orders floating numbers totally, so that -0.0 would not be zero to it.
    value == T::Native::default()
}

fn decimals(op: BinaryOp, a: &Computed, b: &Computed, precision: u8, ty: &Type, rows: usize) -> Computed {
    let limit = 10i128.checked_pow(u32::from(precision)).unwrap_or(i128::MAX);
    let fit = move |v: Option<i128>| v.filter(|v| v.unsigned_abs() < limit.unsigned_abs()).ok_or(OVERFLOW);
    whole::<Decimal128Type, Decimal128Type, Decimal128Type>(a, b, ty, rows, |x, y| {
        fit(match op {
            BinaryOp::Add => x.checked_add(y),
            BinaryOp::Subtract => x.checked_sub(y),
            _ => x.checked_mul(y),
        })
    })
}

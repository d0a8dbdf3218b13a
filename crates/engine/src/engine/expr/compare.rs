//! Comparisons of two values of one type.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Datum, Int64Array, Scalar};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::kernels::cmp;
use arrow::datatypes::{DataType, Decimal64Type, Decimal128Type, Float32Type, Float64Type};

use super::Computed;
use crate::hir::{BinaryOp, Type};

pub fn has_kernel(left: &Type, right: &Type) -> bool {
    left == right && !matches!(left, Type::Array { .. } | Type::Map { .. } | Type::Struct(_) | Type::Null | Type::Error)
}

pub fn compare(op: BinaryOp, a: &Computed, b: &Computed, rows: usize) -> BooleanArray {
    match a.values.data_type() {
        DataType::Float64 => floats::<Float64Type>(op, a, b, rows),
        DataType::Float32 => floats::<Float32Type>(op, a, b, rows),
        _ => exact(op, a, b).unwrap_or_else(|| BooleanArray::new_null(rows)),
    }
}

fn exact(op: BinaryOp, a: &Computed, b: &Computed) -> Option<BooleanArray> {
    let kernel = match op {
        BinaryOp::Equal => cmp::eq,
        BinaryOp::NotEqual => cmp::neq,
        BinaryOp::Less => cmp::lt,
        BinaryOp::LessEqual => cmp::lt_eq,
        BinaryOp::Greater => cmp::gt,
        BinaryOp::GreaterEqual => cmp::gt_eq,
        _ => return None,
    };
    let (left, right) = (datum(a), datum(b));
    kernel(left.as_ref(), right.as_ref()).ok()
}

/// The comparison that says the same with its sides exchanged.
pub fn mirrored(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessEqual => BinaryOp::GreaterEqual,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterEqual => BinaryOp::LessEqual,
        other => other,
    }
}

/// Compares a column of eight-byte decimals with a constant of the same scale; `None` where it is no such column.
pub fn narrow(op: BinaryOp, column: &ArrayRef, value: &ArrayRef) -> Option<BooleanArray> {
    let (DataType::Decimal64(_, a), DataType::Decimal128(_, b)) = (column.data_type(), value.data_type()) else {
        return None;
    };
    if a != b || value.is_null(0) {
        return None;
    }
    let value = i64::try_from(value.as_primitive::<Decimal128Type>().value(0)).ok()?;
    let stored = column.as_primitive::<Decimal64Type>();
    let numbers: Int64Array = stored.reinterpret_cast();
    let value = Int64Array::new_scalar(value);
    let kernel = match op {
        BinaryOp::Equal => cmp::eq,
        BinaryOp::NotEqual => cmp::neq,
        BinaryOp::Less => cmp::lt,
        BinaryOp::LessEqual => cmp::lt_eq,
        BinaryOp::Greater => cmp::gt,
        BinaryOp::GreaterEqual => cmp::gt_eq,
        _ => return None,
    };
    kernel(&numbers, &value).ok()
}

/// As arrow's kernels take it. One constant is a scalar; two are arrays of one.
pub fn datum(a: &Computed) -> Box<dyn Datum> {
    if a.constant { Box::new(Scalar::new(ArrayRef::clone(&a.values))) } else { Box::new(ArrayRef::clone(&a.values)) }
}

/// As IEEE 754 compares, so that a NaN makes every comparison false, `<>` too, and the two zeros are equal; Arrow's
/// own kernels order them totally.
fn floats<T: ArrowPrimitiveType>(op: BinaryOp, a: &Computed, b: &Computed, rows: usize) -> BooleanArray
where
    T::Native: PartialOrd,
{
    let (left, right) = (a.values.as_primitive::<T>(), b.values.as_primitive::<T>());
    let (l, r) = (left.values(), right.values());
    let test: fn(T::Native, T::Native) -> bool = match op {
        BinaryOp::Equal => |x, y| x == y,
        BinaryOp::NotEqual => |x, y| x < y || x > y,
        BinaryOp::Less => |x, y| x < y,
        BinaryOp::LessEqual => |x, y| x <= y,
        BinaryOp::Greater => |x, y| x > y,
        _ => |x, y| x >= y,
    };
    let values = match (a.constant && rows != 1, b.constant && rows != 1) {
        (false, false) => BooleanBuffer::collect_bool(rows, |i| test(l[i], r[i])),
        (true, false) => BooleanBuffer::collect_bool(rows, |i| test(l[0], r[i])),
        (false, true) => BooleanBuffer::collect_bool(rows, |i| test(l[i], r[0])),
        (true, true) => BooleanBuffer::collect_bool(rows, |_| test(l[0], r[0])),
    };
    BooleanArray::new(values, both(a, b, rows))
}

/// Where neither side is null.
pub fn both(a: &Computed, b: &Computed, rows: usize) -> Option<NullBuffer> {
    let nulls = |c: &Computed| match (c.values.nulls(), c.constant && rows != 1) {
        (Some(nulls), true) => nulls.is_null(0).then(|| NullBuffer::new_null(rows)),
        (nulls, _) => nulls.cloned(),
    };
    NullBuffer::union(nulls(a).as_ref(), nulls(b).as_ref())
}

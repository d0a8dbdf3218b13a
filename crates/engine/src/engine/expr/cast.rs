//! Casts: exact kernels between numbers, plain texts read fast, everything else as the interpreter casts.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{ArrowPrimitiveType, Date32Type, Decimal128Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};

use super::{Computed, Program, interpret};
use crate::engine::types::arrow_type;
use crate::eval::Reason;
use crate::hir::Type;

pub fn cast(program: &Program, a: Computed, from: &Type, to: &Type, attempt: bool) -> Computed {
    let Some(values) = kernel(&a.values, from, to) else {
        return interpret::cast(program, a, from, to, attempt);
    };
    let mut errors = a.errors.clone();
    // A value that did not become one of the new type is null where it was not.
    if values.null_count() > a.values.null_count() && !attempt {
        // Numbers fail for their size alone; texts go through here only if they can be read.
        let code = program.code(&Reason::out_of(to).0);
        let failed = |i: usize| if values.is_null(i) && a.values.is_valid(i) { code } else { 0 };
        let combined = |i: usize| if a.error(i) != 0 { a.error(i) } else { failed(i) };
        errors = Some((0..values.len()).map(combined).collect());
    }
    Computed { values, constant: a.constant, errors }
}

/// `None` where the interpreter must do it. A value that cannot be cast becomes null.
fn kernel(values: &ArrayRef, from: &Type, to: &Type) -> Option<ArrayRef> {
    let target = arrow_type(to);
    let exact = match (from, to) {
        (Type::Null, _) => return Some(arrow::array::new_null_array(&target, values.len())),
        (a, b) if a.is_integer() => b.is_numeric(),
        (Type::Float | Type::Double, Type::Float | Type::Double) => true,
        (Type::Double, b) if b.is_integer() => true,
        (Type::Decimal { .. }, Type::Double | Type::Decimal { .. }) => true,
        (Type::Date, Type::TimestampNtz) => true,
        (Type::String, b) => return text(values, b),
        _ => false,
    };
    if !exact {
        return None;
    }
    let options = CastOptions { safe: true, ..CastOptions::default() };
    cast_with_options(values, &target, &options).ok()
}

/// Reads plain texts, as nearly all are; gives up on the first that is not.
fn text(values: &ArrayRef, to: &Type) -> Option<ArrayRef> {
    let strings = values.as_string_view();
    let nulls = strings.nulls();
    fn read<T: ArrowPrimitiveType>(
        strings: &arrow::array::StringViewArray,
        plain: impl Fn(&[u8]) -> Option<T::Native>,
    ) -> Option<PrimitiveArray<T>> {
        let mut read = Vec::with_capacity(strings.len());
        for i in 0..strings.len() {
            read.push(if strings.is_valid(i) { plain(strings.value(i).as_bytes())? } else { T::Native::default() });
        }
        Some(PrimitiveArray::new(read.into(), strings.nulls().cloned()))
    }
    let array: ArrayRef = match to {
        Type::BigInt => Arc::new(read::<Int64Type>(strings, |t| integer(t, 18))?),
        Type::Int => Arc::new(read::<Int32Type>(strings, |t| integer(t, 10)?.try_into().ok())?),
        Type::SmallInt => Arc::new(read::<Int16Type>(strings, |t| integer(t, 5)?.try_into().ok())?),
        Type::TinyInt => Arc::new(read::<Int8Type>(strings, |t| integer(t, 3)?.try_into().ok())?),
        Type::Date => Arc::new(read::<Date32Type>(strings, date)?),
        Type::Double => Arc::new(read::<Float64Type>(strings, double)?),
        Type::Decimal { precision, scale } => {
            let array = read::<Decimal128Type>(strings, |t| decimal(t, *precision, *scale))?;
            Arc::new(array.with_data_type(arrow_type(to)))
        }
        _ => return None,
    };
    debug_assert_eq!(array.nulls(), nulls);
    Some(array)
}

/// An optional sign and at most `digits` digits.
fn integer(text: &[u8], digits: usize) -> Option<i64> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if rest.is_empty() || rest.len() > digits.min(18) {
        return None;
    }
    let mut value = 0i64;
    for byte in rest {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    Some(if negative { -value } else { value })
}

/// Digits with a point, no exponent, no more decimals than the scale has.
fn decimal(text: &[u8], precision: u8, scale: u8) -> Option<i128> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let point = rest.iter().position(|b| *b == b'.');
    let (whole, fraction) = match point {
        Some(p) => (&rest[..p], &rest[p + 1..]),
        None => (rest, &[][..]),
    };
    let scale = usize::from(scale);
    if whole.is_empty() || fraction.len() > scale || whole.len() + scale > usize::from(precision) {
        return None;
    }
    let mut value = 0i128;
    for byte in whole.iter().chain(fraction) {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i128::from(byte - b'0');
    }
    value *= 10i128.pow((scale - fraction.len()) as u32);
    Some(if negative { -value } else { value })
}

fn double(text: &[u8]) -> Option<f64> {
    let plain = text.iter().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.'));
    if !plain || !text.first().is_some_and(|b| b.is_ascii_digit() || *b == b'-') {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `yyyy-mm-dd`
fn date(text: &[u8]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let number = |digits: &[u8]| integer(digits, 4).filter(|_| digits.iter().all(u8::is_ascii_digit));
    let year = i32::try_from(number(&[*y1, *y2, *y3, *y4])?).ok()?;
    let month = u32::try_from(number(&[*m1, *m2])?).ok()?;
    let day = u32::try_from(number(&[*d1, *d2])?).ok()?;
    let date = chrono::NaiveDate::from_ymd_opt(year, month, day)?;
    i32::try_from(date.signed_duration_since(chrono::NaiveDate::default()).num_days()).ok()
}


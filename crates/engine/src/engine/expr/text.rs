//! Sets, patterns and lengths.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringViewArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::kernels::comparison;
use arrow::datatypes::{Date32Type, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type};

use super::facts::{Point, Range};
use crate::hir::{Expr, ExprKind, Type, Value};

/// The constants of an `in`.
#[derive(Debug)]
pub struct Set {
    items: Items,
    /// Whether null is listed: what is not found is unknown then.
    null: bool,
}

#[derive(Debug)]
enum Items {
    Strings(HashSet<Vec<u8>>),
    /// Texts of at most twelve bytes, as Arrow's views hold them.
    Short(Vec<u128>),
    Numbers(Vec<i128>),
}

/// A scan of so few numbers beats hashing.
const FEW: usize = 16;

impl Set {
    /// `None` where it is not a list of constants that has a kernel.
    pub fn new(ty: &Type, list: &[Expr]) -> Option<Self> {
        let mut null = false;
        let mut strings = Vec::new();
        let mut numbers = Vec::new();
        for item in list {
            match &item.kind {
                ExprKind::Literal(Value::Null) => null = true,
                ExprKind::Literal(Value::String(s)) if ty == &Type::String => strings.push(s.clone().into_bytes()),
                ExprKind::Literal(Value::Int(v)) if ty.is_integer() && &item.ty == ty => numbers.push(i128::from(*v)),
                ExprKind::Literal(Value::Date(v)) if ty == &Type::Date => numbers.push(i128::from(*v)),
                ExprKind::Literal(Value::Decimal { unscaled, scale })
                    if matches!(ty, Type::Decimal { scale: s, .. } if s == scale) =>
                {
                    numbers.push(*unscaled);
                }
                _ => return None,
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        let items = match ty {
            Type::String if strings.len() <= FEW && strings.iter().all(|s| s.len() <= 12) => {
                Items::Short(strings.iter().map(|s| view(s)).collect())
            }
            Type::String => Items::Strings(strings.into_iter().collect()),
            _ => Items::Numbers(numbers),
        };
        Some(Self { items, null })
    }

    pub fn lists_null(&self) -> bool {
        self.null
    }

    /// Whether a value within the bounds can be in the set, and whether one can be outside it.
    pub fn within(&self, range: &Range) -> (bool, bool) {
        match (&self.items, range) {
            (Items::Numbers(items), Range::Numbers(least, greatest)) => {
                let inside = items.iter().filter(|i| (least..=greatest).contains(i)).count() as i128;
                // The items are distinct.
                let all = greatest.checked_sub(*least).and_then(|d| d.checked_add(1)) == Some(inside);
                (inside > 0, !all)
            }
            (items, Range::Texts(least, greatest)) if least == greatest => {
                let found = match items {
                    Items::Strings(items) => items.contains(least),
                    Items::Short(items) => least.len() <= 12 && items.contains(&view(least)),
                    Items::Numbers(_) => return (true, true),
                };
                (found, !found)
            }
            _ => (true, true),
        }
    }

    /// Whether every item is such a one; null is none.
    pub fn all(&self, is: impl Fn(Point<'_>) -> bool) -> bool {
        match &self.items {
            Items::Strings(items) => items.iter().all(|item| is(Point::Text(item))),
            Items::Short(items) => items.iter().all(|view| {
                let bytes = view.to_le_bytes();
                let length = usize::from(bytes[0]).min(12);
                is(Point::Text(&bytes[4..4 + length]))
            }),
            Items::Numbers(items) => items.iter().all(|item| is(Point::Number(*item))),
        }
    }

    pub fn contains(&self, values: &ArrayRef) -> BooleanArray {
        let found = match &self.items {
            Items::Short(items) => {
                let views = values.as_string_view().views();
                BooleanBuffer::collect_bool(views.len(), |i| items.iter().fold(false, |f, item| f | (*item == views[i])))
            }
            Items::Strings(items) => {
                let strings = values.as_string_view();
                BooleanBuffer::collect_bool(strings.len(), |i| items.contains(strings.value(i).as_bytes()))
            }
            Items::Numbers(items) => numbers(values, items),
        };
        let mut nulls = values.nulls().cloned();
        if self.null {
            nulls = NullBuffer::union(nulls.as_ref(), Some(&NullBuffer::new(found.clone())));
        }
        BooleanArray::new(found, nulls)
    }
}

/// The view of a text of at most twelve bytes: its length, then its bytes.
fn view(text: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&(text.len() as u32).to_le_bytes());
    bytes[4..4 + text.len()].copy_from_slice(text);
    u128::from_le_bytes(bytes)
}

fn numbers(values: &ArrayRef, items: &[i128]) -> BooleanBuffer {
    use arrow::datatypes::DataType::*;
    fn test<T: Copy + PartialEq>(values: &[T], items: &[i128], of: impl Fn(i128) -> Option<T>, wide: impl Fn(T) -> i128) -> BooleanBuffer {
        if items.len() <= FEW {
            let items: Vec<T> = items.iter().filter_map(|i| of(*i)).collect();
            return BooleanBuffer::collect_bool(values.len(), |i| items.iter().fold(false, |f, item| f | (*item == values[i])));
        }
        BooleanBuffer::collect_bool(values.len(), |i| items.binary_search(&wide(values[i])).is_ok())
    }
    match values.data_type() {
        Int8 => test(values.as_primitive::<Int8Type>().values(), items, |i| i.try_into().ok(), |v| v.into()),
        Int16 => test(values.as_primitive::<Int16Type>().values(), items, |i| i.try_into().ok(), |v| v.into()),
        Int32 => test(values.as_primitive::<Int32Type>().values(), items, |i| i.try_into().ok(), |v| v.into()),
        Int64 => test(values.as_primitive::<Int64Type>().values(), items, |i| i.try_into().ok(), |v| v.into()),
        Date32 => test(values.as_primitive::<Date32Type>().values(), items, |i| i.try_into().ok(), |v| v.into()),
        Decimal128(..) => test(values.as_primitive::<Decimal128Type>().values(), items, Some, |v| v),
        _ => BooleanBuffer::new_unset(values.len()),
    }
}

/// A condition on every text that is there.
pub fn test(strings: &StringViewArray, condition: impl Fn(&str) -> bool) -> BooleanArray {
    let nulls = strings.nulls().cloned();
    let holds = BooleanBuffer::collect_bool(strings.len(), |i| {
        nulls.as_ref().is_none_or(|n| n.is_valid(i)) && condition(strings.value(i))
    });
    BooleanArray::new(holds, nulls)
}

/// Spark refuses a pattern that ends in its escape, or escapes anything else than `%`, `_` and itself.
pub fn like_has_kernel(pattern: &str) -> bool {
    !pattern.contains('\\')
}

pub fn like(values: &ArrayRef, pattern: &str, insensitive: bool) -> BooleanArray {
    let pattern = StringViewArray::new_scalar(pattern);
    let kernel = if insensitive { comparison::ilike } else { comparison::like };
    kernel(values, &pattern).unwrap_or_else(|_| BooleanArray::new_null(values.len()))
}

/// The number of characters of a text; 0 where there is none.
pub fn chars(strings: &StringViewArray, row: usize) -> i32 {
    if strings.is_null(row) {
        return 0;
    }
    let text = strings.value(row);
    let count = if text.is_ascii() { text.len() } else { text.chars().count() };
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_what_arrow_holds() {
        for text in ["", "a", "twelve bytes"] {
            assert_eq!(view(text.as_bytes()), StringViewArray::from(vec![text]).views()[0]);
        }
    }
}

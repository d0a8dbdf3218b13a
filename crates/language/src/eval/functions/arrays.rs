//! Arrays and maps.

use crate::eval::{Reason, Result, value};
use crate::hir::Value;

pub fn call(function: &str, args: &[Value]) -> Option<Result> {
    use Value::*;
    let count = |n: usize| i64::try_from(n).map(Int).map_err(|_| Reason::OVERFLOW);
    Some(match (function, args) {
        ("size", [Array(xs)]) => count(xs.len()),
        ("size", [Map(m)]) => count(m.len()),
        ("array_contains", [Array(xs), x]) => Ok(contains(xs, x)),
        ("array_position", [Array(xs), x]) => {
            xs.iter().position(|y| value::same(x, y)).map_or(Ok(Int(0)), |i| count(i + 1))
        }
        ("element_at", [Array(xs), Int(at)]) => element_at(xs, *at),
        ("element_at", [Map(m), key]) => {
            Ok(m.iter().find(|(k, _)| value::same(k, key)).map_or(Null, |(_, v)| v.clone()))
        }
        ("slice", [Array(xs), Int(start), Int(count)]) => slice(xs, *start, *count).map(|xs| Array(xs.to_vec())),
        ("array_distinct", [Array(xs)]) => Ok(Array(distinct(xs.iter()))),
        ("array_sort", [Array(xs)]) => {
            let mut xs = xs.clone();
            xs.sort_by(|a, b| (*a == Null).cmp(&(*b == Null)).then_with(|| value::order(a, b)));
            Ok(Array(xs))
        }
        ("array_min", [Array(xs)]) => {
            Ok(xs.iter().filter(|x| **x != Null).min_by(|a, b| value::order(a, b)).cloned().unwrap_or(Null))
        }
        ("array_max", [Array(xs)]) => {
            Ok(xs.iter().filter(|x| **x != Null).max_by(|a, b| value::order(a, b)).cloned().unwrap_or(Null))
        }
        ("array_join", [Array(xs), String(by)]) => {
            let text = |x: &Value| match x {
                String(s) => Some(s.clone()),
                _ => None,
            };
            Ok(String(xs.iter().filter_map(text).collect::<Vec<_>>().join(by)))
        }
        ("array_union", [Array(a), Array(b)]) => Ok(Array(distinct(a.iter().chain(b)))),
        ("array_intersect", [Array(a), Array(b)]) => Ok(Array(distinct(a.iter().filter(|x| holds(b, x))))),
        ("array_except", [Array(a), Array(b)]) => Ok(Array(distinct(a.iter().filter(|x| !holds(b, x))))),
        ("arrays_overlap", [Array(a), Array(b)]) => Ok(overlap(a, b)),
        ("map_keys", [Map(m)]) => Ok(Array(m.iter().map(|(k, _)| k.clone()).collect())),
        ("map_values", [Map(m)]) => Ok(Array(m.iter().map(|(_, v)| v.clone()).collect())),
        ("map_contains_key", [Map(m), key]) => Ok(Bool(m.iter().any(|(k, _)| value::same(k, key)))),
        _ => return None,
    })
}

fn holds(xs: &[Value], x: &Value) -> bool {
    xs.iter().any(|y| value::same(x, y))
}

fn contains(xs: &[Value], x: &Value) -> Value {
    match (holds(xs, x), xs.contains(&Value::Null)) {
        (false, true) => Value::Null,
        (found, _) => Value::Bool(found),
    }
}

fn element_at(xs: &[Value], at: i64) -> Result {
    let i = match at {
        0 => return Err(Reason::of("element 0 of an array")),
        1.. => usize::try_from(at - 1).ok(),
        _ => usize::try_from(at.unsigned_abs()).ok().and_then(|n| xs.len().checked_sub(n)),
    };
    Ok(i.and_then(|i| xs.get(i)).cloned().unwrap_or(Value::Null))
}

/// Nothing where the place is before the first element, as in Spark.
fn slice(xs: &[Value], start: i64, count: i64) -> Result<&[Value]> {
    let from = match start {
        0 => return Err(Reason::of("element 0 of an array")),
        1.. => usize::try_from(start - 1).ok(),
        _ => usize::try_from(start.unsigned_abs()).ok().and_then(|n| xs.len().checked_sub(n)),
    };
    let count = usize::try_from(count).map_err(|_| Reason::of("less than no elements of an array"))?;
    Ok(from.and_then(|from| xs.get(from..)).map_or(&[], |rest| &rest[..count.min(rest.len())]))
}

fn distinct<'a>(xs: impl Iterator<Item = &'a Value>) -> Vec<Value> {
    let mut seen: Vec<Value> = Vec::new();
    for x in xs {
        if !holds(&seen, x) {
            seen.push(x.clone());
        }
    }
    seen
}

/// Null where nothing is common but a null might be.
fn overlap(a: &[Value], b: &[Value]) -> Value {
    if a.iter().any(|x| *x != Value::Null && holds(b, x)) {
        return Value::Bool(true);
    }
    let open = !a.is_empty() && !b.is_empty() && (a.contains(&Value::Null) || b.contains(&Value::Null));
    if open { Value::Null } else { Value::Bool(false) }
}

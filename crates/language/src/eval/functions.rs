//! The native functions of `stdlib/native.dq`, one file a family. Usable for one call, so that an engine can fall back on
//! them.

pub mod arrays;
pub mod checks;
pub mod json;
pub mod math;
pub mod strings;
pub mod times;

use super::{Reason, Result, value};
use crate::hir::{Type, Value};

/// Those that say what null means; the others give null for a null argument.
const TAKE_NULL: &[&str] = &["age", "coalesce", "concat_ws", "greatest", "least", "nullif", "nvl2"];

/// The value of a function under its declared name. `ty` is the call's type, `now` the clock.
pub fn call(function: &str, args: &[Value], ty: &Type, now: i64) -> Result {
    if !TAKE_NULL.contains(&function) && args.contains(&Value::Null) {
        return Ok(Value::Null);
    }
    nulls(function, args)
        .or_else(|| checks::call(function, args))
        .or_else(|| strings::call(function, args))
        .or_else(|| json::call(function, args))
        .or_else(|| math::call(function, args, ty))
        .or_else(|| times::call(function, args, now))
        .or_else(|| arrays::call(function, args))
        .unwrap_or(Err(Reason::UNSUPPORTED))
}

fn nulls(function: &str, args: &[Value]) -> Option<Result> {
    let present = || args.iter().filter(|v| **v != Value::Null);
    let value = match (function, args) {
        ("coalesce", _) => present().next().cloned(),
        // NaN is greater than any number here, as in Spark
        ("greatest", _) => present().max_by(|a, b| value::order(a, b)).cloned(),
        ("least", _) => present().min_by(|a, b| value::order(a, b)).cloned(),
        ("nullif", [a, b]) if value::compare(a, b).is_some_and(|o| o.is_eq()) => None,
        ("nullif", [a, _]) => Some(a.clone()),
        ("nvl2", [a, b, c]) => Some(if *a == Value::Null { c.clone() } else { b.clone() }),
        _ => return None,
    };
    Some(Ok(value.unwrap_or(Value::Null)))
}

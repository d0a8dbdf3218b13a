//! Lists, maps and structs written as JSON, as files of text hold them. What does not fit the type is a reason.

use serde_json::Value as Json;

use super::{Reason, Result, cast};
use crate::hir::{Type, Value};

/// The value that a JSON text stands for in a nested type.
pub fn parse(text: &str, ty: &Type) -> Result {
    let json: Json = serde_json::from_str(text).map_err(|_| Reason::not_a(ty))?;
    value(json, ty).ok_or_else(|| Reason::not_a(ty))
}

fn value(json: Json, ty: &Type) -> Option<Value> {
    Some(match (ty, json) {
        (_, Json::Null) => Value::Null,
        (Type::Array { item, nullable }, Json::Array(items)) => {
            let items = items.into_iter().map(|i| value(i, item)).collect::<Option<Vec<_>>>()?;
            (*nullable || !items.contains(&Value::Null)).then_some(Value::Array(items))?
        }
        (Type::Map { key, value: of, nullable }, Json::Object(entries)) => {
            let entry = |(k, v): (String, Json)| Some((cast::cast(Value::String(k), key).ok()?, value(v, of)?));
            let entries = entries.into_iter().map(entry).collect::<Option<Vec<_>>>()?;
            (*nullable || entries.iter().all(|(_, v)| *v != Value::Null)).then_some(Value::Map(entries))?
        }
        (Type::Struct(fields), Json::Object(mut entries)) => {
            let mut field = |f: &crate::hir::Field| {
                let found = match entries.shift_remove(&f.name) {
                    Some(found) => found,
                    None => {
                        let key = entries.keys().find(|k| k.to_lowercase() == f.name.to_lowercase()).cloned();
                        key.and_then(|k| entries.shift_remove(&k)).unwrap_or(Json::Null)
                    }
                };
                let found = value(found, &f.ty)?;
                (f.nullable || found != Value::Null).then(|| (f.name.clone(), found))
            };
            Value::Struct(fields.iter().map(&mut field).collect::<Option<Vec<_>>>()?)
        }
        (Type::Array { .. } | Type::Map { .. } | Type::Struct(_), _) => return None,
        (Type::Boolean, Json::Bool(b)) => Value::Bool(b),
        (ty, Json::Number(n)) if ty.is_numeric() => cast::cast(Value::String(n.to_string()), ty).ok()?,
        (Type::String, Json::String(s)) => Value::String(s),
        (Type::String, other) => Value::String(other.to_string()),
        (ty, Json::String(s)) if ty.is_temporal() => cast::cast(Value::String(s), ty).ok()?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_no_value() {
        let ints = Type::Array { item: Box::new(Type::Int), nullable: false };
        assert_eq!(parse("[1, 2]", &ints), Ok(Value::Array(vec![Value::Int(1), Value::Int(2)])));
        for odd in ["[1, \"2\"]", "[1, null]", "{}", "[1", "7", "[1.5]"] {
            assert!(parse(odd, &ints).is_err(), "{odd}");
        }
        let field = |name: &str, nullable| crate::hir::Field { name: name.into(), ty: Type::String, nullable };
        let pair = Type::Struct(vec![field("a", false), field("b", true)]);
        let wanted = Value::Struct(vec![("a".into(), Value::String("x".into())), ("b".into(), Value::Null)]);
        assert_eq!(parse(r#"{"A": "x", "other": 1}"#, &pair), Ok(wanted));
        assert!(parse(r#"{"b": "x"}"#, &pair).is_err());
    }
}

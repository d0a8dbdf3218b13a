//! The JSON forms are what their schemas say. Checks the part of JSON Schema that the schemas use, and refuses the rest.

use serde_json::Value;

use crate::root;

pub fn schema(path: &str) -> Value {
    let text = std::fs::read_to_string(root().join(path)).expect("a schema");
    serde_json::from_str(&text).expect("a schema is JSON")
}

/// What is wrong with a document, each with its place.
pub fn faults(root: &Value, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(root, root, document, "$", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let words = schema.as_object().expect("a schema is an object");
    for (word, said) in words {
        let fits = match word.as_str() {
            "$schema" | "$defs" | "title" | "description" => true,
            "type" => types(said).any(|name| is(name, value)),
            "enum" => said.as_array().expect("a list").contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= said.as_f64().expect("a number")),
            "anyOf" => said.as_array().expect("a list").iter().any(|one| {
                let mut inner = Vec::new();
                check(root, one, value, at, &mut inner);
                inner.is_empty()
            }),
            "$ref" => {
                let path = said.as_str().expect("a text").trim_start_matches('#');
                check(root, root.pointer(path).expect("a definition"), value, at, found);
                true
            }
            "required" => {
                said.as_array().expect("a list").iter().all(|key| value.get(key.as_str().expect("a text")).is_some())
            }
            "properties" => {
                for (key, inner) in said.as_object().expect("an object") {
                    if let Some(value) = value.get(key) {
                        check(root, inner, value, &format!("{at}.{key}"), found);
                    }
                }
                true
            }
            "additionalProperties" => {
                value.as_object().is_none_or(|o| o.keys().all(|key| words["properties"].get(key).is_some()))
            }
            "items" => {
                for (i, value) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, said, value, &format!("{at}[{i}]"), found);
                }
                true
            }
            other => panic!("the schema says `{other}`, which this test does not know"),
        };
        if !fits {
            found.push(format!("{at}: {word} {said}, not {value}"));
        }
    }
}

fn types(said: &Value) -> impl Iterator<Item = &str> {
    let many = said.as_array().into_iter().flatten().filter_map(Value::as_str);
    said.as_str().into_iter().chain(many)
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the schema says the type `{other}`"),
    }
}

#[test]
fn findings_are_as_their_schema_says() {
    let schema = schema("crates/language/src/diagnostics/findings.schema.json");
    let mut shown = 0;
    for folder in ["findings", "unreadable", "test"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_dqc"))
            .args(["check", "--format", "json", "--project"])
            .arg(root().join("tests/binary").join(folder))
            .output()
            .expect("the program starts");
        let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(faults(&schema, &document), [""; 0], "{folder}");
        shown += document["findings"].as_array().map_or(0, Vec::len);
    }
    assert!(shown > 4, "too little to see the schema by");
    let wrong = serde_json::json!({"findings": [{"code": 1}], "errors": -1, "warnings": 0, "more": 0});
    assert!(faults(&schema, &wrong).len() >= 4);
}

//! What stands in texts that hold JSON. A text that holds none gives null; numbers stay as they are written.

use serde::de::IgnoredAny;

use crate::eval::{Reason, Result};
use crate::hir::Value;

pub fn call(function: &str, args: &[Value]) -> Option<Result> {
    use Value::*;
    Some(match (function, args) {
        ("get_json_object", [String(s), String(path)]) => at(s, path),
        ("json_array_length", [String(s)]) => Ok(match parse(s).map(Json::parts) {
            Some(Parts::Items(items)) => Int(items.len() as i64),
            _ => Null,
        }),
        ("json_object_keys", [String(s)]) => Ok(match parse(s).map(Json::parts) {
            Some(Parts::Entries(entries)) => Array(entries.into_iter().map(|(name, _)| String(name)).collect()),
            _ => Null,
        }),
        _ => return None,
    })
}

/// A text as it is, anything else as JSON.
fn at(text: &str, path: &str) -> Result {
    let steps = steps(path).ok_or(Reason::of("the path through the JSON cannot be followed"))?;
    let mut found = parse(text);
    for step in steps {
        found = match (step, found.map(Json::parts)) {
            (Step::Name(name), Some(Parts::Entries(entries))) => {
                entries.into_iter().find(|(own, _)| own == name).map(|(_, value)| value)
            }
            (Step::Place(place), Some(Parts::Items(items))) => items.into_iter().nth(place),
            _ => None,
        };
    }
    Ok(found.filter(|json| json.0 != "null").map_or(Value::Null, |json| match json.text() {
        Some(text) => Value::String(text),
        None => Value::String(json.compact()),
    }))
}

enum Step<'p> {
    Name(&'p str),
    Place(usize),
}

/// Of `$.name['other name'][0]`; `None` for anything else.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix("['") {
            let (name, after) = quoted.split_once("']")?;
            steps.push(Step::Name(name));
            rest = after;
        } else if let Some(place) = rest.strip_prefix('[') {
            let (place, after) = place.split_once(']')?;
            steps.push(Step::Place(place.parse().ok()?));
            rest = after;
        } else {
            let name = rest.strip_prefix('.')?;
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (name, after) = name.split_at(end);
            if name.is_empty() || name == "*" {
                return None;
            }
            steps.push(Step::Name(name));
            rest = after;
        }
    }
    Some(steps)
}

/// A value as it is written, known to be well formed and without blanks around it.
#[derive(Clone, Copy)]
struct Json<'t>(&'t str);

enum Parts<'t> {
    Items(Vec<Json<'t>>),
    Entries(Vec<(String, Json<'t>)>),
    None,
}

fn parse(text: &str) -> Option<Json<'_>> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    (depth(text) <= MOST_DEPTH).then(|| Json(text.trim_matches(BLANKS)))
}

/// Deeper JSON is taken for none: what reads it calls itself.
const MOST_DEPTH: usize = 100;

/// How many lists and objects stand in each other, or more.
fn depth(text: &str) -> usize {
    let (mut deepest, mut depth) = (0, 0_usize);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

impl<'t> Json<'t> {
    /// What stands between the commas of a list or an object.
    fn parts(self) -> Parts<'t> {
        let inner = self.0.get(1..self.0.len().saturating_sub(1)).unwrap_or_default();
        if self.0.starts_with('[') {
            return Parts::Items(parted(inner, b','));
        }
        if !self.0.starts_with('{') {
            return Parts::None;
        }
        let entry = |entry: Json<'t>| {
            let name = parted(entry.0, b':').first().copied()?;
            let value = entry.0[name.0.len()..].trim_start_matches(BLANKS).strip_prefix(':')?;
            Some((name.text()?, Json(value.trim_matches(BLANKS))))
        };
        Parts::Entries(parted(inner, b',').into_iter().filter_map(entry).collect())
    }

    /// Of a text in quotes.
    fn text(self) -> Option<String> {
        serde_json::from_str(self.0).ok()
    }

    /// Without blanks between its parts.
    fn compact(self) -> String {
        let within = |parts: Vec<String>| parts.join(",");
        match self.parts() {
            Parts::Items(items) => format!("[{}]", within(items.into_iter().map(Json::compact).collect())),
            Parts::Entries(entries) => {
                let entry = |(name, value): (String, Json<'_>)| format!("{}:{}", quoted(&name), value.compact());
                format!("{{{}}}", within(entries.into_iter().map(entry).collect()))
            }
            Parts::None => self.text().map_or_else(|| self.0.to_owned(), |text| quoted(&text)),
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The pieces of well formed JSON between marks that stand in no text, list or object.
fn parted(text: &str, mark: u8) -> Vec<Json<'_>> {
    let (mut pieces, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    let (mut in_text, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ if byte == mark && depth == 0 => {
                pieces.push(Json(text[start..at].trim_matches(BLANKS)));
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = text[start..].trim_matches(BLANKS);
    if !pieces.is_empty() || !last.is_empty() {
        pieces.push(Json(last));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_is_very_deep_is_none() {
        let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(at(&deep(3), "$[0]"), Ok(Value::String("[[1]]".to_owned())));
        assert_eq!(at(&deep(100_000), "$"), Ok(Value::Null));
    }

    #[test]
    fn marks_in_texts_part_nothing() {
        let text = r#" {"a , b" : "x]\"," , "c": [ 1 , {"d":"}"} ] } "#;
        assert_eq!(at(text, "$['a , b']"), Ok(Value::String("x]\",".to_owned())));
        assert_eq!(at(text, "$.c"), Ok(Value::String(r#"[1,{"d":"}"}]"#.to_owned())));
    }
}

//! Values that the library says its types accept: its doc comments hold them, as `- accepts "…"`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::FILES;

/// One example of a library's item, as its doc comment writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Example {
    /// A literal, as written.
    Accepts(String),
    Refuses(String),
    /// A condition that is true.
    Holds(String),
}

/// The example that a line of a doc comment holds, without its `///`.
pub fn example(line: &str) -> Option<Example> {
    let line = line.trim().strip_prefix("- ")?.trim();
    if let Some(literal) = line.strip_prefix("accepts ") {
        return Some(Example::Accepts(literal.to_owned()));
    }
    if let Some(literal) = line.strip_prefix("refuses ") {
        return Some(Example::Refuses(literal.to_owned()));
    }
    line.strip_prefix('`')?.strip_suffix('`').map(|condition| Example::Holds(condition.to_owned()))
}

/// Texts that a library's type accepts.
pub fn accepted(type_name: &str) -> &'static [String] {
    static FOUND: OnceLock<BTreeMap<String, Vec<String>>> = OnceLock::new();
    FOUND.get_or_init(collect).get(type_name).map_or(&[], Vec::as_slice)
}

fn collect() -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for (_, text) in FILES {
        let mut waiting = Vec::new();
        for line in text.lines() {
            if let Some(doc) = line.strip_prefix("///") {
                if let Some(Example::Accepts(literal)) = example(doc) {
                    let inner = literal.strip_prefix('"').and_then(|l| l.strip_suffix('"'));
                    waiting.extend(inner.filter(|l| !l.contains('\\')).map(str::to_owned));
                }
            } else {
                let name = line.strip_prefix("type ").and_then(|rest| rest.split(' ').next());
                if let Some(name) = name {
                    found.insert(name.to_owned(), std::mem::take(&mut waiting));
                }
                waiting.clear();
            }
        }
    }
    found
}

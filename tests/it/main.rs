//! The one integration binary; see `tests/README.md`.

mod again;
mod against;
#[cfg(feature = "engine")]
mod airflow;
#[cfg(feature = "engine")]
mod batches;
mod binary;
#[cfg(feature = "engine")]
mod books;
#[cfg(feature = "engine")]
mod browser;
mod checks;
mod compat;
mod corpus;
#[cfg(feature = "engine")]
mod databricks;
mod datasets;
mod docs;
mod editors;
mod eval;
mod example;
mod facts;
mod fixes;
#[cfg(feature = "engine")]
mod flights;
mod format;
#[cfg(feature = "engine")]
mod held;
mod large;
#[cfg(feature = "engine")]
mod lost;
mod lsp;
mod meaning;
mod merge;
mod packages;
mod pages;
#[cfg(feature = "engine")]
mod pending;
#[cfg(feature = "engine")]
mod people;
#[cfg(feature = "engine")]
mod plan;
#[cfg(feature = "engine")]
mod planted;
#[cfg(feature = "engine")]
mod profile;
mod project;
#[cfg(feature = "engine")]
mod proofs;
#[cfg(feature = "engine")]
mod promote;
#[cfg(feature = "engine")]
mod readme;
mod reference;
#[cfg(feature = "engine")]
mod registry;
mod render;
#[cfg(feature = "engine")]
mod report;
#[cfg(feature = "engine")]
mod reports;
#[cfg(feature = "engine")]
mod runs;
mod schema;
mod slips;
mod snippets;
mod stdlib;
#[cfg(feature = "engine")]
mod stored;
mod suite;
mod terminal;
mod tidy;
#[cfg(feature = "engine")]
mod verdicts;
mod watch;
#[cfg(feature = "engine")]
mod wheel;

/// The folder of `Cargo.toml`.
fn root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Those of a project whose files say nothing else.
fn layers() -> Vec<String> {
    ["bronze", "silver", "gold"].map(str::to_string).to_vec()
}

/// The names that an enumeration of the sources lists.
fn variants(file: &str, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(file)).expect("a source");
    let body = text.split(&format!("pub enum {name} {{\n")).nth(1).and_then(|rest| rest.split("\n}").next());
    let body = body.unwrap_or_else(|| panic!("{file} has no `{name}`"));
    let variant = regex::Regex::new(r"(?m)^    ([A-Z]\w*)").expect("a regular expression");
    variant.captures_iter(body).map(|found| found[1].to_owned()).collect()
}

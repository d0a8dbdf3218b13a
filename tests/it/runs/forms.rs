//! The files `form_*.dqt` hold every form that a rule can have, each with the same contract over four kinds of rows.

use std::collections::{BTreeMap, BTreeSet};

use dqc::source::SourceFile;
use regex::Regex;
use serde_json::Value;

use super::case::{Case, cases};
use crate::root;

const KINDS: [&str; 4] =
    ["nulls and NaN, and more columns than rules", "an empty batch", "one row", "every row broken"];

/// Where each kind of choice that an author has stands in a compiled rule, and its alternatives that nobody writes.
const CHOICES: [(&str, &str, &str, &[&str]); 11] = [
    ("crates/language/src/hir.rs", "RuleKind", "rule", &[]),
    ("crates/language/src/hir/expr.rs", "ExprKind", "kind", &["Error"]),
    ("crates/language/src/hir/expr.rs", "AggregateFn", "function", &["Distribution"]),
    ("crates/language/src/hir/expr.rs", "DriftMeasure", "measure", &[]),
    ("crates/language/src/hir/expr.rs", "Rows", "rows", &[]),
    ("crates/language/src/hir.rs", "Over", "over", &[]),
    ("crates/language/src/hir.rs", "Nulls", "nulls", &[]),
    ("crates/language/src/syntax/ast.rs", "Act", "act", &[]),
    ("crates/language/src/hir.rs", "Above", "above", &[]),
    ("crates/language/src/hir.rs", "Among", "among", &[]),
    ("crates/language/src/hir.rs", "Privacy", "privacy", &[]),
];

fn files() -> BTreeMap<String, Vec<Case>> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root().join("tests/runs")).into_iter().flatten() {
        let name = entry.file_name().to_string_lossy().to_string();
        if name.starts_with("form_") {
            let text = std::fs::read_to_string(entry.path()).expect("a run that can be read");
            found.insert(name, cases(&text));
        }
    }
    found
}

fn section<'t>(case: &'t Case, name: &str) -> &'t str {
    let rest = case.head.split(&format!("--- {name}")).nth(1).unwrap_or_else(|| panic!("{}: no {name}", case.title));
    rest.split_once('\n').map_or("", |(_, body)| body.split("--- ").next().unwrap_or(body))
}

#[test]
fn every_form_meets_every_kind_of_rows() {
    for (name, cases) in files() {
        let kinds: Vec<&str> = cases.iter().filter_map(|c| Some(c.title.split_once(": ")?.1)).collect();
        assert_eq!(kinds, KINDS, "{name}");
        let contract = section(&cases[0], "contract");
        assert!(Regex::new("`[^`]*[ (][^`]*`").unwrap().is_match(contract), "{name}: no name with a space");
        assert!(contract.contains(['ä', 'ö', 'ü', 'ß']), "{name}: no umlaut in a name");
        for case in &cases {
            assert_eq!(section(case, "contract"), contract, "{}: another contract", case.title);
            let rows: Vec<&str> = section(case, "rows").lines().skip(1).filter(|l| !l.is_empty()).collect();
            let many = match case.title.split_once(": ").map(|(_, kind)| kind) {
                Some("an empty batch") => rows.is_empty(),
                Some("one row") => rows.len() == 1,
                Some("every row broken") => rows.len() > 1 && case.expected.contains(": violated, "),
                _ => rows.iter().any(|l| l.contains("null")) && rows.iter().any(|l| l.contains("NaN")),
            };
            assert!(many, "{}: other rows than its title says", case.title);
        }
    }
}

#[test]
fn every_form_of_a_rule_has_a_run() {
    let mut met = BTreeSet::new();
    for (name, cases) in files() {
        let text = section(&cases[0], "contract");
        let compiled = dqc::compile(vec![SourceFile::new(&name, text)], &crate::layers());
        for contract in &compiled.checked.contracts {
            gather("", &serde_json::to_value(contract).expect("a contract as JSON"), &mut met);
        }
        for promotion in &compiled.checked.promotions {
            gather("", &serde_json::to_value(promotion).expect("a promotion as JSON"), &mut met);
        }
    }
    let mut missing = Vec::new();
    for (file, choice, field, unwritten) in CHOICES {
        for variant in crate::variants(file, choice) {
            if !unwritten.contains(&variant.as_str()) && !met.contains(&format!("{field}={variant}")) {
                missing.push(format!("{choice}::{variant}"));
            }
        }
    }
    assert!(missing.is_empty(), "no form_*.dqt has {missing:?}");
}

/// `field=Variant` for every variant below a value, as serde writes it; the kind of a rule is its own field.
fn gather(field: &str, value: &Value, into: &mut BTreeSet<String>) {
    let is_variant = |name: &str| name.starts_with(|c: char| c.is_ascii_uppercase());
    match value {
        Value::String(name) if is_variant(name) => {
            into.insert(format!("{field}={name}"));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(field, item, into)),
        Value::Object(entries) => {
            for (name, inner) in entries {
                if entries.len() == 1 && is_variant(name) {
                    into.insert(format!("{field}={name}"));
                    gather(name, inner, into);
                } else {
                    let of_rule = name == "kind" && entries.contains_key("actions");
                    gather(if of_rule { "rule" } else { name }, inner, into);
                }
            }
        }
        _ => {}
    }
}

//! The library: every native function is computed, every example in a doc comment is true, the reference is current.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use dqc::eval::{Constants, Reason, functions, holds};
use dqc::hir::{ExprKind, RuleKind, Type, Value};
use dqc::source::SourceFile;
use dqc::stdlib;
use dqc::stdlib::samples::{Example, example};

use crate::root;

/// An item of the library: its kind, name, declaration and examples.
struct Item {
    kind: &'static str,
    name: String,
    doc: Vec<String>,
    text: String,
}

fn items(text: &str) -> Vec<Item> {
    let mut found = Vec::new();
    let mut doc = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("///") {
            doc.push(rest.trim().to_owned());
            continue;
        }
        for kind in ["extern fn", "type", "fn"] {
            if let Some(rest) = line.strip_prefix(kind).and_then(|rest| rest.strip_prefix(' ')) {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                let name = rest[..end].to_owned();
                found.push(Item { kind, name, doc: std::mem::take(&mut doc), text: line.to_owned() });
                break;
            }
        }
        doc.clear();
    }
    found
}

#[test]
fn every_item_says_what_it_is() {
    let mut names = BTreeSet::new();
    for (module, text) in stdlib::FILES {
        for item in items(text) {
            assert!(
                item.doc.first().is_some_and(|d| d.ends_with(['.', ':', ';']) || !d.is_empty()),
                "{module}: {}",
                item.name
            );
            if item.kind != "extern fn" {
                assert!(names.insert(item.name.to_lowercase()), "{module}: {} stands twice", item.name);
            }
        }
    }
}

#[test]
fn a_function_is_found_under_its_other_names() {
    assert_eq!(stdlib::canonical("CEILING"), "ceil");
    assert_eq!(stdlib::canonical("weekofyear"), "week");
    assert_eq!(stdlib::canonical("array_length"), "size");
    assert_eq!(stdlib::canonical("length"), "length");
}

/// A value of a parameter's type, as signatures write it.
fn sample(ty: &str) -> Value {
    match ty.trim_end_matches('?') {
        "string" => Value::String("1".into()),
        "binary" => Value::Binary(vec![1]),
        "boolean" => Value::Bool(true),
        "int" | "bigint" | "N" | "T" | "K" | "V" => Value::Int(1),
        "D" => Value::Decimal { unscaled: 150, scale: 2 },
        "double" => Value::Double(1.0),
        "date" => Value::Date(20_000),
        "timestamp" => Value::Timestamp(1_700_000_000_000_000),
        "timestamp_ntz" => Value::TimestampNtz(1_700_000_000_000_000),
        "interval" => Value::Interval(60_000_000),
        "array<T>" => Value::Array(vec![Value::Int(1)]),
        "array<string>" => Value::Array(vec![Value::String("1".into())]),
        "map<K, V>" => Value::Map(vec![(Value::Int(1), Value::Int(2))]),
        other => panic!("no sample of {other}"),
    }
}

#[test]
fn every_native_function_is_computed() {
    for (_, text) in stdlib::FILES {
        for item in items(text).iter().filter(|i| i.kind == "extern fn") {
            let (_, rest) = item.text.split_once('(').expect("parameters");
            let (params, result) = rest.rsplit_once("): ").expect("a result");
            let params = params.replace("map<K, V>", "map<K; V>");
            let args: Vec<Value> = params
                .split(", ")
                .filter_map(|p| p.split_once(": "))
                .map(|(name, ty)| match name {
                    "zone" => Value::String("America/Sao_Paulo".into()),
                    "unit" => Value::String("month".into()),
                    _ => sample(&ty.replace(';', ",")),
                })
                .collect();
            let ty = match result {
                "D" => Type::Decimal { precision: 12, scale: 2 },
                "double" => Type::Double,
                _ => Type::BigInt,
            };
            let found = functions::call(&item.name, &args, &ty, 0);
            assert_ne!(found, Err(Reason::UNSUPPORTED), "{}", item.text);
        }
    }
}

/// The examples of a module as one contract: a column and its claim for each type's, a rule for each condition.
fn project(text: &str) -> (String, Vec<Claim>) {
    let (mut columns, mut rules, mut claims) = (String::new(), String::new(), Vec::new());
    for item in items(text) {
        for line in &item.doc {
            let n = claims.len();
            match example(line) {
                Some(Example::Accepts(literal)) => {
                    let _ = writeln!(columns, "        c{n}: {}", item.name);
                    claims.push(Claim {
                        item: item.name.clone(),
                        line: line.clone(),
                        literal: Some(literal),
                        holds: true,
                    });
                }
                Some(Example::Refuses(literal)) => {
                    let _ = writeln!(columns, "        c{n}: {}", item.name);
                    claims.push(Claim {
                        item: item.name.clone(),
                        line: line.clone(),
                        literal: Some(literal),
                        holds: false,
                    });
                }
                Some(Example::Holds(condition)) => {
                    let _ = writeln!(rules, "        r{n}: {condition} when id > 0");
                    claims.push(Claim { item: item.name.clone(), line: line.clone(), literal: None, holds: true });
                }
                None => {}
            }
        }
    }
    let text = format!(
        "contract silver.examples @ 1.0.0 {{\n    owner \"a@b.example\"\n    nulls pass\n    columns {{\n        id: bigint key\n{columns}        other columns forbidden\n    }}\n    rules {{\n{rules}    }}\n}}\n"
    );
    (text, claims)
}

struct Claim {
    item: String,
    line: String,
    literal: Option<String>,
    holds: bool,
}

/// A column's value, from the literal of an example.
struct Cell<'a> {
    name: &'a str,
    value: Value,
}

impl dqc::eval::Scope for Cell<'_> {
    fn column(&self, name: &str) -> Option<Value> {
        (name == self.name).then(|| self.value.clone())
    }

    fn now(&self) -> i64 {
        0
    }
}

fn unquoted(literal: &str) -> String {
    let inner = literal.strip_prefix('"').and_then(|l| l.strip_suffix('"')).unwrap_or(literal);
    inner.replace("\\n", "\n").replace("\\t", "\t")
}

#[test]
fn the_examples_are_true() {
    let mut faults = String::new();
    for (module, text) in stdlib::FILES {
        let (text, claims) = project(text);
        let compilation = dqc::compile(vec![SourceFile::new("examples.dq", text.clone())], &crate::layers());
        for d in compilation.diagnostics.iter().filter(|d| d.severity == dqc::diagnostics::Severity::Error) {
            let line = text.get(d.primary.span.range()).unwrap_or("");
            let _ = writeln!(faults, "{module}: {}: {} ({line})", d.code.name(), d.message);
        }
        let Some(contract) = compilation.checked.contract("silver.examples") else {
            let _ = writeln!(faults, "{module}: the examples do not compile");
            continue;
        };
        for (n, claim) in claims.iter().enumerate() {
            let found = match &claim.literal {
                None => contract.rules.iter().find(|r| r.name == format!("r{n}")).map(|rule| match &rule.kind {
                    RuleKind::Row { condition } => holds(condition, &Constants { now: 0 }),
                    other => panic!("{other:?}"),
                }),
                Some(literal) => {
                    let name = format!("c{n}");
                    let column = contract.column(&name).expect("the column");
                    let value = dqc::eval::cast::cast(Value::String(unquoted(literal)), &column.ty);
                    let in_list = |v: &Value| column.values.as_ref().is_none_or(|l| l.contains(v));
                    value.ok().map(|value| {
                        let scope = Cell { name: &name, value };
                        let own = contract.rules.iter().filter(|r| r.name.starts_with(&format!("{name}.")));
                        let mut all = Ok(Some(in_list(&scope.value)));
                        for rule in own {
                            if let RuleKind::Row { condition } = &rule.kind {
                                if !matches!(condition.kind, ExprKind::Literal(_)) && all == Ok(Some(true)) {
                                    all = holds(condition, &scope);
                                }
                            }
                        }
                        all
                    })
                }
            };
            if found != Some(Ok(Some(claim.holds))) {
                let _ = writeln!(faults, "{module}: {} {}: {found:?}", claim.item, claim.line);
            }
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

/// Names of DataFusion's functions that the library does without, and why.
pub fn left_out() -> Vec<(Vec<&'static str>, &'static str)> {
    let lines = include_str!("../../stdlib/left_out.txt").lines();
    lines
        .map(|line| line.split_once(": ").expect("names and a reason"))
        .map(|(n, r)| (n.split(", ").collect(), r))
        .collect()
}

pub fn is_known(name: &str) -> bool {
    let canonical = stdlib::canonical(name);
    let native = |(_, text): &(&str, &str)| items(text).iter().any(|i| i.kind != "type" && i.name == canonical);
    stdlib::FILES.iter().any(native) || dqc::check::infer::aggregates::by_name(name).is_some()
}

#[test]
fn what_is_left_out_is_not_there() {
    for (names, reason) in left_out() {
        assert!(reason.ends_with('.'), "{reason}");
        for name in names {
            assert!(!is_known(name), "{name} is there");
        }
    }
}

#[test]
fn the_reference_is_current() {
    let mut page = String::from(
        "# The standard library\n\n\
         Known everywhere without `use`. Written by a test from the doc comments; `UPDATE=1` rewrites it.\n\
         Parameters named `zone` are filled in from the contract; `rest` may be given any number of times.\n",
    );
    for (module, text) in stdlib::FILES {
        let _ = write!(page, "\n## {module}\n");
        let title = text.lines().next().and_then(|l| l.strip_prefix("// ")).unwrap_or("");
        if *module != "native" {
            let _ = write!(page, "\n{title}\n");
        }
        for item in items(text) {
            let shown = match item.text.split_once(" = ") {
                Some((head, _)) if item.kind == "fn" => head.to_owned(),
                Some((head, body)) => match (body.split_once(" where "), body.split_once(" in (")) {
                    (Some((base, _)), _) | (None, Some((base, _))) => format!("{head} = {base} …"),
                    _ => format!("{head} = {body}"),
                },
                None => item.text.trim_start_matches("extern ").trim_end_matches(" =").to_owned(),
            };
            let _ = write!(page, "\n`{shown}`\n");
            let (examples, words): (Vec<&String>, Vec<&String>) = item.doc.iter().partition(|l| l.starts_with("- "));
            let _ = writeln!(page, "{}", words.into_iter().map(String::as_str).collect::<Vec<_>>().join(" "));
            for line in examples {
                let _ = match line.split_once(' ').and_then(|(_, rest)| rest.split_once(' ')) {
                    Some((verb @ ("accepts" | "refuses"), literal)) => writeln!(page, "- {verb} `{literal}`"),
                    _ => writeln!(page, "{line}"),
                };
            }
        }
    }
    page.push_str("\n## Left out\n\nWhat DataFusion has besides and rules do without:\n");
    for (names, reason) in left_out() {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let _ = write!(page, "\n{}: {reason}\n", names.join(", "));
    }
    let path = root().join("stdlib/README.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).expect("the reference can be written");
    }
    let current = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(current == page, "stdlib/README.md is out of date; UPDATE=1 rewrites it");
}

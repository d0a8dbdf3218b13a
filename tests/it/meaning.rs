//! `tests/meaning/recorded.txt`: what Spark makes of operators, casts and functions; interpreter and engine equal it, but
//! where `deviations.txt` says otherwise and why.

#[cfg(feature = "engine")]
mod aggregates;
#[cfg(feature = "engine")]
mod engine;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use dqc::diagnostics::Severity;
use dqc::eval::{Scope, cast};
use dqc::hir::{Expr, ExprKind, RuleKind, Type, Value};
use dqc::source::SourceFile;

struct Section {
    title: String,
    zone: String,
    columns: String,
    cases: Vec<Case>,
}

struct Case {
    expression: String,
    ty: String,
    rows: Vec<Recorded>,
}

struct Recorded {
    /// As it stands in the file.
    text: String,
    row: Vec<Option<String>>,
    came: String,
}

fn read(file: &str) -> String {
    std::fs::read_to_string(crate::root().join("tests/meaning").join(file)).expect("a file of tests/meaning")
}

fn sections() -> Vec<Section> {
    let text = read("recorded.txt");
    let parse = |part: &str| {
        let mut lines = part.lines();
        let mut next = || lines.next().unwrap_or_default().to_owned();
        let mut section = Section { title: next(), zone: next(), columns: next(), cases: Vec::new() };
        for line in lines {
            if let Some((expression, ty)) = line.strip_prefix("--- ").and_then(|l| l.rsplit_once(" : ")) {
                let case = Case { expression: expression.to_owned(), ty: ty.to_owned(), rows: Vec::new() };
                section.cases.push(case);
            } else if let Some((row, came)) = line.split_once('\t') {
                let (text, row) = (row.to_owned(), serde_json::from_str(row).expect("a row"));
                section.cases.last_mut().expect("a case").rows.push(Recorded { text, row, came: came.to_owned() });
            }
        }
        section
    };
    text.split("=== ").skip(1).map(parse).collect()
}

/// `title: expression` or `title: expression<tab>row` → what we make of it instead. A reason stands above each group.
fn deviations(file: &str) -> BTreeMap<String, String> {
    let text = read(file);
    let (mut found, mut reasoned) = (BTreeMap::new(), false);
    for line in text.lines() {
        match line.rsplit_once(" => ") {
            Some((key, ours)) => {
                assert!(reasoned, "no reason stands above `{line}`");
                assert!(found.insert(key.to_owned(), ours.to_owned()).is_none(), "`{key}` stands twice");
            }
            None => reasoned = line.starts_with("# "),
        }
    }
    found
}

/// `x: decimal(3, 1), y: int` as pairs.
fn parted(columns: &str) -> Vec<(String, String)> {
    let (mut found, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, letter) in format!("{columns},").char_indices() {
        match letter {
            '(' | '<' => depth += 1,
            ')' | '>' => depth -= 1,
            ',' if depth == 0 => {
                if let Some((name, ty)) = columns[start..at].split_once(':') {
                    found.push((name.trim().to_owned(), ty.trim().to_owned()));
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// The expressions of a section; `None` where one is refused. They stand in one contract, so all are checked at once;
/// only if something is wrong, each alone.
fn compiled(section: &Section) -> (Vec<(String, Type)>, Vec<Option<Expr>>) {
    let contract = |cases: &[Case]| {
        let mut text = format!("contract silver.t @ 1.0.0 {{\n    zone \"{}\"\n    nulls pass\n    columns {{\n", section.zone);
        text.push_str("        nothing: int?\n");
        for (name, ty) in parted(&section.columns) {
            let ty = ty.replace(", ", ",").replace("array<int>", "array<int?>").replace("array<string>", "array<string?>");
            let ty = ty.replace(",int>", ",int?>").replace("a:int,", "a:int?,").replace("a: int,", "a: int?,");
            let ty = ty.replace("b: string>", "b: string?>").replace("b:string>", "b:string?>");
            let _ = writeln!(text, "        {name}: {ty}?");
        }
        text.push_str("    }\n    rules {\n");
        for (n, case) in cases.iter().enumerate() {
            let _ = writeln!(text, "        r{n}: ({}) is null", case.expression);
        }
        text + "    }\n}\n"
    };
    let compile = |cases: &[Case]| {
        let compiled = dqc::compile(vec![SourceFile::new("t.dq", contract(cases))], &crate::layers());
        // What has a finding about a constant outcome is still an expression.
        let wrong = compiled.diagnostics.iter().any(|d| d.severity == Severity::Error && !d.code.name().starts_with("DQ05"));
        let contract = compiled.checked.contract("silver.t");
        let columns: Vec<(String, Type)> =
            contract.iter().flat_map(|c| &c.columns).map(|c| (c.name.clone(), c.ty.clone())).collect();
        let rules = contract.iter().flat_map(|c| &c.rules).filter(|r| r.name.starts_with('r') && !r.name.contains('.'));
        let inner = rules.map(|r| match &r.kind {
            RuleKind::Row { condition } | RuleKind::Aggregate { condition, .. } => match &condition.kind {
                ExprKind::IsNull(of) => Some((**of).clone()),
                _ => None,
            },
            _ => None,
        });
        (wrong, columns, inner.collect::<Vec<_>>())
    };
    let (wrong, columns, found) = compile(&section.cases);
    if !wrong && found.len() == section.cases.len() {
        return (columns, found);
    }
    let each = |case: &Case| {
        let (wrong, _, mut found) = compile(std::slice::from_ref(case));
        if wrong { None } else { found.pop().flatten() }
    };
    (columns, section.cases.iter().map(each).collect())
}

struct Row<'a>(&'a [(String, Type)], &'a [Value]);

impl Scope for Row<'_> {
    fn column(&self, name: &str) -> Option<Value> {
        self.0.iter().position(|(n, _)| n == name).and_then(|i| self.1.get(i)).cloned()
    }

    fn now(&self) -> i64 {
        0
    }
}

/// The row's values, of the columns' types; the first column is none of the case's.
fn values(columns: &[(String, Type)], row: &[Option<String>]) -> Vec<Value> {
    let cell = |(text, (_, ty)): (&Option<String>, &(String, Type))| match text {
        Some(text) => cast::cast(Value::String(text.clone()), ty).expect("a value of the column's type"),
        None => Value::Null,
    };
    let given = row.iter().zip(columns.iter().skip(1)).map(cell);
    std::iter::once(Value::Null).chain(given).collect()
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(b) => (*b).into(),
        Value::Int(i) => (*i).into(),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Map(entries) => entries.iter().map(|(k, v)| (cast::text(k).expect("a text"), json(v))).collect(),
        Value::Struct(fields) => fields.iter().map(|(name, v)| (name.clone(), json(v))).collect(),
        other => cast::text(other).expect("a text").into(),
    }
}

/// As the recording shows it.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => return "null".to_owned(),
        Value::Timestamp(t) => t.to_string(),
        Value::Binary(bytes) => bytes.iter().map(|b| format!("{b:02X}")).collect(),
        Value::Array(_) | Value::Map(_) | Value::Struct(_) => json(value).to_string(),
        other => match cast::text(other) {
            Ok(text) => text,
            Err(_) => format!("{other:?}"),
        },
    };
    serde_json::Value::String(text).to_string()
}

/// Floating numbers may differ in their last place: libraries round transcendental functions differently.
fn equal(ours: &str, theirs: &str, ty: &str) -> bool {
    let number = |text: &str| text.trim_matches('"').replace("Infinity", "inf").parse::<f64>().ok();
    match (ty, number(ours), number(theirs)) {
        // Digits beyond the type's precision differ between versions of Java.
        ("float", Some(a), Some(b)) => a as f32 == b as f32 || a.is_nan() && b.is_nan(),
        ("double", Some(a), Some(b)) => {
            a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 4.0 * f64::EPSILON * a.abs().max(b.abs())
        }
        _ => ours == theirs,
    }
}

/// What differs from a recording, with the deviations taken into account: `compare` calls with a case's name, ours, Spark's
/// and the type.
fn differ(file: &str, compare: &mut dyn FnMut(&mut dyn FnMut(&str, &str, &str, &str))) -> String {
    let deviations = deviations(file);
    let (mut wrong, mut used) = (String::new(), BTreeSet::new());
    compare(&mut |key, ours, theirs, ty| match deviations.get(key) {
        Some(wanted) => {
            if wanted != ours {
                let _ = writeln!(wrong, "{key} => {ours}, and the deviation says {wanted}");
            }
            used.insert(key.to_owned());
        }
        None if equal(ours, theirs, ty) => {}
        None => {
            let _ = writeln!(wrong, "{key} => {ours}, Spark {theirs}");
        }
    });
    for key in deviations.keys().filter(|key| !used.contains(*key)) {
        let _ = writeln!(wrong, "the deviation `{key}` is of no case");
    }
    wrong
}

/// Those of every row. `compute` gives a case's results in order.
fn differences(compute: &dyn Fn(&[(String, Type)], &Expr, &[Vec<Value>]) -> Vec<String>) -> String {
    differ("deviations.txt", &mut |differ| {
        for section in sections() {
            let (columns, found) = compiled(&section);
            for (case, found) in section.cases.iter().zip(&found) {
                let of_type = found.as_ref().map_or("refused".to_owned(), |e| e.ty.to_string());
                let of_type = of_type.replace(", ", ",").replace(": ", ":").replace('?', "");
                let name = format!("{}: {}", section.title, case.expression);
                differ(&name, &of_type, &case.ty, "");
                let Some(expr) = found else { continue };
                let rows: Vec<Vec<Value>> = case.rows.iter().map(|r| values(&columns, &r.row)).collect();
                for (recorded, ours) in case.rows.iter().zip(compute(&columns, expr, &rows)) {
                    differ(&format!("{name}\t{}", recorded.text), &ours, &recorded.came, &case.ty);
                }
            }
        }
    })
}

#[test]
fn the_interpreter_means_what_spark_means() {
    let wrong = differences(&|columns, expr, rows| {
        let one = |row: &Vec<Value>| match dqc::eval::eval(expr, &Row(columns, row)) {
            Ok(value) => shown(&value),
            Err(_) => "error".to_owned(),
        };
        rows.iter().map(one).collect()
    });
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Functions that Spark has not, that depend on the clock, or that casts are turned into.
const OURS: [&str; 14] = [
    "mod97", "luhn", "weighted_sum", "now", "current_date", "age", "trunc", "to_string", "seconds", "time_of_day", "to_timestamp_ntz",
    "gcd", "lcm", "date_bin",
];

#[test]
fn every_native_function_has_cases() {
    let recorded: String = sections().iter().flat_map(|s| &s.cases).map(|c| c.expression.clone() + "\n").collect();
    let natives = dqc::stdlib::FILES.iter().find(|(module, _)| *module == "native").expect("the native functions").1;
    let names = natives.lines().filter_map(|l| l.strip_prefix("extern fn ")?.split('(').next());
    let missing: BTreeSet<&str> =
        names.filter(|n| !OURS.contains(n) && !recorded.contains(&format!("{n}("))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

const SCALARS: [&str; 14] = [
    "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "string", "binary", "date", "timestamp",
    "timestamp_ntz", "array",
];

#[test]
fn every_cast_has_cases() {
    let mut cases = BTreeSet::new();
    for section in sections() {
        let plain = |ty: &str| ty.split(['(', '<']).next().unwrap_or_default().to_owned();
        for (name, ty) in parted(&section.columns) {
            for case in &section.cases {
                let to = case.expression.strip_prefix(&format!("cast({name} as "));
                cases.extend(to.map(|to| (plain(&ty), plain(to.trim_end_matches(')')))));
            }
        }
    }
    let pairs = SCALARS.iter().flat_map(|from| SCALARS.iter().map(move |to| ((*from).to_owned(), (*to).to_owned())));
    // What is no list is none of a list.
    let missing: Vec<_> = pairs.filter(|(a, b)| (a == "array") == (b == "array") && !cases.contains(&(a.clone(), b.clone()))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What stands in an expression that is no value of a row.
const OF_MANY_ROWS: [&str; 4] = ["Error", "Aggregate", "History", "Drift"];

#[test]
fn every_operator_has_cases() {
    let mut met = BTreeSet::new();
    for section in sections() {
        for found in compiled(&section).1.iter().flatten() {
            found.visit(&mut |e| {
                // `Binary { op: Add, …`: names stand before what belongs to them.
                let text = format!("{:?}", e.kind);
                let name = |text: &str| text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned();
                met.extend(text.strip_prefix("Binary { op: ").map(name));
                met.insert(name(&text));
            });
        }
    }
    let mut missing = crate::variants("crates/language/src/hir/expr.rs", "ExprKind");
    missing.extend(crate::variants("crates/language/src/syntax/ast/expr.rs", "BinaryOp"));
    missing.retain(|name| !OF_MANY_ROWS.contains(&name.as_str()) && !met.contains(name));
    assert!(missing.is_empty(), "{missing:?}");
}

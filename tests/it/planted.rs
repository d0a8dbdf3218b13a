//! Errors planted in generated rows: every count, every value and the rows shown equal what DuckDB finds. The same rows
//! as Arrow IPC, CSV and JSON lines come to the same.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::root;

fn python(folder: &Path, what: &str) -> Option<String> {
    let Some(python) = std::env::var_os("DQC_TEST_PYTHON") else {
        eprintln!("skipped: DQC_TEST_PYTHON names no Python with DuckDB");
        return None;
    };
    let done = Command::new(python).arg(root().join("tests/planted/planted.py")).arg(what).arg(folder).output();
    let done = done.expect("Python starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(String::from_utf8_lossy(&done.stdout).to_string())
}

fn audit(folder: &Path, data: &str) -> Value {
    let done = Command::new(env!("CARGO_BIN_EXE_dqc"))
        .args(["audit", "silver.items", "--format", "json", "--samples", "5", "--as-of", "2024-09-01T00:00:00Z"])
        .arg("--data")
        .arg(folder.join(data))
        .arg("--project")
        .arg(folder)
        .env_remove("DQC_ENV")
        .output()
        .expect("the binary starts");
    let text = String::from_utf8_lossy(&done.stdout);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}\n{}", String::from_utf8_lossy(&done.stderr)))
}

#[test]
fn planted_errors_are_found_as_duckdb_finds_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    if python(folder, "make").is_none() {
        return;
    }
    std::fs::copy(root().join("tests/planted/items.dq"), folder.join("items.dq")).expect("the contract");
    let layers = "[project]\nname = \"planted\"\nlanguage = 1\n\n[layers]\nbronze = { path = \"bronze\", format = \"parquet\" }\n\
                  silver = { path = \"silver\", format = \"parquet\" }\n\n[ledger]\npath = \"_dqc\"\n";
    std::fs::write(folder.join("dqc.toml"), layers).expect("dqc.toml");
    let wanted: Value = serde_json::from_str(&python(folder, "judge").expect("DuckDB")).expect("JSON");
    let wanted = wanted.as_object().expect("rules");
    let report = audit(folder, "items");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for result in report["rules"].as_array().expect("rules") {
        let rule = result["rule"].as_str().unwrap_or_default();
        let Some(wanted) = wanted.get(rule) else { continue };
        seen += 1;
        if let Some(violations) = wanted.get("violations")
            && violations != &result["violations"]
        {
            wrong.push(format!("{rule}: DuckDB finds {violations}, dqc {}", result["violations"]));
        }
        if let Some(samples) = wanted.get("samples").and_then(Value::as_array) {
            let row = |s: &Value| format!("{}:{}", s["file"].as_str().unwrap_or(""), s["row"]);
            let came: Vec<String> = result["samples"].as_array().into_iter().flatten().map(row).collect();
            let row = |s: &Value| format!("{}:{}", s[0].as_str().unwrap_or(""), s[1]);
            let samples: Vec<String> = samples.iter().map(row).collect();
            if came != samples {
                wrong.push(format!("{rule}: DuckDB shows {samples:?}, dqc {came:?}"));
            }
        }
        if let Some(value) = wanted.get("value") {
            let same = match (value.as_f64(), result["value"].as_f64()) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
                _ => value == &result["value"],
            };
            if !same {
                wrong.push(format!("{rule}: DuckDB has {value}, dqc {} ({})", result["value"], result["reason"]));
            }
        }
    }
    assert_eq!(seen, wanted.len(), "rules that the report lacks: {:?}", wanted.keys().collect::<Vec<_>>());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(report["datasets"][0]["dataset"], "bronze.orders");
}

//! The dashboard and the alert rules speak of metrics that there are, in a language that Prometheus takes.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Once;

use dqc::report::metrics::FAMILIES;
use regex::Regex;
use serde_json::Value;

use crate::root;

fn file(name: &str) -> String {
    std::fs::read_to_string(root().join("integrations/grafana").join(name)).expect("a file of the integration")
}

/// `promtool`, of Debian's package prometheus; `None`, and a line about it, where there is none.
fn promtool(args: &[&str], input: &str) -> Option<String> {
    static TOLD: Once = Once::new();
    let started = Command::new("promtool")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        TOLD.call_once(|| {
            let _ = writeln!(std::io::stderr(), "skipped: promtool on metrics and alert rules; Debian's package prometheus has it");
        });
        return None;
    };
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "promtool {args:?}: {said}");
    Some(said)
}

pub fn promtool_accepts_metrics(text: &str) {
    if let Some(said) = promtool(&["check", "metrics"], text) {
        assert_eq!(said, "");
    }
}

/// Every expression of dashboard and rules.
fn expressions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&file("dashboard.json")).expect("JSON");
    let mut found = Vec::new();
    walk(&dashboard, &mut found);
    let rules = file("alerts.yml");
    let line = Regex::new(r"(?m)^\s+expr: (.+)$").expect("a regular expression");
    found.extend(line.captures_iter(&rules).map(|c| c[1].to_owned()));
    assert!(found.len() > 10, "{found:?}");
    found
}

fn walk(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                if let (true, Some(text)) = (key == "expr", value.as_str()) {
                    found.push(text.to_owned());
                }
                walk(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
        _ => {}
    }
}

#[test]
fn every_metric_that_is_shown_is_exported() {
    let name = Regex::new(r"\bdqc_\w+").expect("a regular expression");
    let known: BTreeSet<&str> = FAMILIES.iter().map(|f| f.name).collect();
    let mut used = BTreeSet::new();
    for expression in expressions() {
        for found in name.find_iter(&expression) {
            assert!(known.contains(found.as_str()), "{} in {expression}", found.as_str());
            used.insert(found.as_str().to_owned());
        }
    }
    // And what is exported is told in the README beside them.
    let readme = file("README.md");
    for family in FAMILIES {
        assert!(readme.contains(&format!("`{}", family.name)), "{} is not in the README", family.name);
    }
    assert!(used.len() > 8, "{used:?}");
}

#[test]
fn promtool_takes_dashboard_and_alerts() {
    let rules: String = expressions()
        .iter()
        .enumerate()
        .map(|(i, e)| {
            let e = e.replace("$contract", ".*").replace("$__rate_interval", "5m").replace("$__range", "1d");
            format!("      - record: dqc:panel_{i}\n        expr: {}\n", serde_json::to_string(&e).expect("JSON"))
        })
        .collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("panels.yml");
    std::fs::write(&path, format!("groups:\n  - name: panels\n    rules:\n{rules}")).expect("a file");
    promtool(&["check", "rules", &path.display().to_string()], "");
    let own = |name: &str| root().join("integrations/grafana").join(name).display().to_string();
    promtool(&["check", "rules", &own("alerts.yml")], "");
    promtool(&["test", "rules", &own("alerts.test.yml")], "");
}

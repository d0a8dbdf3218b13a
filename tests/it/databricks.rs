//! The notebook of `integrations/databricks`, with the real program and a stand-in for what Databricks gives notebooks.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use serde_json::Value;

use crate::people::shop::{BAD, GOOD, Shop, said};
use crate::root;

/// Runs the notebook as `exec` in a cell does; prints the task's value and the pauses that it asked for.
const CELL: &str = r#"
import json, os, sys, time, types

notebook, parameters, secrets = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
values, pauses = {}, []

class Widgets:
    def get(self, name):
        if name not in parameters:
            raise RuntimeError("InputWidgetNotDefined: " + name)
        return parameters[name]

class Secrets:
    def list(self, scope):
        return [types.SimpleNamespace(key=key) for key in secrets[scope]]
    def get(self, scope, key):
        return secrets[scope][key]

class TaskValues:
    def set(self, key, value):
        values[key] = value

def pause(seconds):
    pauses.append(seconds)
    mend = parameters.get("mend")
    if mend and os.path.exists(mend):
        os.remove(mend)

time.sleep = pause
dbutils = types.SimpleNamespace(
    widgets=Widgets(), secrets=Secrets(), jobs=types.SimpleNamespace(taskValues=TaskValues())
)
try:
    exec(compile(open(notebook).read(), notebook, "exec"), {"dbutils": dbutils, "__name__": "__main__"})
finally:
    print("\nTOLD " + json.dumps([values.get("dqc"), pauses]), flush=True)
"#;

/// A Python with `dqc` beside it, as pip leaves one in a cluster's environment.
fn cell(shop: &Shop, parameters: &Value, secrets: &Value) -> (Output, Value, Value) {
    let bin = shop.path("venv/bin");
    if !bin.exists() {
        std::fs::create_dir_all(&bin).expect("a folder");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dqc"), bin.join("dqc")).expect("a link");
        let which = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().expect("Python");
        let python = String::from_utf8_lossy(&which.stdout).trim().to_owned();
        std::os::unix::fs::symlink(python, bin.join("python")).expect("a link");
    }
    let output = Command::new(bin.join("python"))
        .args(["-c", CELL])
        .arg(root().join("integrations/databricks/dqc_task.py"))
        .args([parameters.to_string(), secrets.to_string()])
        .env_remove("DQC_ENV")
        .output()
        .expect("Python starts");
    let text = said(&output);
    let told = text.lines().find_map(|l| l.strip_prefix("TOLD ")).unwrap_or_else(|| panic!("{text}"));
    let told: Value = serde_json::from_str(told).expect("JSON");
    (output, told[0].clone(), told[1].clone())
}

fn shop() -> Shop {
    Shop::new("[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\n", "")
}

#[test]
fn the_exit_code_is_the_tasks_result() {
    let shop = shop();
    let project = shop.path("");
    shop.day("2026-11-20", GOOD);
    let parameters = serde_json::json!({"project": project, "promotions": "silver.orders", "batch": "day=2026-11-20", "memory": "512MB"});
    let (output, value, pauses) = cell(&shop, &parameters, &Value::Null);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(value["promoted"], 1, "{value}");
    assert_eq!(value["rows"], serde_json::json!({"input": 2, "accepted": 2, "quarantined": 0}));
    assert_eq!(pauses, serde_json::json!([]));
    assert!(said(&output).contains("day=2026-11-20  bronze.orders to silver.orders  promoted"), "{}", said(&output));

    shop.day("2026-11-21", BAD);
    let (output, value, pauses) = cell(&shop, &serde_json::json!({"project": project}), &Value::Null);
    assert!(!output.status.success() && said(&output).contains("RuntimeError: dqc ended with 10"), "{}", said(&output));
    assert_eq!(value["blocked"], serde_json::json!(["day=2026-11-21 of bronze.orders to silver.orders"]));
    assert_eq!(
        (&value["rules"], &pauses),
        (&serde_json::json!(["positive"]), &serde_json::json!([])),
        "not tried again"
    );
    // A task's value is kept and shown to everybody: it holds no row.
    assert!(!value.to_string().contains("example.com"), "{value}");
}

#[test]
fn what_may_heal_is_tried_again_and_secrets_stay_in_the_environment() {
    let shop = shop();
    shop.day("2026-11-20", GOOD);
    shop.write("lake/silver/orders", "in the table's place");
    let parameters = serde_json::json!({
        "project": shop.path(""), "secret_scope": "dqc", "mend": shop.path("lake/silver/orders"),
    });
    let secrets =
        serde_json::json!({"dqc": {"AWS_SECRET_ACCESS_KEY": "canary-of-a-scope", "OTHER": "canary-of-another"}});
    let (output, value, pauses) = cell(&shop, &parameters, &secrets);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!((&value["promoted"], pauses), (&1.into(), serde_json::json!([30])));
    assert!(!said(&output).contains("canary"), "{}", said(&output));
}

#[test]
fn the_page_says_what_the_notebook_does() {
    let file = |name: &str| std::fs::read_to_string(root().join("integrations/databricks").join(name)).expect("a file");
    let (page, notebook) = (file("README.md"), file("dqc_task.py"));
    let all = |pattern: &str, text: &str| -> BTreeSet<String> {
        let pattern = regex::Regex::new(pattern).expect("a regular expression");
        pattern.captures_iter(text).map(|c| c[1].to_owned()).collect()
    };
    let said = notebook.lines().find(|l| l.starts_with("Parameters of the task")).expect("what it takes");
    let named = all("`(\\w+)`", said);
    let taken: BTreeSet<String> = all(r#"parameter\("(\w+)"\)"#, &notebook).into_iter().chain(all(r#"\("--\w+", "(\w+)"\)"#, &notebook)).collect();
    assert_eq!(named, taken);
    let shown = all(r#""(\w+)": "[^"]*",?\n"#, page.split("base_parameters").nth(1).and_then(|p| p.split("\n        }").next()).expect("parameters"));
    assert!(!shown.is_empty() && shown.is_subset(&taken), "{shown:?}");
    for name in taken.difference(&shown) {
        assert!(page.contains(&format!("`{name}`")), "{name} is not on the page");
    }
    // What is tried again, how often and for how long.
    let numbers = |name: &str| -> Vec<u64> {
        let line = notebook.lines().find_map(|l| l.strip_prefix(&format!("{name} = ("))).expect("a tuple");
        line.trim_end_matches(')').split(", ").map(|n| n.parse().expect("a number")).collect()
    };
    assert_eq!((numbers("RETRY"), numbers("PAUSES").len()), (vec![20, 21, 22], 3));
    let seconds: u64 = numbers("PAUSES").iter().sum();
    assert!(page.contains("| 20, 21, 22: ") && page.contains("three times within eleven minutes") && (600..=660).contains(&seconds));
    for code in ["| 0: ", "| 10: blocked; 12: late; 2, 3, 30, 70: ", "| a signal: "] {
        assert!(page.contains(code), "{code}");
    }
    let keys = |text: &str| all(r#""(\w+)": "#, text);
    let value = page.lines().find(|l| l.starts_with("# {\"exit_code\"")).expect("a task's value");
    let summary = notebook.split("return {").nth(3).and_then(|p| p.split("\n    }").next()).expect("what it tells");
    assert!(keys(summary).is_subset(&keys(value)), "{:?} {:?}", keys(summary), keys(value));
    for secret in all("\"(AWS_\\w+)\"", &notebook) {
        assert!(page.contains(&format!("`{secret}`")), "{secret}");
    }
}

//! The ledger is as `src/ledger/README.md` says, column by column, and others can read it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::shop::{BAD, GOOD, Shop, day, said, walk};

const TABLES: [&str; 5] = ["runs", "batches", "results", "metrics", "sla"];

fn page() -> String {
    std::fs::read_to_string(crate::root().join("src/ledger/README.md")).expect("the page")
}

/// Name and type of each column, by table, as the page tells them.
fn told() -> BTreeMap<String, Vec<(String, String)>> {
    let page = page();
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut table = None;
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            table = title.strip_prefix('`').and_then(|t| t.strip_suffix('`'));
        }
        let Some(table) = table else { continue };
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        if let [name, ty, ..] = cells[..]
            && let Some(name) = name.strip_prefix('`').and_then(|n| n.strip_suffix('`'))
        {
            found.entry(table.to_owned()).or_default().push((name.to_owned(), ty.to_owned()));
        }
    }
    found
}

/// The actions of a table's log, oldest first.
fn log(table: &Path) -> Vec<Value> {
    let files = walk(&table.join("_delta_log"));
    let commits = files.iter().filter(|p| p.extension().is_some_and(|e| e == "json"));
    let texts = commits.map(|p| std::fs::read_to_string(p).expect("a commit"));
    texts.flat_map(|t| t.lines().map(|l| serde_json::from_str(l).expect("an action")).collect::<Vec<Value>>()).collect()
}

/// A project whose ledger has rows in every table: published, blocked, unreadable, with a past, with service levels.
fn shop() -> Shop {
    let sla = "        fresh:   age(max(at)) <= 2 hours else warn\n        on_time: arrives by 00:00 in \"UTC\" on days for the day before else warn\n        spare:   on_time missed at most 3 of last 30 deadlines";
    let shop = Shop::new("[channels.team]\nkind = \"none\"\n", sla);
    let contracts = shop.read("orders.dq").replace("rules {", "rules {\n        usual: count(*) within 3 stddev of last 7 batches else warn\n        held: amount <> 7 else quarantine");
    shop.write("orders.dq", &contracts);
    shop.day(&day(-2), GOOD);
    shop.day(&day(-1), BAD);
    shop.day("2026-01-01", GOOD);
    let file = shop.path("lake/bronze/orders/day=2026-01-01/a.parquet");
    std::fs::write(file, "no parquet").expect("a file");
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(10), "{}", said(&run));
    shop.dqc(&["sla"]);
    shop
}

#[test]
fn every_column_is_told() {
    let shop = shop();
    let schemas: BTreeMap<&str, Vec<(String, String)>> = TABLES.iter().map(|t| (*t, schema(&shop, t))).collect();
    let told = told();
    assert_eq!(told.keys().map(String::as_str).collect::<Vec<_>>(), ["batches", "metrics", "results", "runs", "sla"]);
    for table in TABLES {
        assert_eq!(schemas[table], told[table], "{table}");
        // What the page promises to readers.
        let actions = log(&shop.path(&format!("lake/_dqc/{table}")));
        let metadata = actions.iter().rev().find_map(|a| a.get("metaData")).expect("a table");
        assert_eq!(metadata["partitionColumns"], serde_json::json!([]), "{table}");
        let protocol = actions.iter().rev().find_map(|a| a.get("protocol")).expect("a protocol");
        assert_eq!(protocol["minReaderVersion"], 1, "{table}");
    }
}

/// Name and type of each column, as the table's log has them.
fn schema(shop: &Shop, table: &str) -> Vec<(String, String)> {
    let actions = log(&shop.path(&format!("lake/_dqc/{table}")));
    let metadata = actions.iter().rev().find_map(|a| a.get("metaData")).expect("a table");
    let schema: Value = serde_json::from_str(metadata["schemaString"].as_str().expect("a schema")).expect("JSON");
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let fields = schema["fields"].as_array().expect("fields");
    assert!(fields.iter().all(|f| f["nullable"] == true), "{table}");
    fields.iter().map(|f| (text(&f["name"]), text(&f["type"]))).collect()
}

fn python(shop: &Shop, args: &[&str]) -> Option<String> {
    let python = std::env::var_os("DQC_TEST_PYTHON")?;
    let script = crate::root().join("tests/it/people/ledger.py");
    let output = Command::new(python).arg(script).arg(args[0]).arg(shop.path("lake/_dqc")).args(&args[1..]).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn the_views_show_how_things_stand() {
    let shop = shop();
    let views = crate::root().join("src/ledger/views.sql").display().to_string();
    let Some(text) = python(&shop, &["views", &views]) else { return };
    let found: BTreeMap<String, Vec<Value>> = serde_json::from_str(&text).expect("JSON");
    let page = page();
    for view in found.keys() {
        assert!(page.contains(&format!("| `{view}` |")), "{view} is not told");
    }
    assert_eq!(found.len(), 5);
    let states: Vec<(&str, &str)> = found["dqc_batches"]
        .iter()
        .map(|b| (b["batch"].as_str().unwrap_or_default(), b["state"].as_str().unwrap_or_default()))
        .collect();
    for (batch, state) in [(day(-2), "published"), (day(-1), "blocked"), ("2026-01-01".to_owned(), "blocked")] {
        assert!(states.contains(&(&format!("day={batch}"), state)), "{states:?}");
    }
    let published = found["dqc_batches"].iter().find(|b| b["state"] == "published").expect("a batch");
    assert_eq!((&published["input_rows"], &published["quarantined_share"]), (&2.into(), &0.5.into()), "{published}");
    let positive = found["dqc_rules"].iter().find(|r| r["rule"] == "positive").expect("a rule");
    assert_eq!((&positive["violated_batches"], &positive["violating_rows"]), (&1.into(), &1.into()), "{positive}");
    assert!(found["dqc_results"].iter().any(|r| r["rule"] == "positive" && r["action"] == "block"));
    assert!(found["dqc_sla"].iter().any(|l| l["name"] == "spare" && l["allowed_count"] == 3));
    assert!(found["dqc_runs"].iter().all(|r| r["run_seconds"].as_f64().is_some_and(|s| (0.0..600.0).contains(&s))));
}

/// Files that a table names now.
fn live(table: &Path) -> usize {
    let (mut added, mut removed) = (0, 0);
    for action in log(table) {
        added += usize::from(action.get("add").is_some());
        removed += usize::from(action.get("remove").is_some());
    }
    added - removed
}

#[test]
fn compaction_changes_no_row_and_steps_are_logged() {
    let shop = Shop::new("[channels.team]\nkind = \"none\"\n", "");
    let mut runs = 0;
    for number in 10..20 {
        shop.day(&format!("2026-01-{number}"), if number % 3 == 0 { BAD } else { GOOD });
        shop.dqc(&["run"]);
        runs += 1;
    }
    let batches = shop.path("lake/_dqc/batches");
    let (before, rows) = (live(&batches), python(&shop, &["rows"]));
    assert!(before >= 10, "{before} files");
    let gc = shop.dqc(&["gc"]);
    assert_eq!(gc.status.code(), Some(0), "{}", said(&gc));
    assert!(said(&gc).contains("of the ledger put together"), "{}", said(&gc));
    assert!(live(&batches) < before / 2, "{} of {before} files", live(&batches));
    assert_eq!(python(&shop, &["rows"]), rows);
    // The next run finds all as it was, and adds to it.
    shop.day("2026-01-29", GOOD);
    let run = shop.dqc(&["run"]);
    assert!(said(&run).contains("day=2026-01-29") && said(&run).contains("1 batch promoted"), "{}", said(&run));
    assert!(!said(&run).contains("day=2026-01-11  bronze"), "{}", said(&run));
    // Beside the tables stand the steps of each run.
    let logs = walk(&shop.path("lake/_dqc/logs"));
    assert_eq!(logs.len(), runs + 1);
    for path in logs {
        let run = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a log");
        let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
        assert!(lines.iter().all(|l| l["run_id"] == run.as_str() && l["at"].is_string() && l["step"].is_string()), "{text}");
        assert_eq!((&lines[0]["step"], &lines[lines.len() - 1]["step"]), (&"began".into(), &"ended".into()), "{text}");
    }
}

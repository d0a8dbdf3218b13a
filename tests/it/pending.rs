//! `dqc pending`, and the files that `run` and `sla` leave for other programs.

use serde_json::Value;

use crate::people::shop::{BAD, GOOD, Shop, said};

fn pending(shop: &Shop, more: &[&str]) -> Vec<(String, String)> {
    let output = shop.dqc(&[&["pending", "--format", "json"], more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let line = |line: &str| {
        let found: Value = serde_json::from_str(line).expect("JSON");
        let word = |key: &str| found[key].as_str().expect("a text").to_owned();
        assert_eq!(
            (word("promotion"), word("dataset")),
            ("bronze.orders to silver.orders".into(), "silver.orders".into())
        );
        assert!(found["files"].is_u64() && found["bytes"].is_u64(), "{found}");
        (word("batch"), word("state"))
    };
    String::from_utf8_lossy(&output.stdout).lines().map(line).collect()
}

fn one(batch: &str, state: &str) -> Vec<(String, String)> {
    vec![(batch.to_owned(), state.to_owned())]
}

#[test]
fn every_state_of_a_batch_has_its_name() {
    let shop = Shop::new("[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\n", "");
    assert_eq!(pending(&shop, &[]), []);
    shop.day("2026-11-20", GOOD);
    shop.day("2026-11-21", BAD);
    let new = [one("day=2026-11-20", "new"), one("day=2026-11-21", "new")].concat();
    assert_eq!(pending(&shop, &[]), new);
    // Asking moves nothing and books nothing.
    assert!(!shop.path("lake/silver").exists() && !shop.path("lake/_dqc").exists());
    assert_eq!(pending(&shop, &["silver.orders", "--batch", "day=2026-11-22"]), one("day=2026-11-22", "absent"));
    let text = shop.dqc(&["pending"]);
    let text = said(&text);
    assert!(text.contains("2 batches pending") && text.contains("day=2026-11-21") && text.contains("new"), "{text}");

    assert_eq!(shop.dqc(&["run"]).status.code(), Some(10));
    assert_eq!(pending(&shop, &[]), one("day=2026-11-21", "new"), "what is blocked is still pending");
    assert_eq!(pending(&shop, &["--batch", "day=2026-11-20"]), one("day=2026-11-20", "published"));

    // Published by a run that was killed before it booked what it had done.
    std::fs::remove_dir_all(shop.path("lake/_dqc")).expect("the ledger is removed");
    assert_eq!(pending(&shop, &["--batch", "day=2026-11-20"]), one("day=2026-11-20", "unfinished"));
    shop.day("2026-11-20", &GOOD[..1]);
    assert_eq!(pending(&shop, &["--batch", "day=2026-11-20"]), one("day=2026-11-20", "changed"));

    shop.day("2026-11-21", GOOD);
    assert_eq!(shop.dqc(&["run"]).status.code(), Some(0));
    let idle = shop.dqc(&["pending", "--nothing-pending-exit", "99"]);
    assert_eq!(idle.status.code(), Some(99), "{}", said(&idle));
    assert!(said(&idle).contains("nothing is pending"), "{}", said(&idle));
    assert_eq!(
        shop.dqc(&["pending", "--batch", "day=2026-11-21", "--nothing-pending-exit", "99"]).status.code(),
        Some(99)
    );

    let contracts = shop.read("orders.dq").replace("by folder \"day\"", "by folder \"day\" settled after 1 hour");
    shop.write("orders.dq", &contracts);
    shop.day("2026-11-22", GOOD);
    assert_eq!(pending(&shop, &[]), one("day=2026-11-22", "unsettled"));
    assert_eq!(shop.dqc(&["pending", "--nothing-pending-exit", "99"]).status.code(), Some(99));
    let wrong = shop.dqc(&["pending", "silver.order"]);
    assert!(wrong.status.code() == Some(2) && said(&wrong).contains("nearest is `silver.orders`"), "{}", said(&wrong));
}

#[test]
fn the_reports_go_to_a_file_beside_the_text() {
    let shop = Shop::new("[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\n", "volume: count(*) >= 100");
    shop.day("2026-11-20", BAD);
    let file = shop.path("reports.jsonl");
    let named = file.to_str().expect("a path");
    let missing = shop.path("no/such/folder");
    let wrong = shop.dqc(&["run", "--json", missing.to_str().expect("a path")]);
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    assert!(said(&wrong).contains("cannot be written") && !shop.path("lake/_dqc").exists(), "{}", said(&wrong));

    let clock = ["--as-of", "2026-11-21T00:00:00Z"];
    let text = shop.dqc(&[&["run", "--json", named], &clock[..]].concat());
    assert!(text.status.code() == Some(10) && said(&text).contains("blocked"), "{}", said(&text));
    let written = shop.read("reports.jsonl");
    let json = shop.dqc(&[&["run", "--format", "json"], &clock[..]].concat());
    assert_eq!(written, String::from_utf8_lossy(&json.stdout));
    let report: Value = serde_json::from_str(&written).expect("one document on one line");
    assert_eq!(report["verdict"], "blocked");

    let sla = shop.dqc(&[&["sla", "--json", named], &clock[..]].concat());
    assert!(sla.status.code() == Some(12) && said(&sla).contains("silver.orders.volume"), "{}", said(&sla));
    let json = shop.dqc(&[&["sla", "--format", "json"], &clock[..]].concat());
    assert_eq!(shop.read("reports.jsonl"), String::from_utf8_lossy(&json.stdout));
}

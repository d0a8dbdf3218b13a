//! What a lake tells of what was promoted, and how it is kept in order, in the hands of the real binary: receipts, history,
//! cleaning; and the ways of a batch into its target that are not a table of our own writing.

mod targets;

use serde_json::Value;

use crate::people::shop::{BAD, GOOD, Shop, said};
use crate::promote::lake::Lake;

pub fn ok(shop: &Shop, args: &[&str]) -> String {
    let output = shop.dqc(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("not JSON: {e}: {line}"))).collect()
}

fn shop() -> Shop {
    shop_with("")
}

/// `more` stands in `dqc.toml`; nobody is notified.
pub fn shop_with(more: &str) -> Shop {
    let shop = Shop::new(more, "");
    shop.write("orders.dq", &shop.read("orders.dq").replace("    notify team on block, warn\n", ""));
    shop
}

pub fn lake(shop: &Shop) -> Lake {
    Lake::at(&format!("file://{}", shop.path("lake").display()), Default::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_tells_who_promoted_what_and_a_file_that_was_tampered_with_is_found() {
    let mut shop = shop();
    shop.env.push(("USER".into(), "grace".into()));
    shop.day("2026-11-20", GOOD);
    shop.day("2026-11-21", GOOD);
    ok(&shop, &["run"]);
    let receipts = lines(&ok(&shop, &["receipt", "list", "silver.orders", "--format", "json"]));
    let batches: Vec<&str> = receipts.iter().filter_map(|r| r["batch"].as_str()).collect();
    assert_eq!(batches, ["day=2026-11-20", "day=2026-11-21"]);
    let receipt = &receipts[0];
    let expected = serde_json::json!({
        "promotion": "bronze.orders to silver.orders", "retry": false, "contract": "silver.orders",
        "contract_version": "1.2.0", "input": 2, "accepted": 2, "held": 0, "verdict": "passed",
        "dqc": env!("CARGO_PKG_VERSION"),
    });
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(receipt[key], *value, "{key}");
    }
    assert!(receipt["by"].as_str().is_some_and(|by| by.starts_with("grace@")), "{receipt}");
    let at: chrono::DateTime<chrono::Utc> = receipt["at"].as_str().and_then(|at| at.parse().ok()).expect("when");
    assert!((chrono::Utc::now() - at).num_minutes() < 10, "{receipt}");
    assert_eq!(receipt["contract_sha256"].as_str().map(str::len), Some(64));
    // The digest is that of the file as it lies there.
    let source = std::fs::read(shop.path("lake/bronze/orders/day=2026-11-20/a.parquet")).expect("the source");
    let sha256: String = <sha2::Sha256 as sha2::Digest>::digest(&source).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(receipt["files"][0]["sha256"], sha256.as_str());
    let text = ok(&shop, &["receipt", "list", "silver.orders"]);
    assert!(text.contains("day=2026-11-21") && text.contains("grace@") && text.contains(&receipt["at"].as_str().expect("when")[..10]), "{text}");

    let verify = |args: &[&str]| {
        let output = shop.dqc(&[&["receipt", "verify", "silver.orders"], args].concat());
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = verify(&[]);
    assert!(code == Some(0) && text.contains("2 files") && text.contains("as they were judged"), "{code:?} {text}");
    // One byte, at the same size and time; then a file that is gone.
    let files = lake(&shop).files("silver/orders").await;
    let path = shop.path(&format!("lake/silver/orders/{}", files[0]));
    let mut bytes = std::fs::read(&path).expect("a file");
    bytes[40] ^= 1;
    let before = std::fs::metadata(&path).and_then(|m| m.modified()).expect("a time");
    std::fs::write(&path, bytes).expect("written");
    std::fs::File::options().write(true).open(&path).and_then(|f| f.set_modified(before)).expect("a time");
    let (code, text) = verify(&[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("{} is not what was published", files[0])), "{text}");
    std::fs::remove_file(shop.path(&format!("lake/silver/orders/{}", files[1]))).expect("removed");
    let (code, text) = verify(&["--format", "json"]);
    let found = &lines(&text)[0];
    assert_eq!((code, found["intact"].as_u64()), (Some(1), Some(0)), "{found}");
    assert_eq!(found["broken"][1], serde_json::json!({"file": files[1], "reason": "is gone"}), "{found}");
    let output = shop.dqc(&["receipt", "verify", "silver.order"]);
    assert!(output.status.code() == Some(2) && said(&output).contains("the nearest is `silver.orders`"), "{}", said(&output));
}

#[test]
fn history_tells_of_past_batches_with_bars_and_as_json() {
    let shop = shop();
    assert_eq!(ok(&shop, &["history"]), "no batch was judged yet\n");
    shop.day("2026-11-20", GOOD);
    ok(&shop, &["run"]);
    shop.day("2026-11-21", BAD);
    assert_eq!(shop.dqc(&["run"]).status.code(), Some(10));
    shop.day("2026-11-22", &[(5, "ada@example.com", "t"); 1]);
    assert_eq!(shop.dqc(&["run"]).status.code(), Some(10));
    let past = lines(&ok(&shop, &["history", "--format", "json"]));
    let of: Vec<_> = past
        .iter()
        .map(|b| (b["batch"].as_str().unwrap_or(""), b["verdict"].as_str().unwrap_or(""), b["published"] == true))
        .collect();
    assert_eq!(
        of,
        [
            ("day=2026-11-20", "passed", true),
            ("day=2026-11-21", "blocked", false),
            ("day=2026-11-21", "blocked", false),
            ("day=2026-11-22", "passed", true),
        ]
    );
    assert!(past[0]["finished_at"].as_str().is_some_and(|t| t.parse::<chrono::DateTime<chrono::Utc>>().is_ok()));
    let text = ok(&shop, &["history"]);
    assert!(text.contains("silver.orders") && text.contains("█··▅") && text.contains("promoted"), "{text}");
    let text = ok(&shop, &["history", "silver.orders"]);
    for words in ["rows accepted  █··▅", "day=2026-11-21", "blocked", "positive", "block"] {
        assert!(text.contains(words), "`{words}` is missing in:\n{text}");
    }
    assert_eq!(lines(&ok(&shop, &["history", "silver.orders", "--last", "2", "--format", "json"])).len(), 2);
    let output = shop.dqc(&["history", "silver.order"]);
    assert!(output.status.code() == Some(2) && said(&output).contains("the nearest is `silver.orders`"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn cleaning_removes_what_no_log_names_and_nothing_else() {
    let shop = shop();
    // As many runs as make the ledger worth putting together.
    for day in 10..17 {
        shop.day(&format!("2026-11-{day}"), GOOD);
        ok(&shop, &["run"]);
    }
    // A batch that takes the place of its first form, and what a killed run would leave.
    shop.day("2026-11-10", &[(1, "ada@example.com", "t")]);
    ok(&shop, &["run"]);
    let tables = lake(&shop);
    let rows = tables.rows("silver/orders").await;
    let files = tables.files("silver/orders").await;
    let orphan = "silver/orders/day=2026-11-19/part-00000-cut-off.parquet";
    tables.put(orphan, &[13]).await;
    tables.put("silver/orders/_delta_log/notes.parquet", &[13]).await;
    tables.write("silver/orders/README.md", b"about").await;
    let past = lines(&ok(&shop, &["history", "--format", "json"]));

    // Young files may belong to a run that goes on.
    assert!(ok(&shop, &["gc"]).starts_with("0 files removed"));
    assert!(tables.files("silver/orders").await.len() == files.len() + 1);
    let later = (chrono::Utc::now() + chrono::TimeDelta::days(8)).to_rfc3339();
    let text = ok(&shop, &["gc", "--dry-run", "--as-of", &later]);
    assert!(text.contains("silver.orders: day=2026-11-19/part-00000-cut-off.parquet"), "{text}");
    assert!(text.contains("would be removed"), "{text}");
    assert_eq!(tables.files("silver/orders").await.len(), files.len() + 1);
    ok(&shop, &["gc", "--as-of", &later]);
    assert_eq!(tables.files("silver/orders").await.len(), files.len() - 1, "the orphan, and the batch's first form");
    assert!(shop.path("lake/silver/orders/README.md").is_file());
    assert!(shop.path("lake/silver/orders/_delta_log/notes.parquet").is_file());
    assert_eq!(tables.rows("silver/orders").await, rows);
    assert!(ok(&shop, &["receipt", "verify", "silver.orders"]).contains("as they were judged"));
    // The ledger's files became one, and say what they said.
    assert_eq!(lines(&ok(&shop, &["history", "--format", "json"])), past);
    let batches = format!("file://{}/", shop.path("lake/_dqc/batches").display());
    let named = dqc::lake::delta::Table::open(&batches, &tables.storage).await;
    assert_eq!(named.expect("a log").expect("a table").files().expect("files").len(), 1);
    assert!(ok(&shop, &["run"]).contains("nothing to do"));
    let output = shop.dqc(&["gc", "--older-than", "5m"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

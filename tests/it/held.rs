//! Rows held back, in the hands of the real binary: seen, tried again, forgotten.

mod forget;
mod retry;

use serde_json::Value;

use crate::people::shop::{Order, Shop, said};
use crate::promote::lake::Lake;

/// Holds back what costs nothing or less.
const CONTRACTS: &str = r#"
contract bronze.orders @ 1.0.0 {
    columns {
        id: bigint  amount: bigint  email: string personal  token: string secret
        at: timestamp?  note: string?
    }
}

/// One row per order.
contract silver.orders @ VERSION {
    owner "finance-data@acme.example"
    zone  "UTC"
    nulls pass
    quarantine at most 80%, keep 30 days
    columns {
        id: bigint key
        amount: bigint
        email: string personal
        token: string secret
        at: timestamp?
        note: string?
    }
    rules {
        positive: amount > LEAST
            else    quarantine
            because "Order {id} of {email} costs {amount}."
            fix     "Ask the till for that day's export again."
        not_tiny: amount > -1000
            else    quarantine
    }
}

promote bronze.orders to silver.orders {
    batches by folder "day"
    write WRITE
    NOTIFY
}
"#;

/// Two orders are held: that of Bob, whose address a spreadsheet would run, and that of Cy, by two rules.
const MIXED: &[Order<'static>] = &[
    (5, "ada@example.com", "token-1"),
    (-7, "=HYPERLINK(\"http://evil.example\")", "token-2"),
    (9, "dee@example.com", "token-3"),
    (-5000, "cy@example.com", "token-4"),
];

const DAY: &str = "2026-11-20";

/// `more` stands in `dqc.toml`.
pub fn shop(more: &str) -> Shop {
    let shop = Shop::new(more, "");
    contract(&shop, "1.0.0", 0, "append");
    shop.day(DAY, MIXED);
    shop
}

/// The contract under which amounts above `least` pass.
fn contract(shop: &Shop, version: &str, least: i64, write: &str) {
    let notify = if shop.read("dqc.toml").contains("[channels.team]") { "notify team on quarantine, block" } else { "" };
    let text = CONTRACTS.replace("VERSION", version).replace("LEAST", &least.to_string());
    shop.write("orders.dq", &text.replace("WRITE", write).replace("NOTIFY", notify));
}

/// What a command printed, which must have ended well.
pub fn ok(shop: &Shop, args: &[&str]) -> String {
    let output = shop.dqc(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

pub fn lines(shop: &Shop, args: &[&str]) -> Vec<Value> {
    let args: Vec<&str> = args.iter().copied().chain(["--format", "json"]).collect();
    let text = ok(shop, &args);
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("not JSON: {e}: {line}"))).collect()
}

/// The tables themselves, as a reader of Delta sees them.
pub fn lake(shop: &Shop) -> Lake {
    Lake::at(&format!("file://{}", shop.path("lake").display()), Default::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_listed_and_shown_without_a_persons_values() {
    let shop = shop("");
    ok(&shop, &["run"]);
    let listed = lines(&shop, &["quarantine", "list"]);
    assert_eq!(listed.len(), 1, "{listed:?}");
    let batch = &listed[0];
    assert_eq!((&batch["dataset"], &batch["batch"]), (&"silver.orders".into(), &"day=2026-11-20".into()));
    assert_eq!((&batch["rows"], &batch["versions"]), (&2.into(), &serde_json::json!(["1.0.0"])));
    assert_eq!(batch["rules"], serde_json::json!({"positive": 2, "not_tiny": 1}));
    let (held, until) = (batch["held_at"].as_str(), batch["until"].as_str());
    let date = |text: Option<&str>| text.and_then(|t| t.parse::<chrono::DateTime<chrono::Utc>>().ok()).expect("an instant");
    assert_eq!(date(until) - date(held), chrono::TimeDelta::days(30), "as the contract says");
    let text = ok(&shop, &["quarantine", "list", "silver.orders"]);
    for words in ["silver.orders", "day=2026-11-20", "positive 2, not_tiny 1", "2 rows in 1 batch"] {
        assert!(text.contains(words), "`{words}` is missing in:\n{text}");
    }

    let shown = lines(&shop, &["quarantine", "show", "silver.orders"]);
    assert_eq!(shown.len(), 2);
    let row = &shown[0];
    assert_eq!((&row["row"], &row["version"]), (&2.into(), &"1.0.0".into()), "{row}");
    assert!(row["file"].as_str().is_some_and(|f| f.ends_with("day=2026-11-20/a.parquet")), "{row}");
    assert_eq!(row["rules"][0]["rule"], "positive");
    let reason = row["rules"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("-7"), "the reason names the values that decided: {reason}");
    assert_eq!((&row["values"]["amount"], &row["values"]["email"]), (&(-7).into(), &"***".into()));
    assert!(row["values"].get("token").is_none(), "a secret is not shown: {row}");
    assert_eq!(lines(&shop, &["quarantine", "show", "silver.orders", "--rule", "not_tiny"]).len(), 1);
    assert_eq!(lines(&shop, &["quarantine", "show", "silver.orders", "--limit", "1"]).len(), 1);
    assert_eq!(lines(&shop, &["quarantine", "show", "silver.orders", "--batch", "day=2026-11-21"]).len(), 0);

    let text = ok(&shop, &["quarantine", "show", "silver.orders"]);
    assert!(text.contains("a.parquet:2") && text.contains("positive: ") && text.contains("2 rows"), "{text}");
    let csv = ok(&shop, &["quarantine", "show", "silver.orders", "--format", "csv"]);
    let masked = [&text, &csv, &serde_json::json!(shown).to_string()].map(String::as_str).concat();
    for secret in ["token-", "evil.example", "cy@example"] {
        assert!(!masked.contains(secret), "`{secret}` is shown");
    }
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(csv.starts_with("_dqc_batch,_dqc_file,_dqc_row,_dqc_version,_dqc_held_at,_dqc_rules,_dqc_reasons,"), "{csv}");
    // What somebody asks for by name is shown; a spreadsheet does not run it.
    let open = ok(&shop, &["quarantine", "show", "silver.orders", "--format", "csv", "--unmask"]);
    assert!(open.contains("\"'=HYPERLINK(\"\"http://evil.example\"\")\""), "{open}");
    assert!(!open.contains("token-"), "{open}");
}

#[test]
fn what_cannot_be_asked_for_is_said_with_the_nearest() {
    let shop = shop("");
    let output = shop.dqc(&["quarantine", "show", "silver.order"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("the nearest is `silver.orders`"), "{}", said(&output));
    assert_eq!(ok(&shop, &["quarantine", "list"]), "nothing is held back\n");
    assert_eq!(ok(&shop, &["quarantine", "show", "silver.orders"]), "no row is held back\n");
    let output = shop.dqc(&["quarantine", "erase", "silver.orders", "--where", "id"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    ok(&shop, &["run"]);
    let output = shop.dqc(&["quarantine", "erase", "silver.orders", "--where", "ids=1"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("no column `ids`"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_which_more_is_held_than_the_contract_allows_is_blocked() {
    let shop = shop("");
    let bad: Vec<Order<'_>> = vec![(-1, "x@example.com", "t"), (-2, "x@example.com", "t"), (-3, "x@example.com", "t")];
    let bad: Vec<Order<'_>> = bad.into_iter().chain([(-4, "y@example.com", "t"), (-5, "y@example.com", "t"), (6, "z@example.com", "t")]).collect();
    shop.day(DAY, &bad);
    let output = shop.dqc(&["run"]);
    assert_eq!(output.status.code(), Some(10), "{}", said(&output));
    assert!(said(&output).contains("80%"), "{}", said(&output));
    assert!(lake(&shop).rows("silver/orders").await.is_empty());
    assert!(lake(&shop).files("quarantine").await.is_empty(), "what was staged is removed");
    assert_eq!(ok(&shop, &["quarantine", "list"]), "nothing is held back\n");
}

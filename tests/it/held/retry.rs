//! Judged again under today's contract: what passes is promoted exactly once, the rest stays.

use std::process::{Command, Stdio};

use dqc::ledger::Ledger;

use super::{DAY, contract, lake, lines, ok, shop};
use crate::people::peer::Scripted;
use crate::people::shop::{Shop, said};

#[tokio::test(flavor = "multi_thread")]
async fn rows_pass_under_a_mended_contract_and_the_rest_stays() {
    let shop = shop("");
    ok(&shop, &["run"]);
    let tables = lake(&shop);
    // Nothing has changed: nothing passes, and nothing is written.
    let files = (tables.files("silver").await, tables.files("quarantine").await);
    let text = ok(&shop, &["quarantine", "retry"]);
    assert!(text.contains("day=2026-11-20 of silver.orders: 0 rows promoted, 2 stay"), "{text}");
    assert_eq!(files, (tables.files("silver").await, tables.files("quarantine").await));

    contract(&shop, "1.1.0", -10, "append");
    let done = lines(&shop, &["quarantine", "retry", "silver.orders"]);
    assert_eq!(done.len(), 1);
    assert_eq!((&done[0]["promoted"], &done[0]["stay"]), (&1.into(), &1.into()), "{}", done[0]);
    assert_eq!(tables.rows("silver/orders").await, [-7, 5, 9]);
    assert_eq!(tables.rows("quarantine/silver/orders").await, [-5000]);
    // What stays is held by today's contract, and still says where it came from.
    let shown = lines(&shop, &["quarantine", "show", "silver.orders"]);
    assert_eq!((shown.len(), &shown[0]["version"], &shown[0]["row"]), (1, &"1.1.0".into(), &4.into()), "{shown:?}");
    assert!(shown[0]["file"].as_str().is_some_and(|f| f.ends_with("day=2026-11-20/a.parquet")));

    let text = ok(&shop, &["quarantine", "retry"]);
    assert!(text.contains("0 rows promoted, 1 stays"), "{text}");
    assert_eq!(tables.rows("silver/orders").await, [-7, 5, 9]);
    // The batch itself is done with: a run has nothing to do.
    assert!(ok(&shop, &["run"]).contains("nothing to do"));
    let receipts = lines(&shop, &["receipt", "list", "silver.orders"]);
    let of: Vec<_> = receipts.iter().map(|r| (r["retry"].as_bool(), r["accepted"].as_u64(), r["held"].as_u64())).collect();
    assert_eq!(of, [(Some(false), Some(2), Some(2)), (Some(true), Some(1), Some(1))]);
    assert!(ok(&shop, &["receipt", "verify", "silver.orders"]).contains("as they were judged"));

    // What looks at a dataset's last batch sees the batch, and how many of its rows are held by now.
    let project = format!("file://{}", shop.path("lake/_dqc").display());
    let storage = Default::default();
    let last = Ledger::new(&project, &storage, 0).last_batches().await.expect("a ledger").remove("silver.orders");
    let last = last.expect("a batch");
    assert_eq!((last.rows, last.quarantined, last.verdict.as_str()), (Some(4), Some(1), "passed"));
    assert_eq!(last.batch, "day=2026-11-20");
}

/// Retries of the same rows by several processes, and a run beside them.
#[tokio::test(flavor = "multi_thread")]
async fn retries_at_once_promote_a_row_once() {
    let shop = shop("");
    ok(&shop, &["run"]);
    contract(&shop, "1.1.0", -6000, "append");
    shop.day("2026-11-21", &[(1, "eve@example.com", "t")]);
    let start = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dqc"));
        command.args(args).arg("--project").arg(shop.path("")).env_remove("DQC_ENV");
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts")
    };
    let retry: &[&str] = &["quarantine", "retry"];
    let children: Vec<_> = [retry, retry, retry, &["run"]].into_iter().map(start).collect();
    for child in children {
        let output = child.wait_with_output().expect("an end");
        assert!(matches!(output.status.code(), Some(0 | 21)), "{}", said(&output));
    }
    ok(&shop, &["run"]);
    ok(&shop, &["quarantine", "retry"]);
    let tables = lake(&shop);
    // `not_tiny` still holds one.
    assert_eq!(tables.rows("silver/orders").await, [-7, 1, 5, 9]);
    assert_eq!(tables.rows("quarantine/silver/orders").await, [-5000]);
    assert!(tables.files("quarantine").await.iter().all(|f| !f.contains("_dqc_retry")), "what was laid out is removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_replaced_takes_its_rows_with_it() {
    let shop = shop("");
    contract(&shop, "1.0.0", 0, "replace");
    ok(&shop, &["run"]);
    contract(&shop, "1.1.0", -10, "replace");
    ok(&shop, &["quarantine", "retry", "--batch", "day=2026-11-20"]);
    let tables = lake(&shop);
    assert_eq!(tables.rows("silver/orders").await, [-7, 5, 9]);
    shop.day(DAY, &[(3, "fay@example.com", "t"), (-70, "fay@example.com", "t")]);
    ok(&shop, &["run"]);
    assert_eq!(tables.rows("silver/orders").await, [3], "neither the batch's old rows nor those that came out of quarantine");
    assert_eq!(tables.rows("quarantine/silver/orders").await, [-70]);
}

/// Cells of a text file are read as the source's contract says, also the second time.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_text_file_are_read_as_they_were() {
    let shop = Shop::new("", "");
    let toml = shop.read("dqc.toml").replace("format = \"parquet\"", "format = \"csv\"");
    shop.write("dqc.toml", &toml);
    let contracts = |least: &str| {
        format!(
            "contract bronze.lines @ 1.0.0 {{\n    columns {{ id: bigint  amount: bigint }}\n}}\n\
             contract silver.lines @ 1.0.0 {{\n    columns {{ id: bigint key  amount: bigint }}\n    rules {{\n        \
             positive: amount > {least} else quarantine\n    }}\n}}\n\
             promote bronze.lines to silver.lines {{\n    batches by folder \"day\"\n    write append\n}}\n"
        )
    };
    shop.write("orders.dq", &contracts("0"));
    shop.write("lake/bronze/lines/day=1/a.csv", "id,amount\n1,10\n2,-1\n3,-2\n4,\"-70\"\n5,many\n");
    ok(&shop, &["run"]);
    let tables = lake(&shop);
    shop.write("orders.dq", &contracts("-10"));
    let done = lines(&shop, &["quarantine", "retry"]);
    assert_eq!((&done[0]["promoted"], &done[0]["stay"]), (&2.into(), &2.into()), "{}", done[0]);
    assert_eq!(tables.rows("silver/lines").await, [-2, -1, 10]);
    let shown = lines(&shop, &["quarantine", "show", "silver.lines"]);
    let why = |amount: &str| shown.iter().find(|r| r["values"]["amount"] == amount).map(|r| r["rules"][0]["rule"].clone());
    assert_eq!((why("-70"), why("many")), (Some("positive".into()), Some("amount.cast".into())), "{shown:?}");
}

#[test]
fn whoever_was_told_of_rows_held_back_hears_that_they_came_out() {
    let server = Scripted::start(&["200 OK"]);
    let mut shop = shop("[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\n");
    shop.env = vec![("HOOK".into(), server.url.clone())];
    ok(&shop, &["run"]);
    ok(&shop, &["quarantine", "retry"]);
    assert_eq!(server.count(), 1, "a retry that changes nothing is no news");
    contract(&shop, "1.1.0", -10, "append");
    ok(&shop, &["quarantine", "retry"]);
    ok(&shop, &["quarantine", "retry"]);
    let told = server.bodies();
    let kinds: Vec<&str> = told.iter().filter_map(|m| m["kind"].as_str()).collect();
    assert_eq!(kinds, ["quarantined", "retried"]);
    assert_eq!(told[1]["thread"], told[0]["thread"]);
    assert_eq!(told[1]["subject"], "silver.orders: 1 row of batch day=2026-11-20 came out of quarantine, 1 stays");
    let wanted = crate::schema::schema("src/channel/message.schema.json");
    assert_eq!(crate::schema::faults(&wanted, &told[1]), [""; 0]);
    assert!(shop.pending().is_empty());
}

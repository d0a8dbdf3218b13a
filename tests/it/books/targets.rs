//! Batches that are copied, targets of plain parquet, batches by version, and tables that must not be written.

use super::{lake, lines, ok, shop_with};
use crate::people::shop::{BAD, GOOD, said};

/// A source whose columns are the target's, and a rule that holds rows back.
const CLEAN: &str = r#"
contract bronze.lines @ 1.0.0 {
    columns { amount: bigint }
}
contract silver.lines @ 1.0.0 {
    nulls pass
    columns { amount: bigint }
    rules { positive: amount > 0 else quarantine }
}
promote bronze.lines to silver.lines {
    batches by folder "day"
    write append
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_batch_that_needs_no_change_are_copied_byte_for_byte() {
    let shop = shop_with("");
    shop.write("lines.dq", CLEAN);
    let tables = lake(&shop);
    tables.put("bronze/lines/day=1/a.parquet", &[1, 2]).await;
    tables.put("bronze/lines/day=1/b.parquet", &[3]).await;
    tables.put("bronze/lines/day=2/a.parquet", &[4, -5]).await;
    ok(&shop, &["run", "silver.lines"]);
    assert_eq!(tables.rows("silver/lines").await, [1, 2, 3, 4]);
    assert_eq!(tables.rows("quarantine/silver/lines").await, [-5]);
    let bytes = |path: String| std::fs::read(shop.path(&format!("lake/{path}"))).expect("a file");
    let mut source: Vec<Vec<u8>> = ["a", "b"].map(|f| bytes(format!("bronze/lines/day=1/{f}.parquet"))).to_vec();
    let files = tables.files("silver/lines").await;
    let mut copied: Vec<Vec<u8>> =
        files.iter().filter(|f| f.starts_with("day=1/")).map(|f| bytes(format!("silver/lines/{f}"))).collect();
    source.sort();
    copied.sort();
    assert_eq!(copied, source);
    // A copy is no second name of the same file: whoever writes into one does not change the other.
    let path = shop.path("lake/bronze/lines/day=1/a.parquet");
    std::fs::OpenOptions::new().append(true).open(path).and_then(|mut f| std::io::Write::write_all(&mut f, b"x")).expect("written");
    assert!(ok(&shop, &["receipt", "verify", "silver.lines"]).contains("3 files"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_of_plain_parquet_is_listed_and_whole_batches_are_marked() {
    let shop = shop_with("");
    let toml = shop.read("dqc.toml");
    shop.write("dqc.toml", &toml.replace("silver = \"lake/silver\"", "silver = { path = \"lake/silver\", format = \"parquet\" }"));
    shop.day("2026-11-20", GOOD);
    shop.day("2026-11-21", BAD);
    let output = shop.dqc(&["run"]);
    assert_eq!(output.status.code(), Some(10), "{}", said(&output));
    let tables = lake(&shop);
    assert!(!shop.path("lake/silver/orders/_delta_log").exists());
    assert!(shop.path("lake/silver/orders/day=2026-11-20/_SUCCESS").is_file());
    assert!(!shop.path("lake/silver/orders/day=2026-11-21").exists(), "nothing of a blocked batch");
    assert_eq!(tables.amounts_in_files("silver/orders").await, [5, 7]);
    // Replaced, and beside a file of somebody else, which stays.
    tables.put("silver/orders/day=2026-11-20/theirs.parquet", &[99]).await;
    shop.day("2026-11-20", &[(1, "ada@example.com", "t")]);
    shop.day("2026-11-21", GOOD);
    ok(&shop, &["run"]);
    assert_eq!(tables.amounts_in_files("silver/orders").await, [1, 5, 7, 99]);
    assert!(shop.path("lake/silver/orders/day=2026-11-21/_SUCCESS").is_file());
    assert!(ok(&shop, &["run"]).contains("nothing to do"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_version_of_a_table_can_be_a_batch() {
    let shop = shop_with("");
    shop.write("lines.dq", &format!("{CLEAN}\ncontract gold.lines @ 1.0.0 {{\n    columns {{ amount: bigint }}\n}}\npromote silver.lines to gold.lines {{\n    batches by version\n    write append\n}}\n"));
    let tables = lake(&shop);
    tables.put("bronze/lines/day=1/a.parquet", &[1, 2]).await;
    ok(&shop, &["run", "silver.lines", "gold.lines"]);
    tables.put("bronze/lines/day=2/a.parquet", &[3]).await;
    tables.put("bronze/lines/day=3/a.parquet", &[4]).await;
    let reports = lines(&ok(&shop, &["run", "silver.lines", "gold.lines", "--format", "json"]));
    let gold: Vec<&str> = reports.iter().filter(|r| r["contract"] == "gold.lines").filter_map(|r| r["batch"].as_str()).collect();
    assert_eq!(gold.len(), 2, "{gold:?}");
    assert!(gold.iter().all(|b| b.starts_with("version=")), "{gold:?}");
    assert_eq!(tables.rows("gold/lines").await, [1, 2, 3, 4]);
    assert!(ok(&shop, &["run", "silver.lines", "gold.lines"]).contains("nothing to do"));
    let file = tables.files("gold/lines").await.remove(0);
    assert!(file.starts_with("version="), "{file}");
}

/// A lock of another kind, or a table that asks for more than this program knows.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_safely_is_refused_and_says_why() {
    let mut shop = shop_with("");
    shop.day("2026-11-20", GOOD);
    ok(&shop, &["run"]);
    let log = shop.path("lake/silver/orders/_delta_log");
    let next = |number: u64| log.join(format!("{number:020}.json"));
    let newest = (0..).find(|n| !next(*n).exists()).expect("a log");
    let protocol = r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["timestampNtz"],"writerFeatures":["timestampNtz","rowTracking"]}}"#;
    shop.day("2026-11-21", GOOD);
    std::fs::write(next(newest), format!("{protocol}\n")).expect("a version");
    let output = shop.dqc(&["run"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("`rowTracking`") && said(&output).contains("cannot be written safely"), "{}", said(&output));
    assert!(!next(newest + 1).exists());
    std::fs::remove_file(next(newest)).expect("removed");
    // On the local disk no lock provider matters.
    shop.env.push(("AWS_S3_LOCKING_PROVIDER".into(), "dynamodb".into()));
    ok(&shop, &["run"]);
    let toml = shop.read("dqc.toml").replace("\"lake/silver\"", "\"s3://acme-silver\"");
    shop.write("dqc.toml", &toml);
    let reachable = [("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any"), ("AWS_REGION", "us-east-1"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"), ("AWS_ALLOW_HTTP", "true")];
    shop.env.extend(reachable.map(|(k, v)| (k.to_owned(), v.to_owned())));
    let output = shop.dqc(&["run"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    for words in ["`AWS_S3_LOCKING_PROVIDER` is `dynamodb`", "conditional requests", "s3://acme-silver"] {
        assert!(said(&output).contains(words), "`{words}` is missing in:\n{}", said(&output));
    }
}

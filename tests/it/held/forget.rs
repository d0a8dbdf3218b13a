//! Forgotten on request, or when the time that the contract gives is up; also in files that only older versions name.

use super::{DAY, contract, lake, lines, ok, shop};
use crate::people::shop::Shop;

/// Every amount in a parquet file below the quarantine, whether or not the table's log names the file.
async fn on_disk(shop: &Shop) -> Vec<i64> {
    lake(shop).amounts_in_files("quarantine").await
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_key_are_erased_from_the_table_and_from_its_files() {
    let shop = shop("");
    contract(&shop, "1.0.0", 0, "replace");
    ok(&shop, &["run"]);
    // The batch again, with one row less held: the old file is in the log of an earlier version.
    shop.day(DAY, &[(5, "ada@example.com", "t"), (-8, "cy@example.com", "t"), (-7, "bob@example.com", "t"), (6, "ada@example.com", "t")]);
    ok(&shop, &["run"]);
    let tables = lake(&shop);
    assert_eq!(tables.rows("quarantine/silver/orders").await, [-8, -7]);
    assert_eq!(on_disk(&shop).await, [-5000, -8, -7, -7], "an earlier version can be read still");

    let text = ok(&shop, &["quarantine", "erase", "silver.orders", "--where", "email=cy@example.com"]);
    assert_eq!(text, "1 row of 1 batch forgotten\n");
    assert_eq!(tables.rows("quarantine/silver/orders").await, [-7]);
    assert_eq!(on_disk(&shop).await, [-7], "no file holds such a row any more");
    assert_eq!(ok(&shop, &["quarantine", "erase", "silver.orders", "--where", "email=cy@example.com"]), "0 rows of 0 batches forgotten\n");
    assert_eq!(tables.rows("silver/orders").await, [5, 6], "what was promoted is not touched");
    // Neither a run nor a retry brings them back.
    assert!(ok(&shop, &["run"]).contains("nothing to do"));
    contract(&shop, "1.1.0", -10, "replace");
    ok(&shop, &["quarantine", "retry"]);
    assert_eq!(tables.rows("silver/orders").await, [-7, 5, 6]);
    assert!(tables.rows("quarantine/silver/orders").await.is_empty());
    // Several columns must all agree.
    assert_eq!(ok(&shop, &["quarantine", "erase", "silver.orders", "--where", "amount=-7", "--where", "email=nobody"]), "0 rows of 0 batches forgotten\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_time_is_up_are_forgotten() {
    let shop = shop("");
    ok(&shop, &["run"]);
    let later = |days: i64| (chrono::Utc::now() + chrono::TimeDelta::days(days)).to_rfc3339();
    let text = ok(&shop, &["gc", "--as-of", &later(29)]);
    assert!(!text.contains("quarantine"), "{text}");
    let (due, tables) = (later(31), lake(&shop));
    assert!(ok(&shop, &["quarantine", "list", "--as-of", &due]).contains("due (dqc gc)"));
    let text = ok(&shop, &["gc", "--dry-run", "--as-of", &due]);
    assert!(text.contains("2 rows in quarantine would be forgotten, as their contracts say"), "{text}");
    assert_eq!(tables.rows("quarantine/silver/orders").await, [-5000, -7]);
    let text = ok(&shop, &["gc", "--as-of", &due]);
    assert!(text.contains("2 rows in quarantine forgotten, as their contracts say"), "{text}");
    assert!(on_disk(&shop).await.is_empty());
    assert_eq!(lines(&shop, &["quarantine", "list"]).len(), 0);
    assert_eq!(tables.rows("silver/orders").await, [5, 9]);
}

//! How private a column is goes with its values, whether or not every contract on their way says so; and what the ledger keeps in their
//! place is no use to whoever has a list of candidates.

use sha2::{Digest, Sha256};

use super::shop::{Shop, said, walk};

const PERSON: &str = "canary.person@private.example";

/// A shop of which one contract calls the address personal, under this rule.
fn shop(marked: &str, rule: &str) -> Shop {
    let shop = Shop::new("", "");
    let contracts = shop.read("orders.dq").replace("    notify team on block, warn\n", "");
    let (bronze, silver) = contracts.split_once("/// One row per order.").expect("two contracts");
    let plain = |text: &str| text.replace("email: string personal", "email: string");
    let (bronze, silver) = match marked {
        "bronze" => (bronze.to_owned(), plain(silver)),
        "silver" => (plain(bronze), silver.to_owned()),
        _ => (bronze.to_owned(), silver.to_owned()),
    };
    shop.write("orders.dq", &format!("{bronze}\n{}", silver.replace("rules {", &format!("rules {{\n        {rule}"))));
    shop.day("2026-11-20", &[(5, "ada@example.com", "t"), (-7, PERSON, "t")]);
    shop
}

#[test]
fn a_column_is_as_private_as_what_it_comes_from_and_as_what_is_made_of_it() {
    for marked in ["bronze", "silver"] {
        let known = "known: email not like \"canary%\" else quarantine because \"{email} is not known.\"";
        let shop = shop(marked, known);
        let contracts = shop.read("orders.dq").replace("positive: amount > 0", "positive: amount > -9");
        // One layer more, whose contract says nothing either, under another name.
        let gold = "contract gold.mails @ 1.0.0 {\n    columns { id: bigint key  address: string  known: boolean }\n\
             \x20   rules { seen: address not like \"ada%\" else warn because \"{address} is {known}.\" }\n}\n\
             promote silver.orders to gold.mails {\n    batches by folder \"day\"\n    write replace\n    with {\n        address: upper(email)\n        known:   email like \"%@%\"\n    }\n}\n";
        shop.write("orders.dq", &format!("{contracts}\n{}", gold.replace("ada%", "ADA%")));
        let mut said_all = String::new();
        for args in [
            &["run", "--dry-run"][..],
            &["run", "--format", "json"],
            &["quarantine", "show", "silver.orders", "--format", "json"],
            &["quarantine", "show", "silver.orders", "--format", "csv"],
        ] {
            let output = shop.dqc(args);
            assert_eq!(output.status.code(), Some(0), "{marked} {args:?}: {}", said(&output));
            said_all.push_str(&said(&output));
        }
        assert!(said_all.contains("\"email\":\"c***@***\""), "{marked}: {said_all}");
        assert!(said_all.contains("\"address\":\"A***@***\""), "{marked}: {said_all}");
        for canary in [PERSON, "canary.person", "ada@", "ADA@"] {
            assert!(!said_all.contains(canary), "{marked}: {canary} in {said_all}");
        }
        let datasets = said(&shop.dqc(&["datasets", "--format", "json"]));
        assert!(datasets.contains("\"name\":\"address\",\"type\":\"string\",\"nullable\":false,\"key\":false,\"privacy\":\"personal\""), "{datasets}");
        assert!(datasets.contains("\"name\":\"known\",\"type\":\"boolean\",\"nullable\":false,\"key\":false,\"privacy\":\"public\""), "{datasets}");
    }
}

/// Everything in the ledger but the salt itself.
fn ledger(shop: &Shop) -> String {
    let mut all = String::new();
    for path in walk(&shop.path("lake/_dqc")) {
        match path.extension().and_then(|e| e.to_str()) {
            Some("parquet") if path.components().any(|c| c.as_os_str() == "metrics") => {
                let file = std::fs::File::open(&path).expect("a file");
                let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file);
                let reader = reader.and_then(|r| r.build()).expect("a table's file");
                reader.for_each(|rows| all.push_str(&format!("{:?}\n", rows.expect("rows"))));
            }
            Some("json") => all.push_str(&std::fs::read_to_string(&path).expect("a commit")),
            _ => {}
        }
    }
    all
}

#[test]
fn a_hash_in_the_ledger_cannot_be_found_by_trying() {
    let shop = shop("both", "each_mail: count(*) within 90% of last 1 batches for each email else warn");
    shop.write("orders.dq", &shop.read("orders.dq").replace("positive: amount > 0", "positive: amount > -9"));
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    let salt = shop.read("lake/_dqc/salt");
    assert_eq!(salt.len(), 64, "{salt}");
    let hash = |before: &str| {
        let text = format!("{before}{}", serde_json::json!(PERSON));
        Sha256::digest(text).iter().take(12).map(|b| format!("{b:02x}")).collect::<String>()
    };
    let found = ledger(&shop);
    assert!(found.contains(&hash(&format!("{salt}\0"))), "the group is found again under the lake's salt");
    assert!(!found.contains(&hash("")) && !found.contains(PERSON), "{found}");
    // The next batch finds the group's past.
    shop.day("2026-11-21", &[(5, "ada@example.com", "t"), (-7, PERSON, "t")]);
    let next = shop.dqc(&["run", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&next.stdout).expect("one report");
    let rule = report["rules"].as_array().into_iter().flatten().find(|r| r["rule"] == "each_mail").expect("the rule");
    assert_eq!(rule["verdict"], "passed", "{rule}");
    assert_eq!(shop.read("lake/_dqc/salt"), salt);
}

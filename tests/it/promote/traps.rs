//! Traps of Delta, of object stores and of credentials that others fell into, each with the real binary.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::books::{lake, ok, shop_with};
use crate::people::shop::{GOOD, Shop, said};

fn versions(shop: &Shop) -> Vec<std::path::PathBuf> {
    let log = shop.path("lake/silver/orders/_delta_log");
    let mut files: Vec<_> = std::fs::read_dir(log).expect("a log").map(|e| e.expect("an entry").path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "json") && f.file_stem().is_some_and(|s| s.len() == 20));
    files.sort();
    files
}

/// Adds one more version to the table of `silver.orders`, as another writer would.
fn commit(shop: &Shop, actions: &[Value]) {
    let next = versions(shop).len();
    let text: String = actions.iter().map(|a| format!("{a}\n")).collect();
    let path = shop.path(&format!("lake/silver/orders/_delta_log/{next:020}.json"));
    std::fs::write(path, text).expect("a version");
}

/// The table's own metadata with one more property.
fn with_property(shop: &Shop, key: &str, value: &str) -> Value {
    let first = std::fs::read_to_string(&versions(shop)[0]).expect("a version");
    let mut actions = first.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let mut action = actions.find(|a| a.get("metaData").is_some()).expect("metadata");
    action["metaData"]["configuration"][key] = value.into();
    action
}

/// A table that is told to forget transactions would take a batch twice; one under constraints or a coordinator is not ours.
#[test]
fn tables_whose_promises_would_be_broken_are_refused() {
    let shop = shop_with("");
    shop.day("2026-11-20", GOOD);
    ok(&shop, &["run"]);
    shop.day("2026-11-21", GOOD);
    for (key, value, words) in [
        ("delta.setTransactionRetentionDuration", "interval 7 days", "forgets after `interval 7 days` which batches it has"),
        ("delta.constraints.paid", "amount > 0", "constraint `delta.constraints.paid`"),
        ("delta.coordinatedCommits.commitCoordinator", "dynamodb", "a service coordinates its commits"),
        ("delta.columnMapping.mode", "name", "maps its columns' names"),
    ] {
        commit(&shop, &[with_property(&shop, key, value)]);
        let output = shop.dqc(&["run"]);
        assert_eq!(output.status.code(), Some(2), "{key}: {}", said(&output));
        assert!(said(&output).contains(words), "{key}: {}", said(&output));
        std::fs::remove_file(versions(&shop).pop().expect("a version")).expect("removed");
    }
    let taken_back = with_property(&shop, "delta.appendOnly", "true");
    commit(&shop, &[taken_back]);
    shop.day("2026-11-20", &[(1, "ada@example.com", "t")]);
    let output = shop.dqc(&["run", "silver.orders", "--batch", "day=2026-11-20"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("`delta.appendOnly`"), "{}", said(&output));
    ok(&shop, &["run", "silver.orders", "--batch", "day=2026-11-21"]);
}

/// A checkpoint keeps which batches are published; without the entries before it nothing is published again.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_cleaned_up_forgets_no_batch() {
    let Some(python) = std::env::var_os("DQC_TEST_PYTHON") else {
        let _ = writeln!(std::io::stderr(), "skipped: checkpoints by deltalake (tests/run installs it)");
        return;
    };
    let shop = shop_with("");
    shop.day("2026-11-20", GOOD);
    shop.day("2026-11-21", GOOD);
    ok(&shop, &["run"]);
    let script = "import sys, deltalake; deltalake.DeltaTable(sys.argv[1]).create_checkpoint()";
    let made = Command::new(python).args(["-c", script]).arg(shop.path("lake/silver/orders")).output().expect("Python starts");
    assert!(made.status.success(), "{}", said(&made));
    let all = versions(&shop);
    for version in all.iter().take(all.len() - 1) {
        std::fs::remove_file(version).expect("removed");
    }
    let tables = lake(&shop);
    assert_eq!(tables.rows("silver/orders").await, [5, 5, 7, 7]);
    assert!(ok(&shop, &["run"]).contains("nothing to do"));
    // Without the ledger all is known by the log alone.
    std::fs::remove_dir_all(shop.path("lake/_dqc")).expect("removed");
    ok(&shop, &["run"]);
    shop.day("2026-11-22", GOOD);
    ok(&shop, &["run"]);
    assert_eq!(tables.rows("silver/orders").await, [5, 5, 5, 7, 7, 7]);
    assert!(ok(&shop, &["run"]).contains("nothing to do"));
}

/// Columns come and go only with the version that is due for it; a type never changes by a merge of schemas.
#[tokio::test(flavor = "multi_thread")]
async fn columns_change_as_the_contracts_version_allows() {
    let shop = shop_with("");
    let contracts = |version: &str, columns: &str| {
        format!(
            "contract bronze.lines @ 1.0.0 {{\n    columns {{ id: bigint  amount: bigint  note: string? }}\n}}\n\
             contract silver.lines @ {version} {{\n    columns {{ {columns} }}\n}}\n\
             promote bronze.lines to silver.lines {{\n    batches by folder \"day\"\n    write append\n}}\n"
        )
    };
    shop.write("dqc.toml", &shop.read("dqc.toml").replace("format = \"parquet\"", "format = \"csv\""));
    std::fs::remove_file(shop.path("orders.dq")).expect("removed");
    let day = |n: u32| shop.write(&format!("lake/bronze/lines/day={n}/a.csv"), &format!("id,amount,note\n{n},{n},x\n"));
    let refused = |words: &str| {
        let output = shop.dqc(&["run"]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(words), "`{words}` is missing in:\n{}", said(&output));
    };
    shop.write("orders.dq", &contracts("1.0.0", "id: bigint  amount: bigint"));
    day(1);
    ok(&shop, &["run"]);
    day(2);
    shop.write("orders.dq", &contracts("1.0.1", "id: bigint  amount: bigint  note: string?"));
    refused("raise the contract to 1.1.0");
    shop.write("orders.dq", &contracts("1.1.0", "id: bigint  amount: bigint  note: string?"));
    ok(&shop, &["run"]);
    assert!(lake(&shop).columns("silver/lines").await.contains(&"note".to_owned()));
    day(3);
    shop.write("orders.dq", &contracts("1.2.0", "id: bigint  amount: bigint"));
    refused("would lose its column `note`");
    let text = contracts("2.0.0", "id: bigint  amount: string  note: string?").replacen("amount: bigint", "amount: string", 1);
    shop.write("orders.dq", &text);
    refused("amount");
    shop.write("orders.dq", &contracts("1.2.0", "id: bigint  amount: bigint  note: string?"));
    ok(&shop, &["run"]);
    assert_eq!(lake(&shop).rows("silver/lines").await, [1, 2, 3]);
}

/// Names that URLs, Delta's paths, object stores and terminals each write in their own way.
#[tokio::test(flavor = "multi_thread")]
async fn batches_of_odd_names_are_batches() {
    let shop = shop_with("");
    let names = ["a b", "100%", "x#1", "ä=ö", "q?a", "%41", "it's"];
    for name in names {
        shop.day(name, GOOD);
    }
    ok(&shop, &["run"]);
    let tables = lake(&shop);
    assert_eq!(tables.rows("silver/orders").await.len(), 2 * names.len());
    assert!(ok(&shop, &["run"]).contains("nothing to do"));
    assert!(ok(&shop, &["receipt", "verify", "silver.orders"]).contains(&format!("{} files", names.len())));
    shop.day("a b", &[(1, "ada@example.com", "t")]);
    shop.day("100%", &[(1, "ada@example.com", "t")]);
    ok(&shop, &["run"]);
    assert_eq!(tables.rows("silver/orders").await.len(), 2 * names.len() - 2, "two batches took their own place");
    let Some(python) = std::env::var_os("DQC_TEST_PYTHON") else { return };
    let mut reader = Command::new(python);
    let read = reader.arg(crate::root().join("tests/it/promote/reader.py")).arg(shop.path("lake/silver/orders")).output();
    let read = read.expect("Python starts");
    assert!(read.status.success(), "{}", said(&read));
    let found: Value = serde_json::from_slice(&read.stdout).expect("JSON");
    assert_eq!(found["amounts"].as_array().map(Vec::len), Some(2 * names.len() - 2), "{found}");
}

fn on_s3(shop: &mut Shop, endpoint: &str) {
    let toml = shop.read("dqc.toml").replace("\"lake/", "\"s3://lake/");
    shop.write("dqc.toml", &toml);
    let set = [("AWS_ENDPOINT_URL", endpoint), ("AWS_ALLOW_HTTP", "true"), ("AWS_REGION", "us-east-1")];
    shop.env.extend(set.map(|(k, v)| (k.to_owned(), v.to_owned())));
}

/// Storage that takes the connection and never answers: whoever stops the run is not kept waiting.
#[cfg(unix)]
#[test]
fn a_run_that_waits_for_storage_ends_within_ten_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut shop = shop_with("");
    on_s3(&mut shop, &format!("http://{}", listener.local_addr().expect("an address")));
    shop.env.extend([("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any")].map(|(k, v)| (k.to_owned(), v.to_owned())));
    let mut command = Command::new(env!("CARGO_BIN_EXE_dqc"));
    command.args(["run", "--project"]).arg(shop.path("")).env_remove("DQC_ENV").envs(shop.env.iter().cloned());
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let (mut waiting, _) = listener.accept().expect("it asks its storage");
    let mut asked = [0; 4];
    waiting.read_exact(&mut asked).expect("a request");
    let begun = Instant::now();
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(143), "{}", said(&output));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// A server that answers every request in the same way.
fn answering(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().filter_map(Result::ok) {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let body = "<Error><Code>SignatureDoesNotMatch</Code><Message>canary-key</Message></Error>";
            let length = body.len();
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        }
    });
    url
}

/// A secret is in no text, whatever storage answers; and a wrong one is told from storage that is down.
#[test]
fn credentials_that_are_refused_are_named_and_not_shown() {
    for (status, words) in [("403 Forbidden", "the credentials are not accepted"), ("401 Unauthorized", "credentials")] {
        let mut shop = shop_with("");
        on_s3(&mut shop, &answering(status));
        let secrets = [("AWS_ACCESS_KEY_ID", "canary-key"), ("AWS_SECRET_ACCESS_KEY", "canary-secret"), ("AWS_SESSION_TOKEN", "canary-token")];
        shop.env.extend(secrets.map(|(k, v)| (k.to_owned(), v.to_owned())));
        for args in [&["run", "-v"][..], &["quarantine", "list"], &["receipt", "verify", "silver.orders"], &["history"], &["gc"]] {
            let output = shop.dqc(args);
            assert_eq!(output.status.code(), Some(30), "{status} {args:?}: {}", said(&output));
            assert!(said(&output).contains(words), "{status} {args:?}: {}", said(&output));
            assert!(!said(&output).contains("canary"), "{}", said(&output));
        }
    }
}

/// Without any credentials the chain ends at a service of cloud machines, which does not answer elsewhere.
#[test]
fn no_credentials_are_said_to_be_missing_before_long() {
    let mut shop = shop_with("");
    on_s3(&mut shop, "http://127.0.0.1:1");
    let nowhere = shop.path("nowhere").display().to_string();
    for (name, value) in [("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_SHARED_CREDENTIALS_FILE", &nowhere), ("HOME", &nowhere)] {
        shop.env.push((name.to_owned(), value.to_owned()));
    }
    let begun = Instant::now();
    let output = shop.dqc(&["run"]);
    assert_eq!(output.status.code(), Some(30), "{}", said(&output));
    assert!(said(&output).contains("there are no credentials for the bucket `lake`"), "{}", said(&output));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

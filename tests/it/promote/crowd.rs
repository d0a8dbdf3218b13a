//! Many processes at once, on the local disk and on S3: the real binary eight times on one batch, and once for each of twelve
//! batches. No row comes twice, none is missing, and the log has no gap; another reader of Delta says so, too.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::Once;

use serde_json::{Value, json};

use crate::books::shop_with;
use crate::people::shop::{GOOD, Shop, said, walk};
use crate::promote::lake::Lake;
use crate::promote::server::Server;

/// Where the layers lie, as `dqc.toml` names it, and how it is reached.
struct Somewhere<'s> {
    base: String,
    server: Option<&'s Server>,
}

fn shop(at: &Somewhere<'_>) -> Shop {
    let mut shop = shop_with("");
    if let Some(server) = at.server {
        shop.env.extend(server.environment());
        let toml = shop.read("dqc.toml").replace("\"lake/", &format!("\"{}/", at.base));
        shop.write("dqc.toml", &toml);
    }
    shop
}

/// What was laid out locally, to where the project looks for it.
async fn deliver(shop: &Shop, at: &Somewhere<'_>) {
    let Some(server) = at.server else { return };
    let lake = Lake::at(&at.base, server.storage());
    for file in walk(&shop.path("lake/bronze")) {
        let below = file.strip_prefix(shop.path("lake")).expect("a file of the lake").to_string_lossy().into_owned();
        lake.write(&below, &std::fs::read(&file).expect("a file")).await;
    }
}

fn start(shop: &Shop, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dqc"));
    command.args(args).arg("--project").arg(shop.path("")).env_remove("DQC_ENV").envs(shop.env.iter().cloned());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// All to their ends: each promoted, found it promoted, or lost a race and may run again.
fn all(children: Vec<Child>) {
    for child in children {
        let output = child.wait_with_output().expect("an end");
        assert!(matches!(output.status.code(), Some(0 | 21)), "{}", said(&output));
    }
}

/// What Python's deltalake reads; `None` where it is not installed.
fn read(shop: &Shop, at: &Somewhere<'_>) -> Option<Value> {
    static TOLD: Once = Once::new();
    let Some(python) = std::env::var_os("DQC_TEST_PYTHON") else {
        TOLD.call_once(|| drop(writeln!(std::io::stderr(), "skipped: deltalake as a reader (tests/run installs it)")));
        return None;
    };
    let mut command = Command::new(python);
    command.arg(crate::root().join("tests/it/promote/reader.py"));
    match at.server {
        None => command.arg(shop.path("lake/silver/orders")),
        Some(server) => {
            let options: serde_json::Map<String, Value> =
                server.environment().into_iter().map(|(k, v)| (k, Value::from(v))).collect();
            command.arg(format!("{}/silver/orders", at.base)).arg(Value::from(options).to_string())
        }
    };
    let output = command.output().expect("Python starts");
    assert!(output.status.success(), "{}", said(&output));
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn check(shop: &Shop, at: &Somewhere<'_>, batches: &[String]) {
    let again = shop.dqc(&["run"]);
    assert!(said(&again).contains("nothing to do"), "{}", said(&again));
    let verified = shop.dqc(&["receipt", "verify", "silver.orders"]);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    let past = shop.dqc(&["history", "--format", "json"]);
    let past: Vec<Value> = String::from_utf8_lossy(&past.stdout).lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!(past.iter().filter(|b| b["published"] == true).count(), batches.len(), "{past:?}");
    let Some(found) = read(shop, at) else { return };
    let amounts: Vec<i64> = [5, 7].into_iter().flat_map(|amount| batches.iter().map(move |_| amount)).collect();
    assert_eq!(found["amounts"], json!(amounts), "{found}");
    assert_eq!(found["batches"], json!(batches), "{found}");
    // The creation, then one version a batch.
    assert_eq!(found["versions"], json!((0..=batches.len()).collect::<Vec<_>>()), "{found}");
}

async fn eight_on_one_batch(at: &Somewhere<'_>) {
    let shop = shop(at);
    shop.day("2026-11-20", GOOD);
    deliver(&shop, at).await;
    all((0..8).map(|_| start(&shop, &["run"])).collect());
    check(&shop, at, &["day=2026-11-20".to_owned()]);
}

async fn twelve_batches_at_once(at: &Somewhere<'_>) {
    let shop = shop(at);
    let days: Vec<String> = ('a'..='l').map(String::from).collect();
    days.iter().for_each(|day| shop.day(day, GOOD));
    deliver(&shop, at).await;
    let batches: Vec<String> = days.iter().map(|day| format!("day={day}")).collect();
    all(batches.iter().map(|batch| start(&shop, &["run", "silver.orders", "--batch", batch])).collect());
    // Whoever lost a race too often is run again.
    all(vec![start(&shop, &["run"])]);
    check(&shop, at, &batches);
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_promote_a_batch_once() {
    eight_on_one_batch(&Somewhere { base: String::new(), server: None }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_batches_at_once_are_all_promoted_once() {
    twelve_batches_at_once(&Somewhere { base: String::new(), server: None }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_on_s3() {
    let Some(server) = Server::moto() else { return };
    eight_on_one_batch(&Somewhere { base: "s3://lake/eight".into(), server: Some(server) }).await;
    twelve_batches_at_once(&Somewhere { base: "s3://lake/twelve".into(), server: Some(server) }).await;
}

//! Storage in bad weather, with the real binary: deletes that nobody may, servers that ask for patience, clocks that differ, disks
//! that are full.

use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::books::{lake, lines, ok, shop_with};
use crate::held;
use crate::people::peer::Scripted;
use crate::people::shop::{GOOD, Shop, said, walk};
use crate::promote::lake::Lake;
use crate::promote::proxy::{Proxy, Request, refusal};
use crate::promote::server::Server;

/// A shop in the bucket, reached through the proxy.
async fn behind(proxy: &Proxy, server: &Server, base: &str, mut shop: Shop) -> (Shop, Lake) {
    let toml = shop.read("dqc.toml").replace("\"lake/", &format!("\"s3://lake/{base}/"));
    shop.write("dqc.toml", &toml);
    shop.env.extend(server.environment());
    shop.env.push(("AWS_ENDPOINT_URL".into(), proxy.url.clone()));
    let lake = Lake::at(&format!("s3://lake/{base}"), server.storage());
    deliver(&shop, &lake).await;
    (shop, lake)
}

async fn deliver(shop: &Shop, lake: &Lake) {
    for file in walk(&shop.path("lake/bronze")) {
        let below = file.strip_prefix(shop.path("lake")).expect("a file of the lake").to_string_lossy().into_owned();
        lake.write(&below, &std::fs::read(&file).expect("a file")).await;
    }
}

/// What S3 says where a policy forbids it: a list of keys is answered well, and each of them refused in the answer.
fn deletes(request: &Request, _: usize) -> Option<(&'static str, String)> {
    if request.method == "DELETE" {
        return Some(("403 Forbidden", refusal("AccessDenied")));
    }
    let refused = |key: &String| format!("<Error><Key>{key}</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>");
    let keys: String = request.deletes.iter().map(refused).collect();
    (!keys.is_empty()).then(|| ("200 OK", format!("<DeleteResult>{keys}</DeleteResult>")))
}

/// A policy under which files can be written and not removed: what is left over lies there unseen, and every promise holds.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_not_delete_promotes_all_the_same() {
    let Some(server) = Server::moto() else { return };
    let proxy = Proxy::answering(server, deletes);
    let people = Scripted::start(&["200 OK"]);
    let mut shop = held::shop("[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\n");
    shop.env.push(("HOOK".into(), people.url.clone()));
    shop.write("orders.dq", &shop.read("orders.dq").replace("write append", "write replace"));
    let (shop, tables) = behind(&proxy, server, "undeleted", shop).await;
    // Rows are held back, so that the copies that were begun are given up.
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    assert_eq!(tables.rows("silver/orders").await, [5, 9]);
    assert_eq!(tables.rows("quarantine/silver/orders").await, [-5000, -7]);
    // The batch comes again with other rows and takes its own place.
    shop.day("2026-11-20", &[(5, "ada@example.com", "t"), (6, "bo@example.com", "t"), (-8, "cy@example.com", "t")]);
    deliver(&shop, &tables).await;
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    assert_eq!(tables.rows("silver/orders").await, [5, 6]);
    assert_eq!(tables.rows("quarantine/silver/orders").await, [-8]);
    assert!(said(&shop.dqc(&["run"])).contains("nothing to do"));
    let told: Vec<String> = people.bodies().iter().map(|m| m["kind"].to_string()).collect();
    assert_eq!(told, ["\"quarantined\""; 2], "once for each of both, though nothing leaves the outbox");
    let verified = shop.dqc(&["receipt", "verify", "silver.orders"]);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    // What has to delete says that it may not.
    let erased = shop.dqc(&["quarantine", "erase", "silver.orders", "--where", "amount=-8"]);
    assert_eq!(erased.status.code(), Some(30), "{}", said(&erased));
    assert!(said(&erased).contains("permission denied"), "{}", said(&erased));
    assert!(proxy.seen().iter().any(|r| deletes(r, 0).is_some()), "nothing was to be deleted");
}

fn slow_down(_: &Request, number: usize) -> Option<(&'static str, String)> {
    (number % 5 == 4).then(|| ("503 Slow Down", refusal("SlowDown")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_patience_is_asked_again() {
    let Some(server) = Server::moto() else { return };
    let proxy = Proxy::answering(server, slow_down);
    let (shop, tables) = behind(&proxy, server, "slow", held::shop("")).await;
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    assert_eq!(tables.rows("silver/orders").await, [5, 9]);
    assert_eq!(tables.rows("quarantine/silver/orders").await, [-5000, -7]);
    assert!(said(&shop.dqc(&["run"])).contains("nothing to do"));
}

fn skewed(_: &Request, _: usize) -> Option<(&'static str, String)> {
    Some(("403 Forbidden", refusal("RequestTimeTooSkewed")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_storage_does_not_accept_is_named() {
    let Some(server) = Server::moto() else { return };
    let proxy = Proxy::answering(server, skewed);
    let (shop, _) = behind(&proxy, server, "skewed", shop_with("")).await;
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(30), "{}", said(&run));
    assert!(said(&run).contains("this machine's clock and the storage's differ too much"), "{}", said(&run));
}

/// Whatever is written asks for it: data, logs, the ledger, copies by the server.
#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_written_is_encrypted_as_asked() {
    let Some(server) = Server::moto() else { return };
    let proxy = Proxy::answering(server, |_, _| None);
    let shop = shop_with("[storage.s3]\nencryption = \"aws:kms\"\nkms_key = \"alias/lake\"\n");
    shop.day("2026-11-20", GOOD);
    let (shop, tables) = behind(&proxy, server, "encrypted", shop).await;
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    assert_eq!(tables.rows("silver/orders").await, [5, 7]);
    // The parts of an upload are as its beginning said.
    let begins = |r: &&Request| (r.method == "PUT" && !r.query.contains("partNumber")) || (r.method == "POST" && r.query.contains("uploads"));
    let seen = proxy.seen();
    let bare: Vec<&Request> = seen.iter().filter(begins).filter(|r| r.encryption != "aws:kms").collect();
    assert!(bare.is_empty(), "{bare:#?}");
    assert!(seen.iter().any(|r| r.copies), "the clean batch is copied");
}

/// Moves what the ledger says of when batches were done with by a day.
fn a_day_later(shop: &Shop) {
    let table = shop.path("lake/_dqc/batches");
    let of = |ending: &str| walk(&table).into_iter().filter(|p| p.extension().is_some_and(|e| e == ending)).collect::<Vec<_>>();
    for path in of("parquet") {
        let file = std::fs::File::open(&path).expect("a file");
        let size = file.metadata().expect("a size").len();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|r| r.build()).expect("parquet");
        let moved = reader.map(|rows| {
            let rows = rows.expect("rows");
            let schema = rows.schema();
            let at = schema.index_of("finished_at").expect("the column");
            let mut columns = rows.columns().to_vec();
            let times = columns[at].as_primitive::<TimestampMicrosecondType>();
            columns[at] = Arc::new(times.unary::<_, TimestampMicrosecondType>(|t| t + 86_400_000_000).with_timezone("UTC"));
            RecordBatch::try_new(schema, columns).expect("rows")
        });
        let moved: Vec<RecordBatch> = moved.collect();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, moved[0].schema(), None).expect("a writer");
        moved.iter().for_each(|rows| writer.write(rows).expect("rows written"));
        writer.close().expect("a file");
        std::fs::write(&path, &bytes).expect("written");
        for entry in of("json") {
            let text = std::fs::read_to_string(&entry).expect("a commit");
            std::fs::write(&entry, text.replace(&format!("\"size\":{size},"), &format!("\"size\":{},", bytes.len()))).expect("written");
        }
    }
}

/// Two machines, the clock of the first a day ahead: what the second published last is what counts.
#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_differ_do_not_decide_what_is_published() {
    let shop = shop_with("");
    shop.day("2026-11-20", GOOD);
    ok(&shop, &["run"]);
    a_day_later(&shop);
    shop.day("2026-11-20", &[(8, "ada@example.com", "t")]);
    ok(&shop, &["run"]);
    assert_eq!(lake(&shop).rows("silver/orders").await, [8]);
    let again = ok(&shop, &["run"]);
    assert!(again.contains("nothing to do"), "{again}");
    assert_eq!(lines(&ok(&shop, &["history", "--format", "json"])).len(), 2);
}

/// The disk is full, or broken: the run says so and ends; the next completes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_is_named_and_the_next_run_completes_it() {
    // Of each thread, so that only the first surely comes to be.
    for (error, nth, words) in [("ENOSPC", 1, "the disk is full"), ("EIO", 2, ""), ("ENOSPC", 4, "the disk is full")] {
        let at = format!("{error} at {nth}");
        let shop = held::shop("");
        let run = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", &format!("inject=fsync:error={error}:when={nth}")])
            .arg(env!("CARGO_BIN_EXE_dqc"))
            .args(["run", "--project"])
            .arg(shop.path(""))
            .env_remove("DQC_ENV")
            .stdin(Stdio::null())
            .output();
        let Ok(run) = run else {
            println!("left out: strace is not installed");
            return;
        };
        match run.status.code() {
            Some(0) if nth > 1 => {}
            code => {
                assert_eq!(code, Some(20), "{at}: {}", said(&run));
                assert!(said(&run).contains(words) && said(&run).contains("again is safe"), "{at}: {}", said(&run));
            }
        }
        held::ok(&shop, &["run"]);
        let tables = held::lake(&shop);
        assert_eq!(tables.rows("silver/orders").await, [5, 9], "{at}");
        assert_eq!(tables.rows("quarantine/silver/orders").await, [-5000, -7], "{at}");
        assert!(held::ok(&shop, &["run"]).contains("nothing to do"), "{at}");
    }
}

/// A log shows that a run which waits for its storage goes on.
#[cfg(unix)]
#[test]
fn a_run_that_takes_long_says_so_now_and_then() {
    use std::io::BufRead as _;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut shop = shop_with("");
    let toml = shop.read("dqc.toml").replace("\"lake/", "\"s3://lake/");
    shop.write("dqc.toml", &toml);
    let endpoint = format!("http://{}", silent.local_addr().expect("an address"));
    let set = [("AWS_ENDPOINT_URL", endpoint.as_str()), ("AWS_ALLOW_HTTP", "true"), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
    shop.env.extend(set.map(|(k, v)| (k.to_owned(), v.to_owned())));
    let mut child = shop.command(&["run", "--heartbeat", "1"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
    let lines = std::io::BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let told: Vec<String> = lines.map_while(Result::ok).take(2).collect();
    child.kill().expect("killed");
    child.wait().expect("an end");
    assert_eq!(told, ["still looking for pending batches"; 2]);
}

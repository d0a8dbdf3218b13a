//! Messages, metrics and lineage arrive; what cannot be sent waits, and changes nothing.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::peer::{self, Scripted};
use super::shop::{BAD, GOOD, Shop, said, walk};
use crate::promote::server::certify;
use crate::schema;

const WEBHOOK: &str = "[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\ntoken = \"env:HOOK_TOKEN\"\n";

fn shop(url: &str) -> Shop {
    let mut shop = Shop::new(WEBHOOK, "");
    shop.env = vec![("HOOK".into(), url.into()), ("HOOK_TOKEN".into(), "token-7".into())];
    shop
}

#[test]
fn a_cause_is_told_once_and_its_end_too() {
    let server = Scripted::start(&["200 OK"]);
    let shop = shop(&server.url);
    shop.day("2026-11-20", BAD);
    let first = shop.dqc(&["run"]);
    assert_eq!(first.status.code(), Some(10), "{}", said(&first));
    assert_eq!(server.count(), 1, "{}", said(&first));
    // The same files, the same rule: nothing new.
    assert_eq!(shop.dqc(&["run"]).status.code(), Some(10));
    assert_eq!(server.count(), 1);
    // Other files, and still bad: news in the same thread.
    shop.day("2026-11-20", &[(-1, "cy@example.com", "t-3")]);
    assert_eq!(shop.dqc(&["run"]).status.code(), Some(10));
    assert_eq!(server.count(), 2);
    shop.day("2026-11-20", GOOD);
    assert_eq!(shop.dqc(&["run"]).status.code(), Some(0));
    let told = server.bodies();
    let kinds: Vec<&str> = told.iter().filter_map(|m| m["kind"].as_str()).collect();
    assert_eq!(kinds, ["blocked", "blocked", "recovered"]);
    let wanted = schema::schema("src/channel/message.schema.json");
    for (i, message) in told.iter().enumerate() {
        assert_eq!(schema::faults(&wanted, message), [""; 0]);
        assert_eq!(message["thread"], told[0]["thread"]);
        assert_eq!(message["id"], format!("{}.{}", message["thread"].as_str().expect("a thread"), i + 1));
        assert_eq!(message["since"], told[0]["since"], "since when it is held");
    }
    let rule = &told[0]["rules"][0];
    assert_eq!(rule["words"], "Every order costs something.");
    assert_eq!(rule["because"].as_str().expect("a reason").contains("of b***@*** costs -7"), true, "{rule}");
    assert_eq!(rule["fix"], "Ask the till for that day's export again.");
    assert_eq!(rule["samples"][0]["values"]["amount"], -7);
    assert_eq!(told[0]["owner"], "finance-data@acme.example");
    let again = told[0]["again"].as_str().expect("a command");
    assert!(again.starts_with("dqc run --project ") && again.ends_with("silver.orders --batch day=2026-11-20 --dry-run"));
    let heads = server.seen.lock().expect("no panic");
    assert!(heads.iter().all(|(head, _)| head.to_lowercase().contains("authorization: bearer token-7")));
    assert!(heads[0].0.to_lowercase().contains("idempotency-key: "), "{}", heads[0].0);
    assert!(shop.pending().is_empty());
}

#[test]
fn a_dead_channel_changes_nothing_and_gets_its_messages_later() {
    // Nobody listens there; then somebody who never answers.
    for answer in [None, Some("")] {
        let slow = answer.map(|a| Scripted::start(&[a]));
        let url = slow.as_ref().map_or("http://127.0.0.1:1/hook".to_owned(), |s| s.url.clone());
        let mut shop = shop(&url);
        shop.day("2026-11-20", BAD);
        shop.day("2026-11-21", GOOD);
        let begun = Instant::now();
        let run = shop.dqc(&["run"]);
        assert_eq!(run.status.code(), Some(10), "{}", said(&run));
        assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
        assert_eq!(shop.pending().len(), 1);
        let told = said(&run);
        assert!(told.contains("1 message for `team` in the outbox") && !told.contains(&url), "{told}");
        let server = Scripted::start(&["200 OK"]);
        shop.env[0].1 = server.url.clone();
        // Nothing new to tell: what waits is sent all the same.
        assert_eq!(shop.dqc(&["run"]).status.code(), Some(10));
        assert_eq!((server.count(), shop.pending().len()), (1, 0));
        assert_eq!(server.bodies()[0]["batch"], "day=2026-11-20");
    }
}

#[test]
fn a_missing_secret_changes_nothing() {
    let mut shop = shop("");
    shop.env.clear();
    shop.day("2026-11-20", BAD);
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(10));
    assert!(said(&run).contains("the environment variable `HOOK`, named in `dqc.toml`, is not set"), "{}", said(&run));
    assert_eq!(shop.pending().len(), 1);
}

#[test]
fn a_server_that_asks_to_wait_is_left_alone() {
    let soon = Scripted::start(&["429 Too Many Requests\r\nRetry-After: 1", "200 OK"]);
    let shop = shop(&soon.url);
    shop.day("2026-11-20", BAD);
    shop.dqc(&["run"]);
    assert_eq!((soon.count(), shop.pending().len()), (2, 0));

    let later = Scripted::start(&["429 Too Many Requests\r\nRetry-After: 600"]);
    let shop = self::shop(&later.url);
    shop.day("2026-11-20", BAD);
    let run = shop.dqc(&["run"]);
    assert!(said(&run).contains("the server asks to wait for 600 s"), "{}", said(&run));
    shop.dqc(&["run"]);
    assert_eq!((later.count(), shop.pending().len()), (1, 1), "not asked again before its time");
}

#[test]
fn a_crash_between_the_message_and_the_books_sends_it_at_least_once() {
    let server = Scripted::start(&["200 OK"]);
    let shop = shop(&server.url);
    shop.day("2026-11-20", BAD);
    shop.dqc(&["run"]);
    shop.day("2026-11-20", GOOD);
    shop.dqc(&["run"]);
    assert_eq!(server.count(), 2);
    // As if killed after the commit to the target: neither the books nor the thread know of the recovery.
    for file in walk(&shop.path("lake/_dqc/batches")).into_iter().chain(walk(&shop.path("lake/_dqc/outbox/threads"))) {
        std::fs::remove_file(file).expect("removed");
    }
    let thread = server.bodies()[0]["thread"].as_str().expect("a thread").to_owned();
    let since = server.bodies()[0]["since"].clone();
    let before = serde_json::json!({
        "number": 1, "kind": "blocked", "cause": "x", "since": since, "told": ["team"],
    });
    shop.write(&format!("lake/_dqc/outbox/threads/{thread}.json"), &before.to_string());
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    assert_eq!(server.count(), 3);
    assert_eq!(server.bodies()[2]["id"], server.bodies()[1]["id"], "the same message, by its id");
}

/// The run is killed for good while the first server keeps it waiting: the batch is published, the message is not sent.
#[test]
fn a_run_killed_before_it_has_sent_leaves_the_message_to_the_next() {
    let dead = Scripted::start(&[""]);
    let mut shop = shop(&dead.url);
    let contracts = shop.read("orders.dq").replace("short_note: length(note) < 100", "short_note: length(email) < 5");
    shop.write("orders.dq", &contracts);
    shop.day("2026-11-20", GOOD);
    shop.day("2026-11-21", BAD);
    let mut run = shop.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    let begun = Instant::now();
    while dead.count() == 0 {
        assert!(begun.elapsed().as_secs() < 60 && run.try_wait().expect("a process").is_none(), "nothing was sent");
        std::thread::sleep(Duration::from_millis(2));
    }
    // SIGKILL.
    run.kill().expect("killed");
    run.wait().expect("it ends");
    let published = walk(&shop.path("lake/silver/orders/_delta_log")).len();
    assert_eq!(shop.pending()[0]["message"]["kind"], "warned");
    let server = Scripted::start(&["200 OK"]);
    shop.env[0].1 = server.url.clone();
    let next = shop.dqc(&["run"]);
    assert_eq!(next.status.code(), Some(10), "{}", said(&next));
    let told = server.bodies();
    let kinds: Vec<&str> = told.iter().filter_map(|m| m["kind"].as_str()).collect();
    assert_eq!(kinds, ["warned", "blocked"], "each once; {}", said(&next));
    assert!(shop.pending().is_empty());
    assert!(published >= 2 && walk(&shop.path("lake/silver/orders/_delta_log")).len() == published, "not published again");
}

#[test]
fn a_message_that_is_refused_waits_and_holds_up_no_other() {
    let server = Scripted::start(&["400 Bad Request", "200 OK", "200 OK", "404 Not Found"]);
    let shop = shop(&server.url);
    for day in ["2026-11-20", "2026-11-21", "2026-11-22"] {
        shop.day(day, BAD);
    }
    let run = shop.dqc(&["run"]);
    assert!(said(&run).contains("1 message for `team` in the outbox, for the next run to send: the server refuses, with 400"), "{}", said(&run));
    let waiting = shop.pending();
    assert_eq!((server.count(), waiting.len()), (3, 1));
    // A server that takes nothing is not asked for ever.
    for day in ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26"] {
        shop.day(day, BAD);
    }
    let run = shop.dqc(&["run"]);
    assert!(said(&run).contains("5 messages for `team` in the outbox") && said(&run).contains("refuses, with 404"), "{}", said(&run));
    assert_eq!((server.count(), shop.pending().len()), (6, 5));
}

#[test]
fn a_channel_that_is_not_there_is_found_before_anything_is_judged() {
    let shop = Shop::new("[channels.taem]\nkind = \"none\"\n", "");
    shop.day("2026-11-20", GOOD);
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(2));
    assert!(said(&run).contains("the nearest is `taem`"), "{}", said(&run));
}

#[test]
fn a_dry_run_tells_nobody() {
    let server = Scripted::start(&["200 OK"]);
    let shop = shop(&server.url);
    shop.day("2026-11-20", BAD);
    assert_eq!(shop.dqc(&["run", "--dry-run"]).status.code(), Some(10));
    assert_eq!((server.count(), walk(&shop.path("lake/_dqc")).len()), (0, 0));
}

/// Nothing is sent to a server whose certificate is not trusted, nor without the password; both are said.
#[test]
fn mail_goes_out_over_tls_with_a_password() {
    let (inbox, certificates) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    if !certify(certificates.path()) {
        return;
    }
    let Some(peer) = peer::start(inbox.path(), Some(certificates.path())) else { return };
    let channel = format!(
        "[channels.team]\nkind = \"mail\"\nhost = \"127.0.0.1\"\nport = {}\nfrom = \"dqc@acme.example\"\nto = \"desk@acme.example\"\n\
         user = \"desk\"\npassword = \"env:DESK\"\n",
        peer.guarded
    );
    let mut shop = Shop::new(&channel, "");
    shop.day("2026-11-20", BAD);
    let sent = || walk(inbox.path()).len();
    let mut run = |more: &[(&str, &str)]| {
        shop.env = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let run = shop.dqc(&["run"]);
        assert_eq!(run.status.code(), Some(10), "{}", said(&run));
        assert!(!said(&run).contains("a-password"), "{}", said(&run));
        said(&run)
    };
    let authority = certificates.path().join("authority.pem").display().to_string();
    let untrusted = run(&[("DESK", "a-password")]);
    assert!(untrusted.contains("its certificate is not one that this machine trusts"), "{untrusted}");
    let wrong = run(&[("DESK", "another"), ("SSL_CERT_FILE", &authority)]);
    assert!(wrong.contains("the server refuses, with 535") && sent() == 0, "{wrong}");
    let taken = run(&[("DESK", "a-password"), ("SSL_CERT_FILE", &authority)]);
    assert!(!taken.contains("outbox") && sent() == 1, "{taken}");
}

/// Mail, Slack, OTLP and lineage at servers that check what they get.
#[test]
fn everything_arrives_at_real_peers() {
    let inbox = tempfile::tempdir().expect("a temporary folder");
    let Some(peer) = peer::start(inbox.path(), None) else { return };
    let more = format!(
        "[channels.team]\nkind = \"slack\"\nwebhook = \"env:SLACK\"\n\
         [channels.desk]\nkind = \"mail\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
         from = \"dqc <dqc@acme.example>\"\nto = \"desk@acme.example, Ops <ops@acme.example>\"\n\
         [metrics]\nfile = \"metrics/dqc.prom\"\notlp = \"http://127.0.0.1:{}\"\n\
         [lineage]\nurl = \"http://127.0.0.1:{}\"\nfile = \"lineage.jsonl\"\n",
        peer.smtp, peer.http, peer.http
    );
    let mut shop = Shop::new(&more, "        fresh: age(max(at)) <= 2 hours else warn");
    shop.env = vec![
        ("SLACK".into(), format!("http://127.0.0.1:{}/slack", peer.http)),
        ("OPENLINEAGE_PARENT_ID".into(), "airflow/dag.task/0196f0a0-0000-7000-8000-000000000001".into()),
    ];
    let contracts = shop.read("orders.dq").replace("notify team", "notify desk on block\n    notify team");
    shop.write("orders.dq", &contracts);
    shop.day("2026-11-20", BAD);
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(10), "{}", said(&run));
    shop.day("2026-11-20", &[(-3, "<!channel>@x\r\nBcc: all@acme.example", "t")]);
    assert_eq!(shop.dqc(&["run"]).status.code(), Some(10));
    shop.day("2026-11-20", GOOD);
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));

    let faults = std::fs::read_to_string(inbox.path().join("faults")).unwrap_or_default();
    assert_eq!(faults, "");
    let of = |kind: &str| -> Vec<String> {
        let files = walk(inbox.path()).into_iter().filter(|p| p.extension().is_some_and(|e| e == kind));
        files.map(|p| String::from_utf8_lossy(&std::fs::read(p).expect("a file")).into_owned()).collect()
    };
    let mails = of("mail");
    assert_eq!(mails.len(), 3);
    let header = |mail: &str, name: &str| {
        let head = mail.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        let found = head.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned));
        found.unwrap_or_default()
    };
    assert_eq!(header(&mails[0], "Auto-Submitted"), "auto-generated");
    assert_eq!(header(&mails[0], "List-Id"), "<silver.orders.dqc.acme.example>");
    assert_eq!(header(&mails[0], "Reply-To"), "finance-data@acme.example");
    assert_eq!(header(&mails[0], "To"), "desk@acme.example, Ops <ops@acme.example>");
    let first = header(&mails[0], "Message-ID");
    assert!(first.ends_with(".1@acme.example>"), "{first}");
    assert_eq!(header(&mails[0], "References"), "");
    assert_eq!((header(&mails[1], "References"), header(&mails[1], "In-Reply-To")), (first.clone(), first.clone()));
    assert!(header(&mails[2], "References").starts_with(&first) && header(&mails[2], "In-Reply-To").contains(".2@"));
    for mail in &mails {
        assert_eq!(header(mail, "Bcc"), "", "a header came in from the data: {mail}");
        assert!(mail.contains("multipart/alternative") && mail.contains("text/plain") && mail.contains("text/html"));
    }
    for mail in &mails[..2] {
        // Once as text, once as HTML.
        let fix = mail.replace("=\r\n", "").matches("Ask the till for that day").count();
        assert_eq!(fix, 2, "{mail}");
    }
    let plain = mails[0].replace("=\r\n", "");
    assert!(plain.contains("b***@***") && !plain.contains("bob@example.com"), "{plain}");
    assert!(!mails[1].contains("<!channel>"));

    let slacks: Vec<Value> = of("slack").iter().map(|t| serde_json::from_str(t).expect("JSON")).collect();
    assert!(slacks[0].to_string().contains("Ask the till for that day's export again."), "{}", slacks[0]);
    // The third is the end of the trouble; freshness is missed, and that is told once.
    let texts: Vec<&str> = slacks.iter().filter_map(|s| s["text"].as_str()).collect();
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(texts.iter().any(|t| t.contains("silver.orders.fresh is missed")), "{texts:?}");

    let events: Vec<Value> = of("lineage").iter().map(|t| serde_json::from_str(t).expect("JSON")).collect();
    let kinds: Vec<&str> = events.iter().filter_map(|e| e["eventType"].as_str()).collect();
    assert_eq!(kinds, ["START", "FAIL", "START", "FAIL", "START", "COMPLETE"]);
    assert_eq!(events[0]["run"]["runId"], events[1]["run"]["runId"]);
    assert_ne!(events[1]["run"]["runId"], events[2]["run"]["runId"]);
    assert_eq!(events[0]["run"]["facets"]["parent"]["job"]["name"], "dag.task");
    let assertions = &events[1]["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"];
    let positive = assertions.as_array().expect("assertions").iter().find(|a| a["assertion"] == "positive");
    assert_eq!(positive.map(|a| (&a["success"], &a["severity"])), Some((&Value::from(false), &Value::from("error"))));
    assert_eq!(events[5]["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"], 2);
    assert_eq!(shop.read("lineage.jsonl").lines().count(), 6);
    assert_eq!(of("otlp").len(), 3);
    let metrics = shop.read("metrics/dqc.prom");
    let labels = "contract=\"silver.orders\",layer=\"silver\"";
    for line in [
        format!("dqc_batches_total{{{labels},result=\"blocked\"}} 2"),
        format!("dqc_batches_total{{{labels},result=\"published\"}} 1"),
        format!("dqc_rows_total{{{labels},result=\"passed\"}} 2"),
        format!("dqc_batches_held{{{labels}}} 0"),
        "dqc_sla_missed{contract=\"silver.orders\",sla=\"fresh\",severity=\"warn\"} 1".to_owned(),
        "dqc_rule_violations_total{contract=\"silver.orders\",rule=\"positive\",severity=\"block\"} 2".to_owned(),
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line}\n{metrics}");
    }
    super::grafana::promtool_accepts_metrics(&metrics);
}

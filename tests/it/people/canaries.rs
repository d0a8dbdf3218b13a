//! Secrets of the configuration and values of `personal` and `secret` columns go down every path on which something can
//! fail, and come out nowhere: not on the terminal, in the ledger, in a metric, a message, in lineage. What strangers can
//! write (values, names of files) acts nowhere.

use super::peer::Scripted;
use super::shop::{Shop, said, walk};

const TOKEN: &str = "tok-canary-5f1c";
const PASSWORD: &str = "pw-canary-77aa";
const PERSON: &str = "canary.person@private.example";
const SECRET: &str = "sec-canary-9d0e";

/// Runs a command, and looks for canaries in what it says and leaves behind.
fn silent(shop: &Shop, args: &[&str], exit: i32) -> String {
    let output = shop.dqc(args);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(exit), "{args:?}: {text}");
    assert_clean(&text, &format!("{args:?}"));
    text
}

fn assert_clean(text: &str, place: &str) {
    for canary in [TOKEN, PASSWORD, PERSON, SECRET, "canary.person"] {
        assert!(!text.contains(canary), "{canary} in {place}:\n{text}");
    }
}

/// All files below the project that are not the data themselves: the layers and the quarantine hold rows.
fn left_behind(shop: &Shop) {
    let data = ["lake/bronze", "lake/silver", "lake/quarantine"].map(|p| shop.path(p));
    let mut looked = 0;
    for path in walk(&shop.path("")) {
        let log = path.components().any(|c| c.as_os_str() == "_delta_log");
        if data.iter().any(|d| path.starts_with(d)) && !log {
            continue;
        }
        // Statistics of the target's own log are the table's, for whoever may read the table.
        let own = log && data.iter().any(|d| path.starts_with(d));
        let text = if path.extension().is_some_and(|e| e == "parquet") {
            rows_of(&path)
        } else {
            String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned()
        };
        let text: String = if own {
            let commits = text.lines().filter(|l| l.starts_with("{\"commitInfo\""));
            commits.map(|l| format!("{l}\n")).collect()
        } else {
            text
        };
        assert_clean(&text, &path.display().to_string());
        looked += 1;
    }
    assert!(looked > 3, "there is something to look at");
}

fn rows_of(path: &std::path::Path) -> String {
    let file = std::fs::File::open(path).expect("a file");
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file);
    let Ok(reader) = reader.and_then(|r| r.build()) else { return String::new() };
    reader.filter_map(Result::ok).map(|rows| format!("{rows:?}\n")).collect()
}

#[test]
fn no_secret_and_no_person_comes_out() {
    let server = Scripted::start(&["500 Down", "200 OK"]);
    let lineage = Scripted::start(&["200 OK"]);
    let more = format!(
        "[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\ntoken = \"env:HOOK_TOKEN\"\n\
         [channels.desk]\nkind = \"mail\"\nhost = \"127.0.0.1\"\nport = 1\nfrom = \"a@b.example\"\nto = \"c@d.example\"\n\
         user = \"u\"\npassword = \"file:password\"\n\
         [metrics]\nfile = \"dqc.prom\"\notlp = \"env:OTLP\"\nheaders = \"env:OTLP_HEADERS\"\n\
         [lineage]\nurl = \"{}\"\ntoken = \"env:HOOK_TOKEN\"\nfile = \"lineage.jsonl\"\n",
        lineage.url.trim_end_matches("/hook")
    );
    let mut shop = Shop::new(&more, "        fresh: age(max(at)) <= 2 hours\n        people: max(email) = \"x\"");
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let password = elsewhere.path().join("password");
    std::fs::write(&password, format!("{PASSWORD}\n")).expect("a file");
    let toml = shop.read("dqc.toml").replace("file:password", &format!("file:{}", password.display()));
    shop.write("dqc.toml", &toml);
    shop.env = vec![
        ("HOOK".into(), format!("{}?key={TOKEN}", server.url)),
        ("HOOK_TOKEN".into(), TOKEN.into()),
        ("OTLP".into(), format!("http://user:{TOKEN}@127.0.0.1:1")),
        ("OTLP_HEADERS".into(), format!("authorization={TOKEN}")),
    ];
    // Rules over what must not be shown: conditions that fail, that cannot be computed, over rows, groups and batches.
    let rules = r#"rules {
        person_known: email <> "canary.person@private.example" else quarantine
            because "{email} with {token} is not known." fix "Look for {email}."
        token_number: cast(token as bigint) > 0 else quarantine
        one_each:     count(*) < 2 for each email else warn
        one_token:    count(*) < 2 for each token else warn
        newest_mail:  max(email) < "b" else warn
        middle_token: max(token) = "x" else warn
        unique (email) else warn"#;
    let contracts = shop.read("orders.dq").replace("rules {", rules).replace("unique (email) else warn", "once: unique (email) else warn");
    let contracts = contracts.replace("notify team on block, warn", "notify team on block, warn, quarantine\n    notify desk on block, quarantine");
    shop.write("orders.dq", &contracts);
    let people: &[(i64, &str, &str)] = &[(5, PERSON, SECRET), (6, PERSON, SECRET), (7, "ada@example.com", "12")];
    shop.day("2026-11-20", people);
    for format in ["text", "json"] {
        silent(&shop, &["run", "--dry-run", "-v", "--format", format], 0);
        silent(&shop, &["audit", "silver.orders", "--data", &shop.path("lake/bronze/orders").display().to_string(), "--format", format, "-v"], 0);
    }
    silent(&shop, &["run", "-v"], 12);
    // The gate, with samples of a rule that blocks.
    shop.day("2026-11-21", &[(-5, PERSON, SECRET), (3, PERSON, SECRET)]);
    silent(&shop, &["run", "-v"], 10);
    silent(&shop, &["run", "--format", "json"], 10);
    silent(&shop, &["sla"], 12);
    silent(&shop, &["sla", "--format", "json"], 12);
    silent(&shop, &["sla", "-v"], 12);
    // Files that cannot be read, columns that are not there, credentials that are refused, a place that cannot be reached.
    std::fs::write(shop.path("lake/bronze/orders/day=2026-11-21/a.parquet"), format!("PAR1{SECRET}{PERSON}PAR1")).expect("a file");
    silent(&shop, &["run", "-v"], 10);
    std::fs::remove_file(shop.path("lake/bronze/orders/day=2026-11-21/a.parquet")).expect("removed");
    left_behind(&shop);
    let toml = shop.read("dqc.toml");
    for (name, url) in [("refused", "http://127.0.0.1:1"), ("no host", "http://canary-host.invalid:1")] {
        let s3 = format!(
            "[env.far.layers]\nsilver = \"s3://bucket/silver\"\n[env.far.storage.s3]\nregion = \"x\"\nendpoint = \"{url}\"\n\
             allow_http = true\naccess_key_id = \"env:HOOK_TOKEN\"\nsecret_access_key = \"env:HOOK_TOKEN\"\n"
        );
        shop.write("dqc.toml", &format!("{toml}{s3}"));
        shop.env.push(("AWS_MAX_ATTEMPTS".into(), "1".into()));
        if std::env::var_os("DQC_TEST_SLOW").is_some() {
            let output = shop.dqc(&["run", "-v", "--env", "far"]);
            assert_clean(&said(&output), name);
        }
    }
    // A secret that is written out is not repeated.
    shop.write("dqc.toml", &toml.replace("\"env:HOOK_TOKEN\"", &format!("\"{TOKEN}\"")));
    silent(&shop, &["run"], 2);
    shop.write("dqc.toml", &toml.replace("\"env:OTLP\"", &format!("\"http://user:{TOKEN}@127.0.0.1:1\"")));
    silent(&shop, &["run"], 2);
    // Messages and lineage as they went out.
    assert!(server.count() > 1 && lineage.count() > 1, "{} {}", server.count(), lineage.count());
    for (_, body) in server.seen.lock().expect("no panic").iter().chain(lineage.seen.lock().expect("no panic").iter()) {
        assert_clean(body, "a request");
    }
    assert!(server.bodies().iter().any(|m| m.to_string().contains("c***@***")), "masked, not left out");
}

#[test]
fn what_strangers_write_acts_nowhere() {
    let server = Scripted::start(&["200 OK"]);
    let mut shop = Shop::new("[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\n", "");
    shop.env = vec![("HOOK".into(), server.url.clone())];
    let contracts = shop.read("orders.dq").replace("email: string personal", "email: string");
    let contracts = contracts.replace("amount > 0", "amount > 0 or email is null");
    shop.write("orders.dq", &contracts);
    let evil = "\u{1b}]0;x\u{7}\u{1b}[31m\u{202e}<script>&<!channel>\r\nBcc: x@y.example\u{2028}=cmd|' /C calc'!A0";
    shop.day("2026-11-20", &[(-1, evil, "t")]);
    let output = shop.dqc(&["run", "-v"]);
    assert_eq!(output.status.code(), Some(10), "{}", said(&output));
    let shown = [output.stdout, output.stderr].concat();
    let shown = String::from_utf8(shown).expect("UTF-8");
    let acts = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c) || c == '\u{2028}';
    assert!(!shown.contains(acts), "{shown:?}");
    assert!(shown.contains("\\u{1b}[31m"), "it is shown, written out: {shown}");
    let message: dqc::channel::message::Message =
        serde_json::from_value(server.bodies().remove(0)).expect("a message");
    let slack = dqc::channel::slack::payload(&message).to_string();
    assert!(!slack.contains("<!channel>") && slack.contains("&lt;!channel&gt;") && !slack.contains("<script>"), "{slack}");
    assert!(!slack.contains("\\u001b") && !slack.contains('\u{202e}'));
    let relay = dqc::channel::mail::Server {
        host: "localhost".into(),
        port: None,
        from: "a@b.example".into(),
        to: "c@d.example".into(),
        user: None,
        password: None,
        tls: "none".into(),
    };
    let mut hostile = message.clone();
    hostile.subject = format!("{}{evil}", message.subject);
    let mail = dqc::channel::mail::build(&hostile, &relay, 1_700_000_000_000_000).expect("a mail").formatted();
    let mail = String::from_utf8(mail).expect("ASCII");
    assert!(!mail.lines().any(|l| l.to_lowercase().starts_with("bcc:")), "{mail}");
    assert!(!mail.contains("<script>") && mail.is_ascii() && mail.contains("&lt;script&gt;"), "{mail}");
    let again = dqc::channel::mail::build(&hostile, &relay, 1_700_000_000_000_000).expect("a mail");
    let id = |mail: &str| mail.lines().find(|l| l.starts_with("Message-ID")).map(str::to_owned);
    assert_eq!(id(&mail), id(&String::from_utf8(again.formatted()).expect("ASCII")), "the same id each time");
    // However long it gets, Slack takes it.
    let mut long = message;
    let rule = long.rules[0].clone();
    long.rules = (0..60).map(|_| {
        let mut rule = rule.clone();
        rule.words = "<&>*`_~".repeat(2000);
        rule.samples = vec![rule.samples[0].clone(); 3];
        rule
    }).collect();
    let payload = dqc::channel::slack::payload(&long);
    let blocks = payload["blocks"].as_array().expect("blocks");
    assert!(blocks.len() <= 50 && payload.to_string().chars().count() < 13_000, "{}", payload.to_string().len());
    assert!(blocks.iter().filter_map(|b| b["text"]["text"].as_str()).all(|t| t.chars().count() <= 3000));
}

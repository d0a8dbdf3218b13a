//! What strangers can write, values, names of columns and of files, acts nowhere: not on a terminal, in a page, in Slack,
//! in the head of a mail.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use dqc::channel::message::Message;
use dqc::channel::{mail, slack};

use super::peer::Scripted;
use super::shop::{Shop, said};

const EVIL: &str = "\u{1b}]0;x\u{7}\u{1b}[31m\u{202e}<script>&<!channel>\r\nBcc: x@y.example\u{2028}=cmd|' /C calc'!A0`*_~";
/// As the name of a file, without what such a name cannot hold: `\u{9b}` is what `\u{1b}[` is.
const NAME: &str = "\u{9b}31m\u{202e}<script>&<!channel>\u{2028}=cmd|' `*_~\"";

/// Whether it would act on a terminal, or on how its neighbours are read.
fn acts(c: char) -> bool {
    (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c) || c == '\u{2028}'
}

fn harmless(text: &str, place: &str) {
    assert!(!text.contains(acts), "{place}: {text:?}");
}

fn relay() -> mail::Server {
    mail::Server {
        host: "localhost".into(),
        port: None,
        from: "a@b.example".into(),
        to: "c@d.example".into(),
        user: None,
        password: None,
        tls: "none".into(),
    }
}

/// A shop whose values, file and batch are called as badly as can be.
fn shop(url: &str) -> Shop {
    let more = "[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\n[metrics]\nfile = \"dqc.prom\"\n[lineage]\nfile = \"lineage.jsonl\"\n";
    let mut shop = Shop::new(more, "");
    shop.env = vec![("HOOK".into(), url.into())];
    let contracts = shop.read("orders.dq").replace("email: string personal", "email: string");
    let contracts = contracts.replace("amount > 0", "amount > 0 or email is null");
    shop.write("orders.dq", &contracts);
    shop.day("2026-11-20", &[(-1, EVIL, "t")]);
    let days = shop.path("lake/bronze/orders");
    std::fs::rename(days.join("day=2026-11-20/a.parquet"), days.join(format!("day=2026-11-20/{NAME}.parquet"))).expect("renamed");
    std::fs::rename(days.join("day=2026-11-20"), days.join(format!("day={NAME}"))).expect("renamed");
    shop
}

#[test]
fn reports_show_it_written_out() {
    let server = Scripted::start(&["200 OK"]);
    let shop = shop(&server.url);
    let files = ["html", "xml", "jsonl"].map(|form| shop.path(&format!("run.{form}")));
    let files = files.map(|path| path.display().to_string());
    let [html, xml, jsonl] = &files;
    for args in [
        &["pending"][..],
        &["run", "-v", "--dry-run", "--color", "always"],
        &["run", "-v", "--report", html, "--report", xml, "--report", jsonl],
        &["run", "--format", "json"],
        &["run", "--format", "junit"],
        &["run", "--format", "html"],
        &["audit", "silver.orders", "--data", &shop.path("lake/bronze/orders").display().to_string(), "-v"],
        &["plan", "silver.orders", "--data", &shop.path("lake/bronze/orders").display().to_string()],
        &["profile", &shop.path("lake/bronze/orders").display().to_string()],
    ] {
        let output = shop.dqc(args);
        let text = said(&output);
        let judged = !["pending", "plan", "profile"].contains(&args[0]);
        assert_eq!(output.status.code(), Some(if judged { 10 } else { 0 }), "{text}");
        // Colours are ours.
        let own = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("a regular expression");
        let text = if args.contains(&"always") { own.replace_all(&text, "").into_owned() } else { text };
        harmless(&text, &format!("{args:?}"));
        if args.contains(&"html") {
            assert!(!text.contains("<script>&"), "{text}");
        }
    }
    let page = shop.read("run.html");
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>&"), "{page}");
    for file in ["run.html", "run.xml", "run.jsonl", "dqc.prom", "lineage.jsonl"] {
        harmless(&shop.read(file), file);
    }
    assert!(shop.read("run.xml").contains("&lt;script&gt;"));
    let shown = said(&shop.dqc(&["run", "-v"]));
    assert!(shown.contains("\\u{1b}[31m") && shown.contains("\\u{9b}31m"), "it is shown, written out: {shown}");
    let lineage: Vec<_> = shop.read("lineage.jsonl").lines().map(|l| serde_json::from_str::<serde_json::Value>(l)).collect();
    assert!(lineage.len() > 3 && lineage.iter().all(Result::is_ok), "one event a line");
}

#[test]
fn names_of_columns_are_written_out() {
    let shop = Shop::new("[channels.team]\nkind = \"none\"\n", "");
    let contracts = shop.read("orders.dq").replace("note: string?\n    }", "note: string?\n        other columns forbidden\n    }");
    shop.write("orders.dq", &contracts);
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        (EVIL, Arc::new(StringArray::from(vec![EVIL])) as ArrayRef),
    ]);
    shop.parquet("lake/odd.parquet", &rows.expect("rows"));
    let path = shop.path("lake/odd.parquet").display().to_string();
    for args in [&["audit", "silver.orders", "--data", &path, "-v"][..], &["plan", "silver.orders", "--data", &path, "-v"], &["profile", &path]] {
        let text = said(&shop.dqc(args));
        harmless(&text, &format!("{args:?}"));
        assert!(text.contains("\\u{1b}[31m") || args[0] == "plan", "{args:?}: {text}");
    }
}

#[test]
fn messages_show_it_written_out() {
    let server = Scripted::start(&["200 OK"]);
    let shop = shop(&server.url);
    assert_eq!(shop.dqc(&["run"]).status.code(), Some(10));
    let message: Message = serde_json::from_value(server.bodies().remove(0)).expect("a message");
    let slack = slack::payload(&message).to_string();
    assert!(!slack.contains("<!channel>") && slack.contains("&lt;!channel&gt;") && !slack.contains("<script>"), "{slack}");
    assert!(!slack.contains("\\u001b") && !slack.contains('\u{202e}'));
    let mut hostile = message.clone();
    hostile.subject = format!("{}{EVIL}", message.subject);
    let build = || mail::build(&hostile, &relay(), 1_700_000_000_000_000).expect("a mail").formatted();
    let text = String::from_utf8(build()).expect("ASCII");
    assert!(!text.lines().any(|l| l.to_lowercase().starts_with("bcc:")), "{text}");
    assert!(text.is_ascii(), "{text}");
    let flat = text.replace("=\r\n", "");
    let page = flat.split("text/html").nth(1).expect("a page");
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"), "{page}");
    let id = |mail: &str| mail.lines().find(|l| l.starts_with("Message-ID")).map(str::to_owned);
    assert!(id(&text).is_some());
    assert_eq!(id(&text), id(&String::from_utf8(build()).expect("ASCII")), "the same id each time");
}

#[test]
fn however_long_it_gets_slack_takes_it() {
    let server = Scripted::start(&["200 OK"]);
    let shop = shop(&server.url);
    assert_eq!(shop.dqc(&["run"]).status.code(), Some(10));
    let mut long: Message = serde_json::from_value(server.bodies().remove(0)).expect("a message");
    let mut rule = long.rules[0].clone();
    rule.words = "<&>*`_~".repeat(2000);
    rule.samples = vec![rule.samples[0].clone(); 3];
    long.rules = vec![rule; 60];
    let payload = slack::payload(&long);
    let blocks = payload["blocks"].as_array().expect("blocks");
    assert!(blocks.len() <= 50 && payload.to_string().chars().count() < 13_000, "{}", payload.to_string().len());
    assert!(blocks.iter().filter_map(|b| b["text"]["text"].as_str()).all(|t| t.chars().count() <= 3000));
}

/// A spreadsheet takes a cell that begins like a formula for one, and runs it.
#[test]
fn rows_held_back_are_no_formulas() {
    let mut shop = Shop::new("[channels.team]\nkind = \"none\"\n", "");
    shop.env = Vec::new();
    let contracts = shop.read("orders.dq").replace("email: string personal", "email: string");
    shop.write("orders.dq", &contracts.replace("positive: amount > 0", "positive: amount > 0 else quarantine"));
    shop.day("2026-11-20", &[(-1, EVIL, "t"), (-2, "=1+1", "t"), (-3, "@SUM(A1)", "t"), (-4, "+1", "t"), (-5, "-x", "t"), (6, "fine", "t")]);
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    let output = shop.dqc(&["quarantine", "show", "silver.orders", "--format", "csv"]);
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8").replace("\r\n", "\n");
    harmless(&text, "CSV");
    let formula = regex::Regex::new(r#"(?m)(^|,)"?([=@]|[+-][^0-9])"#).expect("a regular expression");
    assert!(text.contains("SUM(A1)") && !formula.is_match(&text), "{text}");
    for format in ["text", "json"] {
        let text = said(&shop.dqc(&["quarantine", "show", "silver.orders", "--format", format]));
        harmless(&text, format);
        assert!(text.contains("script"), "{text}");
    }
}

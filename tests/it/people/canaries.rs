//! Secrets of the configuration and values of `personal` and `secret` columns go down every path on which something can
//! be said or fail, and come out nowhere: not on the terminal, in a report, the ledger, a metric, a message, in lineage.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};

use super::peer::Scripted;
use super::shop::{Shop, said, walk};

const TOKEN: &str = "tok-canary-5f1c";
const PASSWORD: &str = "pw-canary-77aa";
const PERSON: &str = "canary.person@private.example";
const SECRET: &str = "sec-canary-9d0e";
/// A person's amount.
const AMOUNT: i64 = 987_654_321;

/// As each could be written.
const CANARIES: [&str; 9] =
    [TOKEN, PASSWORD, PERSON, SECRET, "canary.person", "987654321", "987,654,321", "9.87654321", "987_654_321"];

fn assert_clean(text: &str, place: &str) {
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary} in {place}:\n{text}");
    }
}

/// Runs a command, and looks for canaries in what it says.
fn silent(shop: &Shop, args: &[&str], exit: i32) -> String {
    let output = shop.dqc(args);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(exit), "{args:?}: {text}");
    assert_clean(&text, &format!("{args:?}"));
    text
}

/// All files below the project but the data itself: the layers and the quarantine hold rows. Of their logs, what commits say
/// of themselves is looked at: the statistics beside a file are the table's, for whoever may read the table.
fn left_behind(shop: &Shop) -> usize {
    let data = ["lake/bronze", "lake/silver", "lake/quarantine"].map(|p| shop.path(p));
    let mut looked = 0;
    for path in walk(&shop.path("")) {
        let of_data = data.iter().any(|d| path.starts_with(d));
        let log = path.components().any(|c| c.as_os_str() == "_delta_log");
        let text = match path.extension().and_then(|e| e.to_str()) {
            _ if of_data && !log => continue,
            Some("json") if of_data => {
                let text = std::fs::read_to_string(&path).expect("a commit");
                text.lines().filter(|l| l.starts_with("{\"commitInfo\"")).collect()
            }
            _ if of_data => continue,
            Some("parquet") => rows_of(&path),
            _ => String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned(),
        };
        assert_clean(&text, &path.display().to_string());
        looked += 1;
    }
    looked
}

fn rows_of(path: &Path) -> String {
    let file = std::fs::File::open(path).expect("a file");
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file);
    let reader = reader.and_then(|r| r.build()).expect("a table's file");
    reader.map(|rows| format!("{:?}\n", rows.expect("rows"))).collect()
}

/// Rules of all forms over what must not be shown: conditions that fail, that cannot be computed, over rows, groups, the
/// batch, its past, in SQL.
const RULES: &str = r#"rules {
        mail_known:   email not like "canary%" else warn
            because "{email} is not known, and pays {amount}." fix "Look for {email}."
        mail_date:    cast(email as date) > date "2020-01-01" else warn
        token_number: cast(token as bigint) > 0 else quarantine
        token_long:   length(token) > 99 else warn
        not_much:     amount < 1000 else warn
        once:         unique (email) else warn
        known:        (email) references silver.people(email) else warn
        one_each:     count(*) < 2 for each email else warn because "{email} comes {value} times."
        one_token:    count(*) < 2 for each token else warn
        each_amount:  sum(id) < 0 for each amount else warn
        newest_mail:  max(email) < "b" else warn
        often:        mode(email) = "x" else warn
        middle_token: max(token) = "x" else warn
        total:        sum(amount) < 10 else warn because "{value}, not {limit}"
        most:         max(amount) within 3 stddev of last 1 batches else warn
        moved:        drift(amount, last 1 batches) < 0.1 else warn
        mails_moved:  drift(email, last 1 batches) < 0.1 else warn
        tokens_moved: drift(token, last 1 batches) < 0.1 else warn
        asked:        no rows in sql "select email as who, amount as much, token from input where amount > 7" else warn"#;

#[test]
fn no_secret_and_no_person_comes_out() {
    let server = Scripted::start(&["500 Down", "200 OK"]);
    let lineage = Scripted::start(&["200 OK"]);
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let password = elsewhere.path().join("password");
    std::fs::write(&password, format!("{PASSWORD}\n")).expect("a file");
    let more = format!(
        "[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\ntoken = \"env:HOOK_TOKEN\"\n\
         [channels.desk]\nkind = \"mail\"\nhost = \"127.0.0.1\"\nport = 1\nfrom = \"a@b.example\"\nto = \"c@d.example\"\n\
         user = \"u\"\npassword = \"file:{}\"\n\
         [metrics]\nfile = \"dqc.prom\"\notlp = \"env:OTLP\"\nheaders = \"env:OTLP_HEADERS\"\n\
         [lineage]\nurl = \"{}\"\ntoken = \"env:HOOK_TOKEN\"\nfile = \"lineage.jsonl\"\n",
        password.display(),
        lineage.url.trim_end_matches("/hook")
    );
    let mut shop = Shop::new(&more, "        fresh: age(max(at)) <= 2 hours");
    shop.env = vec![
        ("HOOK".into(), format!("{}?key={TOKEN}", server.url)),
        ("HOOK_TOKEN".into(), TOKEN.into()),
        ("OTLP".into(), format!("http://user:{TOKEN}@127.0.0.1:1")),
        ("OTLP_HEADERS".into(), format!("authorization={TOKEN}")),
        ("RUST_LOG".into(), "trace".into()),
        ("RUST_BACKTRACE".into(), "full".into()),
    ];
    let contracts = shop.read("orders.dq").replace("rules {", RULES);
    let contracts = contracts.replace("notify team on block, warn", "notify team on block, warn, quarantine\n    notify desk on block, quarantine");
    let contracts = contracts.replace("amount: bigint  email", "amount: bigint personal  email").replace("amount: bigint\n", "amount: bigint personal\n");
    shop.write("orders.dq", &format!("{contracts}\ncontract silver.people @ 1.0.0 {{\n    at \"../people\"\n    format parquet\n    columns {{ email: string personal key }}\n}}\n"));
    let known = RecordBatch::try_from_iter([("email", Arc::new(StringArray::from(vec!["someone@else.example"])) as ArrayRef)]);
    shop.parquet("lake/people/a.parquet", &known.expect("rows"));
    let data = shop.path("lake/bronze/orders").display().to_string();
    let people: &[(i64, &str, &str)] = &[(AMOUNT, PERSON, "12"), (6, PERSON, SECRET), (7, "ada@example.com", "13")];
    shop.day("2026-11-20", people);
    silent(&shop, &["check"], 0);
    silent(&shop, &["test"], 0);
    for format in ["text", "json", "junit", "html"] {
        silent(&shop, &["run", "--dry-run", "-v", "--format", format], 0);
        silent(&shop, &["audit", "silver.orders", "--data", &data, "--format", format, "-v"], 0);
    }
    for format in ["text", "json"] {
        silent(&shop, &["plan", "silver.orders", "--data", &data, "--format", format], 0);
        silent(&shop, &["pending", "--format", format], 0);
        silent(&shop, &["datasets", "--format", format], 0);
    }
    silent(&shop, &["explain", "silver.orders.mail_known"], 0);
    let profile = silent(&shop, &["profile", &data], 0);
    let words = profile.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("email: Email personal") && words.contains("token: string secret"), "{profile}");
    // Published with rows in quarantine and warnings; the desk's server is dead, the team's is once in trouble.
    let reports = ["run.html", "run.xml", "run.jsonl"].map(|name| shop.path(name).display().to_string());
    let [html, xml, jsonl] = &reports;
    let lines = shop.path("lines.jsonl").display().to_string();
    silent(&shop, &["run", "-v", "--report", html, "--report", xml, "--report", jsonl, "--json", &lines], 12);
    shop.day("2026-11-21", people);
    silent(&shop, &["run", "-v"], 12);
    // The gate, with samples of a rule that blocks.
    shop.day("2026-11-22", &[(-AMOUNT, PERSON, "12"), (3, "bo@example.com", SECRET)]);
    silent(&shop, &["run", "-v"], 10);
    silent(&shop, &["run", "--format", "json"], 10);
    for args in [&["sla"][..], &["sla", "-v"], &["sla", "--format", "json"]] {
        silent(&shop, args, 12);
    }
    // What is held back, what has been, and the receipts.
    for format in ["text", "json", "csv"] {
        let shown = silent(&shop, &["quarantine", "show", "silver.orders", "--format", format], 0);
        assert!(shown.contains("token_number") && shown.contains("***"), "{shown}");
    }
    for format in ["text", "json"] {
        silent(&shop, &["quarantine", "list", "--format", format], 0);
        silent(&shop, &["history", "--format", format], 0);
        silent(&shop, &["history", "silver.orders", "--format", format], 0);
        silent(&shop, &["receipt", "list", "silver.orders", "--format", format], 0);
        silent(&shop, &["receipt", "verify", "silver.orders", "--format", format], 0);
    }
    silent(&shop, &["quarantine", "retry", "silver.orders"], 0);
    silent(&shop, &["gc", "--dry-run"], 0);
    // A file that cannot be read, and one with other columns than it should have.
    let file = shop.path("lake/bronze/orders/day=2026-11-22/a.parquet");
    std::fs::write(&file, format!("PAR1{SECRET}{PERSON}PAR1")).expect("a file");
    silent(&shop, &["run", "-v"], 10);
    silent(&shop, &["audit", "silver.orders", "--data", &file.display().to_string()], 10);
    std::fs::remove_file(&file).expect("removed");
    std::fs::write(shop.path("lake/orders.csv"), format!("id,amount,email,token,at,note\n1,x{AMOUNT},{PERSON},{SECRET},never,\n\"{PERSON}")).expect("a file");
    silent(&shop, &["audit", "silver.orders", "--data", &shop.path("lake/orders.csv").display().to_string(), "-v"], 0);
    silent(&shop, &["profile", &shop.path("lake/orders.csv").display().to_string()], 0);
    std::fs::remove_file(shop.path("lake/orders.csv")).expect("removed");
    assert!(left_behind(&shop) > 30, "ledger, outbox, reports, metrics, lineage");
    // Messages and lineage as they went out, and as other channels would show them.
    assert!(server.count() > 2 && lineage.count() > 4, "{} {}", server.count(), lineage.count());
    for (_, body) in server.seen.lock().expect("no panic").iter().chain(lineage.seen.lock().expect("no panic").iter()) {
        assert_clean(body, "a request");
    }
    let told = server.bodies();
    assert!(told.iter().any(|m| m.to_string().contains("c***@***")), "masked, not left out");
    for message in told {
        let message: dqc::channel::message::Message = serde_json::from_value(message).expect("a message");
        assert_clean(&dqc::channel::slack::payload(&message).to_string(), "Slack");
        assert_clean(&dqc::channel::news::plain(&message), "mail");
    }
}

/// The line that is wrong is shown, and what could be a secret in it is not.
#[test]
fn dqc_toml_is_shown_without_what_may_be_secret() {
    let shop = Shop::new("", "");
    let toml = shop.read("dqc.toml");
    let hook = "[channels.team]\nkind = \"webhook\"\n";
    for more in [
        format!("{hook}url = \"{TOKEN}\"\n"),
        format!("{hook}url = \"env:HOOK\"\ntokn = \"{TOKEN}\"\n"),
        format!("{hook}url = \"{TOKEN}\n"),
        format!("{hook}url = '''{TOKEN}\n"),
        format!("{hook}url = {TOKEN}\n"),
        format!("{hook}url = \"env:HOOK\"\nurl = \"{TOKEN}\"\n"),
        format!("{hook}url = [\"{TOKEN}\"]\n"),
        format!("{hook}url = \"env:HOOK\" \"{TOKEN}\"\n"),
        format!("[channels]\nteam = {{ kind = \"webhok\", url = \"{TOKEN}\" }}\n"),
        format!("[channels]\nteam = {{ url = \"{TOKEN}\" }}\n"),
        format!("[channels.desk]\nkind = \"mail\"\npassword = {AMOUNT}\n"),
        format!("[metrics]\notlp = \"http://user:{TOKEN}@127.0.0.1:1\"\n"),
        format!("[metrics]\notlp = \"gopher://{TOKEN}\"\n"),
        format!("[storage.s3]\nendpoint = \"http://user:{TOKEN}@127.0.0.1:1\"\n"),
        format!("[storage.s3]\nsecret_access_key = \"{TOKEN}\"\n"),
        format!("[storage.s4]\nsecret_access_key = \"{TOKEN}\"\n"),
        format!("[env.prod.layers]\nsilver = \"s3://key:{TOKEN}@bucket/silver\"\n"),
        format!("[env.prod.ledger]\npath = \"s3://key:{TOKEN}@bucket/ledger\"\n"),
        format!("password = \"{TOKEN}\"\n"),
    ] {
        shop.write("dqc.toml", &format!("{toml}{more}"));
        let text = silent(&shop, &["check"], 2);
        assert!(text.contains("dqc.toml:"), "{text}");
    }
}

/// A server that refuses credentials can tell them back.
#[test]
fn storage_that_refuses_is_not_quoted() {
    let body = format!(
        "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>{TOKEN} {SECRET}</Message>\
         <AWSAccessKeyId>{TOKEN}</AWSAccessKeyId><StringToSign>{PASSWORD}</StringToSign></Error>"
    );
    for (status, exit) in [("403 Forbidden", 30), ("401 Unauthorized", 30), ("400 Bad Request", 20)] {
        let server = Scripted::start(&[&format!("{status}\r\nContent-Type: application/xml\r\n\r\n{body}")]);
        let s3 = format!(
            "[env.far.layers]\nsilver = \"s3://bucket/silver\"\n[env.far.storage.s3]\nregion = \"x\"\nendpoint = \"{}\"\n\
             allow_http = true\npath_style = true\naccess_key_id = \"env:KEY\"\nsecret_access_key = \"env:KEY_TOO\"\n\
             [channels.team]\nkind = \"none\"\n",
            server.url.trim_end_matches("/hook")
        );
        let mut shop = Shop::new(&s3, "");
        shop.env = vec![("KEY".into(), TOKEN.into()), ("KEY_TOO".into(), PASSWORD.into()), ("RUST_LOG".into(), "trace".into())];
        shop.day("2026-11-20", &[(1, PERSON, SECRET)]);
        silent(&shop, &["run", "-v", "--env", "far"], exit);
        silent(&shop, &["audit", "silver.orders", "--env", "far"], exit);
        silent(&shop, &["profile", "s3://bucket/silver/orders", "--env", "far"], exit);
        assert!(server.count() > 2);
        left_behind(&shop);
        // The variable is not set, and the file not there: the name is said.
        shop.env.remove(0);
        let text = silent(&shop, &["run", "--env", "far"], 30);
        assert!(text.contains("`KEY`"), "{text}");
    }
}

//! `dqc docs`: the site that comes of a project. How it behaves in a browser is seen by `browser.rs`.

#[cfg(feature = "engine")]
mod past;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use regex::Regex;

use crate::root;

pub fn dqc(project: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dqc"));
    command.args(args).arg("--project").arg(project).args(["--as-of", "2026-11-22T06:00:00Z"]).env_remove("DQC_ENV");
    command.output().expect("the program starts")
}

pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The files of a site, by their paths.
pub fn site(folder: &Path) -> BTreeMap<String, String> {
    let entries = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok).filter(|e| e.file_type().is_file());
    let text = |path: &Path| std::fs::read_to_string(path).expect("text");
    let name = |path: &Path| path.strip_prefix(folder).expect("below").to_string_lossy().replace('\\', "/");
    entries.map(|e| (name(e.path()), text(e.path()))).collect()
}

fn made(project: &Path, args: &[&str]) -> (tempfile::TempDir, BTreeMap<String, String>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("site").display().to_string();
    let output = dqc(project, &[&["docs", "--out", &out], args].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let files = site(Path::new(&out));
    (folder, files)
}

fn project(contracts: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("dqc.toml"), "[project]\nname = \"shop <&>\"\n[layers]\nbronze = \"lake/bronze\"\nsilver = \"lake/silver\"\n").expect("a file");
    std::fs::write(folder.path().join("shop.dq"), contracts).expect("a file");
    folder
}

/// Where a link on a page leads: a file of the site and a place in it.
fn target(page: &str, href: &str) -> (String, Option<String>) {
    let (path, anchor) = href.split_once('#').map_or((href, None), |(path, anchor)| (path, Some(anchor.to_owned())));
    if path.is_empty() {
        return (page.to_owned(), anchor);
    }
    let mut at: PathBuf = Path::new(page).parent().unwrap_or(Path::new("")).to_path_buf();
    for part in path.split('/') {
        if part == ".." { at.pop(); } else { at.push(part) }
    }
    (at.to_string_lossy().into_owned(), anchor)
}

#[test]
fn every_link_of_the_catalogue_leads_somewhere() {
    let (_folder, files) = made(&root().join("rules/flights"), &["--no-history"]);
    let ids = Regex::new(r#" id="([^"]*)""#).expect("a regular expression");
    let links = Regex::new(r#"(?:href|src)="([^"]*)""#).expect("a regular expression");
    let anchors: BTreeMap<&String, BTreeSet<String>> =
        files.iter().map(|(path, text)| (path, ids.captures_iter(text).map(|c| c[1].to_owned()).collect())).collect();
    let mut seen = 0;
    let mut check = |page: &String, href: &str| {
        let (file, anchor) = target(page, href);
        let there = anchors.get(&file).unwrap_or_else(|| panic!("{page} links to {href}, and there is no {file}"));
        if let Some(anchor) = anchor {
            assert!(there.contains(&anchor), "{page} links to {href}, and there is no such place");
        }
        seen += 1;
    };
    for (page, text) in files.iter().filter(|(path, _)| path.ends_with(".html")) {
        for link in links.captures_iter(text).filter(|c| &c[1] != "data:,") {
            check(page, &link[1]);
        }
        assert!(!text.contains("http://") && !text.contains("https://"), "{page} needs nothing from elsewhere");
        let ids: Vec<String> = ids.captures_iter(text).map(|c| c[1].to_owned()).collect();
        assert_eq!(ids.len(), anchors[page].len(), "{page}: an id stands twice");
    }
    let entries: Vec<serde_json::Value> = index(&files);
    for entry in &entries {
        check(&"index.html".to_owned(), entry["href"].as_str().unwrap_or(""));
    }
    assert!(seen > 300, "{seen} links");
    let named = |kind: &str, name: &str, of: &str| entries.iter().any(|e| e["kind"] == kind && e["name"] == name && e["of"] == of);
    assert!(named("column", "dep_delay", "silver.flights") && named("rule", "airliner_speed", "silver.flights"));
    assert!(named("dataset", "gold.departures", "") && named("type", "TailNumber", ""));
}

fn index(files: &BTreeMap<String, String>) -> Vec<serde_json::Value> {
    let text = &files["assets/index.js"];
    let array = text.split_once("window.dqcIndex = ").map_or("", |(_, rest)| rest.trim_end().trim_end_matches(';'));
    serde_json::from_str(array).expect("the index is JSON")
}

#[test]
fn a_dataset_is_told_in_words() {
    let (_folder, files) = made(&root().join("rules/flights"), &["--no-history"]);
    let page = &files["datasets/silver.flights.html"];
    let text = Regex::new("<[^>]*>").expect("a regular expression").replace_all(page, "").replace("&quot;", "\"");
    for words in [
        "One row a scheduled departure from New York, flown or not.",
        "flight-data@port-authority.example",
        "a batch for each folder month=…",
        "No two rows of the table share the key flight_date, carrier, flight, origin.",
        "carrier stands in silver.airlines as carrier.",
        "Every tailnum is a TailNumber: it matches r\"N[A-Z0-9]{1,5}\".",
        "For each origin of the batch, count(*) &gt;= 5_000.",
        "In every row, dep_delay is null and arr_time is null and arr_delay is null and air_time is null, where cancelled.",
        "above 2.5% of the rows judged warns and lets the batch go; above 10% of the rows judged blocks the batch",
        "sum(distance) = (sum(distance) from source) (over the rows as they arrived). ",
        // A rule of a rule set is told where it stands.
        "and in shared/aviation.dq:30",
        "one of \"EWR\", \"JFK\", \"LGA\"",
        "date(time_hour)",
        "at most 1% of a batch, kept for 90 d",
    ] {
        let flat = text.replace('\n', " ");
        assert!(flat.contains(words.trim()), "`{words}` is missing in:\n{text}");
    }
    // What a column is made from and goes to.
    assert!(page.contains("href=\"../datasets/bronze.flights.html#column-time_hour\""), "{page}");
    assert!(page.contains("href=\"../datasets/gold.departures.html#column-late\""), "{page}");
}

const LOOKING: &str = r#"
contract bronze.orders @ 1.0.0 { columns { id: bigint  amount: bigint  region: string } }
contract bronze.regions @ 1.0.0 { columns { name: string  since: date } }
contract silver.orders @ 1.0.0 {
    columns { id: bigint key  amount: bigint  region: string }
    rules {
        known: no rows in sql """select b.id from batch b left join Bronze.`Regions` r on r.name = b.region
                                 where r.name is null -- not bronze.orders"""
        usual: count(*) within 3 stddev of last 28 batches
        steady: drift(amount, last 4 weeks) < 0.2 if not evaluated block
    }
}
promote bronze.orders to silver.orders { write append }
"#;

#[test]
fn what_rules_look_at_is_told_in_words_and_drawn() {
    let folder = project(LOOKING);
    let (_site, files) = made(folder.path(), &[]);
    let page = &files["datasets/silver.orders.html"];
    let tags = Regex::new("<[^>]*>").expect("a regular expression");
    let text = tags.replace_all(page, "").replace('\n', " ");
    for words in [
        "This query, which reads bronze.regions finds no rows: ",
        "The past: compared with the last 28 batches that were published before it; with fewer than 7 of them it is not judged, which warns.",
        "The past: how far the values are from those of the batches of the last 4 weeks before it is measured as the population stability index: \
         0 where nothing moved, from about 0.25 on much has; with fewer than 7 of them it is not judged, which blocks the batch.",
    ] {
        assert!(text.contains(words), "`{words}` is missing in:\n{text}");
    }
    let graph = Regex::new(r#"(?s)<div class="graph"><script type="application/json">(.*?)</script>"#).expect("a regular expression");
    let drawn: serde_json::Value = serde_json::from_str(&graph.captures(&files["index.html"]).expect("a graph")[1]).expect("JSON");
    let edges = serde_json::json!([
        {"from": "bronze.orders", "to": "silver.orders", "kind": "promotion"},
        {"from": "bronze.regions", "to": "silver.orders", "kind": "lookup"},
    ]);
    assert_eq!(drawn["edges"], edges);
    assert!(files["datasets/bronze.regions.html"].contains("looked up by"), "{}", files["datasets/bronze.regions.html"]);
    // The same in a terminal.
    let told = said(&dqc(folder.path(), &["explain", "silver.orders.usual"]));
    assert!(told.contains("compared with the last 28 batches that were published before it"), "{told}");
}

const HOSTILE: &str = r#"
type Known = string in ("555-00-1111", "555-00-2222")

/// </script><script>alert(1)</script> `<b>` & "more"
contract bronze.orders @ 1.0.0 {
    owner "<img src=x onerror=alert(2)>"
    columns { id: bigint  ssn: string in ("123-45-6789", "987-65-4321") personal  kind: string in ("<i>", "b") }
}

contract silver.orders @ 1.0.0 {
    columns {
        id: bigint key  ssn: string personal  known: Known? personal  kind: string
        /// Javascript: <a href="javascript:alert(3)">.
        made: string
    }
    rules { short: length(made) < 9 because "</title><script>alert(4)</script>" fix "<svg onload=alert(5)>" nulls pass }
}

promote bronze.orders to silver.orders { with { made: kind || '</script>' } write append }
"#;

#[test]
fn nothing_that_strangers_write_acts_and_no_personal_value_is_told() {
    let folder = project(HOSTILE);
    let (_site, files) = made(folder.path(), &[]);
    let script = Regex::new(r"<script([^>]*)>").expect("a regular expression");
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".html")) {
        for found in script.captures_iter(text) {
            let plain = found[1].contains("application/json") || found[1].starts_with(" defer src=");
            assert!(plain, "{path}: {}", &found[0]);
        }
        for word in ["<img", "<svg onload", "<b>", "<i>", "<a href=\"javascript"] {
            assert!(!text.contains(word), "{path}: {word}");
        }
        assert!(text.contains("Content-Security-Policy"), "{path}");
    }
    let all: String = files.iter().filter(|(path, _)| !path.ends_with("dagre.js")).map(|(_, text)| text.as_str()).collect();
    assert!(all.contains("&lt;script&gt;alert(1)"), "the words are told as text");
    for value in ["123-45-6789", "987-65-4321", "555-00-1111"] {
        assert!(!all.contains(value), "{value} is a person's");
    }
}

#[test]
fn a_site_takes_the_place_of_an_earlier_one_and_of_nothing_else() {
    let folder = project("contract bronze.a @ 1.0.0 { columns { id: bigint } }\ncontract bronze.b @ 1.0.0 { columns { id: bigint } }\n");
    let docs = |args: &[&str]| dqc(folder.path(), &[&["docs"], args].concat());
    let first = docs(&[]);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    let out = folder.path().join("site");
    let before = site(&out);
    assert!(before.contains_key("datasets/bronze.b.html"), "{:?}", before.keys());
    std::fs::write(out.join("datasets/mine.html"), "mine").expect("a file");
    let again = docs(&[]);
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
    let mut after = site(&out);
    assert_eq!(after.remove("datasets/mine.html").as_deref(), Some("mine"));
    assert_eq!(before, after, "the same project gives the same site");

    std::fs::write(folder.path().join("shop.dq"), "contract bronze.a @ 1.0.0 { columns { id: bigint } }\n").expect("a file");
    // Lines that `dqc docs` never wrote take nothing away.
    let list = std::fs::read_to_string(out.join("dqc-docs.txt")).expect("the list");
    std::fs::write(out.join("dqc-docs.txt"), format!("{list}../dqc.toml\ndatasets/../../dqc.toml\n")).expect("a file");
    let third = docs(&[]);
    assert_eq!(third.status.code(), Some(0), "{}", said(&third));
    let last = site(&out);
    assert!(!last.contains_key("datasets/bronze.b.html") && last.contains_key("datasets/mine.html"), "{:?}", last.keys());
    assert!(folder.path().join("dqc.toml").exists());

    let other = folder.path().join("other");
    std::fs::create_dir_all(&other).expect("a folder");
    std::fs::write(other.join("index.html"), "somebody's").expect("a file");
    let refused = docs(&["--out", &other.display().to_string()]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("not of an earlier `dqc docs`"), "{}", said(&refused));
    assert_eq!(std::fs::read_dir(&other).expect("a folder").count(), 1, "nothing was written beside it");
}

#[test]
fn contracts_that_do_not_compile_have_no_catalogue() {
    let folder = project("contract bronze.a @ 1.0.0 { columns { id: bigin } }\n");
    let output = dqc(folder.path(), &["docs"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(!folder.path().join("site").exists());
    let empty = project("");
    let (_site, files) = made(empty.path(), &[]);
    assert!(files["index.html"].contains("There is no contract in this project yet."));
    assert!(files["index.html"].contains("shop &lt;&amp;&gt;"));
}

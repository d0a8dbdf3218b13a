//! `dqc docs`: what stands in the site, what does not, and how it behaves in a browser.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::people::shop::{BAD, GOOD, Shop, said, walk};
use crate::root;

/// Two judged days; the author's words hold what would be markup, and a personal column has its values listed.
fn shop() -> Shop {
    let shop = Shop::new("[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\n", "on_time: arrives by 06:00");
    let text = shop.read("orders.dq").replace("One row per order.", "One row per </script><script>alert(1)</script> & order.");
    let region = "token: string secret\n        region: string? in (\"north-9\", \"south-9\") personal\n        at: timestamp?\n";
    let text = text.replace("token: string secret\n        at: timestamp?\n", region);
    let text = text.replace(
        "short_note:",
        "not_the_till: email <> \"till@shop.example\" else warn\n        several: count(*) > 1 for each amount else warn\n        \
         alone: count(*) < 1 for each email else warn\n        steady: drift(amount, last 28 batches) < 0.2 else warn\n        short_note:",
    );
    let text = text + "contract gold.days @ 1.0.0 { columns { id: bigint key } rules { known: id references silver.orders(id) else warn } }\n";
    shop.write("orders.dq", &text);
    shop.day("2026-11-20", GOOD);
    shop.day("2026-11-21", BAD);
    shop
}

fn docs(shop: &Shop, more: &[&str]) -> PathBuf {
    let site = shop.path("site");
    let output = shop.dqc(&[&["docs", "--output", &site.display().to_string()], more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    site
}

fn read(site: &Path, below: &str) -> String {
    std::fs::read_to_string(site.join(below)).unwrap_or_else(|_| panic!("there is no {below}"))
}

#[test]
fn a_project_becomes_a_site() {
    let shop = shop();
    let before = docs(&shop, &["--without-history"]);
    assert!(!read(&before, "dataset/silver.orders.html").contains("State and history"));
    let run = shop.dqc(&["run"]);
    assert_eq!(run.status.code(), Some(10), "{}", said(&run));
    let site = docs(&shop, &[]);

    let front = read(&site, "index.html");
    let author = "&lt;/script&gt;&lt;script&gt;alert(1)";
    for words in ["silver.orders", "finance-data@acme.example", author, "1 batch held up", "personal data", "gold.days"] {
        assert!(front.contains(words), "{words}: {front}");
    }
    let page = read(&site, "dataset/silver.orders.html");
    for words in [
        "Every order costs something.",
        "positive",
        "The batch of the same day is published by 06:00",
        "Filled from bronze.orders",
        "day=2026-11-21",
        "✗ blocked",
        "blocks the batch",
        "one of 2 values",
        "reference",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    // What would be markup is text, in pages and in the script's data; personal values are nowhere, though written.
    for file in walk(&site).iter().filter(|f| !f.to_string_lossy().contains("dagre")) {
        let text = std::fs::read_to_string(file).expect("text");
        assert!(!text.contains("<script>") && !text.contains("</script> &"), "{}", file.display());
        assert!(!file.ends_with("data.js") || !text.contains('<'), "the end of a script in {}", file.display());
        for value in BAD.iter().flat_map(|o| [o.1, o.2]).chain(["north-9", "south-9", "till@shop.example"]) {
            assert!(!text.contains(value), "{value} in {}", file.display());
        }
        for outward in ["http://", "https://", "@import", "url(http", "fetch(", "XMLHttpRequest"] {
            let namespace = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!namespace.contains(outward), "{outward} in {}", file.display());
        }
    }
    // The same input and clock give the same bytes.
    let now = ["--as-of", "2026-11-22T00:00:00Z"];
    let first = walk(&docs(&shop, &now)).iter().map(|f| std::fs::read(f).expect("a file")).collect::<Vec<_>>();
    let second = walk(&docs(&shop, &now)).iter().map(|f| std::fs::read(f).expect("a file")).collect::<Vec<_>>();
    assert!(first == second);
}

#[test]
fn only_its_own_files_are_replaced() {
    let shop = shop();
    let site = docs(&shop, &["--without-history"]);
    assert!(site.join("dataset/gold.days.html").is_file());
    std::fs::write(site.join("CNAME"), "data.acme.example").expect("a file");
    let text = shop.read("orders.dq");
    shop.write("orders.dq", text.split("contract gold.days").next().expect("the rest"));
    docs(&shop, &["--without-history"]);
    assert!(!site.join("dataset/gold.days.html").exists(), "the page of a dataset that is gone");
    assert!(site.join("CNAME").is_file(), "somebody else's file");

    let full = shop.path("full");
    std::fs::create_dir_all(&full).expect("a folder");
    std::fs::write(full.join("thesis.txt"), "mine").expect("a file");
    let output = shop.dqc(&["docs", "--without-history", "--output", &full.display().to_string()]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("holds something that `dqc docs` did not write"), "{}", said(&output));
    assert_eq!(walk(&full).len(), 1);
}

/// The program and the checker of accessibility; `None`, said in one line, where either is missing.
fn browser() -> Option<(String, PathBuf)> {
    let found = std::env::var("DQC_TEST_CHROMIUM").ok().zip(std::env::var_os("DQC_TEST_NODE"));
    let found = found.map(|(program, node)| (program, PathBuf::from(node).join("node_modules/axe-core/axe.min.js")));
    let found = found.filter(|(_, axe)| axe.is_file());
    if found.is_none() {
        println!("skipped: no Chromium, or no axe-core; see tests/README.md");
    }
    found
}

fn drive(what: &str, page: &Path) {
    let Some((program, axe)) = browser() else { return };
    let python = std::env::var_os("DQC_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(python);
    command.arg(root().join("tests/it/browser.py")).arg(what).arg(program).arg(axe).arg(page);
    command.args(std::env::var_os("DQC_TEST_PICTURES"));
    let output = command.output().expect("Python starts");
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn the_site_works_in_a_browser() {
    let shop = shop();
    shop.dqc(&["run"]);
    drive("docs", &docs(&shop, &[]).join("index.html"));
}

#[test]
fn the_report_is_readable_in_a_browser() {
    let shop = shop();
    shop.dqc(&["run"]);
    let page = shop.path("run.html");
    let output = shop.dqc(&["run", "--report", &page.display().to_string()]);
    assert_eq!(output.status.code(), Some(10), "{}", said(&output));
    let text = shop.read("run.html");
    // Two batches of the first run and the one that is judged again; groups and what is compared are drawn.
    for words in ["violations over 3 batches", "several by group", "Distribution of what steady compares"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("alone by group"), "groups of a personal column are not named");
    drive("report", &page);
}

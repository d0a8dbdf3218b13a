//! The files of `--report`, and the reports that are printed when all batches are judged.

use crate::people::shop::{BAD, GOOD, Shop, said};

/// A shop in which a batch passes and one is blocked; the author's words hold what would be markup.
fn shop() -> Shop {
    let shop = Shop::new("[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\n", "");
    let text = shop.read("orders.dq").replace("Ask the till", "<script>alert(1)</script> & ask the till");
    shop.write("orders.dq", &text);
    shop.day("2026-11-20", GOOD);
    shop.day("2026-11-21", BAD);
    shop
}

#[test]
fn a_run_leaves_its_report_in_every_form() {
    let shop = shop();
    let path = |name: &str| shop.path(name).display().to_string();
    let (html, xml, lines) = (path("run.html"), path("run.xml"), path("run.jsonl"));
    let output = shop.dqc(&["run", "--report", &html, "--report", &xml, "--report", &lines]);
    assert_eq!(output.status.code(), Some(10), "{}", said(&output));

    let page = shop.read("run.html");
    assert!(page.contains("1 of 2 batches held up") && page.contains("positive"), "{page}");
    // Our own scripts draw the charts; no other may run, and what follows is about the rest.
    let scripts = regex::Regex::new("(?s)<script.*?</script>").expect("a regular expression");
    let kinds: Vec<bool> = scripts.find_iter(&page).map(|s| s.as_str().starts_with("<script type=\"application/json\">")).collect();
    let (drawn, drawing) = kinds.split_at(kinds.len() - 2);
    assert!(drawn.len() > 3 && drawn.iter().all(|data| *data) && drawing == [false, false], "charts, and what draws them: {kinds:?}");
    assert!(page.contains("script-src 'sha256-") && page.contains("violations over time"), "{page}");
    let page = scripts.replace_all(&page, "").into_owned();
    assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script"), "authors' words are text: {page}");
    for outward in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outward), "the page needs nothing from elsewhere: {outward}");
    }
    for order in BAD {
        assert!(!page.contains(order.1) && !page.contains(order.2), "who it is stays out of the page");
    }
    // The blocked batch comes first, with its rule's text in colours and the command that judges it again.
    let section = |batch: &str| page.find(&format!("<h2>{batch} ")).expect("a section");
    assert!(section("day=2026-11-21") < section("day=2026-11-20"));
    assert!(page.contains("<span class=\"head\">positive</span>"), "{page}");
    assert!(page.contains("silver.orders --batch day=2026-11-21"), "{page}");

    let suites = shop.read("run.xml");
    assert!(suites.contains("<testsuite name=\"bronze.orders to silver.orders: day=2026-11-21\""), "{suites}");
    assert_eq!(suites.matches("<failure").count(), 1, "{suites}");
    assert!(suites.contains("type=\"block\"") && suites.contains("because: ") && suites.contains("fix: "), "{suites}");
    assert!(suites.contains("classname=\"orders.dq\""), "{suites}");

    let verdicts: Vec<String> = shop
        .read("run.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["verdict"].to_string())
        .collect();
    assert_eq!(verdicts, ["\"passed\"", "\"blocked\""]);
}

/// The charts of a page: what is said of each, and what is drawn.
fn charts(page: &str) -> Vec<(String, serde_json::Value)> {
    let figure = regex::Regex::new(r#"(?s)<figure class="chart[^>]*aria-label="([^"]*)".*?<script type="application/json">(.*?)</script>"#);
    let figure = figure.expect("a regular expression");
    figure.captures_iter(page).map(|c| (c[1].to_owned(), serde_json::from_str(&c[2]).expect("JSON"))).collect()
}

#[test]
fn a_page_draws_the_values_that_rules_judge_and_groups_against_their_limits_and_no_persons() {
    let shop = Shop::new("[channels.team]\nkind = \"webhook\"\nurl = \"env:HOOK\"\n", "");
    let rules = "rules {\n each_amount: count(*) >= 2 for each amount else warn\n each_person: count(*) >= 1 for each email else warn\n mailed: email like \"%@%\"\n";
    shop.write("orders.dq", &shop.read("orders.dq").replacen("rules {", rules, 1));
    let many: Vec<(i64, String, String)> = (0..40).map(|i| (5 + i % 3, format!("p{i}@example.com"), format!("t-{i}"))).collect();
    let mut orders: Vec<_> = many.iter().map(|(amount, email, token)| (*amount, email.as_str(), token.as_str())).collect();
    orders.push((1_000, "z@example.com", "t-z"));
    shop.day("2026-11-20", &orders);
    let draw = || {
        let output = shop.dqc(&["run", "--dry-run", "--as-of", "2026-11-22", "--format", "html"]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let page = draw();
    assert_eq!(page, draw(), "the same data gives the same page");
    let found = charts(&page);
    let chart = |start: &str| found.iter().find(|(label, _)| label.starts_with(start)).unwrap_or_else(|| panic!("{start} in {found:?}"));
    let (_, groups) = chart("each_amount: by group: 1 of 4 break it");
    assert_eq!(groups["names"], serde_json::json!(["5", "6", "7", "1000"]));
    let series = |chart: &serde_json::Value, i: usize| chart["series"][i]["values"].clone();
    assert_eq!([series(groups, 0), series(groups, 1), series(groups, 2)], [
        serde_json::json!([14.0, 13.0, 13.0, null]), serde_json::json!([null, null, null, 1.0]), serde_json::json!([2.0, 2.0, 2.0, 2.0]),
    ]);
    let (_, amounts) = chart("amount: 4 values, most often 5 (34.1%)");
    assert_eq!((&amounts["names"], series(amounts, 0)), (&serde_json::json!(["5", "6", "7", "1000"]), serde_json::json!([14, 13, 13, 1])));
    let (_, ids) = chart("id: from ");
    assert_eq!(series(ids, 0).as_array().expect("counts").iter().filter_map(serde_json::Value::as_u64).sum::<u64>(), 41);
    assert!(page.contains("Personal or secret, so not drawn: email, token."), "{page}");
    assert!(!found.iter().any(|(label, _)| label.starts_with("each_person") || label.starts_with("email")), "{found:?}");
    for (_, email, token) in &many {
        assert!(!page.contains(email.as_str()) && !page.contains(&format!(">{token}<")), "who it is stays out of the page");
    }
    // A report without a page looks at no more than before, and tells the same.
    let lines = |more: &[&str]| {
        let output = shop.dqc(&[&["run", "--dry-run", "--as-of", "2026-11-22", "--format", "json"], more].concat());
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert_eq!(lines(&[]), lines(&["--report", &shop.path("also.html").display().to_string()]));
}

#[test]
fn a_page_or_junit_is_printed_alone_on_stdout() {
    let shop = shop();
    let page = shop.dqc(&["run", "--dry-run", "--format", "html"]);
    let text = String::from_utf8_lossy(&page.stdout).into_owned();
    assert!(text.starts_with("<!DOCTYPE html>") && text.trim_end().ends_with("</html>"), "{text}");
    let suites = shop.dqc(&["audit", "silver.orders", "--format", "junit", "--data", &day(&shop, "2026-11-21")]);
    assert_eq!(suites.status.code(), Some(10), "{}", said(&suites));
    let text = String::from_utf8_lossy(&suites.stdout).into_owned();
    assert!(text.starts_with("<?xml") && text.contains("<testsuites name=\"dqc audit\""), "{text}");
    assert_eq!(text.matches("<testsuite ").count(), 1, "{text}");
}

#[test]
fn a_report_that_cannot_be_written_is_said_before_anything_is_judged() {
    let shop = shop();
    for (name, said_so) in
        [("run.pdf", "end its name in .html, .xml (JUnit) or .jsonl"), ("none/run.html", "folder is there")]
    {
        let output = shop.dqc(&["run", "--report", &shop.path(name).display().to_string()]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(said_so), "{}", said(&output));
        assert!(!shop.path("lake/silver").exists());
    }
    // What fails on the way leaves the report that was there.
    shop.write("run.html", "yesterday's");
    let output = shop.dqc(&["audit", "silver.orders", "--report", &shop.path("run.html").display().to_string()]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert_eq!(shop.read("run.html"), "yesterday's");
    let left = std::fs::read_dir(shop.path("")).expect("the project's folder").flatten();
    for file in left {
        assert!(!file.file_name().to_string_lossy().starts_with(".dqc-report"), "no draft is left behind");
    }
}

fn day(shop: &Shop, day: &str) -> String {
    shop.path(&format!("lake/bronze/orders/day={day}")).display().to_string()
}

/// Of runs and audits in which batches pass, are blocked, and cannot be judged.
#[test]
fn junit_of_runs_and_audits_is_as_its_schema_says() {
    let Some((python, schema)) = std::env::var_os("DQC_TEST_PYTHON").zip(std::env::var_os("DQC_TEST_JUNIT_XSD")) else {
        println!("skipped: no Python, or no schema of JUnit's reports; see tests/README.md");
        return;
    };
    let shop = shop();
    shop.write("lake/bronze/orders/day=2026-11-22/a.parquet", "no parquet");
    let path = |name: &str| shop.path(name).display().to_string();
    let files = ["run.xml", "nothing.xml", "good.xml", "bad.xml"].map(path);
    let data = [day(&shop, "2026-11-20"), day(&shop, "2026-11-21")];
    shop.dqc(&["run", "--report", &files[0]]);
    std::fs::remove_dir_all(shop.path("lake/bronze/orders/day=2026-11-21")).expect("a day");
    std::fs::remove_dir_all(shop.path("lake/bronze/orders/day=2026-11-22")).expect("a day");
    shop.dqc(&["run", "--report", &files[1]]);
    shop.day("2026-11-21", BAD);
    for (file, data) in files[2..].iter().zip(&data) {
        shop.dqc(&["audit", "silver.orders", "--report", file, "--data", data]);
    }
    let texts = files.each_ref().map(|file| std::fs::read_to_string(file).unwrap_or_else(|_| panic!("there is no {file}")));
    assert!(texts[0].contains("<failure") && texts[0].contains("<skipped"), "{}", texts[0]);
    shop.write("wrong.xml", "<testsuites><testsuite name=\"a\"><testcase/></testsuite></testsuites>");
    let script = crate::root().join("tests/it/junit.py");
    let output = std::process::Command::new(python).arg(script).arg(schema).arg(path("wrong.xml")).args(&files).output();
    let output = output.expect("Python starts");
    assert!(output.status.success(), "{}", said(&output));
}

//! Reports as people read them: `tests/reports/*.json` holds a contract's text and a report, `*.txt` what is printed.

use std::fmt::Write as _;
use std::fs;

use dqc::diagnostics::paint::Paint;
use dqc::report::text::{Fate, Printer};
use dqc::run::{BatchVerdict, Report};
use dqc::source::{SourceFile, SourceMap};

use crate::root;

#[test]
fn reports_are_printed_as_before() {
    let folder = root().join("tests/reports");
    let schema = crate::schema::schema("src/report/report.schema.json");
    let mut faults = String::new();
    let mut cases: Vec<_> = fs::read_dir(folder).expect("tests/reports").map(|e| e.expect("a file").path()).collect();
    cases.retain(|path| path.extension().is_some_and(|e| e == "json"));
    cases.sort();
    for case in cases {
        let text = fs::read_to_string(&case).expect("UTF-8");
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let mut sources = SourceMap::default();
        let lines: Vec<&str> = json["source"].as_array().expect("lines").iter().filter_map(|l| l.as_str()).collect();
        sources.add(SourceFile::new("silver/orders.dq", lines.join("\n")));
        let paint = Paint { color: std::env::var_os("COLOR").is_some(), width: 100 };
        let mut printer = Printer::new(&sources, paint, "rules/shop/", false);
        let mut found = String::new();
        for report in json["reports"].as_array().expect("reports") {
            let report: Report = serde_json::from_value(report.clone()).expect("a report");
            let line = serde_json::from_str(&dqc::report::json::line(&report)).expect("JSON");
            assert_eq!(crate::schema::faults(&schema, &line), [""; 0]);
            let fate = match (report.promoted, report.verdict) {
                (true, _) => Fate::Promoted,
                (_, BatchVerdict::Blocked) => Fate::Blocked,
                _ => Fate::WouldPass,
            };
            let (title, of) = (report.batch.as_deref().unwrap_or(""), report.promotion.as_deref().unwrap_or(""));
            found += &printer.batch(
                title,
                of,
                &fate,
                Some(&report),
                "dqc run silver.orders --batch day=3 --project rules/shop",
            );
        }
        if paint.color {
            println!("{found}");
            continue;
        }
        let path = case.with_extension("txt");
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if found != expected {
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&path, found).expect("the text can be written");
            } else {
                let diff = similar::TextDiff::from_lines(&expected, &found);
                let _ = writeln!(faults, "{}:\n{}", path.display(), diff.unified_diff().context_radius(2));
            }
        }
    }
    assert!(faults.is_empty(), "\n{faults}\nUPDATE=1 rewrites the texts; read the difference before you keep it\n");
}

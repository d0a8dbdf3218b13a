//! Slips of analysts and what they are told, letter for letter: `tests/nice_errors.txt`, and `tests/bad_errors.txt` for
//! those that should be told better. `UPDATE=1` rewrites what is told.
//!
//! `=== title | where`, the text, `~~~`, what is printed. `file` is a text of its own; `columns`, `rules` and `sla` stand in
//! a contract of orders.

use std::fmt::Write as _;

use dqc::diagnostics::paint::Paint;
use dqc::diagnostics::render::Renderer;
use dqc::source::SourceFile;

use crate::root;

fn whole(place: &str, text: &str) -> String {
    let block = |name: &str| {
        let inner = if name == place { format!("\n        {}\n    ", text.replace('\n', "\n        ")) } else { String::new() };
        if inner.is_empty() { String::new() } else { format!("    {name} {{{inner}}}\n") }
    };
    if place == "file" {
        return format!("{text}\n");
    }
    let more = if place == "columns" { format!("\n        {}", text.replace('\n', "\n        ")) } else { String::new() };
    format!(
        "contract silver.orders @ 1.0.0 {{
    nulls pass
    columns {{
        order_id:   bigint key
        status:     string in (\"open\", \"paid\")
        amount:     decimal(12, 2)
        email:      string?
        created_at: timestamp
        shipped_at: timestamp?{more}
    }}
{}{}}}
",
        block("rules"),
        block("sla")
    )
}

fn told(place: &str, text: &str) -> String {
    let text = whole(place, text);
    let compilation = dqc::compile(vec![SourceFile::new("orders.dq", text)], &crate::layers());
    let paint = Paint { color: false, width: 100 };
    let renderer = Renderer::new(&compilation.sources, paint, "");
    compilation.diagnostics.iter().map(|d| renderer.finding(d)).collect()
}

/// The title and the whole text of each case of a file.
pub fn texts(file: &str) -> Vec<(String, String)> {
    let all = std::fs::read_to_string(root().join("tests").join(file)).expect(file);
    let cases = all.split("\n=== ").skip(1).map(|piece| {
        let (head, body) = piece.split_once('\n').unwrap_or((piece, ""));
        let (title, place) = head.rsplit_once(" | ").expect("a title and where the text stands");
        let text = body.split_once("\n~~~").map_or(body.trim_end_matches('\n'), |(text, _)| text);
        (title.to_owned(), whole(place, text))
    });
    cases.collect()
}

/// The cases that are not told what they should be; rewritten where that is asked for.
fn compare(file: &str) -> (usize, String) {
    let path = root().join("tests").join(file);
    let all = std::fs::read_to_string(&path).expect(file);
    let mut pieces = all.split("\n=== ");
    let mut updated = format!("{}\n", pieces.next().unwrap_or("").trim_end());
    let (mut count, mut faults) = (0, String::new());
    for piece in pieces {
        count += 1;
        let (head, body) = piece.split_once('\n').unwrap_or((piece, ""));
        let (title, place) = head.rsplit_once(" | ").expect("a title and where the text stands");
        let (text, expected) = body.split_once("\n~~~\n").unwrap_or((body.trim_end_matches('\n'), ""));
        let got = told(place, text);
        let _ = write!(updated, "=== {title} | {place}\n{text}\n~~~\n{}\n", got.trim_end());
        if got.trim_end() != expected.trim_end() {
            let _ = writeln!(faults, "{file}: {title}\n-- should be\n{expected}\n-- is\n{got}");
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, updated).expect("the file can be written");
        return (count, String::new());
    }
    (count, faults)
}

#[test]
fn slips_are_told_as_reviewed() {
    let (count, faults) = compare("nice_errors.txt");
    assert!(faults.is_empty(), "\n{faults}\nUPDATE=1 rewrites tests/nice_errors.txt; read the difference\n");
    assert!(count >= 100, "only {count} slips");
}

#[test]
fn what_is_told_badly_is_known() {
    let (count, faults) = compare("bad_errors.txt");
    assert!(faults.is_empty(), "\n{faults}\nUPDATE=1 rewrites tests/bad_errors.txt\n");
    assert!(count <= 12, "{count} bad messages are too many: make some of them good");
}

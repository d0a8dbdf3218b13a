//! The language reference: `grammar/README.md`, whose marked sections are made from the grammar and the registry of
//! findings. `UPDATE=1` rewrites them.

use std::fmt::Write as _;

use dqc::diagnostics::Code;
use dqc::source::FileId;
use regex::Regex;

use crate::root;

#[test]
fn the_reference_is_current() {
    let path = root().join("grammar/README.md");
    let text = std::fs::read_to_string(&path).expect("grammar/README.md");
    let grammar = std::fs::read_to_string(root().join("grammar/dq.pest")).expect("grammar/dq.pest");
    let mut made = text.clone();
    for (name, section) in [("grammar", rules(&grammar)), ("words", words(&grammar)), ("findings", findings())] {
        let start = format!("<!-- {name} -->\n");
        let at = made.find(&start).expect("the section's marker") + start.len();
        let end = at + made[at..].find("<!-- end -->").expect("the section's end");
        made.replace_range(at..end, &section);
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &made).expect("grammar/README.md can be written");
    } else {
        assert!(
            made == text,
            "grammar/README.md is not what the grammar and the registry make it; UPDATE=1 rewrites it"
        );
    }
}

#[test]
fn the_reference_speaks_the_language() {
    let text = std::fs::read_to_string(root().join("grammar/README.md")).expect("grammar/README.md");
    for block in text.split("```dq\n").skip(1).filter_map(|b| b.split("```").next()) {
        let found = dqc::syntax::parse(FileId(0), block).diagnostics;
        assert!(found.is_empty(), "{}\n{block}", found[0].message);
    }
}

/// The rules of the grammar under its headings, without those that read mistakes.
fn rules(grammar: &str) -> String {
    let name = Regex::new(r"^(\w+) *= ").expect("a regular expression");
    let slips = Regex::new(r" ~ !?\(?slip_\w+\)?\??| \| slip_\w+|slip_\w+ \| ").expect("a regular expression");
    let empty = Regex::new(r"no_\w+|slip_\w+|junk\w*|only_\w+|open_junk|open_string|nested|string_or_comment")
        .expect("a regular expression");
    let mut out = String::new();
    let mut skipped = true;
    for line in grammar.lines() {
        if let Some(title) = line.strip_prefix("// --- ") {
            skipped = title.starts_with("a slice") || title.starts_with("keywords");
            if !skipped {
                let close = if out.is_empty() { "" } else { "```\n\n" };
                let title = title.split([':', '.']).next().unwrap_or(title);
                let _ = writeln!(out, "{close}### {}{}\n\n```pest", title[..1].to_uppercase(), &title[1..]);
            }
            continue;
        }
        if skipped || line.is_empty() || line.starts_with("//") {
            continue;
        }
        if let Some(rule) = name.captures(line).map(|c| c[1].to_string()) {
            let whole = empty.find(&rule).is_some_and(|m| m.as_str() == rule);
            if whole && !line.ends_with(['{', '|']) {
                continue;
            }
        }
        let _ = writeln!(out, "{}", slips.replace_all(line, ""));
    }
    out + "```\n"
}

/// The words of the language.
fn words(grammar: &str) -> String {
    let keyword = Regex::new(r#"(?m)^kw_(\w+) = @\{ (\^?)""#).expect("a regular expression");
    let (mut sql, mut ours) = (Vec::new(), Vec::new());
    for found in keyword.captures_iter(grammar) {
        let list = if &found[2] == "^" { &mut sql } else { &mut ours };
        list.push(format!("`{}`", &found[1]));
    }
    format!("SQL's, in any case: {}.\n\nOurs, in lower case: {}.\n", sql.join(" "), ours.join(" "))
}

fn findings() -> String {
    let mut out = String::from("| code | | |\n| --- | --- | --- |\n");
    for code in Code::ALL {
        let _ = writeln!(out, "| {} | {} | {} |", code.name(), code.severity().name(), code.title());
    }
    out
}

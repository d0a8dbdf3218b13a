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

/// The rules of the grammar under its headings, without those that read mistakes, signs as they are written.
fn rules(grammar: &str) -> String {
    let regex = |pattern: &str| Regex::new(pattern).expect("a regular expression");
    let name = regex(r"^(\w+) *= ");
    let mistakes = regex(
        r"^(no_\w+|slip_\w+|junk\w*|open_\w+|smart_string|nested|string_or_comment|select_text|balanced|default_word)$",
    );
    let cuts = [
        regex(r"slip_\w+ \| "),
        regex(r" \| slip_\w+( ~ slip_\w+\??)?"),
        regex(r" ~ !?slip_\w+\??"),
        regex(r"slip_\w+\? ~ "),
        regex(r" \| (no_\w+|open_string|smart_string|junk\w*)"),
        regex(r" ~ slip_rest\?"),
    ];
    let signs = [
        ("head_colon", "\":\""),
        ("comma", "\",\""),
        ("colon", "\":\""),
        ("equals", "\"=\""),
        ("at_sign", "\"@\""),
        ("l_paren", "\"(\""),
        ("r_paren", "\")\""),
        ("r_bracket", "\"]\""),
        ("l_angle", "\"<\""),
        ("r_angle", "\">\""),
        ("l_brace", "\"{\""),
    ]
    .map(|(name, sign)| (regex(&format!(r"\b{name}\b")), sign));
    let mut out = String::new();
    let (mut skipped, mut within) = (true, false);
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
        if within {
            within = !line.ends_with('}');
            continue;
        }
        if name.captures(line).is_some_and(|c| mistakes.is_match(&c[1])) {
            within = !line.ends_with('}');
            continue;
        }
        let mut line = line.to_string();
        for cut in &cuts {
            line = cut.replace_all(&line, "").into_owned();
        }
        for (sign, text) in &signs {
            line = sign.replace_all(&line, *text).into_owned();
        }
        let _ = writeln!(out, "{line}");
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

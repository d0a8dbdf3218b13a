//! `grammar/CHECKS.md`: every check of other tools, as it is written here, compiles.

use std::fmt::Write as _;

use dqc::Compilation;
use dqc::diagnostics::Severity;
use dqc::source::SourceFile;

/// What a line of the table says, and the project that it makes.
pub struct Line {
    pub check: String,
    pub project: String,
}

#[test]
fn every_check_compiles() {
    let mut faults = String::new();
    let lines = lines();
    assert!(lines.len() > 100, "{} lines", lines.len());
    for line in lines {
        for d in compile(&line).diagnostics.iter().filter(|d| d.severity == Severity::Error) {
            let _ = writeln!(faults, "{}: {} ({}; {})", line.check, d.message, d.primary.text, d.help.as_deref().unwrap_or(""));
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

pub fn compile(line: &Line) -> Compilation {
    dqc::compile(vec![SourceFile::new("check.dq", &line.project)], &crate::layers())
}

pub fn lines() -> Vec<Line> {
    let text = std::fs::read_to_string(crate::root().join("grammar/CHECKS.md")).expect("grammar/CHECKS.md");
    let base = text.split("```dq base\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the base contract");
    let end = base.trim_end().strip_suffix('}').expect("a contract that ends");
    let mut section = "";
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
        }
        let Some((check, code)) = line.strip_prefix("| ").and_then(|l| l.strip_suffix(" |")).and_then(|l| l.rsplit_once(" | ")) else {
            continue;
        };
        let Some(code) = code.strip_prefix('`').and_then(|c| c.strip_suffix('`')) else { continue };
        let project = match section {
            "Claims of a column" => end.replacen("\n        id: ", &format!("\n        {code}\n        id: "), 1) + "}\n",
            "What is no rule" if code.starts_with("sla") => format!("{end}    {code}\n}}\n"),
            "What is no rule" if code.starts_with("columns") => format!("contract silver.orders @ 1.0.0 {{ {code} }}\n"),
            "What is no rule" => continue,
            _ => format!("{end}    rules {{\n        {code}\n    }}\n}}\n"),
        };
        found.push(Line { check: check.to_owned(), project });
    }
    found
}

//! Every code has a page whose examples are compiled: the failing one yields that code, the fixed ones do not.

use std::fmt::Write as _;

use dqc::diagnostics::Code;
use dqc::source::SourceFile;

#[test]
fn every_page_shows_its_finding_and_a_cure() {
    let mut faults = String::new();
    for &code in Code::ALL {
        for fault in faults_of(code) {
            let _ = writeln!(faults, "{}.md: {fault}", code.name());
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn codes_are_sorted_and_of_one_shape() {
    let names: Vec<&str> = Code::ALL.iter().map(|c| c.name()).collect();
    assert!(names.is_sorted(), "crates/language/src/diagnostics/codes.rs is not in the order of the numbers");
    for name in names {
        assert!(name.len() == 6 && name.starts_with("DQ") && name[2..].chars().all(|c| c.is_ascii_digit()), "{name}");
    }
}

fn faults_of(code: Code) -> Vec<String> {
    let mut faults = Vec::new();
    let page = code.page();
    let heading = format!("# {}: {}", code.name(), code.title());
    if page.lines().next() != Some(heading.as_str()) {
        faults.push(format!("the first line is not `{heading}`"));
    }
    // A file that cannot be read has no text to show, and thousands of rules are no example.
    if matches!(code, Code::DQ0906 | Code::DQ0520) {
        return faults;
    }
    // The codes of versions need the revision before.
    let before = blocks(page, "dq before").pop();
    let of = |info: &str| blocks(page, info).into_iter().map(|text| codes_found(before.as_deref(), &text));
    let in_config = |info: &str| blocks(page, info).into_iter().map(|text| codes_in_config(&text));
    let failing: Vec<Vec<Code>> = of("dq error").chain(in_config("toml error")).collect();
    let fixed: Vec<Vec<Code>> = of("dq").chain(in_config("toml")).collect();
    if failing.len() != 1 {
        faults.push(format!("{} blocks of `dq error` instead of one", failing.len()));
    }
    if fixed.is_empty() {
        faults.push("no fixed `dq` block".to_string());
    }
    for found in &failing {
        if !found.contains(&code) {
            faults.push(format!("the failing block yields {found:?}"));
        }
    }
    for (i, found) in fixed.iter().enumerate() {
        if found.contains(&code) {
            faults.push(format!("the fixed block {} still yields the code", i + 1));
        }
    }
    faults
}

fn codes_found(before: Option<&str>, text: &str) -> Vec<Code> {
    let compile = |text: &str| dqc::compile(vec![SourceFile::new("page.dq", text)], &crate::layers());
    let compilation = compile(text);
    let tests = dqc::suite::run(&compilation.checked).into_iter().flat_map(|t| t.findings);
    let changes = dqc::suite::mutate::run(&compilation.checked, &compilation.sources).findings;
    let mut found: Vec<_> = tests.chain(changes).chain(compilation.diagnostics).collect();
    if let Some(before) = before.map(compile) {
        found.extend(dqc::compat::compare(&before.checked, &compilation.checked, 0, Default::default()).diagnostics());
    }
    found.iter().map(|d| d.code).collect()
}

fn codes_in_config(text: &str) -> Vec<Code> {
    let (_, found) = dqc::project::read_config(Default::default(), text, None);
    found.iter().map(|d| d.code).collect()
}

/// The texts of the fenced blocks with just this info string.
fn blocks(page: &str, info: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(opening)) => open = Some((opening.trim() == info, String::new())),
            (Some(_), Some(_)) => found.extend(open.take().filter(|(wanted, _)| *wanted).map(|(_, text)| text)),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

//! Findings as JUnit's XML: red where the command fails, and nowhere else.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::paint::{Paint, visible, visible_lines};
use super::render::Renderer;
use super::{Diagnostic, Severity};
use crate::source::{FileId, SourceFile, SourceMap};

/// The whole document, with a closing line break: a suite for each of the checked `files`, a case for each finding, and
/// one that passes where there is none. `fails`: whether a finding makes the check fail. `base`: the project's folder
/// in the repository, with a closing slash.
pub fn document(
    sources: &SourceMap,
    files: &[FileId],
    found: &[Diagnostic],
    fails: &dyn Fn(&Diagnostic) -> bool,
    base: &str,
) -> String {
    let mut report = Report::new("dqc check");
    let mut all: Vec<FileId> = files.to_vec();
    all.extend(found.iter().map(|finding| finding.primary.span.file).filter(|file| !files.contains(file)));
    all.dedup();
    for id in all {
        let path = visible(&format!("{base}{}", sources.get(id).path)).into_owned();
        let mut suite = TestSuite::new(path.as_str());
        let here: Vec<&Diagnostic> = found.iter().filter(|finding| finding.primary.span.file == id).collect();
        if here.is_empty() {
            let mut case = TestCase::new("nothing is wrong", TestCaseStatus::success());
            case.set_classname(path.as_str());
            suite.add_test_case(case);
        }
        for finding in here {
            suite.add_test_case(case(sources, finding, fails(finding), base));
        }
        report.add_test_suite(suite);
    }
    xml(&report)
}

/// A finding as a case of its own.
pub fn case(sources: &SourceMap, finding: &Diagnostic, fails: bool, base: &str) -> TestCase {
    let file: &SourceFile = sources.get(finding.primary.span.file);
    let line = file.place(finding.primary.span.start as usize).line;
    let path = visible(&format!("{base}{}", file.path)).into_owned();
    let text = excerpt(sources, finding, base);
    let mut status = TestCaseStatus::success();
    if fails {
        status = failure(finding, &text);
    }
    let name = format!("{}: {} (line {line})", finding.code.name(), visible_lines(&finding.message));
    let mut case = TestCase::new(name, status);
    if !fails {
        case.set_system_out(text);
    }
    case.set_classname(path);
    case
}

/// A failure that shows the finding as the terminal does.
pub fn failure(finding: &Diagnostic, text: &str) -> TestCaseStatus {
    let kind = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(format!("{kind} {}", finding.code.name()));
    status.set_message(visible_lines(&finding.message));
    status.set_description(text);
    status
}

/// The finding with its excerpt, without colours.
pub fn excerpt(sources: &SourceMap, finding: &Diagnostic, base: &str) -> String {
    let renderer = Renderer::new(sources, Paint { color: false, width: 100 }, base);
    renderer.finding(finding).trim_end().to_string()
}

/// The document's text. JUnit's schema has no attribute for a place: a case's class says its file, and the finding its line.
pub fn xml(report: &Report) -> String {
    // The writer counts skipped cases over all suites, too, which the schema has no place for.
    let mut text = report.to_string().unwrap_or_default();
    if let Ok(count) = regex::Regex::new(r#"(<testsuites[^>]*?) skipped="\d+""#) {
        text = count.replace(&text, "$1").into_owned();
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

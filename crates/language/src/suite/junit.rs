//! What came of the tests as JUnit's XML: a suite a dataset, a case a test.

use quick_junit::{Report, TestCase, TestCaseStatus, TestSuite};

use super::Outcome;
use crate::diagnostics::junit::{case, excerpt, failure, xml};
use crate::diagnostics::paint::visible_lines;
use crate::diagnostics::{Code, Diagnostic};
use crate::source::SourceMap;

/// The whole document, with a closing line break. `more`: what is said besides the tests, which fails nothing. `base`:
/// the project's folder in the repository, with a closing slash.
pub fn document(sources: &SourceMap, outcomes: &[Outcome], more: &[Diagnostic], base: &str) -> String {
    let mut report = Report::new("dqc test");
    let mut datasets: Vec<&str> = outcomes.iter().map(|outcome| outcome.dataset.as_str()).collect();
    datasets.sort_unstable();
    datasets.dedup();
    for dataset in datasets {
        let mut suite = TestSuite::new(dataset);
        for outcome in outcomes.iter().filter(|outcome| outcome.dataset == dataset) {
            suite.add_test_case(test(sources, outcome, base));
        }
        report.add_test_suite(suite);
    }
    if !more.is_empty() {
        let mut suite = TestSuite::new(Code::DQ0716.title());
        suite.add_test_cases(more.iter().map(|finding| case(sources, finding, false, base)));
        report.add_test_suite(suite);
    }
    xml(&report)
}

fn test(sources: &SourceMap, outcome: &Outcome, base: &str) -> TestCase {
    let status = match outcome.findings.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let texts: Vec<String> = outcome.findings.iter().map(|finding| excerpt(sources, finding, base)).collect();
            failure(first, &texts.join("\n\n"))
        }
    };
    let mut case = TestCase::new(visible_lines(&outcome.title), status);
    case.set_classname(outcome.dataset.as_str());
    case
}

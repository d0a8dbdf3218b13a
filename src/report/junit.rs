//! Reports as JUnit's XML: a suite a batch, a case a rule; red is what holds the batch up, and nothing else.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::judged::Judged;
use super::text::{action_name, label, message};
use crate::diagnostics::junit::xml;
use crate::diagnostics::paint::{visible, visible_lines};
use crate::run::{Effect, RuleResult, RuleVerdict};

/// The whole document, with a closing line break. `name`: the command, as `dqc run`; `base`: the project's folder in
/// the repository, with a closing slash.
pub fn document(name: &str, judged: &[Judged], base: &str) -> String {
    let mut report = Report::new(name);
    for batch in judged {
        let mut suite = TestSuite::new(visible(&format!("{}: {}", batch.of, batch.title)).into_owned());
        if let Some(why) = &batch.trouble {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type(batch.words.clone());
            status.set_message(visible_lines(why));
            let mut case = TestCase::new("the batch can be judged", status);
            case.set_classname(visible(&batch.of).into_owned());
            suite.add_test_case(case);
        }
        let owner = batch.report.as_ref().and_then(|report| report.owner.as_deref());
        suite.add_test_cases(batch.rules().iter().map(|rule| case(batch, rule, owner, base)));
        report.add_test_suite(suite);
    }
    xml(&report)
}

fn case(batch: &Judged, rule: &RuleResult, owner: Option<&str>, base: &str) -> TestCase {
    let said = [("because", &rule.because), ("fix", &rule.fix), ("owner", &owner.map(str::to_owned))];
    let said = said.into_iter().filter_map(|(word, text)| Some(format!("{word}: {}", visible_lines(text.as_ref()?))));
    let words: Vec<String> = std::iter::once(visible_lines(&message(rule))).chain(said).collect();
    let mut status = TestCaseStatus::success();
    if rule.action == Effect::Block {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type(action_name(rule.action));
        status.set_message(visible_lines(&message(rule)));
        status.set_description([words.join("\n"), visible_lines(&label(rule)), batch.again.clone()].join("\n"));
    } else if rule.verdict == RuleVerdict::NotEvaluated {
        status = TestCaseStatus::skipped();
        status.set_message(visible_lines(rule.reason.as_deref().unwrap_or("not evaluated")));
    }
    let mut case = TestCase::new(visible(&rule.rule).into_owned(), status);
    if rule.verdict == RuleVerdict::Violated && rule.action != Effect::Block {
        case.set_system_out(words.join("\n"));
    }
    case.set_classname(visible(&format!("{base}{}", rule.location.file)).into_owned());
    case
}

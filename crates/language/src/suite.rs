//! The `test` blocks of a project, run by the interpreter: no engine, no files, no clock but the test's own.

pub mod errors;
pub mod generate;
pub mod judge;
pub mod junit;
pub mod mutate;
mod settle;
pub mod words;
pub mod world;

use crate::diagnostics::Diagnostic;
use crate::hir::{Checked, Contract, Expect, ExpectWhat, Rule, RuleKind, Test};
use crate::source::Span;

use judge::{Judged, Verdict};
use world::World;

/// What came of one test.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub title: String,
    /// `layer.name` of the tested contract.
    pub dataset: String,
    /// The test's head.
    pub span: Span,
    /// One for each expectation that is not met; none: the test passed.
    pub findings: Vec<Diagnostic>,
}

impl Outcome {
    pub fn passed(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Runs all tests, in their order.
pub fn run(checked: &Checked) -> Vec<Outcome> {
    checked.tests.iter().map(|test| run_test(checked, test)).collect()
}

/// Runs one test. Of a contract that did not compile nothing can be said, and nothing is.
pub fn run_test(checked: &Checked, test: &Test) -> Outcome {
    let findings = checked.contract(&test.dataset).map_or_else(Vec::new, |contract| {
        let rules = rules_of(checked, contract);
        check(&rules, test, &World::of(checked, contract, test))
    });
    Outcome { title: test.title.clone(), dataset: test.dataset.clone(), span: test.head, findings }
}

/// The contract's rules and those of the promotion into it.
pub fn rules_of<'c>(checked: &'c Checked, contract: &'c Contract) -> Vec<&'c Rule> {
    let promotion = checked.promotion_to(&contract.dataset);
    contract.rules.iter().chain(promotion.iter().flat_map(|p| &p.rules)).collect()
}

/// What the expectations of a test find wrong.
pub fn check(rules: &[&Rule], test: &Test, world: &World) -> Vec<Diagnostic> {
    let judged = judge::judge(rules, world);
    let mut findings = Vec::new();
    for expect in &test.expects {
        match &expect.what {
            ExpectWhat::EveryOther { row_rules_only } => {
                for (rule, judged) in rules.iter().zip(&judged) {
                    let meant = !row_rules_only || matches!(rule.kind, RuleKind::Row { .. });
                    if meant && !names(&test.expects, &rule.name) && judged.verdict == Verdict::Breaks {
                        findings.push(errors::should_hold(expect.span, test, judged, rule.span));
                    }
                }
            }
            ExpectWhat::Holds(name) => {
                let found = find(rules, &judged, name).and_then(|(rule, judged)| match &judged.verdict {
                    Verdict::Holds => None,
                    Verdict::Breaks => Some(errors::should_hold(expect.span, test, judged, rule.span)),
                    Verdict::NotEvaluated(why) => Some(errors::not_evaluated(expect.span, name, why, rule.span)),
                });
                findings.extend(found);
            }
            ExpectWhat::Breaks(name, rows) => {
                let found = find(rules, &judged, name).and_then(|(rule, judged)| match &judged.verdict {
                    Verdict::Breaks if rows.is_empty() || same_rows(rows, &judged.rows) => None,
                    Verdict::Breaks => Some(errors::other_rows(expect.span, rows, judged, rule.span)),
                    Verdict::Holds => Some(errors::should_break(expect.span, name, rows, rule.span)),
                    Verdict::NotEvaluated(why) => Some(errors::not_evaluated(expect.span, name, why, rule.span)),
                });
                findings.extend(found);
            }
            ExpectWhat::Unknown(name, rows) => {
                let found = find(rules, &judged, name).and_then(|(rule, judged)| match &judged.verdict {
                    Verdict::NotEvaluated(why) => Some(errors::not_evaluated(expect.span, name, why, rule.span)),
                    _ if rows.is_empty() && !judged.unknown.is_empty() => None,
                    _ if !rows.is_empty() && same_rows(rows, &judged.unknown) => None,
                    _ => Some(errors::not_unknown(expect.span, rows, judged, rule)),
                });
                findings.extend(found);
            }
            ExpectWhat::NotEvaluated(name) => {
                let found = find(rules, &judged, name).and_then(|(rule, judged)| match &judged.verdict {
                    Verdict::NotEvaluated(_) => None,
                    _ => Some(errors::evaluated(expect.span, judged, rule.span)),
                });
                findings.extend(found);
            }
        }
    }
    findings
}

fn find<'a>(rules: &[&'a Rule], judged: &'a [Judged], name: &str) -> Option<(&'a Rule, &'a Judged)> {
    rules.iter().copied().zip(judged).find(|(rule, _)| rule.name == name)
}

/// Whether an expectation of the test names the rule.
pub fn names(expects: &[Expect], rule: &str) -> bool {
    expects.iter().any(|e| match &e.what {
        ExpectWhat::Holds(name)
        | ExpectWhat::Breaks(name, _)
        | ExpectWhat::Unknown(name, _)
        | ExpectWhat::NotEvaluated(name) => name == rule,
        ExpectWhat::EveryOther { .. } => false,
    })
}

fn same_rows(expected: &[u64], found: &[u64]) -> bool {
    expected.iter().all(|r| found.contains(r)) && found.iter().all(|r| expected.contains(r))
}

//! What the tests of rules have to say.

use crate::diagnostics::{Code, Diagnostic};
use crate::hir::{Nulls, Rule, Test};
use crate::source::Span;

use super::generate::shown;
use super::judge::Judged;
use super::mutate::Telling;

/// `row 1`, `rows 1, 3`
fn rows(numbers: &[u64]) -> String {
    let list = numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    if numbers.len() == 1 { format!("row {list}") } else { format!("rows {list}") }
}

/// `row 1 breaks it`, `rows 1, 3 break it`
fn breaking(numbers: &[u64]) -> String {
    format!("{} {} it", rows(numbers), if numbers.len() == 1 { "breaks" } else { "break" })
}

/// The reason of each row, and of the batch.
fn reasons(judged: &Judged, mut found: Diagnostic) -> Diagnostic {
    for (row, why) in judged.why.iter().filter(|(_, why)| !why.is_empty()).take(5) {
        found = found.with_note(format!("row {row}: {why}"));
    }
    match &judged.note {
        Some(note) => found.with_note(note.clone()),
        None => found,
    }
}

pub fn should_break(expect: Span, rule: &str, expected: &[u64], at: Span) -> Diagnostic {
    let label =
        if expected.is_empty() { "no row breaks it".to_owned() } else { format!("{} should break it", rows(expected)) };
    Diagnostic::new(Code::DQ0711, format!("`{rule}` holds, but the test expects it to break"), expect, label)
        .with_secondary(at, "this lets all of the test's rows through")
        .with_help("either the rule is too lenient, or the row is not the one that was meant")
}

pub fn should_hold(expect: Span, test: &Test, judged: &Judged, at: Span) -> Diagnostic {
    let label = match (judged.rows.as_slice(), &judged.note) {
        ([], _) => "it breaks for the batch".to_owned(),
        (numbers, _) => breaking(numbers),
    };
    let mut found = Diagnostic::new(
        Code::DQ0712,
        format!("`{}` breaks, but the test expects it to hold", judged.rule),
        expect,
        label,
    )
    .with_secondary(at, "the rule");
    if let Some(span) = judged.rows.first().and_then(|n| test.rows.spans.get(usize::try_from(n - 1).ok()?)) {
        found = found.with_secondary(*span, format!("row {}", judged.rows.first().unwrap_or(&1)));
    }
    reasons(judged, found)
}

pub fn other_rows(expect: Span, expected: &[u64], judged: &Judged, at: Span) -> Diagnostic {
    let missing: Vec<u64> = expected.iter().copied().filter(|r| !judged.rows.contains(r)).collect();
    let surplus: Vec<u64> = judged.rows.iter().copied().filter(|r| !expected.contains(r)).collect();
    let label = match (missing.is_empty(), surplus.is_empty()) {
        (false, false) => format!("{}, but not {}", breaking(&surplus), rows(&missing)),
        (false, true) => format!("{} should break it too", rows(&missing)),
        _ => format!("{} too", breaking(&surplus)),
    };
    let message = if judged.rows.is_empty() {
        format!("`{}` breaks for the batch, not for {}", judged.rule, rows(expected))
    } else {
        format!("`{}` breaks for {}, not for {}", judged.rule, rows(&judged.rows), rows(expected))
    };
    let found = Diagnostic::new(Code::DQ0713, message, expect, label).with_secondary(at, "the rule");
    reasons(judged, found).with_help("`breaks` names all rows that break the rule, and no others")
}

pub fn not_evaluated(expect: Span, rule: &str, why: &str, at: Span) -> Diagnostic {
    Diagnostic::new(Code::DQ0714, format!("`{rule}` is not evaluated: {why}"), expect, "it neither holds nor breaks")
        .with_secondary(at, "the rule")
        .with_help(format!("give the test what the rule needs, or write `expect {rule} is not evaluated`"))
}

pub fn evaluated(expect: Span, judged: &Judged, at: Span) -> Diagnostic {
    let what = if judged.verdict == super::judge::Verdict::Breaks { "breaks" } else { "holds" };
    let message = format!("`{}` {what}, but the test expects that it is not evaluated", judged.rule);
    let found = Diagnostic::new(Code::DQ0715, message, expect, "it has rows to judge").with_secondary(at, "the rule");
    reasons(judged, found)
}

pub fn not_unknown(expect: Span, expected: &[u64], judged: &Judged, rule: &Rule) -> Diagnostic {
    let wanted = if expected.is_empty() { "some row".to_owned() } else { rows(expected) };
    let message = match judged.unknown.as_slice() {
        [] => format!("`{}` is unknown for no row, but the test expects it for {wanted}", judged.rule),
        found => format!("`{}` is unknown for {}, not for {wanted}", judged.rule, rows(found)),
    };
    let label = match (judged.unknown.is_empty(), rule.nulls) {
        (false, _) => "for these rows, and no others, the condition is null",
        (true, Nulls::Fail) => "where the condition is null, `nulls fail` breaks the rule",
        (true, Nulls::Pass) => "the condition is null for none of the rows",
    };
    let found = Diagnostic::new(Code::DQ0718, message, expect, label).with_secondary(rule.span, "the rule");
    reasons(judged, found)
}

/// A change of a rule that no test notices; `telling` says which rows tell the two apart.
pub fn unnoticed(at: Span, rule: &str, change: &str, telling: &Telling) -> Diagnostic {
    let found = Diagnostic::new(
        Code::DQ0716,
        format!("no test notices when in `{rule}` {change}"),
        at,
        "this could be otherwise",
    );
    match telling {
        Telling::Row(row) => found.with_help(format!("a test with this row would notice: {}", shown(row))),
        Telling::Value(value) => found.with_help(format!("a test with a batch whose value is {value} would notice")),
        Telling::Batch | Telling::None => found.with_help("give a test rows at this boundary"),
    }
}

pub fn untested(at: Span, rule: &str, row: Option<&str>) -> Diagnostic {
    let found = Diagnostic::new(Code::DQ0717, format!("no test says what breaks `{rule}`"), at, "untested");
    match row {
        Some(row) => found.with_help(format!("this row breaks it: {row}")),
        None => found.with_help(format!("write a `test` with `expect {rule} breaks`")),
    }
}

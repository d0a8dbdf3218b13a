//! A rule in words: what an editor, a terminal and a catalogue say of it.

use crate::hir::{Above, Act, Action, Contract, DriftMeasure, ExprKind, HistoryWindow, Nulls, Rule, RuleKind, Unit};

use super::generate;

/// What is to be known of a rule, each under its heading.
pub fn sentences(contract: &Contract, rule: &Rule) -> Vec<(&'static str, String)> {
    let mut out = vec![("kind", rule.kind.name().to_string())];
    let can_be_null = matches!(&rule.kind, RuleKind::Row { condition } if condition.nullable);
    out.extend(can_be_null.then_some((
        "nulls",
        match rule.nulls {
            Nulls::Pass => "a row whose condition is null passes, and is counted as unknown".to_string(),
            Nulls::Fail => "a row whose condition is null breaks the rule".to_string(),
        },
    )));
    let past = past(rule);
    out.extend((!past.is_empty()).then(|| ("past", past.join("; "))));
    out.push(("broken", consequences(rule).join("; ")));
    let examples = generate::examples(contract, rule);
    out.extend(examples.passes.map(|row| ("passes", generate::shown(&row))));
    out.extend(examples.breaks.map(|row| ("breaks", generate::shown(&row))));
    if let Some(owner) = &contract.owner {
        out.push(("owner", owner.clone()));
    }
    out.extend(rule.because.iter().map(|t| ("because", t.fill(|_| None))));
    out.extend(rule.fix.iter().map(|t| ("fix", t.fill(|_| None))));
    if !rule.tags.is_empty() {
        out.push(("tags", rule.tags.join(", ")));
    }
    out
}

/// What of the past a rule looks at, and what becomes of it where there is too little.
pub fn past(rule: &Rule) -> Vec<String> {
    let RuleKind::Aggregate { condition, .. } = &rule.kind else { return Vec::new() };
    let (mut compared, mut drifted, mut enough) = (Vec::new(), Vec::new(), 0);
    condition.visit(&mut |e| match &e.kind {
        ExprKind::History { window, .. } => {
            enough = enough.max(window.enough());
            let words = of_window(*window);
            if !compared.contains(&words) {
                compared.push(words);
            }
        }
        ExprKind::Drift { measure, window, .. } => {
            enough = enough.max(window.enough());
            let by = match measure {
                DriftMeasure::Psi => "as the population stability index: 0 where nothing moved, from about 0.25 on much has",
                DriftMeasure::Ks => "as the largest difference of shares up to any value, from 0 to 1",
            };
            let words = format!("how far the values are from those of {} is measured {by}", of_window(*window));
            if !drifted.contains(&words) {
                drifted.push(words);
            }
        }
        _ => {}
    });
    let mut out: Vec<String> = compared.into_iter().map(|window| format!("compared with {window}")).chain(drifted).collect();
    if enough > 0 {
        let then = match rule.if_not_evaluated.unwrap_or(Act::Warn) {
            Act::Block => "is not judged, which blocks the batch",
            _ => "is not judged, which warns",
        };
        let batches = if enough == 1 { "no such batch".to_owned() } else { format!("fewer than {enough} of them") };
        out.push(format!("with {batches} it {then}"));
    }
    out
}

fn of_window(window: HistoryWindow) -> String {
    let HistoryWindow { count, unit } = window;
    match (unit, count) {
        (None, 1) => "the last batch that was published before it".to_owned(),
        (None, n) => format!("the last {n} batches that were published before it"),
        (Some(unit), 1) => format!("the batches of the last {} before it", noun(unit)),
        (Some(unit), n) => format!("the batches of the last {n} {}s before it", noun(unit)),
    }
}

/// What happens when it is broken, the most lenient first.
pub fn consequences(rule: &Rule) -> Vec<String> {
    rule.actions.iter().map(action).collect()
}

fn action(action: &Action) -> String {
    let what = match action.act {
        Act::Warn => "warns and lets the batch go",
        Act::Quarantine => "holds the rows back",
        Act::Block => "blocks the batch",
    };
    match action.above {
        None => what.to_string(),
        Some(Above::Rows(n)) => format!("above {n} rows {what}"),
        Some(Above::Groups(n)) => format!("above {n} groups {what}"),
        Some(Above::Percent { percent, of_all_rows: false }) => format!("above {percent}% of the rows judged {what}"),
        Some(Above::Percent { percent, of_all_rows: true }) => format!("above {percent}% of all rows {what}"),
    }
}

pub fn noun(unit: Unit) -> &'static str {
    match unit {
        Unit::Millisecond => "millisecond",
        Unit::Second => "second",
        Unit::Minute => "minute",
        Unit::Hour => "hour",
        Unit::Day => "day",
        Unit::Week => "week",
        Unit::Month => "month",
        Unit::Year => "year",
    }
}

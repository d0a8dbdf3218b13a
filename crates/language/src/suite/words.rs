//! A rule in words: what an editor, a terminal and a catalogue say of it.

use crate::check::facts::{Facts, Formula};
use crate::hir::{Above, Act, Action, Contract, DriftMeasure, ExprKind, HistoryWindow, Nulls, Rule, RuleKind, Unit};

use super::generate;
use super::judge::show;

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
    out.extend(examples(contract, rule));
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

/// What passes and what breaks the rule: the smallest rows for a rule about rows, words for any other.
fn examples(contract: &Contract, rule: &Rule) -> Vec<(&'static str, String)> {
    let both = |passes: Option<String>, breaks: Option<String>| {
        [passes.map(|p| ("passes", p)), breaks.map(|b| ("breaks", b))].into_iter().flatten().collect()
    };
    let sample = |columns: &mut dyn Iterator<Item = &str>, call: &dyn Fn(usize) -> String| {
        let fill = generate::Filler::of(contract);
        let one = |(i, c): (usize, &str)| {
            let column = contract.column(c)?;
            let value = generate::some(contract, column, 1).pop().unwrap_or_else(|| fill.value(c, 0));
            Some(format!("{} = {}", call(i), show(&value)))
        };
        columns.enumerate().filter_map(one).collect::<Vec<_>>().join(", ")
    };
    match &rule.kind {
        RuleKind::Row { .. } => {
            let found = generate::examples(contract, rule);
            both(found.passes.map(|row| generate::shown(&row)), found.breaks.map(|row| generate::shown(&row)))
        }
        RuleKind::Aggregate { .. } => {
            let facts = Facts::over_batch(std::iter::once(rule));
            let what = if rule.for_each.is_some() { "a group" } else { "a batch" };
            let with = |formula: &Formula| {
                facts.one_number(&[formula]).map(|value| format!("{what} whose value is {value}"))
            };
            facts.rules.first().map_or_else(Vec::new, |r| both(with(&r.holds), with(&r.breaks)))
        }
        RuleKind::Unique { by, key, .. } => {
            let columns: Vec<&str> = by.iter().flat_map(|e| e.columns()).collect();
            let names = columns.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(" or ");
            let values = sample(&mut columns.iter().copied(), &|i| columns[i].to_owned());
            let null = if *key { "; a null is no key" } else { "; a row with a null in it is like no other" };
            both(Some(format!("rows that differ in {names}{}", if *key { "" } else { null })), Some(format!("two rows with {values}{}", if *key { null } else { "" })))
        }
        RuleKind::References { columns, dataset, target } => {
            let here = sample(&mut columns.iter().map(String::as_str), &|i| columns[i].clone());
            let there = sample(&mut columns.iter().map(String::as_str), &|i| target.get(i).cloned().unwrap_or_default());
            both(
                Some(format!("{here}, if `{dataset}` has a row with {there}")),
                Some(format!("{here}, if `{dataset}` has none")),
            )
        }
        RuleKind::Type { column } => {
            let ty = contract.column(column).map(|c| c.ty.to_string()).unwrap_or_default();
            both(
                Some(format!("files whose `{column}` is {ty}, or a narrower type that is widened")),
                Some(format!("files whose `{column}` is of another type")),
            )
        }
        RuleKind::Mapping { column } => {
            both(None, Some(format!("a row for which the mapping of `{column}` cannot be computed")))
        }
        RuleKind::NoRows { .. } => both(Some("a query that gives no row".to_owned()), Some("any row that the query gives".to_owned())),
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

//! A rule in words: what an editor, a terminal and a catalogue say of it.

use crate::hir::{Above, Act, Action, Contract, Nulls, Rule, RuleKind};

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

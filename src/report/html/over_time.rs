//! How often rules were broken from batch to batch: those of the report and, where a ledger tells, those before.

use maud::{Markup, html};

use crate::diagnostics::paint::visible;
use crate::report::judged::Judged;
use crate::report::numbers::counted;
use crate::report::over_time::{label, values, violations};
use crate::report::page::{data, figures};
use crate::report::past::{Batch, Past, Verdict};
use crate::run::{BatchVerdict, Effect, Report, RuleVerdict};

/// From the newest back.
const BATCHES: usize = 120;

/// A chart for each dataset of which there is something to be seen.
pub fn charts(past: Option<&Past>, judged: &[Judged]) -> Vec<Markup> {
    let mut past = past.cloned().unwrap_or_default();
    let mut datasets: Vec<&str> = Vec::new();
    for batch in judged {
        let Some(report) = &batch.report else { continue };
        add(&mut past, batch, report);
        if !datasets.contains(&report.contract.as_str()) {
            datasets.push(&report.contract);
        }
    }
    datasets.into_iter().flat_map(|dataset| of_dataset(&past, dataset)).collect()
}

fn of_dataset(past: &Past, dataset: &str) -> Vec<Markup> {
    let batches = past.last_batches(dataset);
    let batches = &batches[batches.len().saturating_sub(BATCHES)..];
    let names: Vec<String> = batches.iter().map(|b| label(&b.batch, b.as_of)).collect();
    let shares = violations(past, dataset, batches, &names).map(|chart| html! {
        figure.chart role="img" aria-label={ "Violations over time of " (visible(dataset)) "; the tables below tell those of this report" } {
            figcaption { (visible(dataset)) ": violations over time, percent of the rows judged" }
            (data(&chart))
        }
    });
    let measured = values(past, dataset, batches, &names);
    let measured = (!measured.is_empty()).then(|| html! {
        details.measured {
            summary { (visible(dataset)) ": what " (counted(measured.len() as u64, "rule")) " over whole batches measured over time" }
            (figures(&measured))
        }
    });
    shares.into_iter().chain(measured).collect()
}

/// What was just judged, in the place of what the ledger holds of the same batch.
fn add(past: &mut Past, batch: &Judged, report: &Report) {
    let as_of = chrono::DateTime::parse_from_rfc3339(&report.as_of).map_or(0, |at| at.timestamp_micros());
    let name = report.batch.as_deref().unwrap_or(&batch.title);
    past.batches.entry(report.contract.clone()).or_default().push(Batch {
        batch: name.to_owned(),
        version: report.version.clone(),
        published: report.verdict == BatchVerdict::Passed,
        input: Some(report.rows.input),
        as_of,
        ..Batch::default()
    });
    for rule in &report.rules {
        past.verdicts.entry((report.contract.clone(), rule.rule.clone())).or_default().push(Verdict {
            batch: name.to_owned(),
            verdict: if rule.verdict == RuleVerdict::Violated { "violated".into() } else { "passed".into() },
            action: if rule.action == Effect::Block { "block".into() } else { "none".into() },
            checked: rule.checked,
            violations: rule.violations,
            value: rule.value.as_ref().and_then(serde_json::Value::as_f64),
            limit: rule.limit.as_ref().and_then(serde_json::Value::as_f64),
            as_of,
            ..Verdict::default()
        });
    }
}

//! What the ledger tells of a dataset: its batches as a chart and a table, violations over time, a rule's past as a row
//! of bars.

use maud::{Markup, html};
use serde_json::{Value, json};

use crate::diagnostics::paint::visible;
use crate::hir::Contract;
use crate::report::numbers::{grouped, percent};
use crate::report::over_time::{label, values, violations};
use crate::report::page::{data, figures};
use crate::report::past::{Batch, Verdict};

use super::shell::{instant, moment};
use super::{Book, state};

/// Batches that a chart shows, and lines of the table, from the newest back.
const CHART: usize = 400;
const TABLE: usize = 60;
/// Bars beside a rule.
const BARS: usize = 40;

/// `None` where nothing is known.
pub fn section(book: &Book<'_>, contract: &Contract) -> Option<Markup> {
    let past = book.of.past?;
    let batches = past.last_batches(&contract.dataset);
    if batches.is_empty() {
        return None;
    }
    let shown = |batch: &str| state::shown(book.of, &contract.dataset, batch);
    let charted = &batches[batches.len().saturating_sub(CHART)..];
    let names: Vec<String> = charted.iter().map(|b| label(&shown(&b.batch), b.as_of)).collect();
    let measured = values(past, &contract.dataset, charted, &names);
    let violations = violations(past, &contract.dataset, charted, &names);
    Some(html! {
        section {
            h2 #history { "History" }
            @if charted.len() > 1 {
                figure.chart role="img" aria-label={ "Rows by batch of " (visible(&contract.dataset)) "; the table below holds the same" } {
                    figcaption { "Rows by batch" }
                    (data(&rows(charted, &names)))
                }
            }
            @if let Some(violations) = violations {
                figure.chart role="img" aria-label={ "Violations over time of " (visible(&contract.dataset)) "; each rule above says the same of its last batch" } {
                    figcaption { "Violations over time, percent of the rows judged" }
                    (data(&violations))
                }
            }
            @if !measured.is_empty() {
                h3 { "What rules over whole batches measured" }
                (figures(&measured))
            }
            div.wide tabindex="0" role="group" aria-label="Batches" { table {
                thead { tr {
                    th scope="col" { "batch" } th scope="col" { "verdict" } th.n scope="col" { "rows" } th.n scope="col" { "held back" }
                    th scope="col" { "contract" } th scope="col" { "judged as of" }
                } }
                tbody { @for batch in batches.iter().rev().take(TABLE) { tr {
                    th scope="row" { (visible(&shown(&batch.batch))) }
                    td class=(mood(batch)) { (words(batch)) @if let Some(reason) = &batch.reason { ": " (visible(reason)) } }
                    td.n { (number(batch.input)) }
                    td.n { (number(batch.held)) }
                    td { (visible(&batch.version)) }
                    td { time datetime=(instant(batch.as_of)) { (moment(batch.as_of)) } }
                } } }
            } }
            @if batches.len() > TABLE { p.dim { "and " (grouped((batches.len() - TABLE) as u64)) " earlier ones" } }
        }
    })
}

fn number(count: Option<u64>) -> String {
    count.map_or_else(|| "–".to_owned(), grouped)
}

fn mood(batch: &Batch) -> &'static str {
    match (batch.published, batch.held.unwrap_or(0)) {
        (false, _) => "bad",
        (true, 0) => "good",
        (true, _) => "odd",
    }
}

fn words(batch: &Batch) -> &'static str {
    match (batch.published, batch.verdict.as_str()) {
        (true, _) => "published",
        (false, "blocked") => "blocked",
        (false, "not_evaluated") => "not evaluated",
        (false, "refused") => "refused",
        (false, _) => "not published",
    }
}

fn rows(batches: &[&Batch], names: &[String]) -> Value {
    let part = |of: &dyn Fn(&Batch) -> Option<u64>| -> Vec<Option<u64>> { batches.iter().map(|b| of(b)).collect() };
    json!({
        "kind": "bars", "unit": "rows", "names": names,
        "series": [
            {"label": "rows", "colour": "accepted", "values": part(&|b| b.input.filter(|_| b.published))},
            {"label": "of them held back", "colour": "held", "values": part(&|b| b.held.filter(|n| b.published && *n > 0))},
            {"label": "not published", "colour": "blocked", "values": part(&|b| b.input.filter(|_| !b.published))},
        ],
    })
}

/// A rule's past: one bar a batch, as high as its share of broken rows against the worst.
pub fn spark(verdicts: &[&Verdict]) -> Markup {
    let shown = &verdicts[verdicts.len().saturating_sub(BARS)..];
    let share = |v: &Verdict| if v.checked > 0 { v.violations as f64 / v.checked as f64 } else { 0.0 };
    let most = shown.iter().map(|v| share(v)).fold(0.0, f64::max);
    let broken = shown.iter().filter(|v| v.violations > 0).count();
    html! {
        @if shown.len() > 1 {
            svg.spark role="img" aria-label=(format!("Broken in {broken} of the last {} batches", shown.len()))
                viewBox=(format!("0 0 {} 20", shown.len() * 6)) width=(shown.len() * 6) height="20" {
                @for (i, verdict) in shown.iter().enumerate() {
                    @let tall = if most > 0.0 { share(verdict) / most * 18.0 } else { 0.0 };
                    @let tall = if verdict.violations > 0 { tall.max(3.0) } else { 1.5 };
                    rect class=(colour(verdict)) x=(i * 6) y=(format!("{:.1}", 20.0 - tall)) width="4" height=(format!("{tall:.1}")) {
                        title { (visible(&verdict.batch)) ": " (grouped(verdict.violations)) " of " (grouped(verdict.checked))
                            " (" (percent(verdict.violations, verdict.checked)) ")" }
                    }
                }
            }
            " "
        }
    }
}

fn colour(verdict: &Verdict) -> &'static str {
    match (verdict.action.as_str(), verdict.violations) {
        ("block", _) => "blocked",
        (_, 0) => "accepted",
        _ => "held",
    }
}

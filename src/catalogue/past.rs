//! What became of a dataset's batches, and of its rules over time.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::Past;
use crate::diagnostics::paint::visible;
use crate::ledger::past::{PastBatch, PastResult};
use crate::report::html::chart::{self, Bar, Point};
use crate::report::html::past::tone;
use crate::report::numbers::{counted, grouped};
use crate::sla::rfc3339;

/// So many batches are drawn, and so many listed.
const DRAWN: usize = 60;
const LISTED: usize = 20;

/// How a batch ended, in a word and a colour.
pub struct State {
    pub tone: &'static str,
    pub sign: &'static str,
    pub words: String,
}

impl State {
    pub fn of(batch: &PastBatch) -> Self {
        let (tone, sign, words) = match (batch.verdict.as_str(), batch.published) {
            (_, true) if batch.rows_quarantined.is_some_and(|rows| rows > 0) => ("odd", "!", "published, rows held back"),
            (_, true) => ("good", "✓", "published"),
            ("blocked", false) => ("bad", "✗", "blocked"),
            ("passed", false) => ("open", "?", "passed, not published"),
            ("not_evaluated", false) => ("bad", "✗", "could not be judged"),
            (_, false) => ("bad", "✗", "refused"),
        };
        Self { tone, sign, words: words.to_owned() }
    }

    /// Of a dataset: batches that wait count more than the last one.
    pub fn of_all(past: &Past, dataset: &str) -> Option<Self> {
        let newest: BTreeMap<&str, &PastBatch> = batches(past, dataset).map(|batch| (batch.batch.as_str(), batch)).collect();
        let waiting = newest.values().filter(|batch| !batch.published).count();
        match waiting {
            0 => last(past, dataset).map(Self::of),
            _ => Some(Self { tone: "bad", sign: "✗", words: format!("{} held up", counted(waiting as u64, "batch")) }),
        }
    }
}

/// Batches alone: a retry of rows that were held back is none.
fn batches<'p>(past: &'p Past, dataset: &'p str) -> impl DoubleEndedIterator<Item = &'p PastBatch> {
    past.batches.iter().filter(move |b| b.dataset == dataset && b.kind == "batch")
}

pub fn last<'p>(past: &'p Past, dataset: &'p str) -> Option<&'p PastBatch> {
    batches(past, dataset).next_back()
}

/// The state of today, and how it came to be.
pub fn section(past: &Past, dataset: &str) -> Markup {
    let all: Vec<&PastBatch> = batches(past, dataset).collect();
    let published: i64 = all.iter().filter(|b| b.published).filter_map(|b| b.rows_accepted).sum();
    let held: i64 = all.iter().filter(|b| b.published).filter_map(|b| b.rows_quarantined).sum();
    let count = |number: i64| grouped(u64::try_from(number).unwrap_or(0));
    let bars: Vec<Bar> = all.iter().skip(all.len().saturating_sub(DRAWN)).filter_map(|batch| bar(batch)).collect();
    html! {
        section {
            h2 #history { "State and history" }
            @match all.last() {
                None => p { "No run has looked at a batch of it yet." },
                Some(batch) => {
                    @let state = State::of(batch);
                    @if let Some(waiting) = State::of_all(past, dataset).filter(|state| state.tone == "bad") {
                        p { strong class=(waiting.tone) { (waiting.sign) " " (waiting.words) } ": " (held_up(past, dataset)) "." }
                    }
                    p {
                        "The last batch, " strong { (visible(&batch.batch)) } ", is "
                        strong class=(state.tone) { (state.sign) " " (state.words) } ", "
                        time datetime=(rfc3339(batch.finished_at)) { (rfc3339(batch.finished_at)) } "."
                        @if let Some(reason) = &batch.reason { " " (visible(reason)) }
                    }
                    p.dim {
                        "Of " (counted(all.len() as u64, "judgement")) " " (grouped(all.iter().filter(|b| b.published).count() as u64))
                        " ended in a publication, with " (count(published)) " rows accepted and " (count(held)) " held back."
                    }
                    @if bars.len() > 1 { (chart::rows(dataset, &bars)) }
                    (table(&all))
                }
            }
        }
    }
}

/// The batches that wait, by name.
fn held_up(past: &Past, dataset: &str) -> String {
    const NAMED: usize = 8;
    let newest: BTreeMap<&str, &PastBatch> = batches(past, dataset).map(|batch| (batch.batch.as_str(), batch)).collect();
    let waiting: Vec<&str> = newest.iter().filter(|(_, batch)| !batch.published).map(|(name, _)| *name).collect();
    let more = if waiting.len() > NAMED { format!(" and {} more", waiting.len() - NAMED) } else { String::new() };
    visible(&format!("{}{more}", waiting.iter().take(NAMED).copied().collect::<Vec<_>>().join(", "))).into_owned()
}

fn bar(batch: &PastBatch) -> Option<Bar> {
    let count = |rows: Option<i64>| rows.and_then(|rows| u64::try_from(rows).ok());
    let input = count(batch.rows_input)?;
    let words = format!("{}: {}, {}", batch.batch, counted(input, "row"), State::of(batch).words);
    Some(Bar { words, input, held: count(batch.rows_quarantined).unwrap_or(0), blocked: !batch.published })
}

fn table(all: &[&PastBatch]) -> Markup {
    let count = |rows: Option<i64>| rows.and_then(|rows| u64::try_from(rows).ok()).map(grouped).unwrap_or_default();
    html! {
        div.wide tabindex="0" { table {
            thead { tr {
                th scope="col" { "batch" } th scope="col" { "what became of it" } th.n scope="col" { "rows" } th.n scope="col" { "accepted" }
                th.n scope="col" { "held back" } th scope="col" { "contract" } th scope="col" { "when" }
            } }
            tbody { @for batch in all.iter().rev().take(LISTED) {
                @let state = State::of(batch);
                tr {
                    th scope="row" { (visible(&batch.batch)) }
                    td class=(state.tone) { (state.sign) " " (state.words) }
                    td.n { (count(batch.rows_input)) } td.n { (count(batch.rows_accepted)) } td.n { (count(batch.rows_quarantined)) }
                    td { (visible(&batch.contract_version)) }
                    td { time datetime=(rfc3339(batch.finished_at)) { (rfc3339(batch.finished_at)) } }
                }
            } }
        } }
        @if all.len() > LISTED { p.dim { "and " (counted((all.len() - LISTED) as u64, "earlier judgement")) } }
    }
}

/// What a rule said last, and its violations over time.
pub fn of_rule(past: &Past, dataset: &str, rule: &str) -> Option<Markup> {
    let all: Vec<&PastResult> = past.results.iter().filter(|(d, r)| d == dataset && r.rule == rule).map(|(_, r)| r).collect();
    let latest = all.last()?;
    let points: Vec<Point> = all.iter().skip(all.len().saturating_sub(DRAWN)).map(|result| point(result)).collect();
    Some(html! {
        p.last class=(tone(latest)) { "last: " (said(latest)) " in " (visible(&latest.batch)) }
        @if points.len() > 1 { (chart::trend(rule, &points)) }
    })
}

/// The last verdict alone.
pub fn last_of_rule(past: &Past, dataset: &str, rule: &str) -> Option<Markup> {
    let (_, latest) = past.results.iter().rfind(|(d, r)| d == dataset && r.rule == rule)?;
    Some(html! { span class=(tone(latest)) { (said(latest)) } })
}

fn point(result: &PastResult) -> Point {
    let words = format!("{}: {}", result.batch, said(result));
    Point { words, violations: u64::try_from(result.violations).unwrap_or(0), tone: tone(result) }
}

fn said(result: &PastResult) -> String {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    match result.verdict.as_str() {
        "passed" => "passed".to_owned(),
        "violated" if result.checked > 1 => {
            let what = if result.action == "none" { "allowed" } else { result.action.as_str() };
            format!("{}, {} of {} broken", visible(what), grouped(count(result.violations)), grouped(count(result.checked)))
        }
        "violated" => "broken".to_owned(),
        _ => "not evaluated".to_owned(),
    }
}

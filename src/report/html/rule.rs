//! Rules on the page: as lines of a table, and those that did something in full.

use maud::{Markup, html};
use serde_json::Value;

use crate::diagnostics::paint::visible;
use crate::report::numbers::{counted, grouped, measured, percent};
use crate::report::page::coloured;
use crate::report::text::{action_name, against, is_whole, label, message, plain, span};
use crate::run::{Effect, Evidence, RuleResult, RuleVerdict, Sample};
use crate::source::SourceMap;
use crate::syntax::highlight::classes;

/// Lines of a rule that are shown; a longer one is cut.
const LINES: usize = 12;

pub fn table(rules: &[&RuleResult]) -> Markup {
    html! {
        div.wide tabindex="0" { table {
            thead { tr {
                th scope="col" { "rule" } th scope="col" { "kind" } th.n scope="col" { "judged" } th.n scope="col" { "broken" }
                th scope="col" { "share" } th scope="col" { "effect" } th scope="col" { "evidence" }
            } }
            tbody { @for rule in rules { tr {
                th scope="row" { (visible(&rule.rule)) }
                td { (rule.kind) }
                td.n { (grouped(rule.checked)) }
                td.n { (grouped(rule.violations)) }
                td { (share(rule)) }
                td class=(effect(rule)) { (result(rule)) }
                td { (match rule.evidence { Evidence::Scanned => "scanned", Evidence::Proven => "proven", Evidence::Mixed => "mixed" }) }
            } } }
        } }
    }
}

/// A rule in full: its numbers, its text, the author's words, its rows.
pub fn article(sources: &SourceMap, rule: &RuleResult) -> Markup {
    let said = [("because", &rule.because), ("fix", &rule.fix)];
    html! {
        article class=(effect(rule)) {
            h3 { (action_name(rule.action)) ": " (visible(&message(rule))) }
            @if let Some(text) = excerpt(sources, rule) {
                p.dim { (visible(&rule.location.file)) ":" (rule.location.line) ", " (visible(&label(rule))) }
                pre tabindex="0" { code { (text) } }
            }
            dl {
                @for (word, text) in said { @if let Some(text) = text { dt { (word) } dd { (visible(text)) } } }
            }
            (samples(rule))
        }
    }
}

/// The rule's lines in colours.
fn excerpt(sources: &SourceMap, rule: &RuleResult) -> Option<Markup> {
    let at = span(sources, &rule.location)?;
    let text = sources.get(at.file).text.as_str();
    let first = text.get(..at.start as usize)?.rfind('\n').map_or(0, |line| line + 1);
    let rest = text.get(first..)?;
    let meant = text.get(first..at.end as usize)?.lines().count().clamp(1, LINES);
    let end = first + rest.split_inclusive('\n').take(meant).map(str::len).sum::<usize>();
    Some(coloured(text, &classes(text), first..end))
}

fn samples(rule: &RuleResult) -> Markup {
    let samples: &[Sample] = &rule.samples;
    let in_files = samples.iter().any(|sample| sample.row.is_some());
    let reasons = samples.iter().any(|sample| sample.reason.is_some());
    let mut names: Vec<&String> = Vec::new();
    for name in samples.iter().flat_map(|sample| sample.values.keys()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let more = rule.violations.saturating_sub(samples.len() as u64);
    html! {
        @if !samples.is_empty() {
            div.wide tabindex="0" { table {
                caption { (if in_files { "Rows that break it" } else { "Where it is broken" }) }
                thead { tr {
                    @if in_files { th.n scope="col" { "row" } }
                    @for name in &names { th scope="col" { (visible(name)) } }
                    @if reasons { th scope="col" { "why" } }
                    @if in_files { th scope="col" { "file" } }
                } }
                tbody { @for sample in samples { tr {
                    @if in_files { td.n { @if let Some(row) = sample.row { (grouped(row)) } } }
                    @for name in &names {
                        @match segment(sample, name).filter(|_| !in_files) {
                            Some(bar) => td.n { (bar) (measured_or_plain(sample.values.get(*name))) },
                            None => (cell(sample.values.get(*name), !in_files)),
                        }
                    }
                    @if reasons { td { (visible(sample.reason.as_deref().unwrap_or(""))) } }
                    @if in_files { td.dim { (visible(sample.file.as_deref().unwrap_or(""))) } }
                } } }
            } }
            @if more > 0 { p.dim { "and " (counted(more, if in_files { "more row" } else { "more group" })) } }
        }
    }
}

/// A group's value as a bar, with a mark where its limit stands.
fn segment(sample: &Sample, name: &str) -> Option<Markup> {
    let number = |name: &str| sample.values.get(name).and_then(Value::as_f64).filter(|n| *n >= 0.0);
    let (value, limit) = (number("value").filter(|_| name == "value")?, number("limit")?);
    let most = value.max(limit).max(f64::MIN_POSITIVE);
    let (filled, mark) = (value / most * 100.0, limit / most * 100.0);
    Some(html! {
        span.bar.segment aria-hidden="true" { span style=(format!("width: {filled:.0}%")) {} i style=(format!("left: min({mark:.0}%, 100% - 2px)")) {} }
    })
}

fn measured_or_plain(value: Option<&Value>) -> String {
    value.map_or_else(String::new, |value| measured(value).unwrap_or_else(|| plain(value)))
}

fn cell(value: Option<&Value>, measures: bool) -> Markup {
    html! {
        @match value {
            None => td {},
            Some(Value::Null) => td.dim { "null" },
            Some(value @ Value::Number(_)) => td.n { (measures.then(|| measured(value)).flatten().unwrap_or_else(|| plain(value))) },
            Some(value) => td { (plain(value)) },
        }
    }
}

fn share(rule: &RuleResult) -> Markup {
    html! {
        @if !is_whole(rule) && rule.checked > 0 && rule.violations > 0 {
            @let part = (rule.violations as f64 / rule.checked as f64 * 100.0).clamp(1.0, 100.0);
            span.bar aria-hidden="true" { span style=(format!("width: {part:.0}%")) {} }
            (percent(rule.violations, rule.checked))
        }
    }
}

fn result(rule: &RuleResult) -> String {
    let word = match (rule.verdict, rule.action) {
        (_, Effect::Block | Effect::Quarantine | Effect::Warn) => action_name(rule.action),
        (RuleVerdict::NotEvaluated, _) => "not evaluated",
        (RuleVerdict::Violated, _) => "allowed",
        (RuleVerdict::Passed, _) => "passed",
    };
    match against(rule) {
        Some(against) if is_whole(rule) => format!("{word}: {against}"),
        _ if rule.unknown > 0 => format!("{word}, {} unknown", grouped(rule.unknown)),
        _ => word.to_owned(),
    }
}

fn effect(rule: &RuleResult) -> &'static str {
    match (rule.action, rule.verdict) {
        (Effect::Block, _) => "bad",
        (Effect::Quarantine | Effect::Warn, _) | (_, RuleVerdict::Violated) => "odd",
        (_, RuleVerdict::NotEvaluated) => "open",
        _ => "good",
    }
}

//! Rules on the page: as lines of a table, and those that did something in full.

use maud::{Markup, html};
use serde_json::Value;

use crate::diagnostics::paint::visible;
use crate::report::numbers::{counted, grouped, measured, percent};
use crate::report::text::{action_name, against, is_whole, label, message, plain, span};
use crate::run::{Effect, Evidence, RuleResult, RuleVerdict, Sample};
use crate::source::SourceMap;

use super::code;

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

/// A rule in full: its numbers, its text, the author's words, its charts, its rows.
pub fn article(sources: &SourceMap, rule: &RuleResult, charts: &Markup) -> Markup {
    let said = [("because", &rule.because), ("fix", &rule.fix)];
    html! {
        article class=(effect(rule)) {
            h3 { (action_name(rule.action)) ": " (visible(&message(rule))) }
            @if let Some(text) = span(sources, &rule.location).and_then(|at| code::excerpt(sources, at, code::Literals::Shown)) {
                p.dim { (visible(&rule.location.file)) ":" (rule.location.line) ", " (visible(&label(rule))) }
                pre tabindex="0" { code { (text) } }
            }
            dl {
                @for (word, text) in said { @if let Some(text) = text { dt { (word) } dd { (visible(text)) } } }
            }
            (charts)
            (samples(rule))
        }
    }
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
                    @for name in &names { (cell(sample.values.get(*name), !in_files)) }
                    @if reasons { td { (visible(sample.reason.as_deref().unwrap_or(""))) } }
                    @if in_files { td.dim { (visible(sample.file.as_deref().unwrap_or(""))) } }
                } } }
            } }
            @if more > 0 { p.dim { "and " (counted(more, if in_files { "more row" } else { "more group" })) } }
        }
    }
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

pub fn effect(rule: &RuleResult) -> &'static str {
    match (rule.action, rule.verdict) {
        (Effect::Block, _) => "bad",
        (Effect::Quarantine | Effect::Warn, _) | (_, RuleVerdict::Violated) => "odd",
        (_, RuleVerdict::NotEvaluated) => "open",
        _ => "good",
    }
}

//! A dataset's service levels in words, with what was last found of them.

use maud::{Markup, html};

use crate::diagnostics::paint::visible;
use crate::hir::{Act, Contract, Sla, SlaWhat};
use crate::report::numbers::counted;
use crate::report::page::{prose, words};
use crate::suite::words::noun;

use super::{Book, slug};

pub fn section(book: &Book<'_>, contract: &Contract) -> Markup {
    html! {
        @if !contract.sla.is_empty() {
            section {
                h2 #sla { "Service levels" }
                @for sla in &contract.sla { (article(book, contract, sla)) }
            }
        }
    }
}

fn article(book: &Book<'_>, contract: &Contract, sla: &Sla) -> Markup {
    let last = book.of.past.and_then(|past| past.levels.get(&(contract.dataset.clone(), sla.name.clone())));
    let said = [("because", &sla.because), ("fix", &sla.fix)];
    html! {
        article.rule id={ "sla-" (slug(&sla.name)) } {
            h3 { code { (visible(&sla.name)) } }
            p.statement { (statement(book, sla)) }
            (prose(&sla.doc))
            p { "If it is missed: " @if sla.severity == Act::Warn { "warns" } @else { "counts as an error of its schedule" } "." }
            dl.said { @for (name, text) in said { @if let Some(text) = text {
                div { dt { (name) } dd { (words(&text.fill(|_| None))) } }
            } } }
            @if let Some(level) = last {
                @let (class, sign) = match level.status.as_str() { "met" => ("good", "✓"), "missed" => ("bad", "✗"), _ => ("open", "…") };
                p.last { span class=(class) { (sign) " " (level.status) } span.dim { " for " (visible(&level.period)) } }
            }
        }
    }
}

fn statement(book: &Book<'_>, sla: &Sla) -> Markup {
    match &sla.what {
        SlaWhat::Condition(e) => html! { "Of the table, " (book.written.inline(e.span)) "." },
        SlaWhat::Arrives { by, zone, on, day_before, .. } => html! {
            "A batch has arrived by " (format!("{:02}:{:02}", by / 3600, by / 60 % 60)) " (" (visible(zone)) ")"
            @if on.is_empty() { " every day" } @else { " on " (visible(&on.join(", "))) }
            @if *day_before { ", that of the day before" }
            "."
        },
        SlaWhat::Budget { of, at_most, last, unit } => html! {
            code { (visible(of)) } " is missed at most " (counted(*at_most, "time")) " in the last "
            @match unit { Some(unit) => (counted(*last, noun(*unit))), None => (counted(*last, "deadline")) } "."
        },
    }
}

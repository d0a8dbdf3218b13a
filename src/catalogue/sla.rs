//! Service levels in words.

use maud::{Markup, html};

use super::Past;
use crate::diagnostics::paint::visible;
use crate::hir::{Act, Contract, Sla, SlaWhat, Unit};
use crate::report::html::code::{Literals, excerpt};
use crate::source::SourceMap;

pub fn section(sources: &SourceMap, past: Option<&Past>, contract: &Contract) -> Markup {
    html! {
        @if !contract.sla.is_empty() { section {
            h2 #levels { "Service levels" }
            @for level in &contract.sla {
                article.plain {
                    h3 {
                        (visible(&level.name)) " "
                        @if let Some(status) = past.and_then(|past| status(past, &contract.dataset, &level.name)) {
                            span.verdict class=(tone(status)) { (visible(status)) }
                        }
                    }
                    (super::prose(&level.doc))
                    p { (sentence(level)) }
                    @if let Some(text) = excerpt(sources, level.span, Literals::Shown) { pre tabindex="0" { code { (text) } } }
                    dl {
                        @for (word, said) in [("because", &level.because), ("fix", &level.fix)] {
                            @if let Some(said) = said { dt { (word) } dd { (visible(&said.fill(|_| None))) } }
                        }
                    }
                }
            }
        } }
    }
}

/// Of the latest period that was looked at.
fn status<'p>(past: &'p Past, dataset: &str, name: &str) -> Option<&'p str> {
    let found = past.levels.iter().filter(|((d, n, _), _)| d == dataset && n == name);
    found.max_by_key(|((_, _, period), _)| period.clone()).map(|(_, state)| state.status.as_str())
}

fn tone(status: &str) -> &'static str {
    match status {
        "met" => "good",
        "missed" => "bad",
        _ => "open",
    }
}

pub fn sentence(level: &Sla) -> String {
    let what = match &level.what {
        SlaWhat::Condition(_) => "At every time this must hold".to_owned(),
        SlaWhat::Arrives { by, zone, on, day_before } => {
            let days = if on.is_empty() { "every day".to_owned() } else { format!("on {}", on.join(", ")) };
            let of = if *day_before { "the day before" } else { "the same day" };
            format!("The batch of {of} is published by {:02}:{:02} in {zone}, {days}", by / 3600, by % 3600 / 60)
        }
        SlaWhat::Budget { of, at_most, last, unit } => {
            let unit = match unit {
                None => "deadlines",
                Some(Unit::Day) => "days",
                Some(Unit::Week) => "weeks",
                Some(Unit::Month) => "months",
                Some(Unit::Year) => "years",
                Some(_) => "units of time",
            };
            format!("`{of}` may be missed {at_most} times in the last {last} {unit}")
        }
    };
    let then = match level.severity {
        Act::Warn => "a miss warns",
        Act::Quarantine | Act::Block => "a miss is an error",
    };
    visible(&format!("{what}; {then}.")).into_owned()
}

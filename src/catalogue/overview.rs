//! The first page: what there is, how it stands, how the data flows.

use maud::{Markup, html};

use crate::diagnostics::paint::visible;
use crate::hir::Contract;
use crate::report::numbers::grouped;
use crate::report::page::{data, words};

use super::flow::graph;
use super::shell::{Page, document};
use super::state::Mood;
use super::{Book, page_of};

pub fn page(book: &Book<'_>) -> String {
    let page = Page { title: book.name().to_owned(), up: "", here: None, charts: false, graph: true };
    let main = html! {
        h1 { (visible(book.name())) }
        (figures(book))
        @if book.contracts.is_empty() {
            p { "There is no contract in this project yet." }
        } @else {
            section.flow {
                h2 #flow { "How the data flows" }
                (flow(book, None, ""))
            }
        }
        @for (layer, contracts) in book.layers() {
            section {
                h2 id={ "layer-" (super::slug(&layer)) } { (visible(&layer)) }
                ul.cards { @for contract in contracts { li { (card(book, contract)) } } }
            }
        }
    };
    document(book, &page, main)
}

fn figures(book: &Book<'_>) -> Markup {
    let contracts = &book.contracts;
    let promoted = book.checked().promotions.iter().map(|p| p.rules.len()).sum::<usize>();
    let rules = contracts.iter().map(|c| c.rules.len()).sum::<usize>() + promoted;
    let bad = contracts.iter().filter(|c| book.state(&c.dataset).mood == Mood::Bad).count();
    let missed = book.of.past.map_or(0, |past| past.levels.values().filter(|l| l.status == "missed").count());
    let mut tiles = vec![
        (contracts.len(), "datasets", ""),
        (contracts.iter().map(|c| c.columns.len()).sum(), "columns", ""),
        (rules, "rules", ""),
        (book.checked().tests.len(), "tests of rules", ""),
    ];
    if book.of.past.is_some() {
        tiles.push((bad, "datasets held up", if bad > 0 { "bad" } else { "good" }));
    }
    if contracts.iter().any(|c| !c.sla.is_empty()) && book.of.past.is_some() {
        tiles.push((missed, "service levels missed", if missed > 0 { "bad" } else { "good" }));
    }
    html! {
        dl.figures { @for (number, words, class) in tiles {
            div { dt { (words) } dd class=(class) { (grouped(number as u64)) } }
        } }
    }
}

fn card(book: &Book<'_>, contract: &Contract) -> Markup {
    let state = book.state(&contract.dataset);
    let first = contract.doc.split("\n\n").next().unwrap_or("");
    html! {
        a.name href=(page_of(&contract.dataset)) { (visible(&contract.dataset)) }
        @if !state.words.is_empty() { span.state class=(state.mood.class()) { (state.mood.sign()) " " (state.words) } }
        @if !first.is_empty() { p { (words(first)) } }
        p.dim {
            (contract.columns.len()) " columns, " (contract.rules.len()) " rules"
            @if let Some(owner) = &contract.owner { " · " (visible(owner)) }
        }
    }
}

/// The drawing, and the same as a list for those who cannot see it or have no script.
pub fn flow(book: &Book<'_>, of: Option<&str>, up: &str) -> Markup {
    let graph = graph(book, of, up);
    let edges = graph["edges"].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    html! {
        div.graph { (data(&graph)) }
        p.keys aria-hidden="true" {
            span.key.promoted { "promoted to" } " " span.key.lookup { "looked up by" }
        }
        details.edges {
            summary { "The same as a list" }
            @if edges.is_empty() { p { "Nothing flows from one dataset to another." } }
            ul { @for edge in &edges {
                @let (from, to) = (text(&edge["from"]), text(&edge["to"]));
                li {
                    a href={ (up) (page_of(&from)) } { (visible(&from)) }
                    @if edge["kind"] == "promotion" { " is promoted to " } @else { " is looked up by " }
                    a href={ (up) (page_of(&to)) } { (visible(&to)) }
                }
            } }
        }
    }
}

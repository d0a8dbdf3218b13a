//! The first page: the datasets by layer, and the graph of them all.

use maud::{Markup, html};

use super::past::{self, State};
use super::{Lineage, Material, address, frame};
use crate::diagnostics::paint::visible;
use crate::hir::{Contract, Privacy};
use crate::report::numbers::{counted, grouped};

pub fn page(material: &Material<'_>, lineage: &Lineage) -> String {
    let checked = material.checked;
    let columns: usize = checked.contracts.iter().map(|c| c.columns.len()).sum();
    let promoted: usize = checked.promotions.iter().map(|p| p.rules.len()).sum();
    let rules: usize = checked.contracts.iter().map(|c| c.rules.len()).sum::<usize>() + promoted;
    let levels: usize = checked.contracts.iter().map(|c| c.sla.len()).sum();
    let tiles = [
        (checked.contracts.len(), "datasets"),
        (columns, "columns"),
        (rules, "rules"),
        (checked.promotions.len(), "promotions"),
        (levels, "service levels"),
    ];
    let body = html! {
        h1 { (visible(material.project)) }
        dl.figures { @for (number, words) in tiles { div { dt { (words) } dd { (grouped(number as u64)) } } } }
        section {
            h2 #lineage { "Lineage" }
            (graph())
            details {
                summary { "as a list" }
                ul { @for edge in &lineage.edges { li {
                    (named("", material, &edge.from)) " → " (named("", material, &edge.to)) span.dim { " (" (edge.kind.word()) ")" }
                } } }
            }
        }
        @for layer in material.layers {
            @let contracts: Vec<&Contract> = checked.contracts.iter().filter(|c| c.layer() == layer).collect();
            @if !contracts.is_empty() { (of_layer(material, layer, &contracts)) }
        }
        @let others: Vec<&Contract> = checked.contracts.iter().filter(|c| !material.layers.iter().any(|l| l == c.layer())).collect();
        @if !others.is_empty() { (of_layer(material, "other datasets", &others)) }
        @if checked.contracts.is_empty() { p { "The project has no contract yet." } }
    };
    frame(material, "", "Data catalogue", None, &body)
}

/// Where the script draws; what it says without it stands beside it as a list.
pub fn graph() -> Markup {
    html! {
        div.graph.wide tabindex="0" role="group" aria-label="Graph of datasets" hidden {}
        p.legend.dim hidden {
            span.line.promotion { "promoted into" } " " span.line.reference { "looked up by rules" }
        }
    }
}

/// A dataset's name, as a link if it has a page.
pub fn named(up: &str, material: &Material<'_>, dataset: &str) -> Markup {
    html! {
        @if material.checked.contract(dataset).is_some() { a href={ (up) (address(dataset)) } { (visible(dataset)) } }
        @else { (visible(dataset)) }
    }
}

fn of_layer(material: &Material<'_>, layer: &str, contracts: &[&Contract]) -> Markup {
    html! {
        section.layer {
            h2 id={ "layer-" (layer) } { (visible(layer)) " " small { (counted(contracts.len() as u64, "dataset")) } }
            div.wide tabindex="0" { table.list {
                thead { tr {
                    th scope="col" { "dataset" } th scope="col" { "what it is" } th scope="col" { "owner" }
                    th.n scope="col" { "columns" } th.n scope="col" { "rules" }
                    @if material.past.is_some() { th scope="col" { "state" } }
                } }
                tbody { @for contract in contracts { tr {
                    th scope="row" { a href=(address(&contract.dataset)) { (visible(&contract.dataset)) } }
                    td.doc {
                        (visible(contract.doc.lines().next().unwrap_or("")))
                        @if contract.columns.iter().any(|c| c.privacy != Privacy::Public) { " " span.tag.odd { "personal data" } }
                        @for tag in &contract.tags { " " span.tag { (visible(tag)) } }
                    }
                    td { (visible(contract.owner.as_deref().unwrap_or(""))) }
                    td.n { (contract.columns.len()) }
                    td.n { (contract.rules.len()) }
                    @if let Some(known) = material.past { td { (last(known, &contract.dataset)) } }
                } } }
            } }
        }
    }
}

fn last(known: &super::Past, dataset: &str) -> Markup {
    html! {
        @match (State::of_all(known, dataset), past::last(known, dataset)) {
            (Some(state), Some(batch)) => {
                span class=(state.tone) { (state.sign) " " (state.words) } " " span.dim { "last " (visible(&batch.batch)) }
            }
            _ => span.dim { "none yet" },
        }
    }
}

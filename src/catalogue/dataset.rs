//! A dataset's page.

use maud::{Markup, html};

use super::front::{graph, named};
use super::lineage::Edge;
use super::{Lineage, Material, anchor, frame, past, prose, rules, sla};
use crate::diagnostics::paint::visible;
use crate::hir::{BatchBy, Column, Contract, OtherColumns, Privacy, Promotion, Write};
use crate::report::numbers::counted;
use crate::suite::judge::show;

const UP: &str = "../";

pub fn page(material: &Material<'_>, lineage: &Lineage, contract: &Contract) -> String {
    let promotion = material.checked.promotion_to(&contract.dataset);
    let source = material.sources.get(contract.file);
    let line = source.place(contract.span.start as usize).line;
    let body = html! {
        h1 { (visible(&contract.dataset)) " " small { "@ " (visible(&contract.version)) } }
        (prose(&contract.doc))
        dl.about {
            @if let Some(owner) = &contract.owner { dt { "owner" } dd { (visible(owner)) } }
            dt { "layer" } dd { (visible(contract.layer())) }
            @if !contract.tags.is_empty() { dt { "tags" } dd { @for tag in &contract.tags { span.tag { (visible(tag)) } " " } } }
            @if let Some(zone) = &contract.zone { dt { "time zone" } dd { (visible(zone)) } }
            dt { "written in" } dd { code { (visible(&source.path)) ":" (line) } }
        }
        nav.on-page aria-label="On this page" {
            a href="#columns" { "Columns" } " " a href="#rules" { "Rules" } " "
            @if !contract.sla.is_empty() { a href="#levels" { "Service levels" } " " }
            a href="#lineage" { "Lineage" } " "
            @if material.past.is_some() { a href="#history" { "State and history" } }
        }
        (columns(contract, promotion))
        (rules::section(material, contract, promotion))
        (sla::section(material.sources, material.past, contract))
        section {
            h2 #lineage { "Lineage" }
            (graph())
            @if let Some(promotion) = promotion { p { (filled(promotion)) } }
            div.sides {
                (side(material, "made from, or looks at", lineage.upstream(&contract.dataset).map(|e| (e, e.from.as_str())).collect()))
                (side(material, "goes into, or is looked at by", lineage.downstream(&contract.dataset).map(|e| (e, e.to.as_str())).collect()))
            }
        }
        @if let Some(known) = material.past { (past::section(known, &contract.dataset)) }
    };
    frame(material, UP, &contract.dataset, Some(&contract.dataset), &body)
}

fn columns(contract: &Contract, promotion: Option<&Promotion>) -> Markup {
    let personal = contract.columns.iter().filter(|c| c.privacy != Privacy::Public).count();
    let others = match contract.other {
        OtherColumns::Ignored => "Other columns are ignored.",
        OtherColumns::Forbidden => "Other columns are forbidden.",
        OtherColumns::Kept => "Other columns are kept.",
    };
    html! {
        section {
            h2 #columns { "Columns " small { (contract.columns.len()) } }
            div.wide tabindex="0" { table.list {
                thead { tr { th scope="col" { "column" } th scope="col" { "type" } th scope="col" { "what it is" } } }
                tbody { @for column in &contract.columns { tr id=(anchor("column", &column.name)) {
                    th scope="row" { (visible(&column.name)) @if column.key { " " span.tag { "key" } } }
                    td { code { (column.ty) @if column.nullable { "?" } } @if let Some(name) = &column.type_name { " " span.dim { (visible(name)) } } }
                    td.doc {
                        (prose(&column.doc))
                        @match column.privacy {
                            Privacy::Public => {},
                            Privacy::Personal => span.tag.odd { "personal: shown masked" },
                            Privacy::Secret => span.tag.odd { "secret: never shown" },
                        }
                        (values(column))
                        @if let Some(was) = &column.was { span.dim { "was " (visible(was)) } }
                        @if let Some(from) = promotion.and_then(|p| p.mappings.iter().find(|m| m.column == column.name && m.written)) {
                            span.dim { (computed(&from.value)) }
                        }
                    }
                } } }
            } }
            p.dim { (others) @if personal > 0 { " " (counted(personal as u64, "column")) " with values that not everybody may see." } }
        }
    }
}

/// Which columns of the source a mapping reads.
fn computed(value: &crate::hir::Expr) -> String {
    let mut names: Vec<String> = Vec::new();
    value.visit(&mut |e| {
        if let crate::hir::ExprKind::Column(name) = &e.kind
            && !names.iter().any(|known| known == name)
        {
            names.push(name.clone());
        }
    });
    if names.is_empty() { "computed".to_owned() } else { visible(&format!("computed from {}", names.join(", "))).into_owned() }
}

/// What an enumerated column allows; of a personal one only how many.
fn values(column: &Column) -> Markup {
    const SHOWN: usize = 20;
    html! {
        @if let Some(values) = &column.values {
            span.values {
                @if column.privacy == Privacy::Public {
                    "one of " @for (i, value) in values.iter().take(SHOWN).enumerate() { @if i > 0 { ", " } code { (visible(&show(value))) } }
                    @if values.len() > SHOWN { " and " (values.len() - SHOWN) " more" }
                } @else { "one of " (counted(values.len() as u64, "value")) }
            }
        }
    }
}

fn filled(promotion: &Promotion) -> String {
    let batches = match &promotion.batches {
        BatchBy::Folder(key) => format!("a batch for each value of the folders `{key}`"),
        BatchBy::File => "a batch for each file".to_owned(),
        BatchBy::Version => "a batch for each version".to_owned(),
        BatchBy::Whole => "all of it as one batch".to_owned(),
    };
    let write = match &promotion.write {
        Write::Append => "which is appended",
        Write::Replace => "which replaces what stood of the batch",
        Write::Merge { by: None } => "which is merged on the key",
        Write::Merge { by: Some(_) } => "which is merged on the key; the newer row wins",
    };
    visible(&format!("Filled from {}: {batches}, {write}.", promotion.from)).into_owned()
}

fn side(material: &Material<'_>, title: &str, edges: Vec<(&Edge, &str)>) -> Markup {
    html! {
        @if !edges.is_empty() { div {
            h3 { (title) }
            ul { @for (edge, other) in edges { li { (named(UP, material, other)) " " span.dim { (edge.kind.word()) } } } }
        } }
    }
}

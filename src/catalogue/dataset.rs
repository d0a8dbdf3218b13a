//! The page of a dataset.

use maud::{Markup, html};

use crate::diagnostics::paint::visible;
use crate::hir::{BatchBy, Column, Contract, OtherColumns, Privacy, Promotion, RuleKind, Write};
use crate::report::page::{prose, words};
use crate::sla::deadlines::span;
use crate::suite::judge::show;

use super::flow::{ColumnName, Flow};
use super::shell::{Page, document};
use super::{Book, history, overview, page_of, rules, sla, slug};

const UP: &str = "../";
/// Values of an enumerated column that are listed.
const VALUES: usize = 24;

pub fn page(book: &Book<'_>, contract: &Contract) -> String {
    let promotion = book.checked().promotion_to(&contract.dataset);
    let chart = history::section(book, contract);
    let shown = rules::section(book, contract, promotion);
    let page = Page {
        title: contract.dataset.clone(),
        up: UP,
        here: Some(&contract.dataset),
        charts: chart.is_some(),
        graph: true,
    };
    let state = book.state(&contract.dataset);
    let main = html! {
        p.crumbs { a href="../index.html" { (visible(book.name())) } " / " (visible(contract.layer())) }
        h1 { (visible(&contract.dataset)) " " small { "@ " (visible(&contract.version)) } }
        @if !state.words.is_empty() { p.state class=(state.mood.class()) { (state.mood.sign()) " " (state.words) } }
        (prose(&contract.doc))
        (facts(book, contract, promotion))
        section.flow {
            h2 #flow { "Where it comes from and goes to" }
            (overview::flow(book, Some(&contract.dataset), UP))
        }
        (columns(book, contract))
        (sla::section(book, contract))
        (shown)
        @if let Some(chart) = chart { (chart) }
    };
    document(book, &page, main)
}

fn facts(book: &Book<'_>, contract: &Contract, promotion: Option<&Promotion>) -> Markup {
    let mut facts: Vec<(&str, Markup)> = Vec::new();
    if let Some(owner) = &contract.owner {
        facts.push(("owner", html! { (visible(owner)) }));
    }
    if !contract.tags.is_empty() {
        facts.push(("tags", html! { @for tag in &contract.tags { span.tag { (visible(tag)) } " " } }));
    }
    let key: Vec<&str> = contract.key().map(|c| c.name.as_str()).collect();
    if !key.is_empty() {
        facts.push(("key", html! { code { (visible(&key.join(", "))) } }));
    }
    if let Some(promotion) = promotion {
        facts.push(("made from", html! {
            a href={ (UP) (page_of(&promotion.from)) } { (visible(&promotion.from)) } ", " (batches(promotion)) "; " (write(book, promotion))
        }));
        if !promotion.notify.is_empty() {
            let to: Vec<&str> = promotion.notify.iter().map(|n| n.channel.as_str()).collect();
            facts.push(("told", html! { (visible(&to.join(", "))) }));
        }
    }
    let goes = Flow::around(&book.flow.promotions, &contract.dataset, false);
    if !goes.is_empty() {
        facts.push(("goes on to", links(&goes)));
    }
    let used = Flow::around(&book.flow.lookups, &contract.dataset, false);
    if !used.is_empty() {
        facts.push(("looked up by", links(&used)));
    }
    let project = book.of.project;
    if let Ok(place) = project.place(&contract.dataset, contract.at.as_deref(), contract.format.as_deref()) {
        // A folder of the project by its path there: the site is read elsewhere.
        let root = project.url("");
        let shown = place.url.strip_prefix(&root).unwrap_or(&place.url);
        facts.push(("lives in", html! { code { (visible(shown.trim_end_matches('/'))) } " as " (place.format.name()) }));
    }
    if let Some(zone) = &contract.zone {
        facts.push(("time zone", html! { (visible(zone)) }));
    }
    if let Some(cap) = contract.quarantine_cap {
        facts.push(("rows held back", html! {
            "at most " (cap) "% of a batch"
            @if let Some(keep) = contract.quarantine_keep { ", kept for " (span(keep)) }
        }));
    }
    let place = book.written.place(contract.head);
    facts.push(("contract", html! { code { (visible(&place)) } }));
    html! { dl.facts { @for (name, text) in facts { div { dt { (name) } dd { (text) } } } } }
}

fn links(datasets: &[&str]) -> Markup {
    html! {
        @for (i, dataset) in datasets.iter().enumerate() {
            @if i > 0 { ", " }
            a href={ (UP) (page_of(dataset)) } { (visible(dataset)) }
        }
    }
}

fn batches(promotion: &Promotion) -> Markup {
    html! {
        @match &promotion.batches {
            BatchBy::Folder(key) => { "a batch for each folder " code { (visible(key)) "=…" } },
            BatchBy::File => { "a batch for each file" },
            BatchBy::Version => { "a batch for each version of the table" },
            BatchBy::Whole => { "all of it as one batch" },
        }
        @if let Some(settled) = promotion.settled { " that has been left alone for " (span(settled)) }
    }
}

fn write(book: &Book<'_>, promotion: &Promotion) -> Markup {
    html! {
        @match &promotion.write {
            Write::Append => { "rows are added" },
            Write::Replace => { "rows take the place of the earlier ones" },
            Write::Merge { by: None } => { "rows are merged on the key" },
            Write::Merge { by: Some(by) } => { "rows are merged on the key, the greater " (book.written.inline(by.span)) " wins" },
        }
    }
}

fn columns(book: &Book<'_>, contract: &Contract) -> Markup {
    let flows = contract.columns.iter().any(|c| {
        let name = (contract.dataset.clone(), c.name.clone());
        book.flow.made_from.contains_key(&name) || book.flow.goes_to.contains_key(&name)
    });
    html! {
        section {
            h2 #columns { "Columns" }
            table.columns {
                thead { tr {
                    th scope="col" { "column" } th scope="col" { "type" } th scope="col" { "meaning" }
                    @if flows { th scope="col" { "from and to" } }
                } }
                tbody { @for column in &contract.columns { (row(book, contract, column, flows)) } }
            }
            p.dim { @match contract.other {
                OtherColumns::Forbidden => "Other columns block a batch.",
                OtherColumns::Ignored => "Other columns are left out.",
                OtherColumns::Kept => "Other columns are kept as they come.",
            } }
        }
    }
}

fn row(book: &Book<'_>, contract: &Contract, column: &Column, flows: bool) -> Markup {
    let name = (contract.dataset.clone(), column.name.clone());
    let decl = column.type_name.as_deref().and_then(|name| book.written.type_of(name));
    html! {
        tr id={ "column-" (slug(&column.name)) } {
            th scope="row" {
                (visible(&column.name))
                @if column.key { " " span.mark { "key" } }
                @match column.privacy {
                    Privacy::Public => {},
                    Privacy::Personal => { " " span.mark.private title="Shown masked" { "personal" } },
                    Privacy::Secret => { " " span.mark.private title="Never shown" { "secret" } },
                }
            }
            td {
                @match (&column.type_name, decl) {
                    (Some(name), Some(decl)) if book.written.is_own(decl) => {
                        a href={ (UP) "types.html#type-" (slug(&decl.name.text)) } { (visible(name)) } " "
                        span.dim { (column.ty.to_string()) }
                    },
                    (Some(name), _) => { (visible(name)) " " span.dim { (column.ty.to_string()) } },
                    (None, _) => { (column.ty.to_string()) },
                }
                br;
                span.dim { @if column.nullable { "may be null" } @else { "never null" } }
            }
            td {
                (prose(&column.doc))
                (claims(book, contract, column))
                @if let Some(was) = &column.was { p.dim { "before: " code { (visible(was)) } } }
            }
            @if flows { td.flows { (ways(book, &name)) } }
        }
    }
}

/// What is asked of the column alone.
fn claims(book: &Book<'_>, contract: &Contract, column: &Column) -> Markup {
    let own = contract.rules.iter().filter(|r| r.name.strip_prefix(&column.name).is_some_and(|rest| rest.starts_with('.')));
    let own: Vec<_> = own.collect();
    let private = column.privacy != Privacy::Public;
    html! {
        @for rule in &own {
            @match &rule.kind {
                RuleKind::References { dataset, target, .. } => { p.dim {
                    "stands in " a href={ (UP) (page_of(dataset)) } { (visible(dataset)) } " as " code { (visible(&target.join(", "))) }
                } },
                RuleKind::Unique { key: false, .. } => { p.dim { "unique" } },
                RuleKind::Row { .. } if rule.name.ends_with(".where") && column.values.is_none() => { p.dim { (book.written.inline(rule.condition_span)) } },
                _ => {},
            }
        }
        @if let Some(values) = column.values.as_ref().filter(|_| !private) {
            p.dim {
                "one of "
                @for (i, value) in values.iter().take(VALUES).enumerate() { @if i > 0 { ", " } code { (visible(&show(value))) } }
                @if values.len() > VALUES { " and " (values.len() - VALUES) " more" }
            }
        }
    }
}

fn ways(book: &Book<'_>, column: &ColumnName) -> Markup {
    let promotion = book.checked().promotion_to(&column.0);
    let mapping = promotion.and_then(|p| p.mappings.iter().find(|m| m.column == column.1));
    let from = book.flow.made_from.get(column).map_or(&[][..], Vec::as_slice);
    let to = book.flow.goes_to.get(column).map_or(&[][..], Vec::as_slice);
    html! {
        @if let Some(mapping) = mapping.filter(|m| m.written) { p { (book.written.inline(mapping.value.span)) } }
        @if !from.is_empty() { p { span.dim { "← " } (column_links(from)) } }
        @if !to.is_empty() { p { span.dim { "→ " } (column_links(to)) } }
    }
}

fn column_links(columns: &[ColumnName]) -> Markup {
    html! {
        @for (i, (dataset, column)) in columns.iter().enumerate() {
            @if i > 0 { ", " }
            a href={ (UP) (page_of(dataset)) "#column-" (slug(column)) } { (visible(dataset)) "." (visible(column)) }
        }
    }
}

/// The first sentence of an author's words, where there is one.
pub fn lead(doc: &str) -> Markup {
    html! { @if !doc.is_empty() { p { (words(doc)) } } }
}

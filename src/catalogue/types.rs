//! The types that the project declares, and the columns that are of them.

use maud::html;

use crate::diagnostics::paint::visible;
use crate::hir::Privacy;
use crate::report::page::prose;
use crate::resolve::fold;
use crate::syntax::ast;

use super::shell::{Page, document};
use super::{Book, page_of, slug};

pub fn page(book: &Book<'_>) -> String {
    let page = Page { title: "Types".into(), up: "", here: None, charts: false, graph: false };
    let own = book.written.own_types();
    let used = |name: &str| {
        let of = |c: &&crate::hir::Column| {
            c.type_name.as_deref().is_some_and(|n| fold(n.rsplit('.').next().unwrap_or(n)) == fold(name))
        };
        let columns = |c: &'_ &crate::hir::Contract| {
            c.columns.iter().filter(of).map(|column| (c.dataset.clone(), column.name.clone())).collect::<Vec<_>>()
        };
        book.contracts.iter().flat_map(columns).collect::<Vec<(String, String)>>()
    };
    let main = html! {
        p.crumbs { a href="index.html" { (visible(book.name())) } " / types" }
        h1 { "Types" }
        @if own.is_empty() { p { "The project declares no type." } }
        @for decl in own {
            @let columns = used(&decl.name.text);
            section id={ "type-" (slug(&decl.name.text)) } {
                h2 { code { (visible(&decl.name.text)) } }
                (prose(&decl.doc))
                // What a personal column may hold is told nowhere.
                @if !columns.iter().any(|(dataset, column)| is_private(book, dataset, column)) || !is_listed(decl) {
                    (book.written.block(decl.span))
                }
                @if !columns.is_empty() {
                    p {
                        span.dim { "columns: " }
                        @for (i, (dataset, column)) in columns.iter().enumerate() {
                            @if i > 0 { ", " }
                            a href={ (page_of(dataset)) "#column-" (slug(column)) } { (visible(dataset)) "." (visible(column)) }
                        }
                    }
                }
                p.dim { (visible(&book.written.place(decl.name.span))) }
            }
        }
    };
    document(book, &page, main)
}

fn is_private(book: &Book<'_>, dataset: &str, column: &str) -> bool {
    let contract = book.checked().contract(dataset);
    contract.and_then(|c| c.column(column)).is_some_and(|c| c.privacy != Privacy::Public)
}

fn is_listed(decl: &ast::TypeDecl) -> bool {
    matches!(decl.refined.condition, Some(ast::Refinement::In(..)))
}

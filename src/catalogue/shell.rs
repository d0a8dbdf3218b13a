//! What stands around every page: head, search, the list of datasets, foot.

use maud::{DOCTYPE, Markup, html};

use crate::diagnostics::paint::visible;

use super::{Book, page_of};

/// A page and what it needs.
pub struct Page<'p> {
    pub title: String,
    /// The way to the site's folder: empty, or `../`.
    pub up: &'static str,
    /// The dataset that it is of.
    pub here: Option<&'p str>,
    pub charts: bool,
    pub graph: bool,
}

/// Scripts and styles come from the site alone, none from within a page: whatever might get into one cannot act.
const POLICY: &str = "default-src 'none'; script-src 'self' file:; style-src 'self' file: 'unsafe-inline'; img-src data:; \
                      base-uri 'none'; form-action 'none'";

pub fn document(book: &Book<'_>, page: &Page<'_>, main: Markup) -> String {
    let up = page.up;
    let name = book.name();
    let shown = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (visible(&page.title)) @if page.title != name { " · " (visible(name)) } }
                link rel="icon" href="data:,";
                link rel="stylesheet" href={ (up) "assets/site.css" };
                @if page.charts {
                    link rel="stylesheet" href={ (up) "assets/uplot.css" };
                    script defer src={ (up) "assets/uplot.js" } {}
                    script defer src={ (up) "assets/charts.js" } {}
                }
                @if page.graph { script defer src={ (up) "assets/dagre.js" } {} }
                script defer src={ (up) "assets/index.js" } {}
                script defer src={ (up) "assets/site.js" } {}
            }
            body.site data-up=(up) {
                a.skip href="#main" { "To the content" }
                header.top {
                    a.home href={ (up) "index.html" } { (visible(name)) }
                    search {
                        label.unseen for="search" { "Search names, columns and descriptions" }
                        input #search type="search" placeholder="Search" autocomplete="off" spellcheck="false"
                            role="combobox" aria-expanded="false" aria-controls="found" aria-autocomplete="list";
                        kbd aria-hidden="true" { "/" }
                        div #found role="listbox" aria-label="Found" hidden {}
                    }
                }
                div.sides {
                    nav.datasets aria-label="Datasets" { (list(book, page)) }
                    main #main tabindex="-1" { (main) }
                }
                footer {
                    p {
                        "As of " time datetime=(instant(book.of.as_of)) { (moment(book.of.as_of)) }
                        @if let Some(env) = &book.of.project.env { ", environment " (visible(env)) }
                        " · dqc " (env!("CARGO_PKG_VERSION"))
                    }
                }
            }
        }
    };
    shown.into_string() + "\n"
}

fn list(book: &Book<'_>, page: &Page<'_>) -> Markup {
    html! {
        @for (layer, contracts) in book.layers() {
            p.layer { (visible(&layer)) }
            ul { @for contract in contracts { li {
                @let here = page.here == Some(contract.dataset.as_str());
                @let state = book.state(&contract.dataset);
                a href={ (page.up) (page_of(&contract.dataset)) } aria-current=[here.then_some("page")] {
                    (visible(contract.dataset.split_once('.').map_or("", |(_, name)| name)))
                    @if state.mood == super::state::Mood::Bad { span.bad title=(state.words) { " " (state.mood.sign()) } }
                }
            } } }
        }
        @if !book.written.own_types().is_empty() {
            p.layer { a href={ (page.up) "types.html" } { "types" } }
        }
    }
}

/// RFC 3339.
pub fn instant(micros: i64) -> String {
    chrono::DateTime::from_timestamp_micros(micros)
        .map_or_else(String::new, |t| t.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}

/// `2026-11-21 06:00 UTC`
pub fn moment(micros: i64) -> String {
    chrono::DateTime::from_timestamp_micros(micros).map_or_else(String::new, |t| t.format("%Y-%m-%d %H:%M UTC").to_string())
}

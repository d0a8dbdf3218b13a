//! A project as a static site: what datasets there are, what is promised of them, where they come from, what became of
//! their batches. It needs no server and nothing from elsewhere. What comes from data or authors is text in it, never
//! markup; literals in rules over personal columns are left out.

mod dataset;
mod front;
mod lineage;
mod past;
mod rules;
mod search;
mod sla;

use std::borrow::Cow;

use maud::{DOCTYPE, Markup, html};

use crate::diagnostics::paint::visible;
use crate::hir::Checked;
use crate::ledger::SlaStates;
use crate::ledger::past::{PastBatch, PastResult};
use crate::sla::rfc3339;
use crate::source::SourceMap;

pub use lineage::Lineage;

/// What the catalogue is made of.
pub struct Material<'a> {
    pub project: &'a str,
    pub env: Option<&'a str>,
    /// In their order.
    pub layers: &'a [String],
    pub checked: &'a Checked,
    pub sources: &'a SourceMap,
    /// Microseconds since 1970 in UTC.
    pub now: i64,
    /// `None`: nobody asked the ledger.
    pub past: Option<&'a Past>,
}

/// What the ledger tells, each in the order of time.
#[derive(Debug, Default)]
pub struct Past {
    pub batches: Vec<PastBatch>,
    /// With the dataset of each.
    pub results: Vec<(String, PastResult)>,
    pub levels: SlaStates,
}

/// A file of the site, by its path with `/`.
pub struct Page {
    pub path: String,
    pub text: Cow<'static, str>,
}

/// All files; the first is where one begins to read.
pub fn site(material: &Material<'_>) -> Vec<Page> {
    let lineage = Lineage::of(material.checked);
    let mut pages = vec![Page { path: "index.html".into(), text: front::page(material, &lineage).into() }];
    pages.extend(material.checked.contracts.iter().map(|contract| Page {
        path: address(&contract.dataset),
        text: dataset::page(material, &lineage, contract).into(),
    }));
    pages.push(Page { path: "assets/data.js".into(), text: search::data(material, &lineage).into() });
    let style = concat!(include_str!("report/html/page.css"), include_str!("catalogue/assets/catalogue.css"));
    let assets = [
        ("assets/page.css", style),
        ("assets/catalogue.js", include_str!("catalogue/assets/catalogue.js")),
        ("assets/dagre.min.js", include_str!("catalogue/assets/vendor/dagre.min.js")),
        ("assets/dagre.LICENSE", include_str!("catalogue/assets/vendor/dagre.LICENSE")),
    ];
    pages.extend(assets.map(|(path, text)| Page { path: path.into(), text: text.into() }));
    pages
}

/// A dataset's page. What a file system or a URL could take for something else is written in hexadecimal.
fn address(dataset: &str) -> String {
    let mut name = String::new();
    for byte in dataset.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' => name.push(char::from(byte)),
            b'A'..=b'Z' => name.push(char::from(byte.to_ascii_lowercase())),
            _ => name.push_str(&format!("~{byte:02x}")),
        }
    }
    format!("dataset/{name}.html")
}

/// The place of a column or a rule on its page.
fn anchor(kind: &str, name: &str) -> String {
    let mut out = format!("{kind}-");
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' => out.push(char::from(byte)),
            _ => out.push_str(&format!("~{byte:02x}")),
        }
    }
    out
}

/// A page around its body. `up`: the way to the first page's folder. `focus`: the dataset that the page is about.
fn frame(material: &Material<'_>, up: &str, title: &str, focus: Option<&str>, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (visible(title)) " · " (visible(material.project)) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href={ (up) "assets/page.css" };
                script src={ (up) "assets/dagre.min.js" } defer {}
                script src={ (up) "assets/data.js" } defer {}
                script src={ (up) "assets/catalogue.js" } defer {}
            }
            body data-up=(up) data-focus=[focus] {
                a.skip href="#main" { "To the content" }
                header.bar-top {
                    nav aria-label="Catalogue" {
                        a.project href={ (up) "index.html" } { (visible(material.project)) }
                        @if let Some(env) = material.env { " " span.dim { "environment " (visible(env)) } }
                    }
                    div.search hidden {
                        label for="search" { "Search datasets, columns and rules" }
                        input #search type="search" autocomplete="off" spellcheck="false" aria-describedby="hits"
                            placeholder="a name, or words of a description";
                        p #hits.dim role="status" {}
                        ol #found {}
                    }
                }
                main #main { (body) }
                footer {
                    p {
                        "Made by dqc " (env!("CARGO_PKG_VERSION")) " as of "
                        time datetime=(rfc3339(material.now)) { (rfc3339(material.now)) } ". "
                        @if material.past.is_none() { "The ledger was not asked." }
                    }
                }
            }
        }
    };
    page.into_string() + "\n"
}

/// An author's words: paragraphs.
fn prose(doc: &str) -> Markup {
    html! {
        @for paragraph in doc.split("\n\n").filter(|p| !p.trim().is_empty()) {
            p { @for (i, line) in paragraph.lines().enumerate() { @if i > 0 { " " } (visible(line.trim())) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_safe_and_apart() {
        assert_eq!(address("silver.flights"), "dataset/silver.flights.html");
        assert_eq!(address("silver.a/../b"), "dataset/silver.a~2f..~2fb.html");
        assert_eq!(address("silver.é\"<"), "dataset/silver.~c3~a9~22~3c.html");
        assert_eq!(anchor("column", "order id"), "column-order~20id");
    }
}

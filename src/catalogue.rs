//! The project as a static site: every dataset with its columns, rules and service levels in words, how the data flows,
//! what came of it by the ledger, and a search. It is read from a folder or from any server, and asks nothing of others.
//!
//! No value of the data is in it, but for what rules measured of a batch and what authors wrote.

mod dataset;
mod flow;
mod history;
mod overview;
mod rules;
mod search;
mod shell;
mod sla;
mod state;
mod types;
mod written;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::Compilation;
use crate::hir::{Checked, Contract};
use crate::project::Project;
use crate::report::page::{CHARTS, PLOT, PLOT_STYLE, STYLE};
use crate::report::past::Past;

/// What the site is made of.
pub struct Catalogue<'a> {
    pub project: &'a Project,
    pub compilation: &'a Compilation,
    /// `None`: there is no ledger, or nobody asked for what it holds.
    pub past: Option<&'a Past>,
    /// Microseconds since 1970 in UTC.
    pub as_of: i64,
}

/// A file of the site.
pub struct File {
    /// Below the site's folder, with `/`.
    pub path: String,
    pub text: Cow<'static, str>,
}

const SITE_STYLE: &str = include_str!("catalogue/assets/site.css");
const SITE_SCRIPT: &str = include_str!("catalogue/assets/site.js");
/// dagre, with its licence at its head.
const GRAPH: &str =
    concat!("/*\n", include_str!("catalogue/assets/vendor/dagre.LICENSE"), "*/\n", include_str!("catalogue/assets/vendor/dagre.min.js"));

/// The whole site. The same project, ledger and clock give the same files.
pub fn site(catalogue: &Catalogue<'_>) -> Vec<File> {
    let book = Book::of(catalogue);
    let mut files = vec![
        File { path: "index.html".into(), text: overview::page(&book).into() },
        File { path: "types.html".into(), text: types::page(&book).into() },
        File { path: "assets/index.js".into(), text: search::index(&book).into() },
        File { path: "assets/site.css".into(), text: format!("{STYLE}{SITE_STYLE}").into() },
        File { path: "assets/site.js".into(), text: SITE_SCRIPT.into() },
        File { path: "assets/charts.js".into(), text: CHARTS.into() },
        File { path: "assets/uplot.js".into(), text: PLOT.into() },
        File { path: "assets/uplot.css".into(), text: PLOT_STYLE.into() },
        File { path: "assets/dagre.js".into(), text: GRAPH.into() },
    ];
    for contract in &book.contracts {
        files.push(File { path: page_of(&contract.dataset), text: dataset::page(&book, contract).into() });
    }
    files
}

/// The page of a dataset, below the site's folder.
fn page_of(dataset: &str) -> String {
    format!("datasets/{}.html", slug(dataset))
}

/// A name as part of a path or an anchor: what is no letter, digit, `_`, `-` or `.` as `~` and its bytes.
fn slug(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => out.push(char::from(byte)),
            _ => out.push_str(&format!("~{byte:02x}")),
        }
    }
    out
}

/// What all pages look up.
struct Book<'a> {
    of: &'a Catalogue<'a>,
    /// Layer by layer as the data flows, then by name.
    contracts: Vec<&'a Contract>,
    written: written::Written<'a>,
    flow: flow::Flow,
    states: BTreeMap<String, state::State>,
}

impl<'a> Book<'a> {
    fn of(catalogue: &'a Catalogue<'a>) -> Self {
        let checked = &catalogue.compilation.checked;
        let layers = catalogue.project.layers();
        let mut contracts: Vec<&Contract> = checked.contracts.iter().collect();
        contracts.sort_by_key(|c| (layers.iter().position(|layer| layer == c.layer()), c.dataset.clone()));
        let states = contracts.iter().map(|c| (c.dataset.clone(), state::of(catalogue, c))).collect();
        Self {
            of: catalogue,
            contracts,
            written: written::Written::of(catalogue.compilation),
            flow: flow::Flow::of(checked),
            states,
        }
    }

    fn checked(&self) -> &'a Checked {
        &self.of.compilation.checked
    }

    fn name(&self) -> &'a str {
        self.of.project.config.name.as_deref().unwrap_or("dqc")
    }

    fn state(&self, dataset: &str) -> &state::State {
        const NONE: &state::State = &state::State::UNKNOWN;
        self.states.get(dataset).unwrap_or(NONE)
    }

    /// In their order; those without a dataset are left out.
    fn layers(&self) -> Vec<(String, Vec<&'a Contract>)> {
        let of = |layer: String| {
            let all: Vec<&Contract> = self.contracts.iter().copied().filter(|c| c.layer() == layer).collect();
            (layer, all)
        };
        self.of.project.layers().into_iter().map(of).filter(|(_, all)| !all.is_empty()).collect()
    }
}

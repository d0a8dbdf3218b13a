//! Telling the editor what is wrong.

use std::collections::BTreeMap;

use lsp_types::{
    CodeDescription, Diagnostic as Told1, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location, NumberOrString,
    PublishDiagnosticsParams, Uri,
};

use crate::diagnostics::{Code, Diagnostic, Severity};
use crate::project::CONFIG_FILE;
use crate::source::SourceMap;

use super::home::Home;
use super::{Server, convert};

/// What was told of a file.
pub(super) type Told = Vec<Told1>;

impl Server<'_> {
    /// Tells of every file about which there is something new.
    pub fn publish(&mut self) {
        let mut out: Vec<(Uri, Option<i32>, Told)> = Vec::new();
        let related = self.abilities.related;
        for home in self.homes.values_mut().filter(|h| h.stale) {
            home.stale = false;
            let touched = std::mem::take(&mut home.touched);
            let now = findings(home, related);
            let mut paths: Vec<&String> = now.keys().chain(home.told.keys()).chain(&touched).collect();
            paths.sort();
            paths.dedup();
            for path in paths {
                let found = now.get(path).cloned().unwrap_or_default();
                let before = home.told.get(path).map_or(&[][..], Vec::as_slice);
                if found == before && !touched.contains(path) {
                    continue;
                }
                let absolute = home.absolute(path);
                let document = self.documents.get(&absolute);
                let uri = document.map(|d| d.uri.clone()).or_else(|| convert::uri_of(&absolute));
                out.extend(uri.map(|uri| (uri, document.map(|d| d.version), found)));
            }
            home.told = now;
        }
        out.into_iter().for_each(|(uri, version, found)| self.tell(uri, version, found));
    }

    pub fn tell(&self, uri: Uri, version: Option<i32>, diagnostics: Told) {
        self.notify("textDocument/publishDiagnostics", PublishDiagnosticsParams { uri, diagnostics, version });
    }
}

fn findings(home: &mut Home, related: bool) -> BTreeMap<String, Told> {
    let mut out: BTreeMap<String, Told> = BTreeMap::new();
    let checked = home.workspace.diagnostics().to_vec();
    let (home, sources) = (&*home, home.workspace.sources());
    for d in checked.iter().chain(&home.tested).chain(&home.unreadable) {
        let path = &sources.get(d.primary.span.file).path;
        if !path.starts_with('<') {
            out.entry(path.clone()).or_default().push(told(home, sources, d, related));
        }
    }
    if let Some((sources, found)) = &home.config {
        let all = found.iter().map(|d| told(home, sources, d, related)).collect();
        out.insert(CONFIG_FILE.to_owned(), all);
    }
    out
}

/// One finding as the protocol has it: what the label, the help and the notes say stands in the message.
pub(super) fn told(home: &Home, sources: &SourceMap, d: &Diagnostic, related: bool) -> Told1 {
    let source = sources.get(d.primary.span.file);
    let mut message = d.message.clone();
    if !d.primary.text.is_empty() {
        message.push_str(&format!("\n{}", d.primary.text));
    }
    for text in d.help.iter().map(|h| format!("help: {h}")).chain(d.notes.iter().map(|n| format!("note: {n}"))) {
        message.push('\n');
        message.push_str(&text);
    }
    let location = |span: crate::source::Span| {
        let source = sources.get(span.file);
        let uri = convert::uri_of(&if source.path.starts_with('<') {
            Home::library_folder().join(source.path.trim_start_matches(crate::resolve::STD_PREFIX))
        } else {
            home.absolute(&source.path)
        })?;
        Some(Location { uri, range: convert::span(source, span) })
    };
    let secondary: Vec<DiagnosticRelatedInformation> = d
        .secondary
        .iter()
        .filter_map(|l| Some(DiagnosticRelatedInformation { location: location(l.span)?, message: l.text.clone() }))
        .collect();
    Told1 {
        range: convert::span(source, d.primary.span),
        severity: Some(match d.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Note => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(d.code.name().to_owned())),
        code_description: None::<CodeDescription>,
        source: Some("dqc".to_owned()),
        message,
        related_information: (related && !secondary.is_empty()).then_some(secondary),
        tags: is_needless(d.code).then(|| vec![DiagnosticTag::UNNECESSARY]),
        data: None,
    }
}

/// What could be deleted without changing anything is shown pale.
fn is_needless(code: Code) -> bool {
    matches!(code.name(), "DQ0503" | "DQ0504")
}

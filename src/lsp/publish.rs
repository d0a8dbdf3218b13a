//! Telling the editor what is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lsp_types::{
    CodeDescription, Diagnostic as Told1, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location, NumberOrString,
    PublishDiagnosticsParams, Uri,
};

use crate::diagnostics::{Code, Diagnostic, Severity};
use crate::project::CONFIG_FILE;
use crate::source::SourceMap;

use super::home::Home;
use super::{Server, convert};

/// What was found in a file, and as it was told.
#[derive(Default)]
pub(super) struct Told {
    found: Vec<Diagnostic>,
    told: Vec<Told1>,
}

/// So many rules are thought about before anything is told; where there are more, what is known at once is told before.
const AT_ONCE: usize = 300;

impl Server<'_> {
    /// Tells of every file about which there is something new. `superseded`: something waits, so that nobody wants to know
    /// any more what takes long to find out.
    pub fn publish(&mut self, superseded: &mut dyn FnMut() -> bool) {
        let roots: Vec<_> = self.homes.iter().filter(|(_, h)| h.stale).map(|(root, _)| root.clone()).collect();
        for root in roots {
            let Some(home) = self.homes.get_mut(&root) else { continue };
            home.stale = false;
            if home.workspace.open_questions() > AT_ONCE {
                home.workspace.diagnostics_so_far();
                self.publish_home(&root);
            }
            let Some(home) = self.homes.get_mut(&root) else { continue };
            if !home.workspace.settle(superseded) {
                home.stale = true;
                continue;
            }
            home.workspace.diagnostics();
            self.publish_home(&root);
        }
    }

    fn publish_home(&mut self, root: &Path) {
        let related = self.abilities.related;
        let Some(home) = self.homes.get_mut(root) else { return };
        let touched = std::mem::take(&mut home.touched);
        let mut before = std::mem::take(&mut home.told);
        let mut now = findings(home, &mut before, related);
        let mut news: BTreeSet<&String> = touched.iter().chain(before.keys()).collect();
        news.extend(now.iter().filter(|(_, (_, new))| *new).map(|(path, _)| path));
        let mut out: Vec<(Uri, Option<i32>, Vec<Told1>)> = Vec::new();
        for path in news {
            let absolute = home.absolute(path);
            let document = self.documents.get(&absolute);
            let uri = document.map(|d| d.uri.clone()).or_else(|| convert::uri_of(&absolute));
            let found = now.get(path).map(|(t, _)| t.told.clone()).unwrap_or_default();
            out.extend(uri.map(|uri| (uri, document.map(|d| d.version), found)));
        }
        home.told = std::mem::take(&mut now).into_iter().map(|(path, (told, _))| (path, told)).collect();
        out.into_iter().for_each(|(uri, version, found)| self.tell(uri, version, found));
    }

    pub fn tell(&self, uri: Uri, version: Option<i32>, diagnostics: Vec<Told1>) {
        self.notify("textDocument/publishDiagnostics", PublishDiagnosticsParams { uri, diagnostics, version });
    }
}

/// By path, with whether it is other than `before`, where only what was told of no file of now is left.
fn findings(home: &mut Home, before: &mut BTreeMap<String, Told>, related: bool) -> BTreeMap<String, (Told, bool)> {
    let changed = home.workspace.take_changed();
    let (home, sources) = (&*home, home.workspace.sources());
    let mut by_path: BTreeMap<&str, Vec<&Diagnostic>> = BTreeMap::new();
    for d in home.workspace.last_diagnostics().iter().chain(&home.tested).chain(&home.unreadable) {
        let path = &sources.get(d.primary.span.file).path;
        if !path.starts_with('<') {
            by_path.entry(path).or_default().push(d);
        }
    }
    let stands = |d: &Diagnostic| {
        let mut files = d.secondary.iter().map(|l| l.span.file).chain([d.primary.span.file]);
        changed.as_ref().is_some_and(|changed| files.all(|f| !changed.contains(&f)))
    };
    let mut out = BTreeMap::new();
    for (path, found) in by_path {
        let last = before.remove(path).unwrap_or_default();
        let same = found.iter().copied().eq(&last.found) && last.found.iter().all(stands);
        let entry = if same {
            (last, false)
        } else {
            let told: Vec<Told1> = found.iter().map(|d| told(home, sources, d, related)).collect();
            let new = told != last.told;
            (Told { found: found.into_iter().cloned().collect(), told }, new)
        };
        out.insert(path.to_owned(), entry);
    }
    if let Some((sources, found)) = &home.config {
        let told: Vec<Told1> = found.iter().map(|d| told(home, sources, d, related)).collect();
        let new = before.remove(CONFIG_FILE).is_none_or(|last| last.told != told);
        out.insert(CONFIG_FILE.to_owned(), (Told { found: Vec::new(), told }, new));
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

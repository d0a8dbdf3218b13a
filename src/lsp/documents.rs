//! What is open in the editor, and what it says of it.

use std::path::{Path, PathBuf};

use lsp_server::Notification;
use lsp_types::{
    DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, DidSaveTextDocumentParams, FileChangeType, TextDocumentContentChangeEvent, Uri,
};
use serde::de::DeserializeOwned;

use crate::project::CONFIG_FILE;
use crate::source::SourceFile;

use super::{Server, convert};

pub(super) struct Document {
    /// As the editor spells it.
    pub uri: Uri,
    pub version: i32,
    pub text: String,
}

impl Server<'_> {
    pub fn notified(&mut self, n: Notification) {
        match n.method.as_str() {
            "textDocument/didOpen" => with(n, |p: DidOpenTextDocumentParams| {
                let Some(path) = convert::path_of(&p.text_document.uri) else { return };
                let d = p.text_document;
                self.documents.insert(path.clone(), Document { uri: d.uri, version: d.version, text: d.text });
                self.text_changed(&path);
            }),
            "textDocument/didChange" => with(n, |p: DidChangeTextDocumentParams| {
                let Some(path) = convert::path_of(&p.text_document.uri) else { return };
                let Some(document) = self.documents.get_mut(&path) else { return };
                document.version = p.text_document.version;
                p.content_changes.into_iter().for_each(|c| change(&mut document.text, c));
                self.text_changed(&path);
            }),
            "textDocument/didClose" => with(n, |p: DidCloseTextDocumentParams| {
                let Some(path) = convert::path_of(&p.text_document.uri) else { return };
                self.documents.remove(&path);
                self.closed(&path, p.text_document.uri);
            }),
            "textDocument/didSave" => with(n, |p: DidSaveTextDocumentParams| {
                let Some(path) = convert::path_of(&p.text_document.uri) else { return };
                self.saved(&path);
            }),
            "workspace/didChangeWatchedFiles" => with(n, |p: DidChangeWatchedFilesParams| {
                for event in p.changes {
                    let Some(path) = convert::path_of(&event.uri) else { continue };
                    self.changed_outside(&path, event.typ == FileChangeType::DELETED);
                }
            }),
            "workspace/didChangeWorkspaceFolders" => with(n, |p: DidChangeWorkspaceFoldersParams| {
                let removed: Vec<PathBuf> = p.event.removed.iter().filter_map(|f| convert::path_of(&f.uri)).collect();
                self.folders.retain(|f| !removed.contains(f));
                self.folders.extend(p.event.added.iter().filter_map(|f| convert::path_of(&f.uri)));
                self.open_folders();
            }),
            _ => {}
        }
    }

    /// Dynamic registration: files that change outside of the editor.
    pub fn watch_files(&mut self) {
        if self.abilities.watches {
            let watchers = serde_json::json!([{ "globPattern": "**/*.dq" }, { "globPattern": format!("**/{CONFIG_FILE}") }]);
            let registration = serde_json::json!({ "registrations": [{
                "id": "dqc-files",
                "method": "workspace/didChangeWatchedFiles",
                "registerOptions": { "watchers": watchers },
            }] });
            self.ask("client/registerCapability", registration);
        }
    }

    fn saved(&mut self, path: &Path) {
        // A run may have come in between.
        let root = self.root_of(path);
        self.read_past(&root);
        if path.file_name().is_some_and(|n| n == CONFIG_FILE) {
            self.changed_outside(path, false);
        }
    }
}

fn with<P: DeserializeOwned>(n: Notification, work: impl FnOnce(P)) {
    // A message that says nothing we know is one of another protocol's version.
    if let Ok(params) = serde_json::from_value(n.params) {
        work(params);
    }
}

fn change(text: &mut String, event: TextDocumentContentChangeEvent) {
    match event.range {
        None => *text = event.text,
        Some(range) => {
            let place = convert::offsets(&SourceFile::new("", text.as_str()), range);
            if text.get(place.clone()).is_some() {
                text.replace_range(place, &event.text);
            }
        }
    }
}

//! The texts of one project, parsed, and what became of them when they last changed.

use std::collections::BTreeMap;

use crate::diagnostics::{Diagnostic, Sink};
use crate::hir::Checked;
use crate::resolve::Names;
use crate::source::{FileId, SourceFile, SourceMap};
use crate::stdlib;
use crate::syntax::{self, ast};

use super::{Past, View};

/// What `dqc.toml` says that matters to an editor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// In their order.
    pub layers: Vec<String>,
    pub channels: Vec<String>,
}

/// A project's texts. A file's id is its place, as in a compilation from scratch: the library, then the paths in order.
pub struct Workspace {
    pub setting: Setting,
    pub past: Past,
    sources: SourceMap,
    trees: Vec<ast::File>,
    /// What parsing found, by file.
    slips: Vec<Vec<Diagnostic>>,
    known: Option<Known>,
}

/// What checking found.
struct Known {
    checked: Checked,
    diagnostics: Vec<Diagnostic>,
}

impl Workspace {
    pub fn new(setting: Setting, files: &BTreeMap<String, String>) -> Self {
        let mut workspace = Workspace {
            setting,
            past: Past::default(),
            sources: SourceMap::default(),
            trees: Vec::new(),
            slips: Vec::new(),
            known: None,
        };
        for (source, parse) in stdlib::files() {
            workspace.add(source.clone(), Some(parse.clone()));
        }
        for (path, text) in files {
            workspace.add(SourceFile::new(path.as_str(), text.as_str()), None);
        }
        workspace
    }

    fn add(&mut self, source: SourceFile, parse: Option<syntax::Parse>) {
        let id = self.sources.add(source);
        let parse = parse.unwrap_or_else(|| syntax::parse(id, &self.sources.get(id).text));
        self.trees.push(parse.file);
        self.slips.push(parse.diagnostics);
    }

    pub fn find(&self, path: &str) -> Option<FileId> {
        self.sources.find(path)
    }

    pub fn sources(&self) -> &SourceMap {
        &self.sources
    }

    /// Gives a file another text, or adds it.
    pub fn set(&mut self, path: &str, text: &str) {
        let Some(id) = self.find(path) else {
            let mut files = self.texts();
            files.insert(path.to_owned(), text.to_owned());
            return self.rebuild(&files);
        };
        if self.sources.get(id).text == text {
            return;
        }
        self.sources.set(id, SourceFile::new(path, text));
        let parse = syntax::parse(id, text);
        let at = id.0 as usize;
        if let (Some(tree), Some(slips)) = (self.trees.get_mut(at), self.slips.get_mut(at)) {
            *tree = parse.file;
            *slips = parse.diagnostics;
        }
        self.known = None;
    }

    pub fn remove(&mut self, path: &str) {
        let mut files = self.texts();
        if files.remove(path).is_some() {
            self.rebuild(&files);
        }
    }

    /// Forgets what checking found, for a change of the setting.
    pub fn set_setting(&mut self, setting: Setting) {
        if self.setting != setting {
            self.setting = setting;
            self.known = None;
        }
    }

    /// The project's own texts by path.
    pub fn texts(&self) -> BTreeMap<String, String> {
        let own = self.sources.iter().skip(stdlib::FILES.len());
        own.map(|(_, file)| (file.path.clone(), file.text.clone())).collect()
    }

    fn rebuild(&mut self, files: &BTreeMap<String, String>) {
        let past = std::mem::take(&mut self.past);
        *self = Workspace { past, ..Workspace::new(std::mem::take(&mut self.setting), files) };
    }

    fn know(&mut self) -> &Known {
        let (trees, sources, layers, slips) = (&self.trees, &self.sources, &self.setting.layers, &self.slips);
        self.known.get_or_insert_with(|| {
            let mut sink = Sink::default();
            sink.extend(slips.iter().flatten().cloned());
            let (checked, sink) = crate::check_trees(trees, sources, layers, sink);
            Known { checked, diagnostics: sink.into_sorted() }
        })
    }

    /// All findings, by file and place.
    pub fn diagnostics(&mut self) -> &[Diagnostic] {
        &self.know().diagnostics
    }

    pub fn checked(&mut self) -> &Checked {
        &self.know().checked
    }

    pub fn view(&mut self) -> View<'_> {
        self.know();
        // What is wrong with names has been told by the check.
        let names = Names::collect(&self.trees, &self.sources, &mut Sink::default());
        static NONE: std::sync::OnceLock<Checked> = std::sync::OnceLock::new();
        View {
            sources: &self.sources,
            trees: &self.trees,
            names,
            checked: self.known.as_ref().map_or_else(|| NONE.get_or_init(Checked::default), |k| &k.checked),
            setting: &self.setting,
            past: &self.past,
        }
    }
}

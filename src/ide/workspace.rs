//! The texts of one project, parsed, and what became of them when they last changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::check::again::{Before, Known, Layout};
use crate::check::{Texts, check_again};
use crate::diagnostics::{Diagnostic, Sink};
use crate::hir::Checked;
use crate::resolve::Names;
use crate::source::{FileId, SourceFile, SourceMap};
use crate::stdlib;
use crate::syntax::again::parse_again;
use crate::syntax::{self, Parse, ast};

use super::{Past, View};

/// So many rules are thought about before somebody is asked whether to go on.
const AT_ONCE: usize = 200;

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
    layouts: Vec<Arc<Layout>>,
    /// Of the texts as they were when somebody last asked.
    known: Option<Known>,
    /// Whether a text or the setting has changed since.
    stale: bool,
    /// All findings, in order; empty until somebody asks.
    diagnostics: Option<Vec<Diagnostic>>,
    /// Files with another text since somebody asked for them; `None`: all of them.
    changed: Option<BTreeSet<FileId>>,
}

impl Workspace {
    pub fn new(setting: Setting, files: &BTreeMap<String, String>) -> Self {
        let mut workspace = Workspace {
            setting,
            past: Past::default(),
            sources: SourceMap::default(),
            trees: Vec::new(),
            slips: Vec::new(),
            layouts: Vec::new(),
            known: None,
            stale: true,
            diagnostics: None,
            changed: None,
        };
        for (source, parse) in stdlib::files() {
            let id = workspace.sources.add(source.clone());
            workspace.put(id, parse.clone());
        }
        let own: Vec<FileId> =
            files.iter().map(|(path, text)| workspace.sources.add(SourceFile::new(path.as_str(), text.as_str()))).collect();
        let read = syntax::parse_all(own.iter().map(|id| (*id, workspace.sources.get(*id).text.as_str())).collect());
        own.into_iter().zip(read).for_each(|(id, parse)| workspace.put(id, parse));
        workspace
    }

    fn put(&mut self, id: FileId, parse: syntax::Parse) {
        self.layouts.push(Arc::new(Layout::of(&parse.file, self.sources.get(id))));
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
        let at = id.0 as usize;
        let old = self.trees.get_mut(at).map(std::mem::take).zip(self.slips.get_mut(at).map(std::mem::take));
        let old = old.map(|(file, diagnostics)| Parse { file, diagnostics }).unwrap_or_default();
        let parse = parse_again(old, &self.sources.get(id).text, text);
        self.sources.set(id, SourceFile::new(path, text));
        let layout = Arc::new(Layout::of(&parse.file, self.sources.get(id)));
        if let (Some(tree), Some(slips), Some(old)) = (self.trees.get_mut(at), self.slips.get_mut(at), self.layouts.get_mut(at)) {
            *tree = parse.file;
            *slips = parse.diagnostics;
            *old = layout;
        }
        self.stale = true;
        self.changed.iter_mut().for_each(|changed| {
            changed.insert(id);
        });
    }

    /// The files that have another text than when this was last asked; `None`: all of them.
    pub fn take_changed(&mut self) -> Option<BTreeSet<FileId>> {
        self.changed.replace(BTreeSet::new())
    }

    pub fn remove(&mut self, path: &str) {
        let mut files = self.texts();
        if files.remove(path).is_some() {
            self.rebuild(&files);
        }
    }

    /// Says what `dqc.toml` says now.
    pub fn set_setting(&mut self, setting: Setting) {
        if self.setting != setting {
            self.setting = setting;
            self.stale = true;
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

    /// Checks what has changed; what is known without data of the pieces that came out new stays open.
    fn know(&mut self) -> &mut Known {
        let (trees, sources, layers) = (&self.trees, &self.sources, &self.setting.layers);
        let before = self.known.take();
        let known = match before {
            Some(known) if !self.stale => known,
            before => {
                let before = before.map_or_else(Before::default, |known| Before::of(known, &self.layouts, layers));
                let mut sink = Sink::default();
                sink.extend(self.slips.iter().flatten().cloned());
                let names = Names::collect(trees, sources, &mut sink);
                self.stale = false;
                self.diagnostics = None;
                check_again(Texts { files: trees, names: &names, sources, layers }, &self.layouts, before, sink)
            }
        };
        self.known.insert(known)
    }

    /// How many rules [`Workspace::diagnostics`] has to think about before it can answer.
    pub fn open_questions(&mut self) -> usize {
        self.know().open_questions()
    }

    /// Thinks about what is open; false where `stop` said so before the end.
    pub fn settle(&mut self, stop: &mut dyn FnMut() -> bool) -> bool {
        let open = self.know().open_questions() > 0;
        if open {
            self.diagnostics = None;
        }
        self.know().settle(AT_ONCE, stop)
    }

    /// The findings that need no more thought: all but what is known without data of new pieces.
    pub fn diagnostics_so_far(&mut self) -> &[Diagnostic] {
        let known = self.know();
        let mut sink = Sink::default();
        sink.extend(known.findings());
        self.diagnostics.insert(sink.into_sorted())
    }

    /// All findings, by file and place.
    pub fn diagnostics(&mut self) -> &[Diagnostic] {
        self.settle(&mut || false);
        if self.diagnostics.is_none() {
            self.diagnostics_so_far();
        }
        self.diagnostics.as_deref().unwrap_or_default()
    }

    /// What was last answered.
    pub fn last_diagnostics(&self) -> &[Diagnostic] {
        self.diagnostics.as_deref().unwrap_or_default()
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

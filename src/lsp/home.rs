//! Projects: where a file belongs, and what the folder says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lsp_types::Uri;

use crate::diagnostics::Diagnostic;
use crate::ide::{Past, Setting, Workspace};
use crate::project::{CONFIG_FILE, Loader, OpenError, Project, Sources, loader};
use crate::source::SourceMap;

use super::publish::Told;
use super::{News, Server, convert};

/// One project, or one file that belongs to none.
pub(super) struct Home {
    pub root: PathBuf,
    /// `None` where `dqc.toml` cannot be read, or for a file by itself.
    pub project: Option<Project>,
    pub workspace: Workspace,
    /// What is wrong with `dqc.toml`.
    pub config: Option<(SourceMap, Vec<Diagnostic>)>,
    /// Files that hold no text, with the reason.
    pub unreadable: Vec<Diagnostic>,
    /// What the tests found that were run last; forgotten with the next change.
    pub tested: Vec<Diagnostic>,
    /// What each test came to, by dataset and title.
    pub outcomes: BTreeMap<(String, String), String>,
    /// Something has changed since findings were told.
    pub stale: bool,
    /// Files to tell of whether or not it is news.
    pub touched: Vec<String>,
    /// By path, what was told last.
    pub told: BTreeMap<String, Told>,
}

impl Home {
    /// A file of the library stands in the file system only while somebody looks at it.
    pub fn library_folder() -> PathBuf {
        std::env::temp_dir().join(format!("dqc-{}-std", env!("CARGO_PKG_VERSION")))
    }

    /// The path of a file of the project in the file system.
    pub fn absolute(&self, path: &str) -> PathBuf {
        if self.is_lone() { self.root.clone() } else { self.root.join(path) }
    }

    pub fn is_lone(&self) -> bool {
        self.project.is_none() && self.config.is_none()
    }

    /// The path of a file as the project knows it.
    pub fn relative(&self, path: &Path) -> Option<String> {
        if self.is_lone() {
            return Some(self.root.to_string_lossy().into_owned());
        }
        loader::relative(&self.root, path)
    }
}

impl Server<'_> {
    /// Projects in the folders that the editor has open.
    pub fn open_folders(&mut self) {
        for folder in self.folders.clone() {
            if folder.join(CONFIG_FILE).is_file() && !self.homes.contains_key(&folder) {
                self.open_home(&folder);
            }
        }
    }

    /// Where a file belongs: the nearest `dqc.toml` above it.
    pub fn root_of(&self, path: &Path) -> PathBuf {
        let above = path.ancestors().skip(1).find(|folder| folder.join(CONFIG_FILE).is_file());
        above.map_or_else(|| path.to_path_buf(), Path::to_path_buf)
    }

    fn open_home(&mut self, root: &Path) {
        let mut home = Home {
            root: root.to_path_buf(),
            project: None,
            workspace: Workspace::new(Setting::default(), &BTreeMap::new()),
            config: None,
            unreadable: Vec::new(),
            tested: Vec::new(),
            outcomes: BTreeMap::new(),
            stale: true,
            touched: Vec::new(),
            told: BTreeMap::new(),
        };
        if root.join(CONFIG_FILE).is_file() {
            match Project::open(root, None) {
                Ok(project) => home.project = Some(project),
                Err(OpenError::Findings(sources, found)) => home.config = Some((sources, found)),
                // Unreadable: the file is shown without what the project says.
                Err(OpenError::Fault(_)) => home.config = Some((SourceMap::default(), Vec::new())),
            }
            self.load(&mut home);
        }
        self.homes.insert(root.to_path_buf(), home);
        self.read_past(root);
    }

    /// Begins to read what is remembered of a project's data, unless somebody does already.
    pub fn read_past(&mut self, root: &Path) {
        let Some(project) = self.homes.get(root).and_then(|h| h.project.clone()) else { return };
        if !self.remembering.insert(root.to_path_buf()) {
            return;
        }
        let (remember, tell, root) = (self.remember, self.tell.clone(), root.to_path_buf());
        std::thread::spawn(move || {
            let past = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| remember(&project))).unwrap_or_default();
            // Nobody listens any more: the server has ended.
            let _ = tell.send(News::Past(root, Box::new(past)));
        });
    }

    /// What was remembered is there.
    pub fn remembered(&mut self, root: &Path, past: Past) {
        self.remembering.remove(root);
        let Some(home) = self.homes.get_mut(root) else { return };
        if home.workspace.past != past {
            home.workspace.past = past;
            if self.abilities.refreshes_lenses {
                self.ask("workspace/codeLens/refresh", ());
            }
        }
    }

    /// The texts of a project: those of the editor, else those of the disk.
    fn load(&self, home: &mut Home) {
        let folder = match &home.project {
            Some(project) => project.loader(),
            None => loader::Folder { root: home.root.clone(), skipped: Default::default() },
        };
        let Ok(sources) = Sources::load(&folder) else { return };
        let (files, unreadable) = sources.into_parts();
        let mut texts: BTreeMap<String, String> = files.into_iter().map(|f| (f.path, f.text)).collect();
        for (path, document) in &self.documents {
            if self.root_of(path) == home.root && is_dq(path) && let Some(path) = home.relative(path) {
                texts.insert(path, document.text.clone());
            }
        }
        let setting = home.project.as_ref().map_or_else(Setting::default, |p| Setting {
            layers: p.layers(),
            channels: p.config.channels.iter().map(|c| c.name.clone()).collect(),
        });
        let past = std::mem::take(&mut home.workspace.past);
        home.workspace = Workspace::new(setting, &texts);
        home.workspace.past = past;
        home.unreadable = Sources::findings(&unreadable, home.workspace.sources());
    }

    pub fn home_of(&mut self, path: &Path) -> Option<&mut Home> {
        if path.starts_with(Home::library_folder()) {
            return None;
        }
        let root = self.root_of(path);
        if !self.homes.contains_key(&root) {
            self.open_home(&root);
        }
        self.homes.get_mut(&root)
    }

    /// After the editor's text of a file has changed.
    pub fn text_changed(&mut self, path: &Path) {
        if !is_dq(path) {
            return;
        }
        let Some(text) = self.documents.get(path).map(|d| d.text.clone()) else { return };
        let Some(home) = self.home_of(path) else { return };
        let Some(relative) = home.relative(path) else { return };
        home.workspace.set(&relative, &text);
        home.tested.clear();
        home.touched.push(relative);
        home.stale = true;
    }

    /// What was typed and not saved is gone: the disk's text counts again.
    pub fn closed(&mut self, path: &Path, uri: Uri) {
        let Some(home) = self.home_of(path) else { return };
        if home.is_lone() {
            let root = home.root.clone();
            self.homes.remove(&root);
            return self.tell(uri, None, Vec::new());
        }
        self.changed_outside(path, false);
    }

    /// A file was written, made or deleted by somebody else.
    pub fn changed_outside(&mut self, path: &Path, deleted: bool) {
        if path.file_name().is_some_and(|n| n == CONFIG_FILE) {
            return self.reopen(path.parent().unwrap_or(path));
        }
        if self.documents.contains_key(path) || !is_dq(path) {
            return;
        }
        let Some(home) = self.home_of(path) else { return };
        let Some(relative) = home.relative(path) else { return };
        let text = if deleted { Err(loader::Unreadable::Missing) } else { loader::read_text(path) };
        let known = home.workspace.find(&relative).is_some();
        match text {
            Ok(text) => {
                let belongs = known || home.project.as_ref().is_some_and(|p| p.loader().list().is_ok_and(|l| l.contains(&relative)));
                if belongs {
                    home.workspace.set(&relative, &text);
                }
            }
            Err(_) => home.workspace.remove(&relative),
        }
        home.stale = true;
    }

    /// `dqc.toml` has come, gone, or changed.
    fn reopen(&mut self, root: &Path) {
        let told = self.homes.remove(root).map(|h| h.told).unwrap_or_default();
        let below: Vec<PathBuf> = self.homes.keys().filter(|k| k.starts_with(root) && self.root_of(k) != **k).cloned().collect();
        for lone in below {
            self.homes.remove(&lone);
        }
        if root.join(CONFIG_FILE).is_file() {
            self.open_home(root);
            if let Some(home) = self.homes.get_mut(root) {
                home.told = told;
            }
        } else {
            for path in told.keys() {
                if let Some(uri) = convert::uri_of(&root.join(path)) {
                    self.tell(uri, None, Vec::new());
                }
            }
            let orphans: Vec<PathBuf> = self.documents.keys().filter(|p| p.starts_with(root)).cloned().collect();
            orphans.iter().for_each(|p| self.text_changed(p));
        }
    }
}

pub(super) fn is_dq(path: &Path) -> bool {
    let name = path.to_string_lossy();
    // An unsaved file has a name without an ending.
    path.extension().is_some_and(|e| e == "dq") || !name.starts_with('/') && name.starts_with("untitled:")
}

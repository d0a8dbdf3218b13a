//! `dqc watch`: checks again whenever a file of the project is saved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use notify::{Event, EventKind, RecursiveMode, Watcher};

use super::context::prefix;
use super::exit::Failure;
use super::findings::{Findings, counted};
use super::{Context, Exit, Outcome};
use crate::diagnostics::Sink;
use crate::fault::{Fault, FaultKind};
use crate::ide::{Setting, Workspace};
use crate::project::{CONFIG_FILE, Folder, Project, Sources};

/// Check again whenever a file of the project is saved
///
/// Reads again only what has changed. Ends with Ctrl-C.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc watch                            beside an editor, in a terminal of its own")]
pub struct Args {}

/// An editor saves with several writes, and several files at once: they are taken together.
const TOGETHER: Duration = Duration::from_millis(100);

pub fn run(context: &Context, _: Args) -> Outcome {
    let root = context.start()?;
    let (tell, events) = channel();
    let broken = |_| Fault::new(FaultKind::Storage, "the system cannot watch files here");
    let mut watcher = notify::recommended_watcher(tell).map_err(broken)?;
    let mut watched: BTreeSet<PathBuf> = BTreeSet::new();
    let mut seen = Seen::default();
    loop {
        let folder = seen.look(context, &root)?;
        let wanted = folders(&folder);
        for gone in watched.difference(&wanted) {
            // A folder that was deleted is not watched any more by itself.
            let _ = watcher.unwatch(gone);
        }
        for new in wanted.difference(&watched) {
            // A folder that cannot be read is one whose files are not read either.
            let _ = watcher.watch(new, RecursiveMode::NonRecursive);
        }
        // What came in between the look and the watch would be missed.
        if !wanted.is_subset(&watched) {
            watched = wanted;
            continue;
        }
        watched = wanted;
        if !wait(&events, &folder) {
            return Ok(Exit::Clean);
        }
    }
}

/// What was read and told last.
#[derive(Default)]
struct Seen {
    texts: BTreeMap<String, String>,
    workspace: Option<Workspace>,
    told: Option<String>,
}

impl Seen {
    /// Reads the project and tells what is wrong, if that is news.
    fn look(&mut self, context: &Context, root: &Path) -> Result<Folder, Failure> {
        let everywhere = Folder { root: root.to_path_buf(), skipped: BTreeSet::new() };
        let project = match Project::open(root, context.global.env.as_deref()) {
            Ok(project) => project,
            Err(error) => {
                let failure = Failure::from(error);
                let told = format!("{failure:?}");
                if self.told.as_ref() != Some(&told) {
                    context.failure(&failure);
                    self.told = Some(told);
                }
                return Ok(everywhere);
            }
        };
        let folder = project.loader();
        let (files, unreadable) = Sources::load(&folder)?.into_parts();
        let texts: BTreeMap<String, String> = files.into_iter().map(|f| (f.path, f.text)).collect();
        let setting = Setting { layers: project.layers(), channels: Vec::new() };
        let workspace = self.workspace.get_or_insert_with(|| Workspace::new(setting.clone(), &texts));
        workspace.set_setting(setting);
        for (path, text) in &texts {
            if self.texts.get(path) != Some(text) {
                workspace.set(path, text);
            }
        }
        for gone in self.texts.keys().filter(|path| !texts.contains_key(*path)) {
            workspace.remove(gone);
        }
        self.texts = texts;
        let mut sink = Sink::default();
        sink.extend(workspace.diagnostics().iter().cloned());
        sink.extend(Sources::findings(&unreadable, workspace.sources()));
        let found = sink.into_sorted();
        let checked = counted(self.texts.len(), "file");
        let shown = Findings { sources: workspace.sources(), found: &found, prefix: &prefix(&project.root), base: "", checked };
        let text = shown.text(context.out, &context.global);
        if self.told.as_ref() != Some(&text) {
            context.print(&text);
            context.log_painted(&context.err.dim("watching; Ctrl-C ends"));
            self.told = Some(text);
        }
        Ok(folder)
    }
}

/// The folders in which a file of the project is, or can come to be.
fn folders(folder: &Folder) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.root.clone()];
    while let Some(next) = open.pop() {
        let inner = std::fs::read_dir(&next).into_iter().flatten().flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
        open.extend(inner.map(|e| e.path()).filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            !name.starts_with('.') && name != "target" && !folder.skipped.contains(path)
        }));
        found.insert(next);
    }
    found
}

/// Until something of the project has changed, and nothing more for a while; false where nobody watches any more.
fn wait(events: &Receiver<notify::Result<Event>>, folder: &Folder) -> bool {
    loop {
        let Ok(event) = events.recv() else { return false };
        if event.is_ok_and(|e| matters(&e, folder)) {
            break;
        }
    }
    // Somebody who writes without end is not waited for longer than this many times.
    for _ in 0..5 {
        match events.recv_timeout(TOGETHER) {
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
    while events.try_recv().is_ok() {}
    true
}

/// Whether an event is of a file that is read, or of a folder; what `dqc` itself writes is neither.
fn matters(event: &Event, folder: &Folder) -> bool {
    let read = |path: &Path| {
        path.extension().is_some_and(|e| e == "dq") || path.file_name().is_some_and(|n| n == CONFIG_FILE)
    };
    let skipped = |path: &Path| folder.skipped.iter().any(|s| path.starts_with(s));
    let structure = matches!(event.kind, EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(notify::event::ModifyKind::Name(_)));
    let access = matches!(event.kind, EventKind::Access(_));
    !access && event.paths.iter().any(|p| !skipped(p) && (read(p) || structure && p.extension().is_none()))
}

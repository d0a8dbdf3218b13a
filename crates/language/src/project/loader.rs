//! Finding and reading `.dq` files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::errors;
use crate::diagnostics::Diagnostic;
use crate::fault::Fault;
use crate::source::{FileId, SourceFile, SourceMap, Span};

/// No `.dq` file is that long; what is has only its name.
pub const MAX_BYTES: u64 = 8 << 20;

/// Why a file gives no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    Missing,
    Denied,
    /// It holds a zero byte.
    Binary,
    /// The line of the first byte that is not UTF-8, from 1.
    NotUtf8(usize),
    /// Its size in bytes.
    TooLarge(u64),
    Failed,
    /// A link that leads to nothing, or around for ever.
    Nowhere,
}

/// Where `.dq` files come from. Paths are relative to the project's folder, with `/`.
pub trait Loader: Sync {
    /// All paths, sorted.
    fn list(&self) -> Result<Vec<String>, Fault>;
    fn read(&self, path: &str) -> Result<String, Unreadable>;
}

/// The texts of a project; an unreadable file is empty and named beside.
#[derive(Debug, Default)]
pub struct Sources {
    pub files: Vec<SourceFile>,
    unreadable: Vec<(String, Unreadable)>,
}

impl Sources {
    pub fn load(loader: &dyn Loader) -> Result<Sources, Fault> {
        let read = |path: String| {
            let (text, why) = match loader.read(&path) {
                Ok(text) => (text, None),
                Err(why) => (String::new(), Some(why)),
            };
            (SourceFile::new(path, text), why)
        };
        let paths = loader.list()?;
        // A few are not worth the threads.
        let read: Vec<_> = if paths.len() < 8 {
            paths.into_iter().map(read).collect()
        } else {
            paths.into_par_iter().map(read).collect()
        };
        let mut sources = Sources::default();
        for (file, why) in read {
            sources.unreadable.extend(why.map(|why| (file.path.clone(), why)));
            sources.files.push(file);
        }
        Ok(sources)
    }

    /// One finding for each file that could not be read; the map holds the files under their ids.
    pub fn findings(unreadable: &[(String, Unreadable)], map: &SourceMap) -> Vec<Diagnostic> {
        let finding = |(path, why): &(String, Unreadable)| {
            let file: FileId = map.find(path)?;
            Some(errors::unreadable(path, Span::new(file, 0, 0), *why))
        };
        unreadable.iter().filter_map(finding).collect()
    }

    /// The texts, and what [`Sources::findings`] needs to know.
    pub fn into_parts(self) -> (Vec<SourceFile>, Vec<(String, Unreadable)>) {
        (self.files, self.unreadable)
    }
}

/// The files below a folder.
#[derive(Clone, Debug)]
pub struct Folder {
    pub root: PathBuf,
    /// Absolute folders that hold data.
    pub skipped: BTreeSet<PathBuf>,
}

impl Loader for Folder {
    fn list(&self) -> Result<Vec<String>, Fault> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![self.root.clone()];
        while let Some(folder) = open.pop() {
            // A link to a folder above would lead around for ever.
            if !folder.canonicalize().is_ok_and(|real| seen.insert(real)) {
                continue;
            }
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(_) if folder == self.root => return Err(errors::unreadable_folder(&folder)),
                Err(_) => continue,
            };
            for entry in entries.flatten() {
                let path = entry.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if name.starts_with('.') {
                    continue;
                }
                let is_dir = match entry.file_type() {
                    Ok(kind) if !kind.is_symlink() => kind.is_dir(),
                    _ => path.is_dir(),
                };
                if is_dir {
                    if name != "target" && !self.skipped.contains(&path) {
                        open.push(path);
                    }
                } else if name.ends_with(".dq") {
                    found.extend(relative(&self.root, &path));
                }
            }
        }
        found.sort();
        Ok(found)
    }

    fn read(&self, path: &str) -> Result<String, Unreadable> {
        read_text(&self.root.join(path))
    }
}

/// With `/`, and `None` for a path that is not below the folder.
pub fn relative(root: &Path, path: &Path) -> Option<String> {
    let parts = path.strip_prefix(root).ok()?.components().map(|part| part.as_os_str().to_string_lossy());
    Some(parts.collect::<Vec<_>>().join("/"))
}

/// The text of a file; a byte order mark is no part of it.
pub fn read_text(path: &Path) -> Result<String, Unreadable> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::PermissionDenied => Unreadable::Denied,
        _ if path.symlink_metadata().is_ok_and(|about| about.is_symlink()) => Unreadable::Nowhere,
        ErrorKind::NotFound => Unreadable::Missing,
        _ => Unreadable::Failed,
    };
    // Looked at before it is opened: to open a pipe waits for whoever writes.
    let about = std::fs::metadata(path).map_err(failed)?;
    if !about.is_file() {
        return Err(Unreadable::Binary);
    }
    if about.len() > MAX_BYTES {
        return Err(Unreadable::TooLarge(about.len()));
    }
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or_default() + 1);
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    text_of(bytes)
}

/// The bytes of a file as text; a byte order mark is no part of it.
pub fn text_of(bytes: Vec<u8>) -> Result<String, Unreadable> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Unreadable::TooLarge(bytes.len() as u64));
    }
    if bytes.contains(&0) {
        return Err(Unreadable::Binary);
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        Unreadable::NotUtf8(good.iter().filter(|&&byte| byte == b'\n').count() + 1)
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text))
}

/// Whether a file at this path, as [`Loader::list`] writes it, is one of a project.
pub fn belongs(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    parts.next().is_some_and(|name| name.ends_with(".dq") && !name.starts_with('.'))
        && parts.all(|folder| !folder.starts_with('.') && folder != "target")
}

/// Texts in memory: for tests, and for an editor's unsaved files.
#[derive(Clone, Debug, Default)]
pub struct Memory(pub BTreeMap<String, String>);

impl Loader for Memory {
    fn list(&self) -> Result<Vec<String>, Fault> {
        Ok(self.0.keys().cloned().collect())
    }

    fn read(&self, path: &str) -> Result<String, Unreadable> {
        self.0.get(path).cloned().ok_or(Unreadable::Missing)
    }
}

//! A project: the folder with a `dqc.toml` and the `.dq` files below it. The only I/O of the front half.

mod config;
pub mod errors;
pub mod loader;
mod toml_tree;
mod veil;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::diagnostics::Diagnostic;
use crate::fault::Fault;
use crate::source::{FileId, SourceFile, SourceMap};

pub use config::{Address, Channel, ChannelKind, Config, Layer, Lineage, Metrics, S3, Secret, read as read_config};
pub use loader::{Folder, Loader, Memory, Sources, Unreadable};

/// The file that makes a folder a project.
pub const CONFIG_FILE: &str = "dqc.toml";

/// How a dataset's files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Delta,
    Parquet,
    Csv,
    /// One JSON object a line.
    Json,
    /// Arrow IPC.
    Arrow,
}

impl Format {
    pub const NAMES: [(&'static str, Format); 5] = [
        ("delta", Format::Delta),
        ("parquet", Format::Parquet),
        ("csv", Format::Csv),
        ("json", Format::Json),
        ("arrow", Format::Arrow),
    ];

    /// As `dqc.toml` and contracts write it.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, format)| *format == self).map_or("parquet", |(name, _)| *name)
    }

    pub fn find(name: &str) -> Option<Format> {
        Self::NAMES.iter().find(|(n, _)| *n == name).map(|(_, format)| *format)
    }
}

/// Where a dataset lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// An absolute path with a closing slash, as a URL: `file:///…/`, `s3://bucket/prefix/`.
    pub url: String,
    pub format: Format,
}

/// A project as one environment sees it.
#[derive(Clone, Debug)]
pub struct Project {
    /// Absolute.
    pub root: PathBuf,
    pub config: Config,
    /// `--env`; `None`: what `dqc.toml` says outside of `[env.…]`.
    pub env: Option<String>,
}

/// Why a project cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    Fault(Fault),
    /// `dqc.toml` is wrong, in these places.
    Findings(SourceMap, Vec<Diagnostic>),
}

impl From<Fault> for OpenError {
    fn from(fault: Fault) -> Self {
        OpenError::Fault(fault)
    }
}

impl Project {
    /// The folder of the nearest `dqc.toml`, from `start` upward.
    pub fn find(start: &Path) -> Result<PathBuf, Fault> {
        let start = start.canonicalize().map_err(|_| errors::no_such_folder(start))?;
        start
            .ancestors()
            .find(|folder| folder.join(CONFIG_FILE).is_file())
            .map(Path::to_path_buf)
            .ok_or_else(|| errors::no_project(&start))
    }

    /// Opens the project in `root`; `env` names one of its `[env.…]`.
    pub fn open(root: &Path, env: Option<&str>) -> Result<Project, OpenError> {
        let root = root.canonicalize().map_err(|_| errors::no_such_folder(root))?;
        let path = root.join(CONFIG_FILE);
        let text = match loader::read_text(&path) {
            Ok(text) => text,
            Err(loader::Unreadable::Missing) => return Err(errors::no_config(&root).into()),
            Err(why) => return Err(errors::unreadable_config(why).into()),
        };
        let (config, found) = read_config(FileId(0), &text, env);
        if !found.is_empty() {
            let mut map = SourceMap::default();
            map.add(SourceFile::new(CONFIG_FILE, veil::veiled(&text)));
            return Err(OpenError::Findings(map, found));
        }
        if let Some(env) = env
            && !config.environments.iter().any(|known| known == env)
        {
            return Err(errors::unknown_environment(env, &config.environments).into());
        }
        Ok(Project { root, config, env: env.map(str::to_string) })
    }

    /// The layers' names in their order.
    pub fn layers(&self) -> Vec<String> {
        self.config.layers.iter().map(|layer| layer.name.clone()).collect()
    }

    /// The `.dq` files of the project.
    pub fn loader(&self) -> Folder {
        let data = self.config.layers.iter().map(|layer| layer.path.as_str());
        let own = [self.config.quarantine.as_deref(), self.config.ledger.as_deref()].into_iter().flatten();
        let skipped = data.chain(own).filter_map(|path| self.local(path)).filter(|path| *path != self.root);
        Folder { root: self.root.clone(), skipped: skipped.collect() }
    }

    /// Where a dataset lives: below its layer, or where its contract says (`at`, `format`), relative to the layer.
    pub fn place(&self, dataset: &str, at: Option<&str>, format: Option<&str>) -> Result<Place, Fault> {
        let (name, rest) = dataset.split_once('.').unwrap_or((dataset, ""));
        let layer = self.config.layers.iter().find(|layer| layer.name == name);
        let layer = layer.ok_or_else(|| errors::no_such_layer(dataset, name, &self.layers()))?;
        let format = match format {
            Some(name) => Format::find(name).ok_or_else(|| errors::unknown_format(dataset, name))?,
            None => layer.format,
        };
        let below = at.map_or_else(|| rest.replace('.', "/"), str::to_string);
        let url = if is_absolute(&below) {
            self.url(&below)
        } else {
            self.url(&format!("{}/{below}", layer.path.trim_end_matches('/')))
        };
        Ok(Place { url, format })
    }

    /// Where held rows of a dataset go: always a Delta table.
    pub fn quarantine(&self, dataset: &str) -> Result<Place, Fault> {
        let path = self.config.quarantine.as_deref().ok_or_else(errors::no_quarantine)?;
        Ok(Place { url: self.url(&format!("{path}/{}", dataset.replace('.', "/"))), format: Format::Delta })
    }

    /// Where the ledger's tables live, as a URL with a closing slash.
    pub fn ledger(&self) -> Result<String, Fault> {
        self.config.ledger.as_deref().map(|path| self.url(path)).ok_or_else(errors::no_ledger)
    }

    /// A path of `dqc.toml`, or of the command line, as an absolute URL with a closing slash.
    pub fn url(&self, path: &str) -> String {
        folder_url(&self.root, path)
    }

    /// The folder that a path means, if it is one of this machine.
    fn local(&self, path: &str) -> Option<PathBuf> {
        let path = path.strip_prefix("file://").unwrap_or(path);
        (!path.contains("://")).then(|| clean(&self.root.join(path)))
    }
}

fn is_absolute(path: &str) -> bool {
    path.contains("://") || path.starts_with('/')
}

/// An absolute URL with a closing slash; a path is relative to `base`.
pub fn folder_url(base: &Path, path: &str) -> String {
    let url = match path.split_once("://") {
        Some(("file", local)) => file_url(Path::new(local)),
        Some(_) => path.to_string(),
        None => file_url(&clean(&base.join(path))),
    };
    format!("{}/", url.trim_end_matches('/'))
}

/// What RFC 3986 lets a path hold is kept, all else is percent-encoded.
fn file_url(path: &Path) -> String {
    let mut url = String::from("file://");
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' | b'=' | b'@' | b',' | b'+' => {
                url.push(char::from(byte));
            }
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

/// The path without `.` and `..`, by its letters alone: the folder need not exist.
fn clean(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

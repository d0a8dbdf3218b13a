//! An earlier state of the project: of git, or in a folder.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::fault::Fault;
use crate::project::loader::{belongs, text_of};
use crate::project::{CONFIG_FILE, Folder, Loader, Project, Sources, Unreadable, read_config};
use crate::source::FileId;

/// The texts of another state, and the layers that it had.
pub struct Earlier {
    pub sources: Sources,
    pub layers: Vec<String>,
}

impl Earlier {
    /// `name` is what git understands (a branch, a tag, a commit), else a folder; one that begins like a path is always
    /// a folder.
    pub fn load(project: &Project, name: &str) -> Result<Earlier, Fault> {
        let folder = Path::new(name);
        if name.starts_with('.') && folder.is_dir() || folder.is_absolute() {
            return Self::of_folder(project, folder);
        }
        let git = Git { root: &project.root };
        if git.knows(name) {
            return Self::of_revision(project, &git, name);
        }
        if folder.is_dir() {
            return Self::of_folder(project, folder);
        }
        if git.run(&["rev-parse", "--git-dir"]).is_none() {
            return Err(Fault::usage(format!("there is no folder `{name}`, and the project is in no git repository"))
                .with_help("name a folder that holds an earlier state of the project"));
        }
        Err(Fault::usage(format!("git knows no revision `{name}`, and there is no such folder"))
            .with_help("name a branch, a tag, a commit or a folder; in CI, fetch its history first"))
    }

    fn of_folder(project: &Project, folder: &Path) -> Result<Earlier, Fault> {
        let root = folder.canonicalize().map_err(|_| Fault::usage(format!("there is no folder `{}`", folder.display())))?;
        // What is wrong in its dqc.toml is no matter of today: the files count.
        let other = Project::open(&root, None).ok();
        let loader = other.as_ref().map_or(Folder { root, skipped: Default::default() }, Project::loader);
        let layers = other.map_or_else(|| project.layers(), |other| other.layers());
        Ok(Earlier { sources: Sources::load(&loader)?, layers })
    }

    fn of_revision(project: &Project, git: &Git, name: &str) -> Result<Earlier, Fault> {
        let files = git.files(name).ok_or_else(|| Fault::usage(format!("git cannot read the files of `{name}`")))?;
        let config = files.get(CONFIG_FILE).cloned().and_then(|bytes| text_of(bytes).ok());
        let read = config.map(|text| read_config(FileId(0), &text, None)).filter(|(_, found)| found.is_empty());
        let (root, skipped) = (project.root.clone(), project.loader().skipped);
        let (layers, skipped) = match read {
            Some((config, _)) => {
                let other = Project { root, config, env: None };
                (other.layers(), other.loader().skipped)
            }
            None => (project.layers(), skipped),
        };
        let files = files.into_iter().filter(|(path, _)| {
            let real = project.root.join(path);
            belongs(path) && !skipped.iter().any(|folder| real.starts_with(folder))
        });
        Ok(Earlier { sources: Sources::load(&Blobs(files.collect()))?, layers })
    }
}

/// Bytes by path.
struct Blobs(BTreeMap<String, Vec<u8>>);

impl Loader for Blobs {
    fn list(&self) -> Result<Vec<String>, Fault> {
        Ok(self.0.keys().cloned().collect())
    }

    fn read(&self, path: &str) -> Result<String, Unreadable> {
        text_of(self.0.get(path).cloned().ok_or(Unreadable::Missing)?)
    }
}

struct Git<'a> {
    root: &'a Path,
}

impl Git<'_> {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.root).args(args).stderr(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Option<Vec<u8>> {
        let output = self.command(args).output().ok()?;
        output.status.success().then_some(output.stdout)
    }

    fn knows(&self, name: &str) -> bool {
        // A name that starts with a dash would be read as an option.
        !name.starts_with('-')
            && self.run(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]).is_some()
    }

    /// The `.dq` files and the `dqc.toml` below the project's folder, read by one process.
    fn files(&self, revision: &str) -> Option<BTreeMap<String, Vec<u8>>> {
        let list = self.run(&["ls-tree", "-r", "-z", revision])?;
        let entry = |line: &[u8]| {
            let line = String::from_utf8_lossy(line).into_owned();
            let (about, path) = line.split_once('\t')?;
            let mut about = about.split(' ');
            let (mode, object) = (about.next()?.to_owned(), about.nth(1)?.to_owned());
            (belongs(path) || path == CONFIG_FILE).then(|| (mode, object, path.to_owned()))
        };
        let entries: Vec<_> = list.split(|byte| *byte == 0).filter_map(entry).collect();
        let blobs = self.blobs(entries.iter().map(|(_, object, _)| object.as_str()))?;
        let (links, plain): (Vec<_>, Vec<_>) =
            entries.into_iter().zip(blobs).partition(|((mode, ..), _)| mode == "120000");
        let mut files: BTreeMap<String, Vec<u8>> = plain.into_iter().map(|((_, _, path), blob)| (path, blob)).collect();
        for ((_, _, path), target) in links {
            let target = PathBuf::from(String::from_utf8_lossy(&target).into_owned());
            let blob = beside(&path, &target).and_then(|real| files.get(&real).cloned());
            files.extend(blob.map(|blob| (path, blob)));
        }
        Some(files)
    }

    fn blobs<'o>(&self, objects: impl Iterator<Item = &'o str>) -> Option<Vec<Vec<u8>>> {
        let asked: Vec<&str> = objects.collect();
        let mut child =
            self.command(&["cat-file", "--batch"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let (mut input, names) = (child.stdin.take()?, asked.join("\n") + "\n");
        // Written beside the reading: neither waits for the other's full pipe.
        let writer = std::thread::spawn(move || input.write_all(names.as_bytes()));
        let output = child.wait_with_output().ok()?.stdout;
        let _ = writer.join();
        let mut rest = output.as_slice();
        let mut found = Vec::with_capacity(asked.len());
        for _ in asked {
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let size = std::str::from_utf8(rest.get(..end)?).ok()?.rsplit(' ').next()?.parse::<usize>().ok()?;
            found.push(rest.get(end + 1..end + 1 + size)?.to_vec());
            rest = rest.get(end + 2 + size..)?;
        }
        Some(found)
    }
}

/// Where a link at `path` leads, if it stays within the project.
fn beside(path: &str, target: &Path) -> Option<String> {
    use std::path::Component;
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_within_the_project() {
        assert_eq!(beside("silver/a.dq", Path::new("../shared/./m.dq")).as_deref(), Some("shared/m.dq"));
        assert_eq!(beside("a.dq", Path::new("../m.dq")), None);
        assert_eq!(beside("a.dq", Path::new("/etc/passwd")), None);
    }
}

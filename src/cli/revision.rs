//! An earlier state of the project, from git.

use std::path::Path;
use std::process::Command;

use crate::fault::Fault;
use crate::project::{Loader, Unreadable};

/// The `.dq` files of a project as they were in a revision.
pub struct Revision<'a> {
    pub root: &'a Path,
    /// A branch, a tag, a commit: what git understands.
    pub name: &'a str,
}

impl Revision<'_> {
    fn git(&self, args: &[&str]) -> Option<Vec<u8>> {
        let output = Command::new("git").arg("-C").arg(self.root).args(args).output().ok()?;
        output.status.success().then_some(output.stdout)
    }
}

impl Loader for Revision<'_> {
    fn list(&self) -> Result<Vec<String>, Fault> {
        if self.git(&["rev-parse", "--git-dir"]).is_none() {
            return Err(Fault::usage("`--against` needs git, and the project is not in a git repository"));
        }
        let commit = format!("{}^{{commit}}", self.name);
        // A name that starts with a dash would be read as an option.
        let known = !self.name.starts_with('-') && self.git(&["rev-parse", "--verify", "--quiet", &commit]).is_some();
        if !known {
            return Err(Fault::usage(format!("git knows no revision `{}`", self.name))
                .with_help("name a branch, a tag or a commit; in CI, fetch its history first"));
        }
        let list = self.git(&["ls-tree", "-r", "-z", "--name-only", self.name]).unwrap_or_default();
        let names = list.split(|byte| *byte == 0).map(|name| String::from_utf8_lossy(name).into_owned());
        Ok(names.filter(|name| name.ends_with(".dq")).collect())
    }

    fn read(&self, path: &str) -> Result<String, Unreadable> {
        let bytes = self.git(&["show", &format!("{}:./{path}", self.name)]).ok_or(Unreadable::Missing)?;
        String::from_utf8(bytes).map_err(|_| Unreadable::NotUtf8(1))
    }
}

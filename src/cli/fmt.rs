//! `dqc fmt`: one way to lay out a contract.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::check::replace;
use super::context::prefix;
use super::findings::counted;
use super::{Context, Exit, Failure, Outcome};
use crate::fault::Fault;
use crate::project::{Folder, Loader, loader};

/// Lay out .dq files in the one common way
///
/// Comments stay where they are, and nothing of the meaning changes. What cannot be read is left as it is.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc fmt                              every file of the project
  dqc fmt silver/orders.dq
  dqc fmt --check                      change nothing; exit 1 if a file is laid out otherwise
  dqc fmt - < orders.dq                from stdin to stdout, for editors")]
pub struct Args {
    /// Files or folders; `-` reads stdin [default: the project]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only say which files would change
    #[arg(long)]
    check: bool,
}

pub fn run(context: &Context, args: Args) -> Outcome {
    if args.paths.iter().any(|path| path.as_os_str() == "-") {
        return stdin(context, args.check);
    }
    let mut changed = Vec::new();
    let mut failed = 0;
    let files = files(context, &args.paths)?;
    for (shown, path) in &files {
        let text = match loader::read_text(path) {
            Ok(text) => text,
            Err(_) => {
                failed += 1;
                context.log(&format!("{shown}: cannot be read; `dqc check` says why"));
                continue;
            }
        };
        let formatted = crate::format::format(&text);
        if formatted.broken {
            context.log(&format!("{shown}: what cannot be read is left as it is; `dqc check` says why"));
        }
        if formatted.text != text {
            if !args.check {
                replace(path, &formatted.text)?;
            }
            changed.push(shown);
        }
    }
    let list: String = changed.iter().map(|shown| format!("{shown}\n")).collect();
    context.print(&list);
    let verb = if args.check { "would change" } else { "changed" };
    context.log(&format!("{verb} {} of {}", changed.len(), counted(files.len(), "file")));
    Ok(if failed > 0 || args.check && !changed.is_empty() { Exit::Findings } else { Exit::Clean })
}

fn stdin(context: &Context, check: bool) -> Outcome {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(loader::MAX_BYTES).read_to_string(&mut text);
    read.map_err(|_| Fault::usage("stdin is not UTF-8 text"))?;
    let formatted = crate::format::format(&text).text;
    if check {
        return Ok(if formatted == text { Exit::Clean } else { Exit::Findings });
    }
    context.print(&formatted);
    Ok(Exit::Clean)
}

/// As they are named to people, and where they are.
fn files(context: &Context, paths: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, Failure> {
    if paths.is_empty() {
        let project = context.project()?;
        let prefix = prefix(&project.root);
        let list = project.loader().list()?;
        return Ok(list.into_iter().map(|file| (format!("{prefix}{file}"), project.root.join(file))).collect());
    }
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() {
            let folder = Folder { root: path.clone(), skipped: Default::default() };
            all.extend(folder.list()?.into_iter().map(|file| named(path.join(file))));
        } else if path.is_file() {
            all.push(named(path.clone()));
        } else {
            return Err(Fault::usage(format!("there is no file or folder `{}`", path.display())).into());
        }
    }
    Ok(all)
}

fn named(path: PathBuf) -> (String, PathBuf) {
    let shown = path.strip_prefix(Path::new(".")).unwrap_or(&path).display().to_string();
    (shown, path)
}

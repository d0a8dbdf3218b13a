//! `dqc docs`: the data catalogue as a static site.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

use super::check::compile;
use super::findings::{counted, does_not_compile};
use super::{Context, Exit, Outcome, engine};
use crate::catalogue::{Catalogue, File, site};
use crate::fault::{Fault, FaultKind};

/// Write the project's data catalogue: a static site with every dataset, column, rule and service level
///
/// Shows how data flows, what rules ask in words, and what came of the batches by the ledger, with a search. It opens from
/// a folder or from any server and loads nothing from elsewhere. Values of personal columns are not in it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc docs                             into the folder `site` of the project
  dqc docs --out public --env prod     for GitLab Pages, with the history of production
  dqc docs --no-history                of the contracts alone")]
pub struct Args {
    /// The site's folder [default: `site` in the project's]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Leave out what the ledger tells
    #[arg(long)]
    no_history: bool,
}

/// Lists what an earlier `dqc docs` wrote, so that nothing else is ever taken away.
const LIST: &str = "dqc-docs.txt";

pub fn run(context: &Context, args: Args) -> Outcome {
    let project = context.project()?;
    let compilation = compile(&project)?;
    if let Some(exit) = does_not_compile(context, &project, &compilation) {
        return Ok(exit);
    }
    let past = if args.no_history { None } else { engine::past(&project, context.now())? };
    let catalogue = Catalogue { project: &project, compilation: &compilation, past: past.as_ref(), as_of: context.now() };
    let files = site(&catalogue);
    let folder = args.out.unwrap_or_else(|| project.root.join("site"));
    write(&folder, &files)?;
    let checked = &compilation.checked;
    let columns = checked.contracts.iter().map(|c| c.columns.len()).sum();
    let what = [counted(checked.contracts.len(), "dataset"), counted(columns, "column")].join(", ");
    context.log(&format!("{what}: {}", folder.join("index.html").display()));
    Ok(Exit::Clean)
}

/// Writes the files and takes away those of an earlier site that are none of this one.
fn write(folder: &Path, files: &[File]) -> Result<(), Fault> {
    let cannot = |path: &Path| Fault::new(FaultKind::Permission, format!("`{}` cannot be written", path.display()));
    std::fs::create_dir_all(folder).map_err(|_| cannot(folder))?;
    let earlier: BTreeSet<String> =
        std::fs::read_to_string(folder.join(LIST)).unwrap_or_default().lines().map(str::to_owned).collect();
    for file in files {
        let path = folder.join(&file.path);
        if path.exists() && !earlier.contains(&file.path) {
            return Err(Fault::usage(format!("`{}` is there and is not of an earlier `dqc docs`", path.display()))
                .with_help("name another folder with `--out`, or take it away"));
        }
    }
    // The list first, of both sites: what is broken off in the middle can be written again.
    let now: BTreeSet<String> = files.iter().map(|file| file.path.clone()).collect();
    put(&folder.join(LIST), &lines(earlier.union(&now))).map_err(|_| cannot(&folder.join(LIST)))?;
    for file in files {
        let path = folder.join(&file.path);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| put(&path, &file.text)).map_err(|_| cannot(&path))?;
    }
    for gone in earlier.difference(&now).filter(|path| is_ours(path)) {
        let _ = std::fs::remove_file(folder.join(gone));
    }
    put(&folder.join(LIST), &lines(now.iter())).map_err(|_| cannot(&folder.join(LIST)))
}

fn lines<'a>(paths: impl Iterator<Item = &'a String>) -> String {
    paths.map(|path| format!("{path}\n")).collect()
}

/// Whether a listed path can be one that `dqc docs` wrote: a page of a dataset, in this folder.
fn is_ours(path: &str) -> bool {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    plain && path.starts_with("datasets/") && path.ends_with(".html")
}

/// In one step, so that a reader never sees half a page.
fn put(path: &Path, text: &str) -> std::io::Result<()> {
    if std::fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let draft = path.with_file_name(name);
    let mut file = std::fs::File::create(&draft)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&draft, path)
}

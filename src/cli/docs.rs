//! `dqc docs`: the data catalogue as a static site.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::check::compile;
use super::findings::does_not_compile;
use super::run::runtime;
use super::{Context, Exit, Outcome};
use crate::catalogue::{Material, Page, Past, site};
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::project::Project;
use crate::report::numbers::counted;
use crate::storage::Storage;

/// Names the files that the command wrote; nothing else in the folder is ever touched.
const MARK: &str = ".dqc-docs";

/// Write the project's data catalogue as a static site
///
/// Datasets by layer with their columns, types, words, owners, rules and service levels; where each comes from, as a
/// graph; what became of its batches, from the ledger; a search over all of it. The site needs no server and nothing
/// from elsewhere: open index.html, or publish the folder. It holds no values of personal columns.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc docs                             into the folder site
  dqc docs --output public             where GitLab Pages looks
  dqc docs --env prod                  with the history of that environment
  dqc docs --without-history           from the contracts alone, with no storage at hand

Exit codes: 0 written, 3 a contract does not compile, 20 the ledger could not be read.")]
pub struct Args {
    /// The folder to write into; it must be empty, new, or written by this command
    #[arg(short, long, value_name = "DIR", default_value = "site")]
    output: PathBuf,
    /// Leave the ledger alone: no state, no history
    #[arg(long)]
    without_history: bool,
}

pub fn run(context: &Context, args: Args) -> Outcome {
    let project = context.project()?;
    let compilation = compile(&project)?;
    if let Some(exit) = does_not_compile(context, &project, &compilation) {
        return Ok(exit);
    }
    let earlier = earlier(&args.output)?;
    let past = if args.without_history { None } else { Some(past(context, &project)?) };
    let layers = project.layers();
    let pages = site(&Material {
        project: project.config.name.as_deref().unwrap_or("data catalogue"),
        env: project.env.as_deref(),
        layers: &layers,
        checked: &compilation.checked,
        sources: &compilation.sources,
        now: context.now(),
        past: past.as_ref(),
    });
    write(&args.output, &pages, &earlier)?;
    let datasets = counted(compilation.checked.contracts.len() as u64, "dataset");
    let first = args.output.join("index.html");
    context.print(&format!("{} describes {datasets}\n", first.display()));
    Ok(Exit::Clean)
}

/// What the ledger knows up to the clock.
fn past(context: &Context, project: &Project) -> Result<Past, Fault> {
    let url = project.ledger()?;
    let storage = Storage::of(project)?;
    let now = context.now();
    let ledger = Ledger::new(&url, &storage, now);
    runtime()?.block_on(async {
        let mut batches = ledger.every_batch(None).await?;
        batches.retain(|batch| batch.as_of <= now);
        let names: BTreeSet<String> = batches.iter().map(|batch| batch.dataset.clone()).collect();
        let mut results = Vec::new();
        for name in names {
            let found = ledger.results_of(&name).await?;
            results.extend(found.into_iter().filter(|r| r.as_of <= now).map(|result| (name.clone(), result)));
        }
        Ok(Past { batches, results, levels: ledger.sla_states().await? })
    })
}

/// The files that an earlier call wrote.
///
/// # Errors
/// The folder holds something, and this command did not write it.
fn earlier(folder: &Path) -> Result<BTreeSet<String>, Fault> {
    if let Ok(text) = std::fs::read_to_string(folder.join(MARK)) {
        return Ok(text.lines().filter(|path| is_ours(path)).map(str::to_owned).collect());
    }
    let is_empty = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if is_empty {
        return Ok(BTreeSet::new());
    }
    Err(Fault::usage(format!("`{}` holds something that `dqc docs` did not write", folder.display()))
        .with_help("name an empty folder with `--output`, or one that does not exist yet"))
}

/// Only what the command could have written is removed, whatever the list says.
fn is_ours(path: &str) -> bool {
    let name = path.strip_prefix("dataset/").or(path.strip_prefix("assets/")).unwrap_or(path);
    !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.')
}

fn write(folder: &Path, pages: &[Page], earlier: &BTreeSet<String>) -> Result<(), Fault> {
    let unwritable = |path: &Path| Fault::usage(format!("`{}` cannot be written", path.display()));
    for below in ["", "dataset", "assets"] {
        let path = folder.join(below);
        std::fs::create_dir_all(&path).map_err(|_| unwritable(&path))?;
    }
    // The list first: what is begun and not ended is taken up by the next call.
    let now: BTreeSet<String> = pages.iter().map(|page| page.path.clone()).collect();
    let list: String = now.union(earlier).map(|path| format!("{path}\n")).collect();
    let put = |below: &str, text: &str| {
        let path = folder.join(below);
        std::fs::write(&path, text).map_err(|_| unwritable(&path))
    };
    put(MARK, &list)?;
    for page in pages {
        put(&page.path, &page.text)?;
    }
    for gone in earlier.difference(&now) {
        let path = folder.join(gone);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unwritable(&path)),
            _ => {}
        }
    }
    put(MARK, &now.iter().map(|path| format!("{path}\n")).collect::<String>())
}

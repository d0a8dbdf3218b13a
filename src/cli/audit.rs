//! `dqc audit`: judges data against a contract, and moves nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Compilation;
use crate::cli::check::compile;
use crate::cli::context::prefix;
use crate::cli::findings::does_not_compile;
use crate::cli::reports::{Form, Reports};
use crate::cli::run::runtime;
use crate::cli::{Context, Exit, Outcome};
use crate::diagnostics::suggest;
use crate::fault::Fault;
use crate::hir::Contract;
use crate::ir::{Format, Input, Place, Plan, lower};
use crate::lake::batch;
use crate::ledger::Ledger;
use crate::lake::store::Storage;
use crate::project::{Project, folder_url};
use crate::report::json;
use crate::report::judged::Judged;
use crate::report::text::{Fate, Printer, quoted};
use crate::run::history::History;
use crate::run::{BatchVerdict, Job, Report};

/// Judge data against a contract, and move nothing
///
/// Reads files, or a table, and says what the contract's rules make of them: the same verdicts, counts and rows as in a
/// run. Nothing is written.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc audit silver.orders              the dataset where it lives
  dqc audit bronze.orders --data ~/Downloads/orders.parquet
  dqc audit bronze.orders --data exports/2026-11 --format json
  dqc audit bronze.orders --data s3://acme-bronze/orders/day=2026-11-21/part-0.csv.gz
  dqc audit silver.orders --at-version 41

Exit codes: 0 the data meets its contract, or breaks it within what it allows; 10 it would be blocked.")]
pub struct Args {
    /// The contract, as `silver.orders`
    #[arg(value_name = "CONTRACT")]
    contract: String,
    /// A file, a folder or a table [default: where the dataset lives]
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// The version of a Delta table [default: the newest]
    #[arg(long, value_name = "N")]
    at_version: Option<i64>,
    /// How the report is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Form,
    /// Put the report into this file too: .html, .xml (JUnit) or .jsonl; can be given several times
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
    /// How many rows the report shows for each broken rule
    #[arg(long, value_name = "N", default_value_t = 5)]
    samples: usize,
    /// Look at every row, also where the files' statistics already decide a rule
    #[arg(long)]
    no_proofs: bool,
}

pub fn run(context: &Context, args: Args) -> Outcome {
    let project = context.project()?;
    let compilation = compile(&project)?;
    if let Some(exit) = does_not_compile(context, &project, &compilation) {
        return Ok(exit);
    }
    let of = Subject { project: &project, compilation: &compilation, contract: &args.contract, data: args.data.as_deref() };
    let storage = Storage::of(&project)?;
    let mut reports = Reports::new("dqc audit", &project, &compilation, args.format, &args.report, context.now())?;
    let (shown, dataset, report) = runtime()?.block_on(async {
        let found = of.find(&storage, args.at_version).await?;
        // A project without a ledger has no past; rules that need one say so.
        let history = match &project.config.ledger {
            Some(_) => {
                let url = project.ledger()?;
                let ledger = Ledger::new(&url, &storage, context.now());
                let mut history = ledger.history(&found.plan.dataset).await?;
                history.salt = ledger.salt(false).await?;
                history
            }
            None => History::default(),
        };
        let report = judge(context, &found.plan, &storage, &found.input, &found.datasets, &history, reports.draw_pages(), &args).await?;
        Ok::<_, Fault>((found.shown, found.plan.dataset, report))
    })?;
    let again = format!("dqc audit {}", quoted(&args.contract));
    reports.keep(|| Judged::new(&shown, &dataset, &Fate::Audited, Some(&report), &again));
    match args.format {
        Form::Text => {
            let prefix = prefix(&project.root);
            let mut printer = Printer::new(&compilation.sources, context.out, &prefix, context.global.verbose);
            context.print(&printer.batch(&shown, &dataset, &Fate::Audited, Some(&report), &again));
        }
        Form::Json => context.print(&json::line(&report)),
        Form::Junit | Form::Html => context.print(&reports.printed().unwrap_or_default()),
    }
    reports.write()?;
    Ok(if report.verdict == BatchVerdict::Blocked { Exit::Blocked } else { Exit::Clean })
}

/// The data that a command names, and the contract that it is held against.
pub struct Subject<'a> {
    pub project: &'a Project,
    pub compilation: &'a Compilation,
    pub contract: &'a str,
    pub data: Option<&'a Path>,
}

pub struct Found {
    pub plan: Plan,
    pub input: Input,
    pub datasets: BTreeMap<String, Input>,
    /// The data, as the command named it.
    pub shown: String,
}

impl Subject<'_> {
    pub async fn find(&self, storage: &Storage, version: Option<i64>) -> Result<Found, Fault> {
        let (project, compilation) = (self.project, self.compilation);
        let contract = contract(compilation, self.contract)?;
        let plan = lower::audit(&compilation.checked, &compilation.sources, &contract.dataset)
            .ok_or_else(|| Fault::internal(format!("`{}` has no plan", contract.dataset)))?;
        let own = project.place(&contract.dataset, contract.at.as_deref(), contract.format.as_deref())?;
        let (place, only) = self.data.map_or(Ok((own.clone(), None)), |path| place_of(path, own.format))?;
        let shown = self.data.map_or_else(|| contract.dataset.clone(), |path| path.display().to_string());
        let mut input = input(place, storage, version).await?.ok_or_else(|| no_data(&shown))?;
        if let Some(name) = only {
            input.files.retain(|file| file.path == name);
        }
        if input.files.is_empty() && input.version.is_none() {
            return Err(no_data(&shown));
        }
        let datasets = datasets(project, compilation, &plan, storage).await?;
        Ok(Found { plan, input, datasets, shown })
    }
}

#[allow(clippy::too_many_arguments)]
async fn judge(
    context: &Context,
    plan: &Plan,
    storage: &Storage,
    input: &Input,
    datasets: &BTreeMap<String, Input>,
    history: &History,
    pictures: bool,
    args: &Args,
) -> Result<Report, Fault> {
    let job = Job {
        plan,
        storage,
        input,
        datasets,
        table: None,
        history: Some(history),
        batch: None,
        as_of: context.now(),
        memory: context.global.memory,
        proofs: !args.no_proofs,
        samples: args.samples,
        pictures,
        progress: None,
    };
    crate::run::judge(&job, None).await
}

/// Those that a rule may read, pinned; one that is not there yet is left out.
async fn datasets(
    project: &Project,
    compilation: &Compilation,
    plan: &Plan,
    storage: &Storage,
) -> Result<BTreeMap<String, Input>, Fault> {
    let text = serde_json::to_string(&plan.rules).unwrap_or_default();
    let mut found = BTreeMap::new();
    for other in compilation.checked.contracts.iter().filter(|c| text.contains(&c.dataset)) {
        let place = project.place(&other.dataset, other.at.as_deref(), other.format.as_deref())?;
        if let Some(input) = batch::whole(&place, storage).await? {
            found.insert(other.dataset.clone(), input);
        }
    }
    Ok(found)
}

/// The contract of this name.
pub fn contract<'a>(compilation: &'a Compilation, name: &str) -> Result<&'a Contract, Fault> {
    compilation.checked.contract(name).ok_or_else(|| {
        let fault = Fault::usage(format!("there is no contract `{name}`"));
        let names = || compilation.checked.contracts.iter().map(|c| c.dataset.as_str());
        match suggest::nearest_help(name, names()) {
            Some(near) => fault.with_help(near),
            None => fault.with_help(format!("there are {}", suggest::list(names()))),
        }
    })
}

/// The files at a place. What lies behind a URL is known once it is looked at: a table, or files of one format.
pub(super) async fn input(place: Place, storage: &Storage, version: Option<i64>) -> Result<Option<Input>, Fault> {
    if let Some(version) = version {
        if place.format != Format::Delta {
            return Err(Fault::usage("only a Delta table has versions").with_help("leave out `--at-version`"));
        }
        return batch::at_version(&place, storage, version).await;
    }
    let found = batch::whole(&place, storage).await?;
    let nothing = found.as_ref().is_none_or(|input| input.files.is_empty() && input.version.is_none());
    if !nothing || place.url.starts_with("file:") {
        return Ok(found);
    }
    for format in [Format::Delta, Format::Parquet, Format::Csv, Format::Json, Format::Arrow] {
        let input = batch::whole(&Place { format, ..place.clone() }, storage).await?;
        if let Some(input) = input.filter(|i| !i.files.is_empty() || i.version.is_some()) {
            return Ok(Some(input));
        }
    }
    Ok(found)
}

/// A path of the command line as a place, with the one file that is meant.
pub(super) fn place_of(path: &Path, usual: Format) -> Result<(Place, Option<String>), Fault> {
    let shown = path.display().to_string();
    if shown.contains("://") {
        let (folder, name) = shown.rsplit_once('/').unwrap_or((&shown, ""));
        return Ok(match format_of(name) {
            Some(format) => (Place { url: folder_url(Path::new("/"), folder), format }, Some(name.to_owned())),
            None => (Place { url: folder_url(Path::new("/"), &shown), format: usual }, None),
        });
    }
    let real = path.canonicalize().map_err(|_| Fault::usage(format!("there is no file or folder `{shown}`")))?;
    if real.is_dir() {
        let format = if real.join("_delta_log").is_dir() { Format::Delta } else { files_format(&real, usual) };
        return Ok((Place { url: folder_url(&real, ""), format }, None));
    }
    let name = real.file_name().map(|name| name.to_string_lossy().into_owned());
    let folder = real.parent().unwrap_or(Path::new("/"));
    let format = name.as_deref().and_then(format_of).unwrap_or(usual);
    Ok((Place { url: folder_url(folder, ""), format }, name))
}

/// By a file's ending, packed or not.
fn format_of(name: &str) -> Option<Format> {
    let name = name.to_ascii_lowercase();
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    match plain.rsplit_once('.')?.1 {
        "parquet" | "parq" | "pq" => Some(Format::Parquet),
        "csv" | "tsv" => Some(Format::Csv),
        "json" | "jsonl" | "ndjson" => Some(Format::Json),
        "arrow" | "ipc" | "feather" => Some(Format::Arrow),
        _ => None,
    }
}

/// Of the files in a folder, those of partitions too; what a contract has whose layer is a Delta table is taken for
/// Parquet.
fn files_format(folder: &Path, usual: Format) -> Format {
    let mut found = None;
    let mut folders = vec![folder.to_path_buf()];
    while let (None, Some(folder)) = (found, folders.pop()) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(['_', '.']) {
                continue;
            }
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                found = found.or_else(|| format_of(&name));
            }
        }
    }
    found.unwrap_or(if usual == Format::Delta { Format::Parquet } else { usual })
}

pub(super) fn no_data(shown: &str) -> Fault {
    Fault::usage(format!("`{shown}` holds no data")).with_help("`--data PATH` names a file, a folder or a table")
}

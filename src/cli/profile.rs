//! `dqc profile`: a first contract for data that has none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::audit::{input, no_data, place_of};
use super::check::compile;
use super::run::runtime;
use super::{Context, Exit, Outcome};
use crate::fault::{Fault, FaultKind};
use crate::hir::Privacy;
use crate::ir::{Format, Place};
use crate::lake::store::Storage;
use crate::profile::{Given, Means, arriving, contracts};
use crate::project::Project;

/// Write a first contract for data that has none
///
/// Reads all of the data and says what it shows as a contract: types, nulls, keys, ranges, sets and forms of text, and
/// which columns refer to others of the data given. Each claim has its evidence beside it, and holds of the data: it was
/// judged by it. Facts block; what may drift warns, and blocks above 5 % of the rows.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc profile ~/Downloads/orders.parquet
  dqc profile silver.orders=exports/orders silver.customers=exports/customers.csv
  dqc profile bronze.orders            a dataset of the project, where it lives
  dqc profile s3://acme-bronze/orders > orders.dq

Without a name in front, data is called after its file or folder, in the first layer.")]
pub struct Args {
    /// A file, a folder, a table or a dataset, with the name that its contract gets: `silver.orders=PATH`
    #[arg(value_name = "[NAME=]DATA", required = true)]
    data: Vec<String>,
    /// Write to a new file instead
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What stands in the place of a project's layers where there is none.
const LAYERS: [&str; 3] = ["bronze", "silver", "gold"];

pub fn run(context: &Context, args: Args) -> Outcome {
    let project = context.project().ok();
    let layers = project.as_ref().map_or_else(|| LAYERS.map(str::to_owned).to_vec(), Project::layers);
    let storage = project.as_ref().map_or_else(|| Ok(Storage::default()), Storage::of)?;
    let private = project.as_ref().map(private).unwrap_or_default();
    if let Some(path) = args.output.as_deref().filter(|path| path.exists()) {
        return Err(Fault::usage(format!("`{}` exists already", path.display())).into());
    }
    let text = runtime()?.block_on(async {
        let mut given: Vec<Given> = Vec::with_capacity(args.data.len());
        for data in &args.data {
            let mut one = find(data, project.as_ref(), &layers, &storage).await?;
            one.private.clone_from(&private);
            if let Some(other) = given.iter().find(|g| g.dataset.eq_ignore_ascii_case(&one.dataset)) {
                let message = format!("`{}` and `{}` would both be called `{}`", other.shown, one.shown, one.dataset);
                return Err(Fault::usage(message).with_help("put a name in front: `silver.orders=PATH`"));
            }
            given.push(one);
        }
        contracts(&given, &means(context, &storage, &layers)).await
    })?;
    match &args.output {
        None => context.print(&text),
        Some(path) => {
            let cannot = |_| Fault::new(FaultKind::Permission, format!("`{}` cannot be written", path.display()));
            std::fs::write(path, text).map_err(cannot)?;
            context.log(&format!("wrote {}", path.display()));
        }
    }
    Ok(Exit::Clean)
}

/// Columns that a contract of the project calls personal or secret: whatever dataset is profiled, one of the same name holds
/// the same kind of values.
fn private(project: &Project) -> BTreeMap<String, Privacy> {
    let mut found = BTreeMap::new();
    let contracts = compile(project).map(|c| c.checked.contracts).unwrap_or_default();
    for column in contracts.iter().flat_map(|c| &c.columns).filter(|c| c.privacy != Privacy::Public) {
        let known: &mut Privacy = found.entry(column.name.to_lowercase()).or_default();
        *known = column.privacy.max(*known);
    }
    found
}

fn means<'a>(context: &Context, storage: &'a Storage, layers: &'a [String]) -> Means<'a> {
    Means { storage, memory: context.global.memory, now: context.now(), layers }
}

async fn find(data: &str, project: Option<&Project>, layers: &[String], storage: &Storage) -> Result<Given, Fault> {
    let named = data.split_once('=').filter(|(name, _)| is_dataset(name, layers));
    let path = Path::new(named.map_or(data, |(_, path)| path));
    let (place, only, dataset) = match (project, named) {
        (Some(project), None) if is_dataset(data, layers) && !path.exists() => {
            (project.place(data, None, None)?, None, data.to_owned())
        }
        _ => {
            let (place, only) = place_of(path, Format::Parquet)?;
            let dataset = named.map_or_else(|| format!("{}.{}", layers[0], stem(path)), |(name, _)| name.to_owned());
            (place, only, dataset)
        }
    };
    pinned(place, only, dataset, &path.display().to_string(), storage).await
}

async fn pinned(place: Place, only: Option<String>, dataset: String, shown: &str, storage: &Storage) -> Result<Given, Fault> {
    let mut input = input(place, storage, None).await?.ok_or_else(|| no_data(shown))?;
    if let Some(name) = only {
        input.files.retain(|file| file.path == name);
    }
    if input.files.is_empty() {
        return Err(Fault::usage(format!("`{shown}` holds no data")));
    }
    Ok(Given { dataset, input, shown: shown.to_owned(), private: BTreeMap::new() })
}

/// `layer.name`, of a layer there is.
fn is_dataset(text: &str, layers: &[String]) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.split_once('.').is_some_and(|(layer, name)| {
        layers.iter().any(|l| l == layer) && !name.is_empty() && name.split('.').all(|n| !n.is_empty() && n.chars().all(part))
    })
}

/// A dataset's name after a file or folder.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let first = name.split('.').next().unwrap_or_default();
    let plain: String = first.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    let plain = plain.trim_matches('_');
    match plain.chars().next() {
        None => "data".to_owned(),
        Some(c) if c.is_numeric() => format!("data_{plain}"),
        Some(_) => plain.to_owned(),
    }
}

/// What a project is started with from a file of data.
pub struct First {
    pub name: String,
    pub format: Format,
    /// The contracts of the file as it arrives, and of what it shows.
    pub contracts: String,
}

pub fn first(context: &Context, data: &Path) -> Result<First, Fault> {
    let layers = LAYERS.map(str::to_owned);
    let storage = Storage::default();
    let (place, only) = place_of(data, Format::Parquet)?;
    let (name, format, shown) = (stem(data), place.format, data.display().to_string());
    let (bronze, silver) = (format!("bronze.{name}"), format!("silver.{name}"));
    let (bare, full) = runtime()?.block_on(async {
        let given = pinned(place, only, silver, &shown, &storage).await?;
        arriving(&given, &bronze, &means(context, &storage, &layers)).await
    })?;
    Ok(First { name, format, contracts: format!("{bare}\n{full}") })
}

//! `dqc init`: a project that checks, to be changed into one's own.

use std::path::{Path, PathBuf};

use super::{Context, Exit, Outcome, engine};
use crate::fault::{Fault, FaultKind};
use crate::project::CONFIG_FILE;

/// Start a new project: a dqc.toml, a first contract, a first promotion
///
/// With a file of data the contract is what `dqc profile` finds in it, and a copy of it is the first batch: `dqc run`
/// promotes it. Nothing that exists is overwritten.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc init                             in this folder
  dqc init shop && dqc check --project shop
  dqc init orders.parquet shop && dqc run --project shop")]
pub struct Args {
    /// The folder, made if it is not there; or a file of data to start with
    #[arg(value_name = "DIR|FILE", default_value = ".")]
    first: PathBuf,
    /// The folder, after a file of data [default: this one]
    #[arg(value_name = "DIR")]
    second: Option<PathBuf>,
}

const FILES: [(&str, &str); 3] = [
    (CONFIG_FILE, include_str!("init/dqc.toml")),
    ("orders.dq", include_str!("init/orders.dq")),
    (".gitignore", "/lake/\n"),
];

pub fn run(context: &Context, args: Args) -> Outcome {
    let (data, folder) = match &args.second {
        Some(folder) => (Some(&args.first), folder.clone()),
        None if args.first.is_file() => (Some(&args.first), PathBuf::from(".")),
        None => (None, args.first.clone()),
    };
    let folder = &folder;
    let cannot = |what: &Path| Fault::new(FaultKind::Permission, format!("`{}` cannot be written", what.display()));
    if folder.join(CONFIG_FILE).exists() {
        return Err(Fault::usage(format!("`{}` is a project already", folder.display())).into());
    }
    if let Some(data) = data.filter(|data| !data.is_file()) {
        let fault = Fault::usage(format!("there is no file `{}`", data.display()));
        return Err(fault.with_help("`dqc profile` reads folders and tables too").into());
    }
    std::fs::create_dir_all(folder).map_err(|_| cannot(folder))?;
    let real = folder.canonicalize().map_err(|_| cannot(folder))?;
    let name = real.file_name().map_or("project".into(), |name| name.to_string_lossy().into_owned());
    // A TOML string takes any folder's name in this form.
    let mut files: Vec<(String, String)> =
        FILES.map(|(file, text)| (file.to_owned(), text.replace("\"NAME\"", &format!("{name:?}")))).to_vec();
    let mut copied = None;
    if let Some(data) = data {
        let (dataset, format, contracts) = engine::first(context, data)?;
        let promotion =
            format!("\npromote bronze.{dataset} to silver.{dataset} {{\n    batches by file\n    write append\n}}\n");
        files[0].1 = files[0].1.replace("format = \"parquet\"", &format!("format = \"{format}\""));
        files[1] = (format!("{dataset}.dq"), contracts + &promotion);
        let file = data.file_name().unwrap_or_default();
        copied = Some((data, folder.join("lake/bronze").join(dataset).join(file)));
    }
    for (file, text) in files {
        let path = folder.join(file);
        if path.exists() {
            context.log(&format!("kept {}", path.display()));
            continue;
        }
        std::fs::write(&path, text).map_err(|_| cannot(&path))?;
        context.log(&format!("wrote {}", path.display()));
    }
    let then = copied.as_ref().map_or("check", |_| "run");
    if let Some((data, path)) = copied {
        std::fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(|_| cannot(&path))?;
        std::fs::copy(data, &path).map_err(|_| cannot(&path))?;
        context.log(&format!("copied {} to {}", data.display(), path.display()));
    }
    let there = if folder == Path::new(".") { String::new() } else { format!(" --project {}", folder.display()) };
    context.log(&format!("next: `dqc {then}{there}`"));
    Ok(Exit::Clean)
}

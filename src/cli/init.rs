//! `dqc init`: a project that checks, to be changed into one's own.

use std::path::{Path, PathBuf};

use super::{Context, Exit, Outcome};
use crate::fault::{Fault, FaultKind};
use crate::project::CONFIG_FILE;

/// Start a new project: a dqc.toml, a first contract, a first promotion
///
/// Nothing that exists is overwritten.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc init                             in this folder
  dqc init shop && dqc check --project shop")]
pub struct Args {
    /// The folder; made if it is not there
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

const FILES: [(&str, &str); 3] = [
    (CONFIG_FILE, include_str!("init/dqc.toml")),
    ("orders.dq", include_str!("init/orders.dq")),
    (".gitignore", "/lake/\n"),
];

pub fn run(context: &Context, args: Args) -> Outcome {
    let folder = &args.folder;
    let cannot = |what: &Path| Fault::new(FaultKind::Permission, format!("`{}` cannot be written", what.display()));
    if folder.join(CONFIG_FILE).exists() {
        return Err(Fault::usage(format!("`{}` is a project already", folder.display())).into());
    }
    std::fs::create_dir_all(folder).map_err(|_| cannot(folder))?;
    let real = folder.canonicalize().map_err(|_| cannot(folder))?;
    let name = real.file_name().map_or("project".into(), |name| name.to_string_lossy().into_owned());
    for (file, text) in FILES {
        let path = folder.join(file);
        if path.exists() {
            context.log(&format!("kept {}", path.display()));
            continue;
        }
        // A TOML string takes any folder's name in this form.
        let text = text.replace("\"NAME\"", &format!("{name:?}"));
        std::fs::write(&path, text).map_err(|_| cannot(&path))?;
        context.log(&format!("wrote {}", path.display()));
    }
    let there = if folder == Path::new(".") { String::new() } else { format!(" --project {}", folder.display()) };
    context.log(&format!("next: `dqc check{there}`"));
    Ok(Exit::Clean)
}

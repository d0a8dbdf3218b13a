//! `dqc man`: pages for `man`, made from the commands' own words.

use std::path::PathBuf;

use super::{Context, Exit, Outcome};
use crate::fault::{Fault, FaultKind};

/// Write manual pages for `dqc` and each of its commands
///
/// One page a command, as `dqc-check.1`, into a folder that is made if it is not there.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc man ~/.local/share/man/man1 && man dqc-check")]
pub struct Args {
    /// The folder for the pages
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub fn run(context: &Context, args: Args, command: clap::Command) -> Outcome {
    let folder = &args.folder;
    let cannot = |_| Fault::new(FaultKind::Permission, format!("`{}` cannot be written", folder.display()));
    std::fs::create_dir_all(folder).map_err(cannot)?;
    clap_mangen::generate_to(command, folder).map_err(cannot)?;
    context.log(&format!("wrote the pages to {}", folder.display()));
    Ok(Exit::Clean)
}

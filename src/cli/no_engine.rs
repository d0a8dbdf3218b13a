//! A `dqc` built without the engine has none of its commands.

use clap::Subcommand;

use super::{Context, Outcome};
use crate::ide::Past;
use crate::project::Project;

#[derive(Subcommand)]
pub enum Command {}

pub fn run(_: &Context, command: Command) -> Outcome {
    match command {}
}

/// Without an engine no ledger can be read.
pub fn remember(_: &Project) -> Past {
    Past::default()
}

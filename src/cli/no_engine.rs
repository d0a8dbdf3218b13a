//! A `dqc` built without the engine has none of its commands.

use clap::Subcommand;

use super::{Context, Outcome};

#[derive(Subcommand)]
pub enum Command {}

pub fn run(_: &Context, command: Command) -> Outcome {
    match command {}
}

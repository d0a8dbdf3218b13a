//! The commands that read data.

#[path = "run.rs"]
mod run;

use clap::Subcommand;

use super::{Context, Outcome};

#[derive(Subcommand)]
pub enum Command {
    Run(run::Args),
}

pub fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Run(args) => run::run(context, args),
    }
}

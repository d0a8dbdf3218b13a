//! The commands that read data.

use clap::Subcommand;

use super::{Context, Outcome};

#[derive(Subcommand)]
pub enum Command {}

pub fn run(_: &Context, command: Command) -> Outcome {
    match command {}
}

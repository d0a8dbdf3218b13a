//! A `dqc` built without the engine has none of its commands.

use clap::Subcommand;

use super::{Context, Outcome};
use crate::Compilation;
use crate::diagnostics::Diagnostic;

#[derive(Subcommand)]
pub enum Command {}

pub fn run(_: &Context, command: Command) -> Outcome {
    match command {}
}

/// Nothing: what stands in SQL is looked at by the engine.
pub fn findings(_: &Compilation) -> Vec<Diagnostic> {
    Vec::new()
}

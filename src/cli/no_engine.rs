//! A `dqc` built without the engine has none of its commands.

use std::path::Path;

use clap::Subcommand;

use super::{Context, Outcome};
use crate::Compilation;
use crate::report::past::Past as LedgerPast;
use crate::diagnostics::Diagnostic;
use crate::fault::Fault;
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

/// Without an engine no ledger can be read.
pub fn past(_: &Project, _: i64) -> Result<Option<LedgerPast>, Fault> {
    Ok(None)
}

/// Nothing: what stands in SQL is looked at by the engine.
pub fn findings(_: &Compilation) -> Vec<Diagnostic> {
    Vec::new()
}

/// Without an engine no data can be read.
pub fn first(_: &Context, _: &Path) -> Result<(String, &'static str, String), Fault> {
    Err(Fault::usage("this `dqc` is built without its engine and reads no data").with_help("name a folder instead"))
}

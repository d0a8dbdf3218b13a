//! The commands that read data.

use std::path::Path;

use clap::Subcommand;

use super::{Context, Outcome, audit, gc, history, pending, plan, profile, quarantine, receipt, run as runner, sla};
use crate::Compilation;
use crate::diagnostics::Diagnostic;
use crate::fault::Fault;

#[derive(Subcommand)]
pub enum Command {
    Run(runner::Args),
    Pending(pending::Args),
    Audit(audit::Args),
    Plan(plan::Args),
    Profile(profile::Args),
    Sla(sla::Args),
    #[command(subcommand)]
    Quarantine(quarantine::Command),
    #[command(subcommand)]
    Receipt(receipt::Command),
    History(history::Args),
    Gc(gc::Args),
}

pub fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Run(args) => runner::run(context, args),
        Command::Pending(args) => pending::run(context, args),
        Command::Audit(args) => audit::run(context, args),
        Command::Plan(args) => plan::run(context, args),
        Command::Profile(args) => profile::run(context, args),
        Command::Sla(args) => sla::run(context, args),
        Command::Quarantine(command) => quarantine::run(context, command),
        Command::Receipt(command) => receipt::run(context, command),
        Command::History(args) => history::run(context, args),
        Command::Gc(args) => gc::run(context, args),
    }
}

pub use super::past::past;
pub use super::remember::remember;

/// What only the engine finds in a project that compiles: whether queries can be planned.
pub fn findings(compilation: &Compilation) -> Vec<Diagnostic> {
    crate::sql::findings(&compilation.checked, &compilation.sources)
}

/// What a project is started with from a file of data: its name, its format, its contracts.
pub fn first(context: &Context, data: &Path) -> Result<(String, &'static str, String), Fault> {
    let found = profile::first(context, data)?;
    Ok((found.name, found.format.name(), found.contracts))
}

//! The commands that read data.

use clap::Subcommand;

use super::{Context, Outcome, audit, run as runner};
use crate::Compilation;
use crate::diagnostics::Diagnostic;

#[derive(Subcommand)]
pub enum Command {
    Run(runner::Args),
    Audit(audit::Args),
}

pub fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Run(args) => runner::run(context, args),
        Command::Audit(args) => audit::run(context, args),
    }
}

/// What only the engine finds in a project that compiles: whether queries can be planned.
pub fn findings(compilation: &Compilation) -> Vec<Diagnostic> {
    crate::engine::sql::findings(&compilation.checked, &compilation.sources)
}

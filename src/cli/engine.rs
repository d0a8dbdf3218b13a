//! The commands that read data.

use clap::Subcommand;

use super::{Context, Outcome, audit, pending, plan, run as runner, sla};

#[derive(Subcommand)]
pub enum Command {
    Run(runner::Args),
    Pending(pending::Args),
    Audit(audit::Args),
    Plan(plan::Args),
    Sla(sla::Args),
}

pub fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Run(args) => runner::run(context, args),
        Command::Pending(args) => pending::run(context, args),
        Command::Audit(args) => audit::run(context, args),
        Command::Plan(args) => plan::run(context, args),
        Command::Sla(args) => sla::run(context, args),
    }
}

pub use super::remember::remember;

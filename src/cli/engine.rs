//! The commands that read data.

use clap::Subcommand;

use super::{Context, Outcome, audit, gc, history, quarantine, receipt, run as runner};

#[derive(Subcommand)]
pub enum Command {
    Run(runner::Args),
    Audit(audit::Args),
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
        Command::Audit(args) => audit::run(context, args),
        Command::Quarantine(command) => quarantine::run(context, command),
        Command::Receipt(command) => receipt::run(context, command),
        Command::History(args) => history::run(context, args),
        Command::Gc(args) => gc::run(context, args),
    }
}

//! The command line: what can be said to `dqc`, and what it answers with.

mod against;
#[cfg(feature = "engine")]
mod audit;
mod check;
mod completions;
mod context;
mod datasets;
mod docs;
#[cfg(feature = "engine")]
#[path = "cli/engine.rs"]
mod engine;
#[cfg(not(feature = "engine"))]
#[path = "cli/no_engine.rs"]
mod engine;
mod exit;
mod explain;
mod findings;
mod fmt;
#[cfg(feature = "engine")]
mod gc;
#[cfg(feature = "engine")]
mod history;
mod init;
mod lsp;
mod man;
#[cfg(feature = "engine")]
mod past;
#[cfg(feature = "engine")]
mod pending;
#[cfg(feature = "engine")]
mod plan;
#[cfg(feature = "engine")]
mod profile;
#[cfg(feature = "engine")]
mod remember;
#[cfg(feature = "engine")]
mod reports;
mod revision;
#[cfg(feature = "engine")]
mod lakes;
#[cfg(feature = "engine")]
mod quarantine;
#[cfg(feature = "engine")]
mod receipt;
#[cfg(feature = "engine")]
mod run;
#[cfg(feature = "engine")]
mod sla;
#[cfg(feature = "engine")]
mod tell;
mod test;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use context::{Context, Global};
use exit::{Exit, Failure};

/// Data contracts that compile.
///
/// Contracts are written in `.dq` files below a `dqc.toml`. `dqc check` finds everything that is wrong with them
/// without touching data; `dqc run` judges new batches against them and promotes what passes.
#[derive(Parser)]
#[command(
    name = "dqc",
    version,
    propagate_version = false,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "\
Examples:
  dqc init shop                        a new project in the folder shop
  dqc check                            everything that can be known without data
  dqc fmt                              the one common layout
  dqc test                             the tests beside the rules
  dqc explain DQ0201                   what a finding means, and how it is cured
  dqc explain exit 10                  what an exit code means, and whether to retry

`dqc COMMAND --help` says more about a command."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Args),
    Check(check::Args),
    Fmt(fmt::Args),
    Test(test::Args),
    Explain(explain::Args),
    Datasets(datasets::Args),
    Docs(docs::Args),
    #[command(flatten)]
    Engine(engine::Command),
    Watch(watch::Args),
    Lsp(lsp::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// The whole program; what it ends with is decided here and nowhere else.
pub fn main() -> ExitCode {
    exit::install_panic_hook();
    let outcome = std::panic::catch_unwind(|| {
        let matches = Cli::command().try_get_matches();
        match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
            Ok(cli) => answer(cli),
            Err(error) => {
                // Help and version are asked for, and no error.
                let code = if error.use_stderr() { 2 } else { 0 };
                let _ = error.print();
                code
            }
        }
    });
    ExitCode::from(u8::try_from(outcome.unwrap_or(exit::INTERNAL)).unwrap_or(u8::MAX))
}

fn answer(cli: Cli) -> i32 {
    let context = Context::new(cli.global);
    let outcome = match cli.command {
        Command::Init(args) => init::run(&context, args),
        Command::Check(args) => check::run(&context, args),
        Command::Fmt(args) => fmt::run(&context, args),
        Command::Test(args) => test::run(&context, args),
        Command::Explain(args) => explain::run(&context, args),
        Command::Datasets(args) => datasets::run(&context, args),
        Command::Docs(args) => docs::run(&context, args),
        Command::Engine(command) => engine::run(&context, command),
        Command::Watch(args) => watch::run(&context, args),
        Command::Lsp(args) => lsp::run(&context, args),
        Command::Man(args) => man::run(&context, args, Cli::command()),
        Command::Completions(args) => completions::run(&context, args, &mut Cli::command()),
    };
    match outcome {
        Ok(exit) => exit.code(),
        Err(failure) => {
            context.failure(&failure);
            failure.code()
        }
    }
}

type Outcome = Result<Exit, Failure>;

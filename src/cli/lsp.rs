//! `dqc lsp`: the language server.

use super::{Context, Exit, Outcome, engine};
use crate::fault::{Fault, FaultKind};
use crate::lsp;

/// Serve an editor over stdin and stdout by the Language Server Protocol
///
/// Started by the editor, not by hand: `editors/` of the project says how, for VS Code, Neovim, Helix and Zed.
#[derive(clap::Args)]
#[command(after_help = "\
Exit codes: 0 the editor ended it in order, 20 the editor went away.")]
pub struct Args {
    /// What editors pass to servers that can also listen elsewhere
    #[arg(long, hide = true)]
    stdio: bool,
}

pub fn run(_: &Context, args: Args) -> Outcome {
    let Args { stdio: _ } = args;
    if lsp::serve(engine::remember) {
        return Ok(Exit::Clean);
    }
    Err(Fault::new(FaultKind::Storage, "the editor went away without saying so").into())
}

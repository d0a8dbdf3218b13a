//! `dqc completions`: for the shell's tab key.

use clap_complete::Shell;

use super::{Context, Exit, Outcome};

/// Print what teaches a shell to complete `dqc`
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  dqc completions bash > ~/.local/share/bash-completion/completions/dqc
  dqc completions zsh  > ~/.zfunc/_dqc
  dqc completions fish > ~/.config/fish/completions/dqc.fish")]
pub struct Args {
    shell: Shell,
}

pub fn run(context: &Context, args: Args, command: &mut clap::Command) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "dqc", &mut script);
    context.print(&String::from_utf8_lossy(&script));
    Ok(Exit::Clean)
}

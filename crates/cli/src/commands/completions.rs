//! `airlift completions`: scripts that let a shell complete what is typed.

use clap::Command;
use clap_complete::Shell;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  airlift completions bash > /etc/bash_completion.d/airlift
  airlift completions zsh > ~/.zfunc/_airlift
  airlift completions fish > ~/.config/fish/completions/airlift.fish";

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut command: Command, ui: &Ui) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "airlift", &mut script);
    ui.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

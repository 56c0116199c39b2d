//! The command line as a whole: the global options and the list of subcommands.

use clap::{Parser, Subcommand};

use crate::commands::{
    build, check, completions, copy, demo, diff, images, inspect, lock, login, logout, pin, prune, push,
    unpin, verify,
};
use crate::ui::options::Global;

const EXAMPLES: &str = "\
Examples:
  airlift build nginx:1.27 quay.io/prometheus/prometheus:v2.53.0 -o images.tar
  airlift verify images.tar
  airlift push images.tar registry.example.com:5000/mirror
  airlift copy staging.example/team/app:3 prod.example
  airlift demo

Exit codes:
  0  done
  1  the answer is no: damaged, missing, different
  2  wrong usage
  3  registry or network
  4  local files, or a file that is no bundle
  5  refused by a rule: an existing file, a taken tag, a limit
  130, 143  interrupted by Ctrl-C or SIGTERM; the same command goes on from there";

/// Container images across the air gap, byte for byte
///
/// Airlift copies images with all their platforms from registries into one file (a bundle), checks every byte
/// of that file without a network, and pushes the images into another registry. All digests stay the same,
/// those of indexes, too.
#[derive(Debug, Parser)]
#[command(name = "airlift", version, arg_required_else_help = true)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Build(build::Args),
    Lock(lock::Args),
    Images(images::Args),
    Pin(pin::Args),
    Unpin(unpin::Args),
    Check(check::Args),
    Verify(verify::Args),
    Push(push::Args),
    Copy(copy::Args),
    Diff(diff::Args),
    Prune(prune::Args),
    Inspect(inspect::Args),
    Login(login::Args),
    Logout(logout::Args),
    Demo(demo::Args),
    Completions(completions::Args),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn short_help_is_a_screenful_and_long_help_has_an_example() {
        let mut root = Cli::command();
        root.build();
        for command in root.get_subcommands_mut().filter(|command| command.get_name() != "help") {
            let name = command.get_name().to_owned();
            let short = command.render_help().to_string();
            assert!(short.lines().count() <= 36, "{name} -h has {} lines", short.lines().count());
            let long = command.render_long_help().to_string();
            assert!(
                long.contains("Example") && long.contains(&format!("airlift {name}")),
                "{name} --help\n{long}"
            );
        }
    }
}

//! The options of every subcommand: how results and progress look.

use clap::ArgAction;

use crate::ui::progress::ProgressChoice;
use crate::ui::term::ColorChoice;

/// The help section of the global options.
const OUTPUT: &str = "Output options";

/// What every subcommand takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Global {
    /// Print one JSON document instead of text
    ///
    /// Its first member, "schema", says what it is, such as "airlift.build/v1". Errors still go to standard
    /// error as text.
    #[arg(long, global = true, help_heading = OUTPUT)]
    pub(crate) json: bool,
    /// Print results, warnings and errors only
    #[arg(short, long, global = true, help_heading = OUTPUT)]
    pub(crate) quiet: bool,
    /// Show more; -vv and -vvv show still more
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = OUTPUT)]
    pub(crate) verbose: u8,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    #[arg(hide_short_help = true)]
    #[arg(help = "Colours: auto, always or never [default: auto]", hide_default_value = true)]
    #[arg(long_help = "Colours: auto (on a terminal, unless NO_COLOR is set), always or never", help_heading = OUTPUT)]
    pub(crate) color: ColorChoice,
    /// How to show progress
    #[arg(long, global = true, value_name = "HOW", default_value = "auto", hide_possible_values = true)]
    #[arg(help = "Progress: auto, bar, plain or none [default: auto]", hide_default_value = true)]
    #[arg(long_help = "Progress on standard error: auto (bars on a terminal, lines elsewhere), bar, plain or none", help_heading = OUTPUT)]
    pub(crate) progress: ProgressChoice,
}

//! `airlift diff`: in what do two sets of images differ?

mod removed;
mod show;

use std::path::{Path, PathBuf};

use airlift_lists::image_set::SetDiff;

use crate::args::limits::LimitArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::DiffDocument;
use crate::sets::{self, OpenedSet};
use crate::ui::term::shown;
use crate::ui::{Ui, size};
use crate::usage_error::UsageError;

const EXAMPLES: &str = "\
Examples:
  airlift diff old.lock images.lock                what a pull request changes
  airlift diff images.lock images.tar              is the bundle that of the lock?
  airlift diff monday.tar tuesday.tar              images, platforms, and bytes that are new
  airlift diff images.lock receipt.json            what did not arrive?
  airlift diff old.lock images.lock --exit-code    exit code 1 if they differ, for scripts
  airlift diff old.lock images.lock --removed      what the new one no longer needs, for -f
  git show HEAD:images.lock | airlift diff - images.lock

See docs/diff.md.";

/// Show in what two bundles, layouts, locks or receipts differ
///
/// A and B are bundles in any form, other tools' OCI layouts, locks, or receipts of push and copy, in any
/// mix. Images are compared by name and digest, those of a receipt by the names that they had at the source.
/// Nothing is fetched, and no layer is read.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The old bundle, layout, lock or receipt; - is standard input
    #[arg(value_name = "A")]
    old: PathBuf,
    /// The new one
    #[arg(value_name = "B")]
    new: PathBuf,
    /// Exit with code 1 if they differ
    ///
    /// Without it, the exit code is 0 whether they differ or not. It is above 1 if they can't be compared.
    #[arg(long)]
    exit_code: bool,
    /// List only what B no longer needs, one image a line
    ///
    /// Each line has a name and the digest that it had in A, in a form that -f takes. Lines that start with #
    /// are about what no list can name.
    #[arg(long)]
    removed: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Failure> {
    if args.removed && ui.json {
        let why = "--removed prints a list for -f; --json has the same under 'images'";
        return Err(UsageError::Combination(why).into());
    }
    if args.old == Path::new("-") && args.new == Path::new("-") {
        return Err(UsageError::Combination("only one of A and B can be standard input").into());
    }
    let limits = args.limits.limits();
    let (old, new) = (sets::open(&args.old, limits)?, sets::open(&args.new, limits)?);
    warn_of_receipt(&args.old, &old, ui);
    warn_of_receipt(&args.new, &new, ui);
    let diff = SetDiff::between(&old.set, &new.set);
    if ui.json {
        ui.print_json(&DiffDocument::new(&diff))?;
    } else if args.removed {
        ui.print(&removed::list(&diff, &new.set))?;
    } else {
        ui.print(&show::result(&diff, &ui.out))?;
    }
    Ok(if args.exit_code && !diff.is_same() { Exit::No } else { Exit::Done })
}

fn warn_of_receipt(path: &Path, opened: &OpenedSet, ui: &Ui) {
    if opened.not_arrived > 0 {
        let images = size::count(opened.not_arrived, "image");
        ui.warn(&format!("{}: {images} did not arrive, and counts as absent", shown(path)));
    }
}

//! `airlift unpin`: manifests without digests.

use airlift_oci::Reference;
use airlift_workloads::{Change, DigestChange, Finder, FinderOptions, Guessing, HelmValues, Place};

use crate::args::rules;
use crate::editing::finish::finish;
use crate::editing::mode::ModeArgs;
use crate::editing::plan::{Decision, Plan};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::ui::interrupt::OnInterrupt;
use crate::usage_error::UsageError;

const EXAMPLES: &str = "\
Examples:
  airlift unpin deploy/ --write         nginx:1.27@sha256:... becomes nginx:1.27
  airlift unpin deploy/web.yaml         print the file
  airlift unpin deploy/ --diff          what would change

See docs/kubernetes.md.";

/// Take the digests off the images in manifests
///
/// Only the bytes of these values change. An image without a tag keeps its digest: it would be another image
/// without it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    mode: ModeArgs,
}

pub(crate) fn run(args: &Args, ui: &Ui, on_interrupt: &OnInterrupt) -> Result<Exit, Failure> {
    let mode = args.mode.mode(ui.json)?;
    let options = FinderOptions {
        rules: rules::read(&args.mode.rules)?,
        guessing: Guessing::Off,
        values: HelmValues::Read,
    };
    let finder = Finder::new(&options).map_err(UsageError::Rules)?;
    finish(&Plan::of(&args.mode.paths, &finder, decide), mode, ui, on_interrupt)
}

fn decide(place: &Place) -> Decision {
    let Ok(reference) = place.reference.parse::<Reference>() else { return Decision::Stay };
    match (reference.digest(), reference.tag()) {
        (None, _) => Decision::Stay,
        (Some(_), None) => Decision::OnlyDigest,
        (Some(_), Some(_)) => Decision::Change(Change { repository: None, digest: DigestChange::Remove }),
    }
}

//! `airlift demo`: a whole transfer between two registries of its own, on loopback, explained step by step.

mod compare;
mod show;
mod transfer;

use std::path::{Path, PathBuf};

use airlift_server::samples;
use show::Steps;
use transfer::Transfer;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{DEMO, DemoDocument};
use crate::ui::Ui;
use crate::ui::interrupt::OnInterrupt;
use crate::usage_error::UsageError;

const EXAMPLES: &str = "\
Examples:
  airlift demo
  airlift demo --keep /tmp/demo     and look at the bundle afterwards: airlift inspect /tmp/demo/images.tar

Needs no network, no root and no Docker. Exits with 0 only if every digest arrived unchanged.";

/// Show a whole transfer: build, verify, a flipped byte, push, compare
///
/// Starts two small registries on loopback, fills one with sample images, transfers them to the other with a
/// bundle, and compares every digest at both ends.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Keep the bundle and the registries' files in this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, ui: &Ui, on_interrupt: &OnInterrupt) -> Result<Exit, Failure> {
    let scratch = Scratch::new(args.keep.as_deref(), on_interrupt)?;
    let steps = Steps::new(ui);
    let samples = samples::all();
    let transfer = Transfer::start(scratch.path(), &samples).await?;
    steps.source(&transfer, &samples)?;
    let packing = transfer.build().await?;
    steps.built(&transfer, &packing)?;
    let report = transfer.verify(transfer.bundle())?;
    steps.verified(&report)?;
    let flipped = transfer.flip(&packing)?;
    let findings = transfer.verify(flipped.path())?;
    steps.caught(&flipped, &findings)?;
    let receipt = transfer.push().await?;
    steps.pushed(&transfer, &receipt)?;
    let images = compare::images(&transfer, &packing, &samples).await?;
    let caught = findings.findings.iter().find(|finding| finding.is_error());
    let ok = report.ok && caught.is_some() && images.iter().all(|image| image.same);
    steps.compared(&images, &samples, ok, args.keep.as_deref().map(|_| transfer.bundle()))?;
    if ui.json {
        ui.print_json(&DemoDocument {
            schema: DEMO,
            ok,
            bundle: packing.plan().id(),
            size: packing.plan().size(),
            flipped_at: flipped.offset(),
            caught: caught.map(|finding| finding.path.clone()).unwrap_or_default(),
            images,
        })?;
    }
    transfer.stop().await;
    Ok(if ok { Exit::Done } else { Exit::No })
}

/// The folder for everything: a temporary one, or one that is kept.
enum Scratch {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

impl Scratch {
    fn new(keep: Option<&Path>, on_interrupt: &OnInterrupt) -> Result<Self, Failure> {
        let failed =
            |path: &Path, source| Failure::File { doing: "make the folder", path: path.to_owned(), source };
        let Some(folder) = keep else {
            let temporary = tempfile::Builder::new()
                .prefix("airlift-demo-")
                .tempdir()
                .map_err(|error| failed(&std::env::temp_dir(), error))?;
            on_interrupt.remove_folder(temporary.path().to_owned());
            return Ok(Scratch::Temporary(temporary));
        };
        std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
        let mut entries = std::fs::read_dir(folder).map_err(|error| failed(folder, error))?;
        if entries.next().is_some() {
            let why =
                "--keep wants a folder that is empty or doesn't exist yet: nothing in it is overwritten";
            return Err(UsageError::Combination(why).into());
        }
        Ok(Scratch::Kept(folder.to_owned()))
    }

    fn path(&self) -> &Path {
        match self {
            Scratch::Temporary(folder) => folder.path(),
            Scratch::Kept(folder) => folder,
        }
    }
}

//! `airlift demo`: the whole way on registries of its own, on loopback, with what happens explained.

mod compare;
mod story;
mod way;

use std::path::{Path, PathBuf};

use airlift_server::samples;
use story::Story;
use way::Way;

use crate::exit::Exit;
use crate::failure::{Failure, UsageError};
use crate::output::{DEMO, DemoDocument};
use crate::ui::Ui;
use crate::ui::interrupt::Farewell;

const EXAMPLES: &str = "\
Examples:
  airlift demo
  airlift demo --keep /tmp/demo     and look at the bundle afterwards: airlift inspect /tmp/demo/images.tar

Needs no network, no root and no Docker. Exits with 0 only if every digest arrived unchanged.";

/// Show the whole way: build, verify, a flipped byte, push, compare
///
/// Starts two small registries on loopback, fills one with sample images, carries them over to the other by
/// way of a bundle, and compares every digest at both ends.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Keep the bundle and the registries' files in this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, ui: &Ui, farewell: &Farewell) -> Result<Exit, Failure> {
    let scratch = Scratch::new(args.keep.as_deref(), farewell)?;
    let story = Story::new(ui);
    let samples = samples::all();
    let way = Way::start(scratch.path(), &samples).await?;
    story.source(&way, &samples)?;
    let packing = way.build().await?;
    story.built(&way, &packing)?;
    let report = way.verify(way.bundle())?;
    story.verified(&report)?;
    let flip = way.flip(&packing)?;
    let findings = way.verify(flip.copy())?;
    story.caught(&flip, &findings)?;
    let receipt = way.push().await?;
    story.pushed(&way, &receipt)?;
    let images = compare::images(&way, &packing, &samples).await?;
    let caught = findings.findings.iter().find(|finding| finding.is_error());
    let ok = report.ok && caught.is_some() && images.iter().all(|image| image.same);
    story.compared(&images, &samples, ok, args.keep.as_deref().map(|_| way.bundle()))?;
    if ui.json {
        ui.print_json(&DemoDocument {
            schema: DEMO,
            ok,
            bundle: packing.plan().id(),
            size: packing.plan().size(),
            flipped_at: flip.offset(),
            caught: caught.map(|finding| finding.path.clone()).unwrap_or_default(),
            images,
        })?;
    }
    way.stop().await;
    Ok(if ok { Exit::Done } else { Exit::No })
}

/// The folder for everything: a temporary one, or one that is kept.
enum Scratch {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

impl Scratch {
    fn new(keep: Option<&Path>, farewell: &Farewell) -> Result<Self, Failure> {
        let failed =
            |path: &Path, source| Failure::File { doing: "make the folder", path: path.to_owned(), source };
        let Some(folder) = keep else {
            let temporary = tempfile::Builder::new()
                .prefix("airlift-demo-")
                .tempdir()
                .map_err(|error| failed(&std::env::temp_dir(), error))?;
            farewell.remove(temporary.path().to_owned());
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

//! `airlift push`: bundle to registry.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_lists::Choice;
use airlift_oci::{Reference, SourceReference};
use airlift_pusher::{ContentSource, Destination, Options};
use airlift_verifier::VerifiedBundle;

use crate::args::limits::LimitArgs;
use crate::args::push::PushArgs;
use crate::args::registry::RegistryArgs;
use crate::asked::references::{Asked, gather};
use crate::asked::wishes::AskedEntry;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::keep_apart::{Input, bundle_file};
use crate::planning::failed_images::FailedImages;
use crate::pushing::carry_out::{Pushed, carry_out};
use crate::pushing::push_files::PushFiles;
use crate::ui::Ui;
use crate::ui::interrupt::OnInterrupt;
use crate::usage_error::UsageError;

const EXAMPLES: &str = "\
Examples:
  airlift push images.tar registry.example.com                   nginx:1.27 becomes …/library/nginx:1.27
  airlift push images.tar registry.example.com:5000/mirror       all below mirror/
  airlift push images.tar 127.0.0.1:5000 --only 'nginx*'         some of the images
  airlift push images.tar r.example --map docker.io/library/=base/
  airlift push images.tar r.example --dry-run                    what is there, and what would move
  airlift push images.tar r.example --failed failed.txt          and after that, only what failed:
  airlift push images.tar r.example -f failed.txt

If a push fails, repeat the same command: content that the registry has is not sent again.";

/// Push a bundle's images into a registry, every digest unchanged
///
/// All content is checked before it is sent. Manifests are sent before the index that lists them, and a tag
/// is moved last. Then every manifest is read back and compared. An image that fails doesn't stop the others.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The bundle: a tar archive, a folder, or the .volumes.json of volumes
    bundle: PathBuf,
    /// The registry, and a path there: HOST[:PORT][/PREFIX]
    // Parsed by us: the parser of arguments would repeat it as it is, and people write passwords into it.
    #[arg(value_name = "DEST")]
    destination: String,
    /// Push only the images that these lists name (repeatable)
    ///
    /// A list of references, such as --failed writes, an images file, a lock, or - for standard input. A name
    /// chooses the image that has exactly this name in the bundle; for patterns there is --only.
    #[arg(short, long = "file", value_name = "FILE", hide_short_help = true)]
    file: Vec<PathBuf>,
    #[command(flatten)]
    push: PushArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) async fn run(args: Args, ui: &Ui, on_interrupt: &OnInterrupt) -> Result<Exit, Failure> {
    let destination: Destination = args.destination.parse().map_err(UsageError::Destination)?;
    if !args.bundle.exists() && Path::new(&args.destination).is_file() {
        return Err(UsageError::Swapped { bundle: args.bundle, destination }.into());
    }
    on_interrupt.explain("repeat the same command: content that the registry has is not sent again");
    let names = args.names()?;
    let files = PushFiles::prepare(&args.push, &args.inputs(), Some(&args.bundle), (ui, on_interrupt))?;
    let bundle = VerifiedBundle::admit(&args.bundle, args.limits.limits())?;
    warn_of_findings(&bundle, ui);
    let options = Options { names, ..args.push.options(args.registry.jobs()) };
    let source: Arc<dyn ContentSource> = Arc::new(bundle);
    let mode = args.push.mode();
    let pushed = Pushed { source, destination: &destination, options, registry: &args.registry, mode };
    carry_out(pushed, files, &mut FailedImages::default(), ui).await
}

impl Args {
    /// The names of the images that the lists ask for; empty without lists.
    fn names(&self) -> Result<Vec<Reference>, Failure> {
        if self.file.is_empty() {
            return Ok(Vec::new());
        }
        let choice = Choice::default();
        let asked = Asked { references: &[], sets: &self.file, groups: &[], choice: &choice };
        let name = |asked: &AskedEntry| match asked.request().map(|request| request.source) {
            Some(SourceReference::Registry(reference)) => Ok(reference.by_tag()),
            _ => Err(UsageError::Combination(
                "a list for push has the names that images have in the bundle: no tag selectors, no layouts",
            )),
        };
        Ok(gather(&asked)?.entries.iter().map(name).collect::<Result<_, _>>()?)
    }

    /// All that is read from files.
    fn inputs(&self) -> Vec<Input> {
        let bundle = Input::Bundle(bundle_file(&self.bundle));
        let lists = self.file.iter().cloned().map(Input::List);
        std::iter::once(bundle).chain(lists).chain(self.registry.inputs()).collect()
    }
}

fn warn_of_findings(bundle: &VerifiedBundle, ui: &Ui) {
    for finding in bundle.warnings() {
        let place =
            if finding.path.is_empty() { String::new() } else { format!("{}: ", finding.path.join(" → ")) };
        ui.warn(&format!("{place}{}", finding.message));
    }
}

//! `airlift pin`: the digests of a lock or a bundle, in manifests.

use std::path::{Path, PathBuf};

use airlift_oci::Limits;
use airlift_pusher::{Destination, MapRule};
use airlift_workloads::{Finder, FinderOptions, Guessing, HelmValues};

use crate::args::mapping::NamingArgs;
use crate::args::rules;
use crate::editing::finish::finish;
use crate::editing::known::KnownImages;
use crate::editing::mode::{Mode, ModeArgs};
use crate::editing::plan::Plan;
use crate::editing::renaming::Renaming;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::sets;
use crate::ui::Ui;
use crate::ui::interrupt::OnInterrupt;
use crate::ui::term::shown;
use crate::usage_error::UsageError;

const EXAMPLES: &str = "\
Examples:
  airlift pin deploy/ --lock images.lock --write           nginx:1.27 becomes nginx:1.27@sha256:...
  airlift pin deploy/ --lock images.lock --check           exit code 1 if something is not pinned, for CI
  airlift pin deploy/ --bundle images.tar --diff           what would change
  helm template ./chart | airlift pin - --lock images.lock | kubectl apply -f -
  airlift pin deploy/ --lock images.lock --write --rewrite docker.io=registry.site/mirror
  airlift pin deploy/ --lock images.lock --write --for-dest registry.site/mirror --keep-host

See docs/kubernetes.md.";

/// Give the images in manifests the digests of a lock or a bundle
///
/// Only the bytes of these values change: comments, quotes, order and line ends stay. A digest that is there
/// is compared with that of the lock. If the lock lacks an image, or has another digest, the image is named
/// with file and line, nothing is changed, and the exit code is 1. No registry is asked.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
#[command(group = clap::ArgGroup::new("images").required(true).args(["lock", "bundle"]))]
pub(crate) struct Args {
    #[command(flatten)]
    mode: ModeArgs,
    /// The lock, or the receipt of a push, that has the digests
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// The bundle that has the images
    #[arg(long, value_name = "BUNDLE")]
    bundle: Option<PathBuf>,
    /// Names that start with FROM start with TO instead (repeatable)
    ///
    /// docker.io=registry.site/mirror makes nginx registry.site/mirror/library/nginx. If several fit, the
    /// longest FROM counts.
    #[arg(long, value_name = "FROM=TO", conflicts_with = "destination")]
    rewrite: Vec<MapRule>,
    /// Images get the names that a push to DEST gives them
    #[arg(long = "for-dest", value_name = "DEST")]
    destination: Option<Destination>,
    #[command(flatten)]
    naming: NamingArgs,
}

pub(crate) fn run(args: &Args, ui: &Ui, on_interrupt: &OnInterrupt) -> Result<Exit, Failure> {
    let mode = args.checked_mode(ui)?;
    let set = sets::open(args.set(), Limits::default())?.set;
    let known = KnownImages::new(&set, &args.renaming()).map_err(UsageError::Naming)?;
    let options = FinderOptions {
        rules: rules::read(&args.mode.rules)?,
        guessing: Guessing::Off,
        values: HelmValues::Read,
    };
    let finder = Finder::new(&options).map_err(UsageError::Rules)?;
    let mut plan = Plan::of(&args.mode.paths, &finder, |place| known.decide(place));
    plan.source = shown(args.set());
    finish(&plan, mode, ui, on_interrupt)
}

impl Args {
    fn checked_mode(&self, ui: &Ui) -> Result<Mode, UsageError> {
        if self.destination.is_none() && self.naming.is_given() {
            return Err(UsageError::Combination(
                "--keep-host and --map are about --for-dest, which is missing",
            ));
        }
        let is_stream = |path: &Path| path.as_os_str() == "-";
        if self.lock.as_deref().is_some_and(is_stream) && self.mode.paths.iter().any(|path| is_stream(path)) {
            return Err(UsageError::Combination("standard input can be read once"));
        }
        self.mode.mode(ui.json)
    }

    fn set(&self) -> &Path {
        self.lock.as_deref().or(self.bundle.as_deref()).unwrap_or(Path::new(""))
    }

    fn renaming(&self) -> Renaming {
        match &self.destination {
            Some(destination) => Renaming::Destination(destination.clone(), self.naming.clone()),
            None => Renaming::Rules(self.rewrite.clone()),
        }
    }
}

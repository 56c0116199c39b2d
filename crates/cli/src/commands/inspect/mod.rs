//! `airlift inspect`: what a bundle holds.

mod config;
mod find;
mod lock;
mod raw;
mod text;
mod tree;

use std::path::{Path, PathBuf};

use airlift_oci::{Digest, Graph};
use airlift_verifier::{AdmitError, Examined, Report};
use find::{Wanted, find};
use tree::{Configs, Tree};

use crate::args::files::file_or_stdout;
use crate::args::limits::LimitArgs;
use crate::exit::{Exit, of_state};
use crate::failure::Failure;
use crate::files::keep_apart::{Input, keep_apart};
use crate::locks::file::OldLock;
use crate::output::{Content, InspectDocument, Structure};
use crate::ui::Ui;
use crate::usage_error::UsageError;
use crate::{hint, locks};

const EXAMPLES: &str = "\
Examples:
  airlift inspect images.tar                        the whole tree
  airlift inspect images.tar nginx:1.27             one image, with its configuration
  airlift inspect images.tar b45fff97               the content whose digest starts like this
  airlift inspect images.tar nginx:1.27 --raw       the index, byte for byte
  airlift inspect images.tar sha256:… --raw > layer a blob, byte for byte
  airlift inspect images.tar --lock images.lock     a lock of what is in it";

/// Show what a bundle holds: images, platforms, layers and their sizes
///
/// With an image's name, its configuration, too: what it starts, as which user, its labels and the steps of
/// its build. Values of environment variables are never shown. Layers are not read: `airlift verify` finds
/// out whether they are unchanged.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The bundle: a tar archive, a folder, or the .volumes.json of volumes
    bundle: PathBuf,
    /// An image's name or pattern, or a digest or its start
    ///
    /// Images are found as `push --only` finds them: host and tag may be left out, and * is any text. Of a
    /// digest, 6 digits or more are enough.
    #[arg(value_name = "REF|DIGEST")]
    part: Option<String>,
    /// Write the exact bytes of that manifest or blob
    #[arg(long, requires = "part", conflicts_with = "json")]
    raw: bool,
    /// Write a lock of the bundle's images
    ///
    /// It has the time at which the bundle was last changed, or that of SOURCE_DATE_EPOCH. In a lock that is
    /// there already, entries with the same digest stay as they are.
    #[arg(long, value_name = "FILE", conflicts_with = "part")]
    #[arg(value_parser = file_or_stdout())]
    lock: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Failure> {
    let examined = Examined::open(&args.bundle, args.limits.limits())?;
    let mut report = examined.report();
    hint::add_to_findings(&mut report.findings);
    let (Some(graph), Some(id)) = (examined.graph(), examined.id()) else {
        let (path, report) = (args.bundle.clone(), Box::new(report));
        return Err(AdmitError::Refused { path, report }.into());
    };
    for finding in report.findings.iter().filter(|finding| finding.is_error() && !finding.follows) {
        let place =
            if finding.path.is_empty() { String::new() } else { format!("{}: ", finding.path.join(" → ")) };
        ui.warn(&format!("{place}{}", finding.message));
    }
    let wanted = match &args.part {
        Some(part) => find(graph, part, &args.bundle)?,
        None => Wanted::Everything,
    };
    if let Some(path) = &args.lock {
        write_lock(path, &examined, graph, &report)?;
    }
    if args.raw {
        raw::write(&examined, graph, &wanted, ui)?;
        return Ok(Exit::Done);
    }
    let configs = if args.part.is_some() { Configs::Show } else { Configs::LeaveOut };
    let shown =
        Shown { bundle: &args.bundle, id, is_damaged: !report.ok, roots: roots(graph, &wanted), wanted };
    let tree = Tree::new(&examined, graph, configs);
    if ui.json {
        ui.print_json(&shown.document(&tree))?;
    } else {
        ui.print_by(|out| text::write(out, || shown.document(&tree), &tree, &ui.out))?;
    }
    Ok(of_state(report.state))
}

/// Writes the lock of a bundle, unless the bundle is damaged.
fn write_lock(path: &Path, examined: &Examined, graph: &Graph, report: &Report) -> Result<(), Failure> {
    let bundle = examined.archive().path();
    if !report.ok {
        let (path, report) = (bundle.to_owned(), Box::new(report.clone()));
        return Err(AdmitError::Refused { path, report }.into());
    }
    keep_apart(&[Input::Bundle(bundle.to_owned())], &[path.to_owned()]).map_err(UsageError::from)?;
    let old = OldLock::open(path)?;
    let at = locks::time::fixed()?.unwrap_or_else(|| locks::time::of_file(bundle));
    old.replace(&lock::lock_of(examined, graph, &old.lock, at)?).map(drop)
}

/// What is shown of a bundle.
struct Shown<'a> {
    bundle: &'a Path,
    id: Digest,
    is_damaged: bool,
    wanted: Wanted,
    /// The positions of the images that are shown.
    roots: Vec<usize>,
}

impl Shown<'_> {
    /// The document, to be read once.
    fn document<'t>(&'t self, tree: &'t Tree<'t>) -> InspectDocument<'t> {
        let walk = tree.walk();
        let manifest = match &self.wanted {
            Wanted::Manifest(digest) => tree.graph().manifest(digest).map(|entry| walk.manifest(entry)),
            _ => None,
        };
        let blob = match &self.wanted {
            Wanted::Blob(digest) => tree.blob(digest),
            _ => None,
        };
        InspectDocument {
            schema: crate::output::INSPECT,
            bundle: self.bundle.display().to_string(),
            id: self.id,
            size: tree.examined().archive().size_on_disk(),
            ok: self.is_damaged.then_some(false),
            structure: if self.is_damaged { Structure::Damaged } else { Structure::Sound },
            content: Content::Unchecked,
            images: walk.images(&self.roots),
            manifest,
            blob,
        }
    }
}

fn roots(graph: &Graph, wanted: &Wanted) -> Vec<usize> {
    match wanted {
        Wanted::Everything => (0..graph.roots.len()).collect(),
        Wanted::Images(roots) => roots.clone(),
        Wanted::Manifest(_) | Wanted::Blob(_) => Vec::new(),
    }
}

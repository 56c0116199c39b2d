//! `airlift prune`: what of old images may go, and its deletion.

mod inputs;
mod show;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use airlift_lists::PrunePlan;
use airlift_lists::prune_plan::{MAX_PRUNE_PLAN, PlannedDeletion};
use airlift_oci::text::with_causes;
use airlift_pruner::{Applied, LeftReason, apply, plan};
use airlift_pusher::Destination;
use inputs::PruneInputs;

use crate::args::files::file;
use crate::args::mapping::MappingArgs;
use crate::args::registry::RegistryArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::keep_apart::{Input, keep_place};
use crate::files::replaced::{replace, replaced_file};
use crate::output::{PruneResultDocument, written};
use crate::ui::Ui;
use crate::ui::interrupt::OnInterrupt;
use crate::ui::term::shown;
use crate::usage_error::UsageError;

/// Small requests side by side.
const REQUESTS: usize = 16;

const EXAMPLES: &str = "\
Examples:
  airlift prune registry.example.com --old may.lock --keep june.lock             what could go
  airlift prune registry.example.com --old may.lock --keep june.lock --keep july.json -o plan.json
  airlift prune registry.example.com --apply plan.json                           deletes what the plan says

The first two change nothing. What any other tag of a repository stands for stays, with all below it. See
docs/prune.md.";

/// Plan which old images a registry no longer needs, and delete them by digest
///
/// With --old and --keep it makes a plan: the images of the old lock, without all that a kept lock or receipt
/// holds and all that other tags name, directly or by way of an index. With --apply it carries out a plan:
/// what changed since then is left alone.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
#[command(
    override_usage = "airlift prune [OPTIONS] DEST --old LOCK --keep LOCK|RECEIPT… [-o PLAN]\n       airlift prune [OPTIONS] DEST --apply PLAN"
)]
pub(crate) struct Args {
    /// The registry, and a path there: HOST[:PORT][/PREFIX], as for push
    // Parsed by us: the parser of arguments would repeat it as it is, and people write passwords into it.
    #[arg(value_name = "DEST")]
    destination: String,
    /// The lock, or receipt, of images that are no longer needed (repeatable)
    #[arg(long, value_name = "LOCK|RECEIPT", required_unless_present = "apply", conflicts_with = "apply")]
    old: Vec<PathBuf>,
    /// A lock or receipt of images that stay (repeatable)
    ///
    /// Nothing that it holds is deleted, in whichever repository, and no tag that it names.
    #[arg(long, value_name = "LOCK|RECEIPT", required_unless_present = "apply", conflicts_with = "apply")]
    keep: Vec<PathBuf>,
    /// Write the plan to this file
    #[arg(short, long, value_name = "PLAN", value_parser = file(), conflicts_with = "apply")]
    output: Option<PathBuf>,
    /// Delete what this plan says
    #[arg(long, value_name = "PLAN")]
    apply: Option<PathBuf>,
    #[command(flatten)]
    mapping: MappingArgs,
    #[command(flatten)]
    registry: RegistryArgs,
}

pub(crate) async fn run(args: Args, ui: &Ui, on_interrupt: &OnInterrupt) -> Result<Exit, Failure> {
    let destination: Destination = args.destination.parse().map_err(UsageError::Destination)?;
    match &args.apply {
        Some(path) => carry_out(&args, path, &destination, (ui, on_interrupt)).await,
        None => make_plan(&args, &destination, ui).await,
    }
}

async fn make_plan(args: &Args, destination: &Destination, ui: &Ui) -> Result<Exit, Failure> {
    let inputs =
        args.old.iter().chain(&args.keep).cloned().map(Input::Document).chain(args.registry.inputs());
    let outputs: Vec<PathBuf> = args.output.iter().cloned().collect();
    inputs.into_iter().try_for_each(|input| keep_place(input, &outputs)).map_err(UsageError::from)?;
    args.output.as_deref().map(keep_other_files).transpose()?;
    let inputs = PruneInputs::read(&args.old, &args.keep)?;
    inputs.check_mapping(&args.mapping)?;
    let options = args.mapping.options();
    let (old, kept) = (inputs.old_images(destination, &options)?, inputs.kept(destination, &options));
    let transport = args.registry.transport(ui.observer())?;
    let planned = plan(&transport, &old, &kept, args.requests()).await;
    for error in &planned.failed {
        ui.warn(&format!("nothing is planned there: {}", with_causes(error)));
    }
    if planned.failed.is_empty() && !planned.found && !old.is_empty() {
        ui.warn(&show::nothing_found(destination));
    }
    let document = PrunePlan::new(destination.to_string(), planned.deletions);
    if let Some(path) = &args.output {
        replace(path, &written(&document)?).map_err(|source| cant("write", path, source))?;
    }
    if ui.json {
        ui.print_json(&document)?;
    } else {
        ui.print(&show::planned(&document, &planned.staying, args.output.as_deref(), &ui.out))?;
    }
    Ok(if planned.failed.is_empty() { Exit::Done } else { Exit::Registry })
}

async fn carry_out(
    args: &Args,
    path: &Path,
    destination: &Destination,
    (ui, on_interrupt): (&Ui, &OnInterrupt),
) -> Result<Exit, Failure> {
    if args.mapping.is_given() {
        let why = "--only, --keep-host, --map and --no-tag are for making a plan; a plan has the names";
        return Err(UsageError::Combination(why).into());
    }
    let target = destination.to_string();
    let bytes = read(path).map_err(|source| cant("read", path, source))?;
    let plan = PrunePlan::parse(&shown(path), &bytes, &target).map_err(UsageError::Lists)?;
    let transport = args.registry.transport(ui.observer())?;
    let (mut gone, all) = (Vec::new(), plan.deletions.len());
    on_interrupt.explain(show::interrupted(&gone, all));
    let note = |one: &PlannedDeletion| {
        gone.push(format!("{}@{}", one.repository, one.digest));
        on_interrupt.explain(show::interrupted(&gone, all));
    };
    let applied = apply(&transport, &plan.deletions, args.requests(), note).await;
    if ui.json {
        ui.print_json(&PruneResultDocument::new(&target, &applied))?;
    } else {
        ui.print(&show::applied(&applied, &ui.out))?;
    }
    Ok(exit(&applied))
}

fn exit(applied: &Applied) -> Exit {
    let is_of_registry = |reason: &LeftReason| match reason {
        LeftReason::Moved { .. } | LeftReason::NewTag(_) | LeftReason::Named | LeftReason::Unlisted => false,
        LeftReason::Refused(_)
        | LeftReason::StillThere
        | LeftReason::Unproven(_)
        | LeftReason::Failed(_)
        | LeftReason::Unknown
        | LeftReason::Disabled => true,
    };
    if applied.disabled.is_some() || applied.left.iter().any(|left| is_of_registry(&left.reason)) {
        Exit::Registry
    } else if applied.left.is_empty() {
        Exit::Done
    } else {
        Exit::No
    }
}

impl Args {
    fn requests(&self) -> usize {
        if self.registry.jobs() == 1 { 1 } else { REQUESTS }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_PRUNE_PLAN + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_PRUNE_PLAN {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too large for a deletion plan"));
    }
    Ok(bytes)
}

/// Only plans are written over.
fn keep_other_files(path: &Path) -> Result<(), Failure> {
    let mut start = Vec::new();
    // A pipe or a device holds no file, and reading it would wait.
    let Some(path) = replaced_file(path).map_err(|source| cant("write", path, source))? else {
        return Ok(());
    };
    match File::open(&path).and_then(|file| file.take(4096).read_to_end(&mut start)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(cant("write", &path, source)),
        Ok(_) if start.is_empty() || String::from_utf8_lossy(&start).contains("\"airlift.prune/") => Ok(()),
        Ok(_) => {
            let why = "it is there and is no deletion plan; name another file";
            Err(cant("write", &path, io::Error::new(io::ErrorKind::InvalidInput, why)))
        }
    }
}

fn cant(doing: &'static str, path: &Path, source: io::Error) -> Failure {
    Failure::File { doing, path: path.to_owned(), source }
}

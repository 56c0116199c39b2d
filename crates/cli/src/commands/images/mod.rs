//! `airlift images`: which images do these files name?

mod list;
mod search;
mod show;

use std::path::PathBuf;

use airlift_workloads::{Finder, FinderOptions, Guessing, HelmValues};
use search::Searched;

use crate::args::files::file;
use crate::args::rules;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::keep_apart::{Input, keep_apart};
use crate::files::unread;
use crate::output::ImagesFoundDocument;
use crate::ui::Ui;
use crate::usage_error::UsageError;

const EXAMPLES: &str = "\
Examples:
  airlift images deploy/                              every image of a folder of manifests
  helm template ./chart | airlift images -            of a chart
  kustomize build overlays/prod | airlift images -    of an overlay
  airlift images compose.yaml -o images.yaml          into an images file, which a second run refreshes
  airlift images deploy/ --path 'MyKind:spec.image'   also of a kind of your own
  airlift images deploy/ --json                       with file, line, object and field
  helm template ./chart | airlift images - | airlift build -f - -o images.tar

See docs/kubernetes.md.";

/// List the images that Kubernetes, Kustomize and Compose files name
///
/// One reference a line, sorted, each once. Found are the images of pods in workloads of all kinds, of
/// Kustomizations, Compose files and the custom resources of widespread operators. What can't be read is
/// named with its line; the rest is listed all the same, and the exit code is 1.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Files, folders, or - for standard input
    ///
    /// Of a folder, all *.yaml, *.yml and *.json files below it, without .git. Links to folders are not
    /// followed.
    #[arg(value_name = "FILE|DIR|-", required = true)]
    paths: Vec<PathBuf>,
    /// Look there in objects of this kind, too (repeatable)
    ///
    /// A path such as spec.image, spec.images[*].name, spec.*.image or metadata.annotations['example.com/a'].
    /// It leads to an image, a container, a pod's spec, or a list of these. @FILE reads rules from a file,
    /// one a line.
    #[arg(long = "path", value_name = "KIND:PATH")]
    rules: Vec<String>,
    /// Take what looks like an image in arguments, environment and config maps
    ///
    /// That is a text with a registry, and a tag or a digest: quay.io/team/app:1.
    #[arg(long)]
    guess: bool,
    /// Write the list to this file
    ///
    /// An images file if the name ends in .yaml or .yml, else a plain list. If it is there, entries that are
    /// marked as found are refreshed, and all others stay as they are.
    #[arg(short, long, value_name = "FILE", value_parser = file())]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Failure> {
    args.check_files()?;
    let options = FinderOptions {
        rules: rules::read(&args.rules)?,
        guessing: if args.guess { Guessing::On } else { Guessing::Off },
        values: HelmValues::Skip,
    };
    let finder = Finder::new(&options).map_err(UsageError::Rules)?;
    let searched = Searched::of(&args.paths, &finder);
    let found = &searched.found;
    unread::show(&searched.unreadable, &found.problems, &found.notes, ui);
    if let Some(output) = &args.output {
        let written = list::write(output, &searched.found.places)?;
        ui.note(&show::written(output, &written));
    }
    if ui.json {
        let (places, notes) = (&searched.found.places, &searched.found.notes);
        ui.print_json(&ImagesFoundDocument::new(places, searched.messages(), notes))?;
    } else if args.output.is_none() {
        ui.print(&list::plain(&searched.found.places))?;
    }
    ui.note(&show::totals(&searched));
    Ok(if searched.is_complete() { Exit::Done } else { Exit::No })
}

impl Args {
    /// Standard input is read once, and no file is both read and written.
    fn check_files(&self) -> Result<(), UsageError> {
        if self.paths.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
            return Err(UsageError::Combination("standard input can be read once"));
        }
        if self.output.as_ref().is_some_and(|output| output.as_os_str() == "-") {
            return Err(UsageError::Combination("without -o, the list goes to standard output"));
        }
        let read = self.paths.iter().filter(|path| !path.is_dir()).cloned().map(Input::Manifest);
        keep_apart(&read.collect::<Vec<_>>(), self.output.as_slice()).map_err(UsageError::from)
    }
}

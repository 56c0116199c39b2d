//! `airlift check`: is it there, as it should be?

mod from_sets;
mod inputs;
mod junit;
mod markdown;
mod places;
mod reports;
mod show;
mod subject;

use std::path::PathBuf;
use std::sync::Arc;

use airlift_checker::{CheckOptions, CheckedImage, Depth, State, check};
use airlift_lists::Choice;
use airlift_oci::Observer;
use airlift_oci::reference::Mirrors;
use airlift_oci::text::with_causes;
use airlift_pusher::Destination;
use airlift_registry::Transport;
use from_sets::ToRegistries;
use inputs::Inputs;
use places::PlacedSubject;
use reports::Reports;

use crate::args::files::file;
use crate::args::limits::LimitArgs;
use crate::args::mapping::MappingArgs;
use crate::args::mirrors::MirrorArgs;
use crate::args::registry::RegistryArgs;
use crate::asked::references;
use crate::asked::select_error::SelectError;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::keep_apart::{Input, bundle_file, keep_reports_apart};
use crate::output::CheckDocument;
use crate::ui::Ui;
use crate::ui::interrupt::OnInterrupt;
use crate::usage_error::UsageError;

const EXAMPLES: &str = "\
Examples:
  airlift check nginx:1.27                              all that its tag stands for now
  airlift check images.lock                             at the source: did a tag move, is a digest gone?
  airlift check images.tar --at registry.example.com    is all of the bundle at the target?
  airlift check receipt.json                            is all there still that was pushed a year ago?
  airlift check receipt.json --deep                     and is every byte what it was?
  airlift check images.lock --markdown                  a table for a pull request
  airlift check images.lock --junit report.xml --failed failed.txt

See docs/check.md.";

/// Ask registries whether they have images, whole and under their tags
///
/// For each image: ok; drift (the tag moved or is gone, the digest is there); lost (the digest is gone);
/// incomplete (manifests or blobs below it are gone); unreachable (no answer: not the same as lost). Blobs
/// are asked for and not read, unless --deep is given. Nothing is changed at any registry.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// A lock, a list, an images file, a bundle, a receipt, or an image
    ///
    /// An argument that is the name of a file or folder is read by what it is: a lock, an images file or a
    /// text file with references; a bundle or an image layout; a receipt of push. Everything else is an
    /// image, such as nginx:1.27.
    #[arg(value_name = "SET|BUNDLE|RECEIPT|REF", required_unless_present = "file")]
    things: Vec<String>,
    /// A list, an images file, a lock, or - (repeatable)
    #[arg(short, long = "file", value_name = "SET")]
    file: Vec<PathBuf>,
    /// Take only these groups of images files and locks (repeatable, commas)
    #[arg(long = "group", value_name = "GROUP", value_delimiter = ',', hide_short_help = true)]
    groups: Vec<String>,
    /// Ask at this registry, under the names that push gives
    ///
    /// HOST[:PORT][/PREFIX], as for `airlift push`. Without it, images are asked for where their names say,
    /// and those of a receipt where it says that they were pushed to.
    #[arg(long, value_name = "DEST")]
    at: Option<String>,
    #[command(flatten)]
    mapping: MappingArgs,
    /// Read and hash every blob
    #[arg(long)]
    deep: bool,
    /// Write a JUnit report
    #[arg(long, value_name = "FILE", value_parser = file())]
    junit: Option<PathBuf>,
    /// Print a table for the comment of a pull request
    #[arg(long)]
    markdown: bool,
    /// Write the references that are not ok, one a line
    ///
    /// -f takes this file. It is empty if all is ok. Tag selectors that select nothing, and images without a
    /// full name, are comments in it.
    #[arg(long, value_name = "FILE", value_parser = file())]
    failed: Option<PathBuf>,
    #[command(flatten)]
    mirrors: MirrorArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) async fn run(args: Args, ui: &Ui, on_interrupt: &OnInterrupt) -> Result<Exit, Failure> {
    if args.markdown && ui.json {
        return Err(UsageError::Combination("--markdown and --json both want standard output").into());
    }
    let inputs = Inputs::of(&args.things)?;
    args.keep_files_apart(&inputs)?;
    let reports = Reports::prepare(args.junit.as_deref(), args.failed.as_deref(), on_interrupt)?;
    let destination = args.destination()?;
    let observer: Arc<dyn Observer> = ui.observer();
    let transport = args.registry.transport(Arc::clone(&observer))?;
    let (asked, unselected) = args.asked(&inputs, destination.as_ref(), &transport, &observer).await?;
    reports.note(&asked, &unselected);
    let wanted: Vec<_> = asked.iter().map(|asked| asked.wanted.clone()).collect();
    let options = CheckOptions {
        depth: if args.deep { Depth::Bytes } else { Depth::Presence },
        jobs: args.registry.jobs(),
        limits: args.limits.limits(),
    };
    let images = check(&transport, &wanted, options, observer).await;
    let checked: Vec<(PlacedSubject, CheckedImage)> = asked.into_iter().zip(images).collect();
    reports.write(&checked, &unselected)?;
    let texts: Vec<String> = unselected.iter().map(|error| with_causes(error)).collect();
    texts.iter().for_each(|text| ui.warn(text));
    print(&args, &checked, texts, ui)?;
    Ok(exit(&checked, &unselected))
}

fn print(
    args: &Args,
    checked: &[(PlacedSubject, CheckedImage)],
    unselected: Vec<String>,
    ui: &Ui,
) -> Result<(), Failure> {
    if ui.json {
        let entries = checked.iter().map(|(asked, image)| {
            (asked.subject.name.as_str(), asked.target.as_ref().map(ToString::to_string), image)
        });
        return ui.print_json(&CheckDocument::new(args.at.as_deref(), entries, unselected));
    }
    match args.markdown {
        true => ui.print(&markdown::table(checked)),
        false => ui.print(&show::result(checked, ui.verbosity, &ui.out)),
    }
}

/// The answer is no if anything is known to be wrong.
fn exit(checked: &[(PlacedSubject, CheckedImage)], unselected: &[SelectError]) -> Exit {
    let mut states = checked.iter().map(|(_, image)| image.state);
    if states.clone().any(|state| !matches!(state, State::Ok | State::Unreachable)) {
        Exit::No
    } else if states.any(|state| state == State::Unreachable) || !unselected.is_empty() {
        Exit::Registry
    } else {
        Exit::Done
    }
}

impl Args {
    /// Where the images should be, if that isn't where they come from.
    fn destination(&self) -> Result<Option<Destination>, UsageError> {
        match &self.at {
            Some(text) => text.parse().map(Some).map_err(UsageError::Destination),
            None if self.mapping.is_given() => Err(UsageError::Combination(
                "--only, --keep-host, --map and --no-tag are about names at a target: name it with --at",
            )),
            None => Ok(None),
        }
    }

    /// All images with their places, and the selectors that select none.
    async fn asked(
        &self,
        inputs: &Inputs,
        destination: Option<&Destination>,
        transport: &Transport,
        observer: &Arc<dyn Observer>,
    ) -> Result<(Vec<PlacedSubject>, Vec<SelectError>), Failure> {
        let sets: Vec<PathBuf> = inputs.sets.iter().chain(&self.file).cloned().collect();
        let choice = Choice::default();
        let wishes = from_sets::wishes(&references::Asked {
            references: &inputs.references,
            sets: &sets,
            groups: &self.groups,
            choice: &choice,
        })?;
        let mirrors: Mirrors = self.mirrors.mirrors(wishes.mirrors.clone())?;
        let jobs = self.registry.jobs();
        let registries = ToRegistries { transport, mirrors: &mirrors, observer, jobs };
        let (mut subjects, unselected) = from_sets::subjects(&wishes, &registries).await?;
        subjects.extend(tokio::task::block_in_place(|| inputs.subjects(self.limits.limits(), &**observer))?);
        let asked = match destination {
            Some(_) if subjects.is_empty() => Vec::new(),
            Some(destination) => places::at_target(subjects, destination, &self.mapping.options())?,
            None => places::at_their_places(subjects, &mirrors)?,
        };
        Ok((asked, unselected))
    }

    /// Refuses to write over what is read, and to write two things to one file.
    fn keep_files_apart(&self, inputs: &Inputs) -> Result<(), UsageError> {
        let junit = self.junit.iter().map(|path| Input::Report("--junit", path.clone()));
        let failed = self.failed.iter().map(|path| Input::Report("--failed", path.clone()));
        let reports: Vec<Input> = junit.chain(failed).collect();
        let lists = inputs.sets.iter().chain(&inputs.receipts).chain(&self.file).cloned().map(Input::List);
        let bundles = inputs.bundles.iter().map(|path| Input::Bundle(bundle_file(path)));
        let all = lists.chain(bundles).chain(self.mirrors.inputs()).chain(self.registry.inputs());
        Ok(keep_reports_apart(&all.collect::<Vec<_>>(), &reports)?)
    }
}

//! `airlift build`: references to bundle.

mod failed_images;
mod plan;
mod show;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_bundle::volumes::{self, PathKind, Split};
use airlift_bundle::write::output::Measure;
use airlift_bundle::{Existing, Form, UnfitError};
use airlift_packager::{
    Fetched, ForeignLayers, Layouts, LocalContents, LockedOutput, Missing, Output, Packing, PlanOptions,
    Registries, Source,
};

use failed_images::FailedImages;

use crate::args::choice::ChoiceArgs;
use crate::args::limits::LimitArgs;
use crate::args::mirrors::MirrorArgs;
use crate::args::registry::RegistryArgs;
use crate::exit::Exit;
use crate::failure::{Failure, UsageError, with_causes};
use crate::files::{Input, keep_apart};
use crate::output::{BuildDocument, PlanDocument};
use crate::references::{Asked, AskedEntry, Wishes, gather};
use crate::replaced_file::replace;
use crate::ui::interrupt::OnInterrupt;
use crate::ui::term::{shown, stdout_leads_nowhere};
use crate::ui::{Ui, size};

const EXAMPLES: &str = "\
Examples:
  airlift build nginx:1.27 redis:7 -o images.tar       two images, all platforms
  airlift build -f images.txt -o images.tar            one reference a line, # comments
  airlift build -f images.yaml --group base -o b.tar   a group of an images file, see docs/lists.md
  airlift build -f images.lock -o images.tar           exactly what `airlift lock` wrote down
  airlift build nginx@sha256:… -o images.tar           by digest
  airlift build nginx:1.27 --platform linux/amd64,linux/arm64 -o images.tar
  airlift build nginx:1.27 -o images.tar.zst           compressed, where that gains; verify, inspect and push read it
  airlift build oci-archive:a.tar oci-archive:b.tar -o both.tar     merges bundles, or image layouts of other tools
  airlift build oci-archive:big.tar:'nginx*' -o small.tar          takes a part; see docs/sources.md
  airlift build nginx:1.27 --dry-run                   what it would be, and how large
  airlift build -f images.txt -o new.tar --reuse old.tar   fetches only what old.tar lacks
  airlift build nginx:1.27 -o - | ssh far 'cat >b.tar'     straight into a pipe
  airlift build nginx:1.27 -o b.tar --volume-size 4GB      b.tar.001 … for FAT32 or DVDs

If the build is interrupted, the same command goes on from BUNDLE.part. Content that arrived is hashed and kept.";

/// Pack images from registries and image layouts into one file
///
/// Takes each image with all its platforms: every manifest and blob as its source has it, byte for byte.
/// The same images always give the same file.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Images, such as nginx:1.27 or quay.io/team/app@sha256:…
    ///
    /// oci-archive:FILE and oci:DIR take the images of a bundle, or of an image layout of another tool.
    /// Behind a colon, :REF takes those with that name, tag or digest; * and ? are wildcards. =NAME at the
    /// end names an image that has no full name.
    #[arg(value_name = "REF")]
    references: Vec<String>,
    /// A list of references, an images file, a lock, or - (repeatable)
    ///
    /// A text file has one reference a line, and '#' starts a comment; - is standard input. A .yaml file is
    /// an images file, with groups, and platforms for each image: see docs/lists.md. Of a lock, the digests
    /// are taken, and no tag is asked for: see docs/locks.md.
    #[arg(short, long = "file", value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Take only these groups of images files (repeatable, commas)
    ///
    /// Images on the command line and in text files have no groups, and are taken in any case.
    #[arg(long = "group", value_name = "GROUP", value_delimiter = ',', requires = "file")]
    groups: Vec<String>,
    /// The bundle to write; - is standard output
    #[arg(short, long, value_name = "BUNDLE", required_unless_present = "dry_run")]
    output: Option<PathBuf>,
    /// Show what would be built, and fetch no blob
    #[arg(long)]
    dry_run: bool,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
    /// Refuse a bundle larger than this, such as 4GiB
    ///
    /// Refused before the first blob is fetched, with exit code 5. K, M and G are powers of 1024, kB, MB and
    /// GB of 1000.
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    max_size: Option<u64>,
    /// Cut the bundle into files of this size, such as 4GB
    ///
    /// Writes BUNDLE.001, BUNDLE.002 and so on, which joined in this order are the archive, and
    /// BUNDLE.volumes.json, which lists them. All commands read the volumes in place: give them
    /// BUNDLE.volumes.json, or BUNDLE if no file has that name. `airlift verify BUNDLE.002` verifies one
    /// volume alone. At least 64K; rounded down to a multiple of 512. FAT32 takes 4GB (DVDs 4.7GB), but not
    /// 4GiB.
    #[arg(long, value_name = "SIZE", value_parser = volume_size)]
    volume_size: Option<Split>,
    #[command(flatten)]
    choice: ChoiceArgs,
    /// Accept images that lack some of the platforms
    ///
    /// The platforms that an image has are carried. An image that has none of them is left out, with a
    /// warning.
    #[arg(long, hide_short_help = true)]
    allow_missing_platform: bool,
    /// Fetch foreign layers from their addresses
    ///
    /// Some images name addresses for layers that their registry doesn't have. Such layers stay outside of
    /// the bundle, with a warning, unless this is given: then they are fetched from there, by https and
    /// without credentials, and checked like any other.
    #[arg(long)]
    fetch_external: bool,
    /// Copy content from another bundle (repeatable)
    ///
    /// A bundle, or an image layout of another tool (archive or folder). Blobs and manifests that it holds
    /// are copied and hashed, not fetched; the registry is only asked which digests the tags have. BUNDLE
    /// itself and BUNDLE.part are used without being named.
    #[arg(long, value_name = "BUNDLE")]
    reuse: Vec<PathBuf>,
    /// Build a bundle of the rest if images fail
    ///
    /// An image fails if it, or a part of it, can't be had. Each is named, and left out. The exit code is 3
    /// all the same.
    #[arg(long, hide_short_help = true)]
    keep_going: bool,
    /// Write the references that failed, one a line
    ///
    /// -f takes this file. It is empty if nothing failed, and also written if the build fails. Tag selectors
    /// that select nothing are comments in it.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    failed: Option<PathBuf>,
    #[command(flatten)]
    mirrors: MirrorArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) async fn run(args: Args, ui: &Ui, on_interrupt: &OnInterrupt) -> Result<Exit, Failure> {
    let form = args.form()?;
    args.check_target(form, ui)?;
    keep_apart(&args.inputs(), &args.touched(form)).map_err(UsageError::from)?;
    let mut failed = FailedImages::default();
    let ended = run_with(&args, form, &mut failed, ui, on_interrupt).await;
    if let Some(path) = &args.failed {
        let not_written = |source| Failure::File { doing: "write", path: path.clone(), source };
        replace(path, &failed.list()).map_err(not_written)?;
    }
    ended
}

/// Plans and writes the bundle; after an image failed, again without it, if that is wanted.
async fn run_with(
    args: &Args,
    form: Form,
    failed: &mut FailedImages,
    ui: &Ui,
    on_interrupt: &OnInterrupt,
) -> Result<Exit, Failure> {
    let wishes = args.wishes()?;
    let layouts = wishes.layouts();
    let inputs = layouts.iter().map(|layout| Input::Layout(as_file(Path::new(&layout.path))));
    keep_apart(&inputs.collect::<Vec<_>>(), &args.touched(form)).map_err(UsageError::from)?;
    let open_layouts = || tokio::task::block_in_place(|| Layouts::open(&layouts, args.limits.limits()));
    let opened = open_layouts()?;
    let (mut output, local) = args.open(form)?;
    let (observer, options) = (ui.observer(), args.options());
    let mirrors = args.mirrors.mirrors(wishes.mirrors.clone())?;
    let registries = Registries::new(args.registry.transport(observer.clone())?, mirrors, observer.clone());
    let mut source = Arc::new(Source::new(registries.clone(), local, opened));
    let mut images = plan::resolved(&wishes, &source, options.jobs, failed, &*observer).await;
    loop {
        let planned = plan::planned(images, &source, &options, failed, &*observer).await;
        let planned = planned
            .and_then(|planned| if args.keep_going { Ok(planned) } else { failed.check().map(|()| planned) });
        if let Err(failure) = &planned {
            plan::keep_manifests(failure, &source, output.as_ref(), ui)?;
        }
        let (packing, kept) = planned?;
        failed.take_texts().iter().for_each(|text| ui.warn(&format!("left out: {text}")));
        let Err(failure) = finish(args, &packing, output, failed, ui, on_interrupt).await else { break };
        let rest = failed.add_blob(&failure, &packing, kept);
        images = match rest.filter(|rest| args.keep_going && !rest.is_empty()) {
            Some(rest) => rest,
            None => return Err(failure),
        };
        ui.warn(&format!("left out: {}", with_causes(&failure)));
        // They hold the lock of the unfinished file.
        drop((packing, source));
        let (again, local) = args.open(form)?;
        (output, source) = (again, Arc::new(Source::new(registries.clone(), local, open_layouts()?)));
    }
    Ok(if failed.is_empty() { Exit::Done } else { Exit::Registry })
}

/// Shows the plan, or carries it out.
async fn finish(
    args: &Args,
    packing: &Packing,
    output: Option<LockedOutput>,
    failed: &FailedImages,
    ui: &Ui,
    on_interrupt: &OnInterrupt,
) -> Result<(), Failure> {
    let size = packing.plan().size();
    if let Some(limit) = args.max_size.filter(|limit| size > *limit) {
        return Err(Failure::TooLarge { size, limit });
    }
    let form = args.form()?;
    let measure = form.output().measure(packing.plan()).map_err(|error| args.unfit(error))?;
    match output {
        None => {
            let forecast =
                tokio::task::block_in_place(|| airlift_packager::forecast(packing, &*ui.observer()));
            show_plan(args, packing, forecast, &measure, failed, ui)
        }
        Some(output) => build(args, packing, output, &measure, failed, ui, on_interrupt).await,
    }
}

/// Writes the bundle and prints the result.
async fn build(
    args: &Args,
    packing: &Packing,
    output: LockedOutput,
    measure: &Measure,
    failed: &FailedImages,
    ui: &Ui,
    on_interrupt: &OnInterrupt,
) -> Result<(), Failure> {
    ui.note(&show::plan(packing, measure, &ui.err));
    let Output { path, form, .. } = output.output().clone();
    ui.note(&show::compressed(Some(&path), measure));
    let unfinished = output.output().unfinished();
    if let (Some(always), Some(data)) = (unfinished.first(), unfinished.last()) {
        on_interrupt.explain_if_there(always.clone(), kept(data, form));
    }
    let bundle = output.output().shown();
    let built = packing.write(output, args.registry.jobs(), &ui.observer()).await;
    let built = built.map_err(if form == Form::Stream { Failure::Stream } else { Failure::Build })?;
    if form == Form::Stream {
        // Standard output has the archive.
        ui.note(&show::built(&bundle, packing, &built, ui.err.paint));
    } else if ui.json {
        ui.print_json(&BuildDocument::new(&bundle, packing, built, failed.references()))?;
    } else {
        let in_volumes = built.published.volumes.as_ref().map(show::volumes).unwrap_or_default();
        ui.print(&(show::built(&bundle, packing, &built, ui.out.paint) + &in_volumes))?;
    }
    Ok(())
}

impl Args {
    /// The output, where it is a file.
    fn named_output(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| path.as_os_str() != "-")
    }

    /// The form of the output. This is the one place that looks at the options and names that say it.
    fn form(&self) -> Result<Form, UsageError> {
        let refuse = |why| Err(UsageError::Combination(why));
        let is_stream = self.output.as_deref().is_some_and(|path| path.as_os_str() == "-");
        let by_name = self.output.as_deref().map_or(Form::Tar, Form::of_file);
        match self.volume_size {
            Some(_) if is_stream => refuse("-o - is one stream; --volume-size wants a file's name"),
            Some(_) if by_name == Form::Zst => {
                refuse("a compressed bundle is not cut into volumes; leave out --volume-size, or .zst")
            }
            _ if self.output.as_deref().is_some_and(is_compressed_otherwise) => {
                refuse("build writes plain archives (.tar), and compressed ones with the name .tar.zst only")
            }
            Some(split) => Ok(Form::Volumes(split)),
            None if is_stream => Ok(Form::Stream),
            None => Ok(by_name),
        }
    }

    /// Refuses a build that has nowhere to write to.
    fn check_target(&self, form: Form, ui: &Ui) -> Result<(), Failure> {
        let refuse = |why| Err(UsageError::Combination(why).into());
        if self.dry_run {
            return Ok(());
        }
        // The parser of arguments asks for one of the two.
        if self.output.is_none() {
            return refuse("name the bundle with -o, or look at the plan with --dry-run");
        }
        if form != Form::Stream {
            return Ok(());
        }
        if ui.json {
            return refuse("-o - and --json both want standard output; write the bundle to a file");
        }
        if std::io::stdout().is_terminal() {
            return refuse("-o - would write the archive to this terminal; redirect it, or name a file");
        }
        if stdout_leads_nowhere() {
            let closed = std::io::Error::other("standard output is closed, and the archive would be lost");
            return Err(Failure::Stdout(closed));
        }
        Ok(())
    }

    /// Opens the output, unless this is a dry run, and what need not be fetched.
    fn open(&self, form: Form) -> Result<(Option<LockedOutput>, LocalContents), Failure> {
        if let Some(path) = self.output.clone().filter(|_| !self.dry_run) {
            let existing = if self.force { Existing::Replace } else { Existing::Keep };
            let (output, contents) = Output { path, form, existing }.open()?;
            return Ok((Some(output), LocalContents::open(contents, &self.reuse)?));
        }
        Ok((None, LocalContents::look(self.named_output(), &self.reuse)?))
    }

    fn unfit(&self, error: UnfitError) -> Failure {
        match error {
            UnfitError::Volumes(error) => UsageError::Volumes(error).into(),
            UnfitError::Frames { size } => {
                Failure::TooManyFrames { output: self.output.clone().unwrap_or_default(), size }
            }
        }
    }

    /// What is asked for.
    fn wishes(&self) -> Result<Wishes, Failure> {
        let choice = self.choice.choice();
        let asked =
            Asked { references: &self.references, sets: &self.file, groups: &self.groups, choice: &choice };
        let wishes = gather(&asked)?;
        let is_whole = |asked: &AskedEntry| asked.entry.choice.platforms.is_empty();
        if self.allow_missing_platform && wishes.entries.iter().all(is_whole) {
            let why =
                "--allow-missing-platform needs platforms: name them with --platform or in an images file";
            return Err(UsageError::Combination(why).into());
        }
        Ok(wishes)
    }

    fn options(&self) -> PlanOptions {
        let foreign = if self.fetch_external { ForeignLayers::Fetch } else { ForeignLayers::LeaveOutside };
        PlanOptions {
            jobs: self.registry.jobs(),
            missing: if self.allow_missing_platform { Missing::Allow } else { Missing::Refuse },
            foreign_layers: foreign,
            limits: self.limits.limits(),
        }
    }

    /// All that this build reads from files.
    fn inputs(&self) -> Vec<Input> {
        let lists = self.file.iter().cloned().map(Input::List);
        let reused = self.reuse.iter().map(|path| Input::Reused(as_file(path)));
        lists.chain(reused).chain(self.mirrors.inputs()).chain(self.registry.inputs()).collect()
    }

    /// The existing files that it may overwrite. For a dry run: those that the real run may overwrite.
    fn touched(&self, form: Form) -> Vec<PathBuf> {
        let output = if self.dry_run { self.named_output() } else { self.output.as_deref() };
        let touched = output.map(|path| form.output().touched(path)).unwrap_or_default();
        touched.into_iter().chain(self.failed.clone()).collect()
    }
}

fn show_plan(
    args: &Args,
    packing: &Packing,
    forecast: Fetched,
    measure: &Measure,
    failed: &FailedImages,
    ui: &Ui,
) -> Result<(), Failure> {
    let output = args.output.as_deref();
    if ui.json {
        let plan = PlanDocument::new(output, packing, forecast, measure, failed.references());
        return ui.print_json(&if ui.verbosity > 0 { plan.with_blobs(packing) } else { plan });
    }
    let compressed = show::compressed(output, measure);
    ui.print(&(show::plan(packing, measure, &ui.out) + &compressed + &show::forecast(forecast)))
}

/// The file that stands for a bundle: of volumes, their manifest, which may go by the name of the whole.
fn as_file(bundle: &Path) -> PathBuf {
    match volumes::classify(bundle) {
        PathKind::Set { manifest } => manifest,
        _ => bundle.to_owned(),
    }
}

/// Whether the name promises a compression that isn't ours.
fn is_compressed_otherwise(path: &Path) -> bool {
    let others = ["gz", "tgz", "xz", "txz", "bz2", "tbz2", "tzst", "lz4", "br"];
    path.extension().is_some_and(|found| others.iter().any(|other| found.eq_ignore_ascii_case(other)))
}

fn volume_size(text: &str) -> Result<Split, String> {
    Split::of(size::parse(text)?).map_err(|error| error.to_string())
}

/// What stays when Ctrl-C ends the build. `data` is the first unfinished file that has any.
fn kept(data: &Path, form: Form) -> String {
    let more = if matches!(form, Form::Volumes(_)) { " …" } else { "" };
    format!("what arrived is kept in {}{more}: the same command goes on from there", shown(data))
}

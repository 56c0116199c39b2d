//! `airlift build`: references to bundle.

mod references;
mod show;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_bundle::volumes::{self, PathKind, Split, VolumeRange};
use airlift_bundle::write::part::part_path;
use airlift_bundle::{Existing, zst};
use airlift_oci::{Observer, Platform};
use airlift_packager::{
    Built, Fetched, ForeignLayers, Missing, Outcome, Output, Packing, PlanOptions, Referrers, Shelves,
    Source, StreamError, resolve,
};

use crate::args::limits::LimitArgs;
use crate::args::registry::RegistryArgs;
use crate::exit::Exit;
use crate::failure::{Failure, UsageError};
use crate::files::{Input, keep_apart};
use crate::output::{BuildDocument, PlanDocument};
use crate::ui::interrupt::Farewell;
use crate::ui::term::{shown, stdout_leads_nowhere};
use crate::ui::{Ui, size};

const EXAMPLES: &str = "\
Examples:
  airlift build nginx:1.27 redis:7 -o images.tar       two images, all platforms
  airlift build -f images.txt -o images.tar            one reference a line, # comments
  airlift build nginx@sha256:… -o images.tar           by digest
  airlift build nginx:1.27 --platform linux/amd64,linux/arm64 -o images.tar
  airlift build nginx:1.27 -o images.tar.zst           compressed, where that gains; verify, inspect and push read it
  airlift build nginx:1.27 --dry-run                   what it would be, and how large
  airlift build -f images.txt -o new.tar --reuse old.tar   fetches only what old.tar lacks
  airlift build nginx:1.27 -o - | ssh far 'cat >b.tar'     straight into a pipe
  airlift build nginx:1.27 -o b.tar --volume-size 4GB      b.tar.001 … for FAT32 or DVDs

If it is interrupted, the same command goes on from BUNDLE.part: what is there is hashed and kept.";

/// Pack images from registries into one file
///
/// Takes each image with all its platforms: every manifest and blob as the registry has it, byte for byte.
/// The same images give the same file, whoever builds it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Images, such as nginx:1.27 or quay.io/team/app@sha256:…
    #[arg(value_name = "REF")]
    references: Vec<String>,
    /// A text file of references, or - (repeatable)
    ///
    /// One reference a line; '#' starts a comment; - is standard input.
    #[arg(short, long = "file", value_name = "FILE")]
    file: Vec<PathBuf>,
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
    /// Writes BUNDLE.001, BUNDLE.002 and so on, which are the archive one behind the other, and
    /// BUNDLE.volumes.json, which says what belongs together. All commands read the volumes in place, by the
    /// name of BUNDLE.volumes.json, or of BUNDLE where no such file is. `airlift verify BUNDLE.002` verifies
    /// one alone. At least 64K; rounded down to a multiple of 512. FAT32 takes 4GB (DVDs 4.7GB), but not
    /// 4GiB.
    #[arg(long, value_name = "SIZE", value_parser = volume_size)]
    volume_size: Option<Split>,
    /// Carry only these platforms (repeatable, commas)
    ///
    /// The index and its digest stay as they are. OS/ARCH[/VARIANT], such as linux/amd64, linux/arm/v7 or
    /// windows(10.0.17763)/amd64; linux/arm64 means v8, as Docker has it. Attestations of the chosen
    /// platforms come along. Artifacts without platforms are carried whole.
    #[arg(long = "platform", value_name = "PLATFORM", value_delimiter = ',', value_parser = platform)]
    platforms: Vec<Platform>,
    /// Take what there is where an image lacks some
    ///
    /// An image that has none of them is left out, with a warning.
    #[arg(long, requires = "platforms")]
    allow_missing_platform: bool,
    /// Signatures, SBOMs, …: all or none
    ///
    /// Whether what is attached to the images comes along: referrers, and cosign's tags.
    #[arg(long, value_name = "WHICH", default_value = "all", hide_possible_values = true)]
    referrers: ReferrersArg,
    /// Fetch foreign layers from their addresses
    ///
    /// Some images name addresses for layers that their registry doesn't have. Such layers stay outside of
    /// the bundle, with a warning, unless this is given: then they are fetched from there, by https and
    /// without credentials, and proven like any other.
    #[arg(long)]
    fetch_external: bool,
    /// Take what another bundle holds (repeatable)
    ///
    /// A bundle, or an image layout of another tool (archive or folder). What it holds is hashed as it is
    /// copied, and not fetched: blobs, and manifests, of which only the digest is asked for. BUNDLE itself
    /// and BUNDLE.part need not be named.
    #[arg(long, value_name = "BUNDLE")]
    reuse: Vec<PathBuf>,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// What comes along with the images.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ReferrersArg {
    /// Referrers by the API or the fallback tag, and cosign's tags, recursively
    All,
    /// Nothing but the images
    None,
}

/// Where the bundle goes.
enum Target {
    /// Nowhere.
    Nowhere,
    /// Standard output.
    Stream,
    /// A file.
    File(Output),
}

pub(crate) async fn run(args: Args, ui: &Ui, farewell: &Farewell) -> Result<Exit, Failure> {
    let target = args.target(ui)?;
    keep_apart(&args.inputs(), &args.touched(&target)).map_err(UsageError::from)?;
    let references = references::gather(&args.references, &args.file)?;
    if let Target::File(output) = &target {
        output.check()?;
    }
    let (output, shelves) = match &target {
        Target::File(output) => (Some(output.path.as_path()), Shelves::open_for(output, &args.reuse)?),
        Target::Stream => (None, Shelves::open(None, &args.reuse)?),
        Target::Nowhere => (None, Shelves::look(args.named_output(), &args.reuse)?),
    };
    let packing = plan(&args, &references, shelves, output, ui).await?;
    let layout = packing.layout();
    if let Some(limit) = args.max_size.filter(|limit| layout.size() > *limit) {
        return Err(Failure::TooLarge { size: layout.size(), limit });
    }
    if let Some(output) = args.output.as_ref().filter(|path| zst::is_asked_for(path) && !zst::fits(layout)) {
        return Err(Failure::TooManyFrames { output: output.clone(), size: layout.size() });
    }
    let spans = args.volume_size.map(|split| split.ranges(layout.size())).transpose();
    let spans = spans.map_err(UsageError::Volumes)?;
    match target {
        Target::Nowhere => {
            let foreseen = tokio::task::block_in_place(|| packing.foresee(&*ui.observer()));
            show_plan(&args, &packing, foreseen, spans.as_deref(), ui)?;
        }
        Target::Stream => {
            ui.note(&show::plan(&packing, None, &ui.err));
            let fetched = stream(&packing, ui).await?;
            ui.note(&show::built(Path::new("-"), &packing, Outcome::Written, fetched, ui.err.paint));
        }
        Target::File(output) => {
            ui.note(&show::plan(&packing, spans.as_deref(), &ui.err));
            ui.note(&show::frames(&output.path, &packing));
            farewell.say_if_there(left(&output), kept(&output));
            let Built { outcome, fetched, volumes } =
                packing.write(&output, args.registry.jobs(), &ui.observer()).await?;
            let bundle = output.shown();
            if ui.json {
                ui.print_json(&BuildDocument::new(&bundle, &packing, fetched).in_volumes(volumes))?;
            } else {
                let in_volumes = volumes.as_ref().map(show::volumes).unwrap_or_default();
                let built = show::built(&bundle, &packing, outcome, fetched, ui.out.paint);
                ui.print(&(built + &in_volumes))?;
            }
        }
    }
    Ok(Exit::Done)
}

impl Args {
    /// The output, where it is a file.
    fn named_output(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| path.as_os_str() != "-")
    }

    fn target(&self, ui: &Ui) -> Result<Target, Failure> {
        let refuse = |why| Err(UsageError::Combination(why).into());
        match &self.output {
            Some(path) if path.as_os_str() == "-" && self.volume_size.is_some() => {
                refuse("-o - is one stream; --volume-size wants a file's name")
            }
            Some(path) if zst::is_asked_for(path) && self.volume_size.is_some() => {
                refuse("a compressed bundle is not cut into volumes; leave out --volume-size, or .zst")
            }
            Some(path) if is_compressed_otherwise(path) => {
                refuse("build writes plain archives (.tar), and compressed ones with the name .tar.zst only")
            }
            _ if self.dry_run => Ok(Target::Nowhere),
            // The parser of arguments asks for one of the two.
            None => refuse("name the bundle with -o, or look at the plan with --dry-run"),
            Some(path) if path.as_os_str() == "-" => {
                if ui.json {
                    return refuse("-o - and --json both want standard output; write the bundle to a file");
                }
                if std::io::stdout().is_terminal() {
                    return refuse(
                        "-o - would write the archive to this terminal; redirect it, or name a file",
                    );
                }
                if stdout_leads_nowhere() {
                    let closed =
                        std::io::Error::other("standard output is closed, and the archive would be lost");
                    return Err(Failure::Stdout(closed));
                }
                Ok(Target::Stream)
            }
            Some(path) => Ok(Target::File(self.output_at(path))),
        }
    }

    fn output_at(&self, path: &Path) -> Output {
        let existing = if self.force { Existing::Replace } else { Existing::Keep };
        Output { path: path.to_owned(), existing, volumes: self.volume_size }
    }

    /// Whatever this build reads from files.
    fn inputs(&self) -> Vec<Input> {
        let lists = self.file.iter().cloned().map(Input::List);
        let reused = self.reuse.iter().map(|path| Input::Reused(as_file(path)));
        lists.chain(reused).chain(self.registry.inputs()).collect()
    }

    /// The files that are there and that it may write over; of a dry run, those that the real one may.
    fn touched(&self, target: &Target) -> Vec<PathBuf> {
        match (target, &self.output) {
            (Target::File(output), _) => output.touched(),
            (Target::Stream, _) => vec![PathBuf::from("-")],
            (Target::Nowhere, Some(path)) if path.as_os_str() != "-" => self.output_at(path).touched(),
            (Target::Nowhere, _) => Vec::new(),
        }
    }
}

async fn plan(
    args: &Args,
    references: &[airlift_oci::Reference],
    shelves: Shelves,
    output: Option<&Path>,
    ui: &Ui,
) -> Result<Packing, Failure> {
    let observer = ui.observer();
    let source = Arc::new(Source::with_shelves(args.registry.transport(observer.clone())?, shelves));
    let planned = plan_from(args, references, &source, &*observer).await;
    if let (Err(failure), Some(output)) = (&planned, output)
        && failure.is_limited()
        && let Some(kept) = source.keep_manifests(output).map_err(|source| not_kept(output, source))?
    {
        ui.note(&format!(
            "the manifests that came are kept in {}: the same command goes on from there\n",
            shown(&kept)
        ));
    }
    planned
}

fn not_kept(output: &Path, source: std::io::Error) -> Failure {
    Failure::File { doing: "keep manifests beside", path: output.to_owned(), source }
}

async fn plan_from(
    args: &Args,
    references: &[airlift_oci::Reference],
    source: &Arc<Source>,
    observer: &dyn Observer,
) -> Result<Packing, Failure> {
    let jobs = args.registry.jobs();
    let resolved = resolve(source, references, jobs, observer).await?;
    let options = PlanOptions {
        jobs,
        platforms: args.platforms.clone(),
        missing: if args.allow_missing_platform { Missing::Allow } else { Missing::Refuse },
        referrers: match args.referrers {
            ReferrersArg::All => Referrers::All,
            ReferrersArg::None => Referrers::None,
        },
        foreign_layers: if args.fetch_external { ForeignLayers::Fetch } else { ForeignLayers::LeaveOutside },
        limits: args.limits.limits(),
    };
    Ok(Packing::plan(Arc::clone(source), resolved, &options, observer).await?)
}

fn show_plan(
    args: &Args,
    packing: &Packing,
    foreseen: Fetched,
    spans: Option<&[VolumeRange]>,
    ui: &Ui,
) -> Result<(), Failure> {
    if ui.json {
        let plan = PlanDocument::new(args.output.as_deref(), packing, foreseen).in_volumes(spans);
        return ui.print_json(&if ui.verbosity > 0 { plan.with_blobs(packing) } else { plan });
    }
    let frames = args.output.as_deref().map(|output| show::frames(output, packing)).unwrap_or_default();
    ui.print(&(show::plan(packing, spans, &ui.out) + &frames + &show::foreseen(foreseen)))
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

/// Behind a comma many write a space.
fn platform(text: &str) -> Result<Platform, airlift_oci::platform::PlatformError> {
    text.trim().parse()
}

fn volume_size(text: &str) -> Result<Split, String> {
    Split::of(size::parse(text)?).map_err(|error| error.to_string())
}

async fn stream(packing: &Packing, ui: &Ui) -> Result<Fetched, StreamError> {
    // Straight to the descriptor: Rust's own buffer looks for line ends.
    let stdout = std::io::stdout().lock();
    let owned = std::os::fd::AsFd::as_fd(&stdout).try_clone_to_owned().map_err(StreamError::Write)?;
    drop(stdout);
    let mut out = std::io::BufWriter::with_capacity(256 << 10, std::fs::File::from(owned));
    packing.stream(&mut out, &*ui.observer()).await
}

/// The file whose presence says that something is left when Ctrl-C ends the build: of volumes, the `.part` of
/// their manifest.
fn left(output: &Output) -> PathBuf {
    part_path(&output.shown())
}

/// What Ctrl-C leaves behind.
fn kept(output: &Output) -> String {
    let part = match output.volumes {
        Some(_) => format!("{}.001.part …", shown(&output.path)),
        None => shown(&part_path(&output.path)),
    };
    format!("what arrived is kept in {part}: the same command goes on from there")
}

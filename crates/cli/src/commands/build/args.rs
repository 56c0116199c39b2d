//! The arguments of `airlift build`, and what they ask for.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use airlift_bundle::volumes::Split;
use airlift_bundle::{Existing, Form, UnfitError};
use airlift_packager::{ForeignLayers, LocalContents, LockedOutput, Missing, Output, Packing, PlanOptions};

use crate::args::choice::ChoiceArgs;
use crate::args::files::{file, file_or_stdout};
use crate::args::image_timeout::ImageTimeoutArgs;
use crate::args::limits::LimitArgs;
use crate::args::mirrors::MirrorArgs;
use crate::args::registry::RegistryArgs;
use crate::args::sets::SetArgs;
use crate::asked::references::{Asked, gather};
use crate::asked::wishes::Wishes;
use crate::failure::Failure;
use crate::files::keep_apart::{Input, bundle_file, keep_from_bundle, keep_reports_apart};
use crate::ui::term::stdout_leads_nowhere;
use crate::ui::{Ui, size};
use crate::usage_error::UsageError;

const EXAMPLES: &str = "\
Examples:
  airlift build nginx:1.27 redis:7 -o images.tar       two images, all platforms
  airlift build -f images.txt -o images.tar            one reference a line, # comments
  airlift build -f images.yaml --group base -o b.tar   a group of an images file, see docs/lists.md
  airlift build -f images.lock -o images.tar           exactly what `airlift lock` wrote down
  airlift build nginx:1.27 -o b.tar --lock b.lock      and writes down what nginx:1.27 stood for
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
    pub(super) references: Vec<String>,
    #[command(flatten)]
    pub(super) sets: SetArgs,
    /// The bundle to write; - is standard output
    #[arg(short, long, value_name = "BUNDLE", required_unless_present = "dry_run")]
    #[arg(value_parser = file_or_stdout())]
    pub(super) output: Option<PathBuf>,
    /// Show what would be built, and fetch no blob
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Replace an existing file
    #[arg(long)]
    pub(super) force: bool,
    /// Refuse a bundle larger than this, such as 4GiB
    ///
    /// Refused before the first blob is fetched, with exit code 5. K, M and G are powers of 1024, kB, MB and
    /// GB of 1000.
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub(super) max_size: Option<u64>,
    /// Cut the bundle into files of this size, such as 4GB
    ///
    /// Writes BUNDLE.001, BUNDLE.002 and so on, which joined in this order are the archive, and
    /// BUNDLE.volumes.json, which lists them. All commands read the volumes in place: give them
    /// BUNDLE.volumes.json, or BUNDLE if no file has that name. `airlift verify BUNDLE.002` verifies one
    /// volume alone. At least 64K; rounded down to a multiple of 512. FAT32 takes 4GB (DVDs 4.7GB), but not
    /// 4GiB.
    #[arg(long, value_name = "SIZE", value_parser = volume_size)]
    pub(super) volume_size: Option<Split>,
    #[command(flatten)]
    pub(super) choice: ChoiceArgs,
    /// Accept images that lack some of the platforms
    ///
    /// The platforms that an image has are carried. An image that has none of them is left out, with a
    /// warning.
    #[arg(long, hide_short_help = true)]
    pub(super) allow_missing_platform: bool,
    /// Fetch foreign layers from their addresses
    ///
    /// Some images name addresses for layers that their registry doesn't have. Such layers stay outside of
    /// the bundle, with a warning, unless this is given: then they are fetched from there, by https and
    /// without credentials, and checked like any other.
    #[arg(long)]
    pub(super) fetch_external: bool,
    /// Copy content from another bundle (repeatable)
    ///
    /// A bundle, or an image layout of another tool (archive or folder). Blobs and manifests that it holds
    /// are copied and hashed, not fetched; the registry is only asked which digests the tags have. BUNDLE
    /// itself and BUNDLE.part are used without being named.
    #[arg(long, value_name = "BUNDLE")]
    pub(super) reuse: Vec<PathBuf>,
    /// Build a bundle of the rest if images fail
    ///
    /// An image fails if it, or a part of it, can't be had. Each is named, and left out. The exit code is 3
    /// all the same.
    #[arg(long, hide_short_help = true)]
    pub(super) keep_going: bool,
    /// Write a lock of what was built
    ///
    /// It says which digest each reference stood for, as `airlift lock` does: see docs/locks.md. It is
    /// written when the bundle is there. Entries of an existing lock whose digest is the same keep their
    /// time; entries that this build doesn't have go.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run", hide_short_help = true)]
    #[arg(value_parser = file_or_stdout())]
    pub(super) lock: Option<PathBuf>,
    /// Write the references that failed, one a line
    ///
    /// -f takes this file. It is empty if nothing failed. If images fail, it is also written when the build
    /// fails; a build that ends before it asked for them leaves the file as it is. Tag selectors that select
    /// nothing are comments in it.
    #[arg(long, value_name = "FILE", value_parser = file(), hide_short_help = true)]
    pub(super) failed: Option<PathBuf>,
    #[command(flatten)]
    pub(super) image_timeout: ImageTimeoutArgs,
    #[command(flatten)]
    pub(super) mirrors: MirrorArgs,
    #[command(flatten)]
    pub(super) registry: RegistryArgs,
    #[command(flatten)]
    pub(super) limits: LimitArgs,
}

impl Args {
    /// The output, where it is a file.
    pub(super) fn named_output(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| path.as_os_str() != "-")
    }

    /// The form of the output. This is the one place that looks at the options and names that say it.
    pub(super) fn form(&self) -> Result<Form, UsageError> {
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
    pub(super) fn check_target(&self, form: Form, ui: &Ui) -> Result<(), Failure> {
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
    pub(super) fn open(&self, form: Form) -> Result<(Option<LockedOutput>, LocalContents), Failure> {
        if let Some(path) = self.output.clone().filter(|_| !self.dry_run) {
            let existing = if self.force { Existing::Replace } else { Existing::Keep };
            let (output, contents) = Output { path, form, existing }.open()?;
            return Ok((Some(output), LocalContents::open(contents, &self.reuse)?));
        }
        Ok((None, LocalContents::look(self.named_output(), &self.reuse)?))
    }

    pub(super) fn unfit(&self, error: UnfitError) -> Failure {
        match error {
            UnfitError::Volumes(error) => UsageError::Volumes(error).into(),
            UnfitError::Frames { size } => {
                Failure::TooManyFrames { output: self.output.clone().unwrap_or_default(), size }
            }
        }
    }

    /// What is asked for.
    pub(super) fn wishes(&self) -> Result<Wishes, Failure> {
        let choice = self.choice.choice();
        let asked = Asked {
            references: &self.references,
            sets: &self.sets.file,
            groups: &self.sets.groups,
            choice: &choice,
        };
        let wishes = gather(&asked)?;
        wishes.check_digests()?;
        if self.allow_missing_platform {
            wishes.check_platforms()?;
        }
        Ok(wishes)
    }

    pub(super) fn options(&self) -> PlanOptions {
        let foreign = if self.fetch_external { ForeignLayers::Fetch } else { ForeignLayers::LeaveOutside };
        PlanOptions {
            jobs: self.registry.jobs(),
            missing: if self.allow_missing_platform { Missing::Allow } else { Missing::Refuse },
            foreign_layers: foreign,
            limits: self.limits.limits(),
        }
    }

    /// Refuses a bundle that would be larger than the user permits.
    pub(super) fn check_size(&self, packing: &Packing) -> Result<(), Failure> {
        let size = packing.plan().size();
        match self.max_size.filter(|limit| size > *limit) {
            Some(limit) => Err(Failure::TooLarge { size, limit }),
            None => Ok(()),
        }
    }

    /// All that this build reads from files.
    pub(super) fn inputs(&self) -> Vec<Input> {
        let lists = self.sets.file.iter().cloned().map(Input::List);
        let reused = self.reuse.iter().map(|path| Input::Reused(bundle_file(path)));
        lists.chain(reused).chain(self.mirrors.inputs()).chain(self.registry.inputs()).collect()
    }

    /// The existing files that it may overwrite. For a dry run: those that the real run may overwrite.
    pub(super) fn touched(&self, form: Form) -> Vec<PathBuf> {
        let output = if self.dry_run { self.named_output() } else { self.output.as_deref() };
        let touched = output.map(|path| form.output().touched(path)).unwrap_or_default();
        touched.into_iter().chain(self.reports().map(|(_, path)| path)).collect()
    }

    /// Refuses files beside the bundle in the place of another output.
    pub(super) fn keep_reports(&self, form: Form) -> Result<(), UsageError> {
        let reports: Vec<Input> = self.reports().map(|(report, _)| report).collect();
        keep_reports_apart(&[], &reports)?;
        if let Some(bundle) = &self.output {
            reports.iter().try_for_each(|report| keep_from_bundle(report, form, bundle))?;
        }
        Ok(())
    }

    /// The files that are written beside the bundle, with their paths.
    fn reports(&self) -> impl Iterator<Item = (Input, PathBuf)> {
        let lock = self.lock.iter().map(|path| (Input::Lock(path.clone()), path.clone()));
        let failed = self.failed.iter().map(|path| (Input::Report("--failed", path.clone()), path.clone()));
        lock.chain(failed)
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

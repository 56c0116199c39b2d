//! `airlift copy`: registry to registry.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_copier::{copied_content, download_observer};
use airlift_packager::{
    ForeignLayers, Layouts, LocalContents, Missing, Packing, PlanOptions, Registries, Source,
};
use airlift_pusher::Destination;
use tokio::runtime::Handle;

use crate::args::choice::ChoiceArgs;
use crate::args::image_timeout::ImageTimeoutArgs;
use crate::args::limits::LimitArgs;
use crate::args::mirrors::MirrorArgs;
use crate::args::push::PushArgs;
use crate::args::registry::RegistryArgs;
use crate::args::sets::SetArgs;
use crate::asked::references::{Asked, gather};
use crate::asked::wishes::Wishes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::keep_apart::{Input, bundle_file, keep_apart};
use crate::planning::failed_images::FailedImages;
use crate::planning::plan;
use crate::pushing::carry_out::{Pushed, carry_out};
use crate::pushing::push_files::PushFiles;
use crate::ui::Ui;
use crate::ui::interrupt::OnInterrupt;
use crate::usage_error::UsageError;

const EXAMPLES: &str = "\
Examples:
  airlift copy nginx:1.27 registry.example.com                   becomes …/library/nginx:1.27
  airlift copy staging.example/team/app:3 prod.example/apps      becomes prod.example/apps/team/app:3
  airlift copy -f images.lock prod.example --receipt r.json      exactly what was locked, see docs/locks.md
  airlift copy -f images.yaml --group base prod.example --dry-run
  airlift copy -f images.lock prod.example --map staging.example/team/=apps/

The last argument is DEST. If a copy fails, repeat the same command: content that the registry has is not sent
again. See docs/copy.md.";

/// Copy images from registries into another one, every digest unchanged
///
/// It is a push whose content comes from registries instead of a bundle. Blobs go from one registry to the
/// other as they come, each is hashed on the way, and nothing is written to disk. Where both are one
/// registry, it takes them over itself.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
#[command(override_usage = "airlift copy [OPTIONS] REF... DEST\n       airlift copy [OPTIONS] -f SET DEST")]
// What few need is in --help alone: -h is a screenful.
#[command(mut_args(|arg| match arg.get_id().as_str() {
    "no_probe" | "no_tag" | "selected_children" | "recheck" | "keep_host" => arg.hide_short_help(true),
    _ => arg,
}))]
pub(crate) struct Args {
    /// Images, and last the registry: HOST[:PORT][/PREFIX]
    ///
    /// Images are given as to build: nginx:1.27, quay.io/team/app@sha256:…, oci-archive:FILE or oci:DIR.
    // Parsed by us: the parser of arguments would repeat DEST as it is, and people write passwords into it.
    #[arg(value_name = "REF... DEST", required = true)]
    arguments: Vec<String>,
    #[command(flatten)]
    sets: SetArgs,
    #[command(flatten)]
    choice: ChoiceArgs,
    /// Accept images that lack some of the platforms
    ///
    /// The platforms that an image has are copied. An image that has none of them is left out, with a
    /// warning.
    #[arg(long, hide_short_help = true)]
    allow_missing_platform: bool,
    /// Copy the rest if images can't be had
    ///
    /// Each is named, and left out. The exit code is 3 all the same. Without this, nothing is copied then. An
    /// image that fails while it is copied doesn't stop the others in any case.
    #[arg(long, hide_short_help = true)]
    keep_going: bool,
    #[command(flatten)]
    image_timeout: ImageTimeoutArgs,
    #[command(flatten)]
    push: PushArgs,
    #[command(flatten)]
    mirrors: MirrorArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) async fn run(args: Args, ui: &Ui, on_interrupt: &OnInterrupt) -> Result<Exit, Failure> {
    let (references, destination) = args.split()?;
    let wishes = args.wishes(references)?;
    let receipt: Vec<PathBuf> = args.push.receipt().map(Path::to_owned).into_iter().collect();
    keep_apart(&args.inputs(&wishes), &receipt).map_err(UsageError::from)?;
    on_interrupt.explain("repeat the same command: content that the registry has is not sent again");
    let files = PushFiles::prepare(&args.push, &args.inputs(&wishes), None, (ui, on_interrupt))?;
    let mut failed = FailedImages::default();
    let packing = match args.planned(&wishes, &mut failed, ui).await {
        Ok(packing) => packing,
        Err(failure) => {
            // A run that ended before it knew which images fail leaves the list as it is.
            if !failed.is_empty() {
                files.write_failed(&failed)?;
            }
            return Err(failure);
        }
    };
    let pushed = Pushed {
        source: copied_content(packing, Handle::current()),
        destination: &destination,
        options: args.push.options(args.registry.jobs()),
        registry: &args.registry,
        mode: args.push.mode(),
    };
    let copied = carry_out(pushed, files, &mut failed, ui).await?;
    Ok(if copied == Exit::Done && !failed.is_empty() { Exit::Registry } else { copied })
}

impl Args {
    /// The images and the destination, which is the last argument.
    fn split(&self) -> Result<(&[String], Destination), UsageError> {
        match self.arguments.split_last() {
            Some((last, references)) if !references.is_empty() || !self.sets.file.is_empty() => {
                Ok((references, last.parse().map_err(UsageError::Destination)?))
            }
            _ => {
                let why = "copy takes images, and last where they go: REF... DEST, or -f SET DEST";
                Err(UsageError::Combination(why))
            }
        }
    }

    /// What is asked for by these references and by files.
    fn wishes(&self, references: &[String]) -> Result<Wishes, Failure> {
        let choice = self.choice.choice();
        let wishes =
            gather(&Asked { references, sets: &self.sets.file, groups: &self.sets.groups, choice: &choice })?;
        wishes.check_digests()?;
        if self.allow_missing_platform {
            wishes.check_platforms()?;
        }
        Ok(wishes)
    }

    /// The plan of what would be in a bundle, with all manifests and no blobs.
    async fn planned(&self, wishes: &Wishes, failed: &mut FailedImages, ui: &Ui) -> Result<Packing, Failure> {
        let observer = download_observer(ui.observer());
        let layouts = tokio::task::block_in_place(|| Layouts::open(&wishes.layouts(), self.limits.limits()));
        let mirrors = self.mirrors.mirrors(wishes.mirrors.clone())?;
        let registries =
            Registries::new(self.registry.transport(observer.clone())?, mirrors, observer.clone());
        let source = Source::new(registries, LocalContents::default(), layouts);
        let source = Arc::new(source.with_image_timeout(self.image_timeout.limit()));
        let options = PlanOptions {
            jobs: self.registry.jobs(),
            missing: if self.allow_missing_platform { Missing::Allow } else { Missing::Refuse },
            foreign_layers: ForeignLayers::LeaveOutside,
            limits: self.limits.limits(),
        };
        let (images, _) = plan::resolved(wishes, &source, options.jobs, failed, &*observer).await;
        let (packing, _) = plan::planned(images, &source, &options, failed, &*observer).await?;
        if !self.keep_going {
            failed.check()?;
        }
        failed.take_texts().iter().for_each(|text| ui.warn(&format!("left out: {text}")));
        Ok(packing)
    }

    /// All that is read from files.
    fn inputs(&self, wishes: &Wishes) -> Vec<Input> {
        let lists = self.sets.file.iter().cloned().map(Input::List);
        let layouts = wishes.layouts().into_iter();
        let layouts = layouts.map(|layout| Input::Layout(bundle_file(Path::new(&layout.path))));
        lists.chain(layouts).chain(self.mirrors.inputs()).chain(self.registry.inputs()).collect()
    }
}

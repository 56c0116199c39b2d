//! `airlift push`: bundle to registry.

mod receipt_file;
mod show;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_pusher::{
    ContentSource, Destination, HostInPath, MapRule, Options, Partial, Presence, Probe, PushPlan, Request,
    TagMoves, Untagged, Verdict, preview, push,
};
use airlift_verifier::VerifiedBundle;
use receipt_file::ReceiptFile;

use crate::args::limits::LimitArgs;
use crate::args::registry::RegistryArgs;
use crate::exit::Exit;
use crate::failure::{Failure, UsageError};
use crate::hint;
use crate::ui::Ui;
use crate::ui::interrupt::Farewell;

const EXAMPLES: &str = "\
Examples:
  airlift push images.tar registry.example.com                   nginx:1.27 becomes …/library/nginx:1.27
  airlift push images.tar registry.example.com:5000/mirror       all below mirror/
  airlift push images.tar 127.0.0.1:5000 --only 'nginx*'         some of the images
  airlift push images.tar r.example --map docker.io/library/=base/
  airlift push images.tar r.example --dry-run                    what is there, and what would move

A push that failed is repeated with the same command: what the registry has already is not sent again.";

/// Push a bundle's images into a registry, every digest unchanged
///
/// Whatever is sent is proven first; children go before their index, and a tag moves last. Afterwards every
/// manifest is read back and compared. One image that fails doesn't stop the others.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The bundle: a tar archive, a folder, or the .volumes.json of volumes
    bundle: PathBuf,
    /// The registry, and a path there: HOST[:PORT][/PREFIX]
    // Parsed by us: the parser of arguments would repeat it as it is, and people write passwords into it.
    #[arg(value_name = "DEST")]
    destination: String,
    /// Push only images that match, * is any text (repeatable)
    ///
    /// A pattern fits the whole of a name, not a part of it. The host may be left out, and so may the tag:
    /// registry.example/team/app:1 is found by 'team/app*', 'team/app', '*/app:1' and 'registry.example/*';
    /// nginx:1.27 also by 'nginx', and any image by its digest or its first 6 digits.
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Move tags that stand for something else at the target
    #[arg(long)]
    move_tags: bool,
    /// Put the source's host first in the path
    #[arg(long)]
    keep_host: bool,
    /// Names that start with FROM go to TO instead (repeatable)
    ///
    /// The longest FROM that fits counts: --map docker.io/library/=base/ makes docker.io/library/nginx
    /// base/nginx.
    #[arg(long, value_name = "FROM=TO")]
    map: Vec<MapRule>,
    /// Don't ask first if partial images are taken
    ///
    /// Without this, a registry that is about to get an index with omitted platforms is asked whether it
    /// takes such, before anything moves.
    #[arg(long)]
    no_probe: bool,
    /// Push what has no tag by digest alone
    ///
    /// Otherwise it gets the tag airlift-<12 hex digits>. Some registries collect what has no tag.
    #[arg(long)]
    no_tag: bool,
    /// Push partial images without their index
    ///
    /// Of images with omitted platforms, the chosen ones are pushed as images of their own. Each platform
    /// gets a tag of its own, such as 1.27-linux-amd64. The index digest does not resolve at the target then.
    #[arg(long)]
    selected_children: bool,
    /// Look for all manifests and blobs of images whose tag is there
    ///
    /// Without this, a tag that stands for the image at the target means that the image is there: one request
    /// an image. A registry that lost content below such a tag is repaired with this: the missing content is
    /// sent again.
    #[arg(long, conflicts_with = "dry_run")]
    recheck: bool,
    /// Look at what is there, and send no image
    ///
    /// It ends as the push would be refused or go on. For partial images the registry is asked whether it
    /// takes such, with an index that is made up and deleted again; --no-probe leaves that out.
    #[arg(long)]
    dry_run: bool,
    /// Write what became of each image to this file (JSON)
    ///
    /// It is written whenever an image is through, so a push that is interrupted leaves one that says so. One
    /// that is there already is replaced as soon as the push begins to send.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    receipt: Option<PathBuf>,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

impl Args {
    fn options(&self) -> Options {
        Options {
            only: self.only.clone(),
            keep_host: if self.keep_host { HostInPath::Keep } else { HostInPath::Drop },
            rules: self.map.clone(),
            tags: if self.move_tags { TagMoves::Allow } else { TagMoves::Refuse },
            probe: if self.no_probe { Probe::Skip } else { Probe::Ask },
            untagged: if self.no_tag { Untagged::DigestOnly } else { Untagged::Tag },
            partial: if self.selected_children { Partial::Children } else { Partial::Index },
            presence: if self.recheck { Presence::Content } else { Presence::Tag },
            jobs: self.registry.jobs(),
        }
    }
}

pub(crate) async fn run(args: Args, ui: &Ui, farewell: &Farewell) -> Result<Exit, Failure> {
    let destination: Destination = args.destination.parse().map_err(UsageError::Destination)?;
    if !args.bundle.exists() && Path::new(&args.destination).is_file() {
        return Err(UsageError::Swapped { bundle: args.bundle, destination }.into());
    }
    farewell.say("what the registry has by now is not sent again: repeat the same command");
    let receipt_file =
        args.receipt.as_deref().map(|path| ReceiptFile::prepare(path, &args.bundle)).transpose()?;
    if let Some(file) = &receipt_file {
        farewell.hold(file.in_use());
    }
    let bundle = VerifiedBundle::admit(&args.bundle, args.limits.limits())?;
    warn_of_findings(&bundle, ui);
    let options = args.options();
    let source: Arc<dyn ContentSource> = Arc::new(bundle);
    let plan = PushPlan::new(&*source, &destination, &options)?;
    let transport = args.registry.transport(ui.observer())?;
    warn_of_absent_subjects(&plan, ui);
    let request = Request {
        source: &source,
        plan: &plan,
        transport: &transport,
        options: &options,
        observer: &ui.observer(),
    };
    if args.dry_run {
        return dry_run(&request, ui).await;
    }
    push_and_report(&request, receipt_file.as_ref(), ui).await
}

/// Pushes, and shows what became of each image.
async fn push_and_report(
    request: &Request<'_>,
    receipt_file: Option<&ReceiptFile>,
    ui: &Ui,
) -> Result<Exit, Failure> {
    ui.note(&show::plan(request.plan, None, &ui.err));
    let receipt = push(request, |receipt| {
        if let Some(file) = receipt_file {
            file.note(&hint::with_advice(receipt.clone()), ui);
        }
    });
    let receipt = hint::with_advice(receipt.await?);
    if let Some(file) = receipt_file {
        file.write(&receipt)?;
    }
    if ui.json {
        ui.print_json(&receipt)?;
    } else {
        ui.print(&show::receipt(&receipt, &ui.out))?;
    }
    Ok(match receipt.verdict() {
        Verdict::Done => Exit::Done,
        Verdict::Failed => Exit::Registry,
        Verdict::Refused => Exit::Refused,
        Verdict::Unreadable => Exit::Local,
    })
}

fn warn_of_findings(bundle: &VerifiedBundle, ui: &Ui) {
    for finding in bundle.warnings() {
        let place =
            if finding.path.is_empty() { String::new() } else { format!("{}: ", finding.path.join(" → ")) };
        ui.warn(&format!("{place}{}", finding.message));
    }
}

/// Warns of images that are attached to something that isn't there: clients may not find them.
fn warn_of_absent_subjects(plan: &PushPlan, ui: &Ui) {
    for image in plan.images() {
        if let Some(subject) = &image.subject {
            ui.warn(&format!(
                "{}: it is attached to {subject}, which doesn't go to the same repository; it is pushed as an image of its own",
                image.source
            ));
        }
    }
}

/// Shows what the push would find. It is refused if the push would be, before anything moves.
async fn dry_run(request: &Request<'_>, ui: &Ui) -> Result<Exit, Failure> {
    let found = preview(request).await?;
    if ui.json {
        ui.print_json(&crate::output::PushPlanDocument::new(request.plan, &found))?;
    } else {
        ui.print(&show::plan(request.plan, Some(&found), &ui.out))?;
        if request.options.probe == Probe::Skip {
            ui.note(&show::not_asked(request.plan));
        }
    }
    found.refusal.map_or(Ok(Exit::Done), |refusal| Err(refusal.into()))
}

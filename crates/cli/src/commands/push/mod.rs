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
use crate::ui::interrupt::OnInterrupt;

const EXAMPLES: &str = "\
Examples:
  airlift push images.tar registry.example.com                   nginx:1.27 becomes …/library/nginx:1.27
  airlift push images.tar registry.example.com:5000/mirror       all below mirror/
  airlift push images.tar 127.0.0.1:5000 --only 'nginx*'         some of the images
  airlift push images.tar r.example --map docker.io/library/=base/
  airlift push images.tar r.example --dry-run                    what is there, and what would move

If a push fails, repeat the same command: content that the registry has is not sent again.";

/// Push a bundle's images into a registry, every digest unchanged
///
/// All content is checked before it is sent. Manifests are sent before the index that lists them, and a tag
/// is moved last. Then every manifest is read back and compared. An image that fails doesn't stop the others.
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
    /// A pattern must match the whole name. The host may be left out, and so may the tag:
    /// registry.example/team/app:1 is found by 'team/app*', 'team/app', '*/app:1' and 'registry.example/*';
    /// nginx:1.27 also by 'nginx', and any image by its digest or its first 6 digits.
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Move tags that point to other images at the target
    #[arg(long)]
    move_tags: bool,
    /// Put the source's host first in the path
    #[arg(long)]
    keep_host: bool,
    /// Push names that start with FROM to TO instead (repeatable)
    ///
    /// If several fit, the longest FROM counts: --map docker.io/library/=base/ makes docker.io/library/nginx
    /// base/nginx.
    #[arg(long, value_name = "FROM=TO")]
    map: Vec<MapRule>,
    /// Don't ask first whether partial images are accepted
    ///
    /// Without this, if the bundle leaves out platforms of an image, push first asks the registry whether it
    /// accepts such an index. Nothing is uploaded before the answer.
    #[arg(long)]
    no_probe: bool,
    /// Push images without a tag by digest only
    ///
    /// Otherwise they get the tag airlift-<12 hex digits>, because some registries delete images without one.
    #[arg(long)]
    no_tag: bool,
    /// Push partial images without their index
    ///
    /// If the bundle carries only some platforms of an image, each of them is pushed as an image of its own,
    /// with a tag such as 1.27-linux-amd64. The digest of the index does not resolve at the target then.
    #[arg(long)]
    selected_children: bool,
    /// Check all content of images that are at the target already
    ///
    /// Without this, an image counts as present if its tag has the right digest: one request per image. If
    /// the registry lost manifests or blobs of such an image, this finds and sends them again.
    #[arg(long, conflicts_with = "dry_run")]
    recheck: bool,
    /// Show what is at the target, and send no image
    ///
    /// The exit code says whether the push would be refused. For partial images, the registry is asked
    /// whether it accepts them, with a made-up index that is deleted again; --no-probe leaves that out.
    #[arg(long)]
    dry_run: bool,
    /// Write the result of each image to this file (JSON)
    ///
    /// It is written whenever an image is done, so an interrupted push leaves a receipt that says so. The
    /// receipt of an earlier push is replaced when this push begins to send.
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

pub(crate) async fn run(args: Args, ui: &Ui, on_interrupt: &OnInterrupt) -> Result<Exit, Failure> {
    let destination: Destination = args.destination.parse().map_err(UsageError::Destination)?;
    if !args.bundle.exists() && Path::new(&args.destination).is_file() {
        return Err(UsageError::Swapped { bundle: args.bundle, destination }.into());
    }
    on_interrupt.explain("repeat the same command: content that the registry has is not sent again");
    let receipt_file =
        args.receipt.as_deref().map(|path| ReceiptFile::prepare(path, &args.bundle)).transpose()?;
    if let Some(file) = &receipt_file {
        on_interrupt.wait_for(file.in_use());
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

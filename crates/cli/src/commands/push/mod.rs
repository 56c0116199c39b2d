//! `airlift push`: bundle to registry.

mod show;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_bundle::volumes::manifest_path;
use airlift_pusher::{
    Destination, HostInPath, MapRule, Options, Partial, Presence, Probe, PushPlan, Receipt, Standing,
    TagMoves, Untagged, Verdict, is_registry, push, survey,
};
use airlift_registry::Transport;
use airlift_verifier::VerifiedBundle;

use crate::args::limits::LimitArgs;
use crate::args::registry::RegistryArgs;
use crate::exit::{Exit, Failure, UsageError};
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
/// Whatever is sent is proven first; children go before their index, and a tag moves last. Afterwards every manifest is
/// read back and compared. One image that fails doesn't stop the others.
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
    /// A pattern fits the whole of a name, not a part of it. The host may be left out, and so may the tag: registry.example/team/app:1 is
    /// found by 'team/app*', 'team/app', '*/app:1' and 'registry.example/*'; nginx:1.27 also by 'nginx', and any image by its digest or its first 6 digits.
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
    /// The longest FROM that fits counts: --map docker.io/library/=base/ makes docker.io/library/nginx base/nginx.
    #[arg(long, value_name = "FROM=TO")]
    map: Vec<MapRule>,
    /// Don't ask first if partial images are taken
    ///
    /// Without this, a registry that is about to get an index with omitted platforms is asked whether it takes such, before
    /// anything moves.
    #[arg(long)]
    no_probe: bool,
    /// Push what has no tag by digest alone
    ///
    /// Otherwise it gets the tag airlift-<12 hex digits>. Some registries collect what has no tag.
    #[arg(long)]
    no_tag: bool,
    /// Push partial images without their index
    ///
    /// Of images with omitted platforms, the chosen ones are pushed as images of their own. Each platform gets a tag of its own, such as 1.27-linux-amd64. The index digest does not resolve at the target then.
    #[arg(long)]
    selected_children: bool,
    /// Look for all manifests and blobs of images whose tag is there
    ///
    /// Without this, a tag that stands for the image at the target means that the image is there: one request an image. A registry that
    /// lost content below such a tag is mended with this: what is missing is sent again.
    #[arg(long, conflicts_with = "dry_run")]
    recheck: bool,
    /// Look at what is there, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Write what became of each image to this file (JSON)
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
    let bundle = Arc::new(VerifiedBundle::admit(&args.bundle, args.limits.limits())?);
    for finding in bundle.warnings() {
        let place =
            if finding.path.is_empty() { String::new() } else { format!("{}: ", finding.path.join(" → ")) };
        ui.warn(&format!("{place}{}", finding.message));
    }
    let options = args.options();
    let plan = PushPlan::new(&bundle, &destination, &options)?;
    let transport = args.registry.transport(ui.observer())?;
    if args.dry_run {
        return dry_run(&plan, &transport, &options, ui).await;
    }
    ui.note(&show::plan(&plan, &[], &ui.err));
    let receipt = push(&bundle, &plan, &transport, &options, &ui.observer()).await?;
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
        Verdict::Unreadable => Exit::Local,
    })
}

/// A HEAD an image, and nothing else.
async fn dry_run(
    plan: &PushPlan,
    transport: &Transport,
    options: &Options,
    ui: &Ui,
) -> Result<Exit, Failure> {
    let standings = survey(plan, transport, options.jobs, &ui.observer()).await;
    is_registry(plan, &standings, transport).await?;
    let mut answers = Vec::with_capacity(standings.len());
    let host = plan.destination().host();
    for standing in standings {
        match standing {
            Ok(standing) => answers.push(standing),
            Err(source) => {
                return Err(airlift_pusher::PushError::Registry { host: host.clone(), source }.into());
            }
        }
    }
    if ui.json {
        ui.print_json(&crate::output::PushPlanDocument::new(plan, &answers))?;
    } else {
        ui.print(&show::plan(plan, &answers, &ui.out))?;
    }
    let taken = answers.iter().any(|standing| matches!(standing, Standing::Other(_)));
    Ok(if taken && options.tags == TagMoves::Refuse { Exit::Refused } else { Exit::Done })
}

/// Whether a file begins as a receipt does. What is anything else is not replaced: it may be a bundle, one of its volumes, or somebody's
/// credentials.
fn is_receipt(path: &Path) -> std::io::Result<bool> {
    let mut start = Vec::new();
    std::fs::File::open(path)?.take(200).read_to_end(&mut start)?;
    Ok(String::from_utf8_lossy(&start).contains("\"airlift.receipt/"))
}

/// Where the receipt goes: made before the push, so that an unwritable place is found out before anything moves, and given its
/// name in one step when it is complete.
struct ReceiptFile<'a> {
    path: &'a Path,
    file: tempfile::NamedTempFile,
}

impl<'a> ReceiptFile<'a> {
    fn prepare(path: &'a Path, bundle: &Path) -> Result<Self, Failure> {
        let failed = |source| Failure::File { doing: "write the receipt", path: path.to_owned(), source };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Given its name in one step, it would take the place of a device or a pipe, or of the bundle.
        let refuse = |why: &str| failed(std::io::Error::new(std::io::ErrorKind::InvalidInput, why));
        if path == Path::new("-") {
            return Err(refuse("it takes a file; --json prints the receipt to standard output"));
        }
        match std::fs::symlink_metadata(path) {
            // A name of its own that isn't taken: unless it is the one by which volumes go.
            Err(_) if path == bundle || manifest_path(path).exists() => {
                return Err(refuse("a bundle in volumes goes by that name"));
            }
            Err(_) => {}
            Ok(found) if !found.is_file() => {
                return Err(refuse("it is there and is not a regular file"));
            }
            Ok(found) if found.len() > 0 && !is_receipt(path).map_err(failed)? => {
                return Err(refuse("it is there and is no receipt; name another file"));
            }
            Ok(_) => {}
        }
        // Readable for others, as files usually are; temporary files are not.
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        let file = tempfile::Builder::new()
            .prefix(".receipt-")
            .permissions(permissions)
            .tempfile_in(folder)
            .map_err(failed)?;
        Ok(ReceiptFile { path, file })
    }

    fn write(mut self, receipt: &Receipt) -> Result<(), Failure> {
        let failed =
            |source| Failure::File { doing: "write the receipt", path: self.path.to_owned(), source };
        let json = crate::output::written(receipt)?;
        self.file.write_all(json.as_bytes()).and_then(|()| self.file.as_file().sync_all()).map_err(failed)?;
        self.file.persist(self.path).map(drop).map_err(|error| failed(error.error))
    }
}

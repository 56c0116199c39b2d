//! The options of all commands that push.

use std::path::{Path, PathBuf};

use airlift_pusher::{MissingProjects, Options, Partial, Presence, Probe, TagMoves};

use super::files::{file, file_or_stdout};
use super::mapping::MappingArgs;

/// How to push.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PushArgs {
    #[command(flatten)]
    mapping: MappingArgs,
    /// Move tags that point to other images at the target
    #[arg(long)]
    move_tags: bool,
    /// Don't ask first what the registry accepts
    ///
    /// Without this, each target repository is asked first whether it may be written to, by an upload that is
    /// opened and cancelled. If platforms of an image are left out, the registry is also asked whether it
    /// accepts such an index. Nothing is uploaded before the answers.
    #[arg(long)]
    no_probe: bool,
    /// Create the projects that are missing at Harbor
    ///
    /// If nothing but missing projects is in the way of the push, they are created by Harbor's API, private,
    /// with the user and password of the push, and all is asked again. Other registries have no such API, or
    /// none that Airlift knows: for ECR, the commands that create the repositories are printed. A dry run
    /// creates nothing and says what is missing.
    #[arg(long, conflicts_with = "no_probe", hide_short_help = true)]
    create_repos: bool,
    /// Push partial images without their index
    ///
    /// If only some platforms of an image are there, each of them is pushed as an image of its own, with a
    /// tag such as 1.27-linux-amd64. The digest of the index does not resolve at the target then.
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
    /// The exit code says whether the push would be refused. Each repository is asked whether it may be
    /// written to, by an upload that is cancelled. For partial images, the registry is asked whether it
    /// accepts them, with a made-up index that is deleted again. --no-probe leaves both out.
    #[arg(long)]
    dry_run: bool,
    /// Write the result of each image to this file (JSON)
    ///
    /// It is written whenever an image is done, so an interrupted push leaves a receipt that says so. The
    /// receipt of an earlier push is replaced when this push begins to send.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    receipt: Option<PathBuf>,
    /// Write a line for each tag or digest that arrives (JSON)
    ///
    /// Each line is one JSON object, written when the manifest was read back at the target. What is there
    /// already gives no line, unless a tag moved. - is standard output; the result goes to standard error
    /// then. The file of an earlier push is replaced.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run", hide_short_help = true)]
    #[arg(value_parser = file_or_stdout())]
    events: Option<PathBuf>,
    /// Write the references that failed, one a line
    ///
    /// They are the names at the source, in a form that -f takes. The file is empty if nothing failed. If the
    /// whole push is refused, it has all images.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run", hide_short_help = true)]
    #[arg(value_parser = file())]
    failed: Option<PathBuf>,
}

/// Whether anything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushMode {
    /// All that the target lacks.
    Send,
    /// Nothing: what would be sent is shown.
    DryRun,
}

impl PushArgs {
    /// Whether anything is sent.
    pub(crate) fn mode(&self) -> PushMode {
        if self.dry_run { PushMode::DryRun } else { PushMode::Send }
    }

    /// How to push, with so many large transfers side by side.
    pub(crate) fn options(&self, jobs: usize) -> Options {
        Options {
            tags: if self.move_tags { TagMoves::Allow } else { TagMoves::Refuse },
            probe: if self.no_probe { Probe::Skip } else { Probe::Ask },
            missing_projects: match self.create_repos {
                true => MissingProjects::Create,
                false => MissingProjects::Refuse,
            },
            partial: if self.selected_children { Partial::Children } else { Partial::Index },
            presence: if self.recheck { Presence::Content } else { Presence::Tag },
            jobs,
            ..self.mapping.options()
        }
    }

    /// The file that gets the receipt.
    pub(crate) fn receipt(&self) -> Option<&Path> {
        self.receipt.as_deref()
    }

    /// Where the arrivals are written; `-` is standard output.
    pub(crate) fn events(&self) -> Option<&Path> {
        self.events.as_deref()
    }

    /// The file that gets the references that failed.
    pub(crate) fn failed(&self) -> Option<&Path> {
        self.failed.as_deref()
    }
}

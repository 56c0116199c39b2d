//! `airlift verify`: bundle to yes or no.

mod show;

use std::path::PathBuf;

use airlift_verifier::{Options, verify, verify_volume};

use crate::args::expect::expected;
use crate::args::limits::LimitArgs;
use crate::exit::{Exit, of_state};
use crate::failure::Failure;
use crate::ui::Ui;
use crate::usage_error::UsageError;
use crate::{hint, locks};

const EXAMPLES: &str = "\
Examples:
  airlift verify images.tar
  airlift verify images.tar --expect sha256:…    and it is the bundle that was built
  airlift verify images.tar --lock images.lock   and it has the locked images, and no others
  airlift verify layout/ --json                  another tool's image layout, for a script
  airlift verify images.tar.volumes.json         a bundle in volumes, all of them
  airlift verify images.tar.002                  one volume by itself

Integrity is not authenticity: verify shows that every byte matches the bundle's id, not who built the bundle. Send
the id by a separate channel, and give it with --expect.";

/// Read every byte of a bundle and say whether it is complete and unchanged
///
/// Needs no network. Takes Airlift's bundles and other tools' OCI image layouts, as a tar archive or a
/// folder. All findings are reported, each with the image, the platform and the part that is affected.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The bundle: a tar archive, a folder, or the .volumes.json of volumes
    bundle: PathBuf,
    /// The bundle's id, or a file that holds it
    ///
    /// As build printed it, with or without "id" and "sha256:" before it. Of a file, the first line that
    /// starts with an id counts: what build printed, as text or with --json, may be that file.
    #[arg(long, value_name = "ID|FILE")]
    expect: Option<String>,
    /// The lock that says which images and platforms the bundle must have, and no others
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Compare with these groups of the lock only (repeatable, commas)
    ///
    /// As in `airlift build -f LOCK --group GROUP`: images without a group are meant in any case.
    #[arg(long = "group", value_name = "GROUP", value_delimiter = ',', requires = "lock")]
    groups: Vec<String>,
    /// Threads for hashing; 0 means one per core
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u16).range(..=1024))]
    jobs: u16,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Failure> {
    let expect = args.expect.as_deref().map(expected).transpose()?;
    let lock = args.lock.as_deref().map(locks::file::read).transpose()?;
    let lock = lock.map(|lock| lock.of_groups(&args.groups)).transpose().map_err(UsageError::Groups)?;
    let (jobs, limits, lock) = (usize::from(args.jobs), args.limits.limits(), lock.as_ref());
    let options = Options { jobs, expect, lock, limits };
    if let Some(mut report) = verify_volume(&args.bundle, &options, &*ui.observer())? {
        if lock.is_some() {
            let why = "one volume by itself has no images to compare with a lock: name the .volumes.json";
            return Err(UsageError::Combination(why).into());
        }
        hint::add_to_findings(&mut report.findings);
        if ui.json {
            ui.print_json(&report)?;
        } else {
            ui.print(&show::one_volume(&report, &args.bundle, ui))?;
        }
        return Ok(if report.ok { Exit::Done } else { Exit::No });
    }
    let mut report = verify(&args.bundle, &options, &*ui.observer())?;
    hint::add_to_findings(&mut report.findings);
    if ui.json {
        ui.print_json(&report)?;
    } else {
        ui.print(&show::report(&report, &args.bundle, ui))?;
    }
    Ok(of_state(report.state))
}

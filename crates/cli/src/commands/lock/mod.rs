//! `airlift lock`: references and lists to a lock.

mod check;
mod show;
mod update;

use std::path::PathBuf;
use std::sync::Arc;

use airlift_lists::Choice;
use airlift_lists::lock::Lock;
use airlift_oci::Observer;
use airlift_packager::{Layouts, LocalContents, Registries, Source};
use update::{Open, Update, updated};

use crate::args::choice::ChoiceArgs;
use crate::args::files::file_or_stdout;
use crate::args::image_timeout::ImageTimeoutArgs;
use crate::args::limits::LimitArgs;
use crate::args::mirrors::MirrorArgs;
use crate::args::registry::RegistryArgs;
use crate::args::sets::SetArgs;
use crate::asked::references::{Asked, gather};
use crate::asked::wishes::Wishes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::keep_apart::{Input, keep_apart};
use crate::locks;
use crate::locks::changes::Changes;
use crate::locks::file::OldLock;
use crate::output::LockResultDocument;
use crate::ui::Ui;
use crate::usage_error::UsageError;

/// So many earlier digests an entry keeps at most.
const MOST_HISTORY: usize = 1000;

const EXAMPLES: &str = "\
Examples:
  airlift lock nginx:1.27 -o images.lock               what nginx:1.27 stands for now
  airlift lock -f images.yaml -o images.lock           what is new in the list is added, what is gone is removed
  airlift lock -f images.yaml -o images.lock --update  every reference is asked again
  airlift lock -f images.yaml -o images.lock --update 'nginx*' redis:7
  airlift lock -f images.yaml -o images.lock --check   is the lock that of the list? No registry is asked
  airlift build -f images.lock -o images.tar           exactly what was locked

See docs/locks.md.";

/// Write down which digest each image of a list stands for
///
/// The lock is a file for review: sorted, a change is a few lines of a diff. `airlift build -f images.lock`
/// builds from its digests and asks for no tag; `airlift verify BUNDLE --lock images.lock` proves that a
/// bundle has exactly what was locked. Entries that are in the lock stay as they are unless --update names
/// them.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Images, such as nginx:1.27
    #[arg(value_name = "REF")]
    references: Vec<String>,
    #[command(flatten)]
    sets: SetArgs,
    /// The lock to write or to update; - prints a new one
    #[arg(short, long, value_name = "LOCK", value_parser = file_or_stdout())]
    output: PathBuf,
    /// Ask again for these entries, or for all
    ///
    /// PATTERN is a name, in which host and tag may be left out, or a pattern with *. For a tag selector it
    /// fits the repository, whose tags are then selected again. Without PATTERN, everything is asked again.
    #[arg(long, value_name = "PATTERN", num_args = 0.., conflicts_with = "check")]
    update: Option<Vec<String>>,
    /// Compare the lock with the list, and change nothing
    ///
    /// No registry is asked. Exit code 1 if they differ.
    #[arg(long, conflicts_with_all = ["history", "dry_run"])]
    check: bool,
    /// Keep this many earlier digests of each entry, with their times
    ///
    /// 0 to 1000. Without it, a lock that has earlier digests keeps all of them, and a new one keeps none.
    #[arg(long, value_name = "N", value_parser = earlier_digests)]
    history: Option<usize>,
    /// Show what would change, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    choice: ChoiceArgs,
    #[command(flatten)]
    image_timeout: ImageTimeoutArgs,
    #[command(flatten)]
    mirrors: MirrorArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) async fn run(args: Args, ui: &Ui) -> Result<Exit, Failure> {
    keep_apart(&args.inputs(), std::slice::from_ref(&args.output)).map_err(UsageError::from)?;
    let choice: Choice = args.choice.choice();
    let asked = Asked {
        references: &args.references,
        sets: &args.sets.file,
        groups: &args.sets.groups,
        choice: &choice,
    };
    let wishes = gather(&asked).map_err(|failure| args.with_update(failure))?;
    if args.check {
        return check::run(&args.output, &wishes, &OldLock::open_known(&args.output)?.lock, ui);
    }
    if args.output.as_os_str() == "-" {
        return args.print(&wishes, ui).await;
    }
    let old = OldLock::open(&args.output)?;
    if !args.dry_run {
        old.check_writable()?;
    }
    let new = args.update(&wishes, &old.lock, ui).await?;
    let changes = Changes::between(&old.lock, &new);
    let is_written = !args.dry_run && old.replace(&new)?;
    if ui.json {
        ui.print_json(&LockResultDocument::new(&args.output, changes, is_written))?;
    } else {
        ui.print(&show::result(&args.output, &changes, is_written, args.dry_run, &ui.out))?;
    }
    Ok(Exit::Done)
}

fn earlier_digests(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| *count <= MOST_HISTORY);
    count.ok_or_else(|| format!("a count from 0 to {MOST_HISTORY} is expected"))
}

impl Args {
    /// All that is read from files, except locks: one lock may be updated from itself.
    fn inputs(&self) -> Vec<Input> {
        let lists =
            self.sets.file.iter().filter(|list| list.extension().is_none_or(|extension| extension != "lock"));
        let lists = lists.cloned().map(Input::List);
        lists.chain(self.mirrors.inputs()).chain(self.registry.inputs()).collect()
    }

    /// The failure of a command in which `--update` took the words that were meant as images.
    fn with_update(&self, failure: Failure) -> Failure {
        let has_words = self.update.as_ref().is_some_and(|words| !words.is_empty());
        match failure {
            Failure::Usage(UsageError::NoReferences) if has_words => UsageError::Combination(
                "no image was asked for: the words behind --update name what is asked again; put images before --update, or a list behind -f",
            )
            .into(),
            other => other,
        }
    }

    /// Prints a new lock, and nothing else.
    async fn print(&self, wishes: &Wishes, ui: &Ui) -> Result<Exit, Failure> {
        if ui.json || self.dry_run {
            let why = "-o - prints the lock itself; name a file, or leave out --json and --dry-run";
            return Err(UsageError::Combination(why).into());
        }
        let new = self.update(wishes, &Lock::default(), ui).await?;
        ui.print(&new.to_json().map_err(Failure::Json)?)?;
        Ok(Exit::Done)
    }

    async fn update(&self, wishes: &Wishes, old: &Lock, ui: &Ui) -> Result<Lock, Failure> {
        let observer: Arc<dyn Observer> = ui.observer();
        let update = Update {
            named: self.update.as_deref(),
            history: self.history,
            at: locks::time::now()?,
            jobs: self.registry.jobs(),
            limits: self.limits.limits(),
        };
        let open = Open::new(wishes, old, &update)?;
        let layouts = open.layouts();
        let layouts = tokio::task::block_in_place(|| Layouts::open(&layouts, update.limits));
        let mirrors = self.mirrors.mirrors(wishes.mirrors.clone())?;
        let registries =
            Registries::new(self.registry.transport(observer.clone())?, mirrors, observer.clone());
        let source = Source::new(registries, LocalContents::look(None, &[])?, layouts);
        let source = Arc::new(source.with_image_timeout(self.image_timeout.limit()));
        updated(wishes, old, &open, &update, &source, &*observer).await
    }
}

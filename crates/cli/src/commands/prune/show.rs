//! The texts of `airlift prune`.

use std::path::Path;

use airlift_lists::PrunePlan;
use airlift_lists::prune_plan::PlannedDeletion;
use airlift_oci::Digest;
use airlift_oci::text::{harmless, with_causes};
use airlift_pruner::{Applied, StayReason, Staying};
use airlift_pusher::Destination;

use crate::ui::size;
use crate::ui::table::{Cell, Column, Table};
use crate::ui::term::{Stream, Tone, shown};

/// What deletion does not do.
const GARBAGE: &str =
    "The registry's garbage collection frees the disk space: layers stay until it has run.\n";

/// Of more manifests, only the last ones are named when a run is interrupted.
const MOST_SHOWN: usize = 20;

/// What would be deleted, what stays, and what to do next.
pub(super) fn planned(
    plan: &PrunePlan,
    staying: &[Staying],
    output: Option<&Path>,
    stream: &Stream,
) -> String {
    let mut text = String::new();
    if !plan.deletions.is_empty() {
        let mut table = deletions_table();
        plan.deletions.iter().for_each(|one| table.row(cells(one)));
        text.push_str(&table.render(stream));
        text.push('\n');
    }
    if !staying.is_empty() {
        let mut table =
            Table::new([("stays", Column::Text), ("digest", Column::Word), ("why", Column::Text)]);
        for one in staying {
            let why = match &one.reason {
                StayReason::Kept => "it is in what is kept".to_owned(),
                StayReason::Tag(tag) => format!("the tag {tag} stands for it"),
                StayReason::Named => {
                    "an index that stays names it, or it is attached to what stays".to_owned()
                }
            };
            let name = Cell::new(Tone::Name, one.repository.to_string());
            table.row([name, short(one.digest).into(), why.into()]);
        }
        text.push_str(&table.render(stream));
        text.push('\n');
    }
    let manifests = size::count(plan.deletions.len(), "manifest");
    let next = match output {
        Some(path) => format!("the plan is in {}; nothing was deleted", shown(path)),
        None => "nothing was deleted; -o PLAN writes the plan".to_owned(),
    };
    text + &format!("{}: {manifests} can go; {next}\n", stream.paint.tone(Tone::Bold, "plan"))
}

/// The old images are not there: perhaps they never were under these names.
pub(super) fn nothing_found(destination: &Destination) -> String {
    format!(
        "nothing of the old images is at {destination} under their names there: it is gone already, or it was pushed \
         with another --map, --keep-host or DEST"
    )
}

/// What was deleted, and what was left alone.
pub(super) fn applied(applied: &Applied, stream: &Stream) -> String {
    let mut text = String::new();
    if !applied.deleted.is_empty() {
        let mut table = deletions_table();
        applied.deleted.iter().for_each(|one| table.row(cells(one)));
        text.push_str(&table.render(stream));
        text.push('\n');
    }
    if let Some(refusal) = &applied.disabled {
        let word = stream.paint.tone(Tone::Bad, "deletion is switched off at this registry:");
        text.push_str(&format!("{word} {}\n", harmless(&refusal.to_string())));
        text.push_str(DISABLED);
    } else {
        for left in &applied.left {
            let word = stream.paint.tone(Tone::Odd, "left alone:");
            let PlannedDeletion { repository, digest, .. } = &left.planned;
            let why = with_causes(&left.reason);
            text.push_str(&format!("{word} {repository}@{digest}\n  {}\n", harmless(&why)));
        }
    }
    let word = match applied.left.is_empty() {
        true => stream.paint.tone(Tone::Good, "OK"),
        false => stream.paint.tone(Tone::Odd, "not all"),
    };
    let (deleted, left) = (size::count(applied.deleted.len(), "manifest"), applied.left.len());
    text.push_str(&format!("{word}: {deleted} deleted, {left} left alone\n"));
    if !applied.deleted.is_empty() {
        text.push_str(GARBAGE);
    }
    text
}

/// What is gone of a plan that is interrupted, and how to go on.
pub(super) fn interrupted(gone: &[String], all: usize) -> String {
    let (count, all) = (gone.len(), size::count(all, "manifest"));
    let mut text = format!(
        "{count} of {all} in the plan deleted, and perhaps the next one; repeat the same command to go on"
    );
    let more = count.saturating_sub(MOST_SHOWN);
    gone.iter().skip(more).for_each(|one| text.push_str(&format!("\n  deleted: {one}")));
    if more > 0 {
        text.push_str(&format!("\n  and {more} before these"));
    }
    text
}

/// How it is switched on.
const DISABLED: &str = "  distribution, Docker's registry: set REGISTRY_STORAGE_DELETE_ENABLED=true (storage.delete.enabled), and start it again
  Harbor: no immutable-tag rule may hold the tag; Quay and others: this user needs the right to delete
";

fn deletions_table() -> Table {
    Table::new([("repository", Column::Text), ("digest", Column::Word), ("tags", Column::Text)])
}

fn cells(one: &PlannedDeletion) -> [Cell; 3] {
    let tags: Vec<String> = one.tags.iter().map(ToString::to_string).collect();
    [Cell::new(Tone::Name, one.repository.to_string()), short(one.digest).into(), tags.join(", ").into()]
}

fn short(digest: Digest) -> String {
    format!("{}:{}", digest.algorithm(), digest.short())
}

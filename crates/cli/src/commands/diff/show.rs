//! The text of `airlift diff`.

use airlift_lists::image_set::{ByteTotals, SetDiff, StateChange};
use airlift_oci::{Digest, reference};

use crate::ui::size;
use crate::ui::table::{Cell, Column, Table};
use crate::ui::term::{Stream, Tone, harmless};

/// Tables of what differs, and the totals.
pub(super) fn result(diff: &SetDiff, stream: &Stream) -> String {
    let mut text = String::new();
    if !diff.images.is_empty() {
        text.push_str(&images(diff).render(stream));
        text.push('\n');
    }
    if !diff.platforms.is_empty() {
        text.push_str(&platforms(diff).render(stream));
        text.push('\n');
    }
    if let Some(attached) =
        diff.attached.as_ref().filter(|one| !one.added.is_empty() || !one.removed.is_empty())
    {
        let (added, removed) = (attached.added.len(), attached.removed.len());
        text.push_str(&format!("attached (signatures, SBOMs, …): {added} added, {removed} removed\n"));
    }
    text.push_str(&bytes(diff));
    text + &last_line(diff, stream)
}

fn images(diff: &SetDiff) -> Table {
    let mut table = Table::new([("change", Column::Word), ("image", Column::Text), ("digest", Column::Text)]);
    for image in &diff.images {
        let name = harmless(reference::familiar(&image.name.to_string())).into_owned();
        table.row([word(image.change), Cell::new(Tone::Name, name), digests(image.change).into()]);
    }
    table
}

fn platforms(diff: &SetDiff) -> Table {
    let mut table = Table::new([
        ("change", Column::Word),
        ("image", Column::Text),
        ("platform", Column::Word),
        ("digest", Column::Text),
    ]);
    for one in &diff.platforms {
        let name = harmless(reference::familiar(&one.image.to_string())).into_owned();
        let platform = harmless(&one.platform).into_owned();
        table.row([
            word(one.change),
            Cell::new(Tone::Name, name),
            platform.into(),
            digests(one.change).into(),
        ]);
    }
    table
}

fn word(change: StateChange) -> Cell {
    match change {
        StateChange::Added(_) => Cell::new(Tone::Good, "added"),
        StateChange::Removed(_) => Cell::new(Tone::Bad, "removed"),
        StateChange::Moved { .. } => Cell::new(Tone::Odd, "moved"),
    }
}

fn digests(change: StateChange) -> String {
    let short = |digest: Digest| format!("{}:{}", digest.algorithm(), digest.short());
    match change {
        StateChange::Added(digest) | StateChange::Removed(digest) => short(digest),
        StateChange::Moved { from, to } => format!("{} → {}", short(from), short(to)),
    }
}

/// What is known of sizes. Nothing is guessed.
fn bytes(diff: &SetDiff) -> String {
    let totals = |ByteTotals { shared, new, gone }: ByteTotals| {
        format!("{} shared, {} new, {} gone", size::human(shared), size::human(new), size::human(gone))
    };
    match (diff.bytes, diff.platform_bytes) {
        (Some(bytes), _) => format!("layers and configs: {}\n", totals(bytes)),
        (None, Some(bytes)) => {
            format!("platforms: {}; layers that several share count for each\n", totals(bytes))
        }
        (None, None) => String::new(),
    }
}

fn last_line(diff: &SetDiff, stream: &Stream) -> String {
    let count = |is_it: fn(&StateChange) -> bool| diff.images.iter().filter(|one| is_it(&one.change)).count();
    let counts = [
        (count(|change| matches!(change, StateChange::Added(_))), "added"),
        (count(|change| matches!(change, StateChange::Removed(_))), "removed"),
        (count(|change| matches!(change, StateChange::Moved { .. })), "moved"),
    ];
    if diff.is_same() {
        return format!(
            "{}: {}\n",
            stream.paint.tone(Tone::Good, "the same"),
            size::count(diff.unchanged, "image")
        );
    }
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let mut parts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    if !diff.platforms.is_empty() {
        parts.push(size::count(diff.platforms.len(), "platform"));
    }
    parts.push(format!("{} unchanged", diff.unchanged));
    format!("{}: {}\n", stream.paint.tone(Tone::Odd, "different"), parts.join(", "))
}

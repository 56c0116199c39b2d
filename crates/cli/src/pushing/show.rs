//! The texts of a push: the plan before, the receipt after.

use airlift_oci::reference;
use airlift_pusher::{
    FailedSource, ImageReceipt, PlannedAttached, PlannedImage, Preview, PushPlan, Receipt, Status, TagState,
    WriteRefusal,
};

use crate::hint;
use crate::ui::kinds;
use crate::ui::table::{Cell, Column, Table};
use crate::ui::term::{Stream, Tone, harmless};
use crate::ui::{indented, size};

/// The target of each image, with its attachments below it; and the state of each at the target, once known.
pub(super) fn plan(plan: &PushPlan, found: Option<&Preview>, stream: &Stream) -> String {
    let bytes = plan.images().iter().map(|image| image.size).fold(0, u64::saturating_add);
    let count = size::count(plan.images().len(), "image");
    let table = plan_table(plan, found).render(stream);
    let mut text = format!("{table}\n{count}, {} to {}\n", size::human(bytes), plan.destination());
    for image in plan.images().iter().filter(|image| !image.omitted.is_empty()) {
        let left_out: Vec<&str> = image.omitted.iter().map(|child| child.label.as_str()).collect();
        let word = stream.paint.tone(Tone::Odd, "partial:").into_owned();
        text.push_str(&format!("{word} {} without {}\n", image.target, harmless(&left_out.join(", "))));
    }
    for (image, state) in plan.images().iter().zip(found.iter().flat_map(|found| &found.images)) {
        if let Some(TagState::Other(there)) = state {
            text.push_str(&format!(
                "\n{} {} at the target is {there}\n  and would become {}; --move-tags moves it\n",
                stream.paint.tone(Tone::Odd, "taken:"),
                image.target,
                image.digest
            ));
        }
    }
    if let Some(found) = found.filter(|found| !found.missing_projects.is_empty()) {
        let word = stream.paint.tone(Tone::Odd, "would be created:");
        let (host, projects) = (plan.destination().host(), found.missing_projects.join(", "));
        text.push_str(&format!("{word} at {host}, as private projects: {projects}\n"));
    }
    text
}

fn plan_table(plan: &PushPlan, found: Option<&Preview>) -> Table {
    let mut columns = vec![("source", Column::Text), ("target", Column::Text), ("size", Column::Number)];
    if found.is_some() {
        columns.push(("status", Column::Word));
    }
    let mut table = Table::new(columns);
    for (number, image) in plan.images().iter().enumerate() {
        let mut row: Vec<Cell> = vec![
            Cell::new(Tone::Name, harmless(reference::familiar(&image.source))),
            image.target.to_string().into(),
            size::human(image.size).into(),
        ];
        row.extend(found.and_then(|found| found.images.get(number)).map(status));
        table.row(row);
        for (place, attached) in image.attached.iter().enumerate() {
            let mut row = attached_row(image, attached);
            let there = found.and_then(|found| found.attached.get(number)?.get(place));
            row.extend(there.map(status));
            table.row(row);
        }
    }
    table
}

fn attached_row(image: &PlannedImage, attached: &PlannedAttached) -> Vec<Cell> {
    let kind = kinds::of_attachment(Some(&attached.target), attached.artifact_type.as_deref());
    // Its repository is the image's, which stands above it.
    let repository = image.target.repository().to_string();
    let place_there = attached.target.strip_prefix(&repository).unwrap_or(&attached.target);
    vec![
        Cell::new(Tone::Dim, format!("  {kind}")),
        Cell::new(Tone::Dim, format!("  {place_there}")),
        String::new().into(),
    ]
}

/// The repositories that can't be written to, with the registry's words, and the commands that create them,
/// if the product has some.
pub(super) fn not_writable(refusal: &WriteRefusal, stream: &Stream) -> String {
    let columns = [("repository", Column::Text), ("state", Column::Word), ("answer", Column::Text)];
    let mut table = Table::new(columns);
    for refused in &refusal.repositories {
        let words = refused.answer.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let answer = format!("status {}: {words}", refused.answer.status);
        table.row([
            Cell::new(Tone::Name, refused.repository.to_string()),
            Cell::new(Tone::Bad, refused.reason.to_string()),
            harmless(answer.trim_end_matches([':', ' '])).into_owned().into(),
        ]);
    }
    let mut text = table.render(stream) + "\n";
    let commands = hint::write_commands(refusal);
    commands.iter().for_each(|command| text.push_str(&format!("  {command}\n")));
    if !commands.is_empty() {
        text.push('\n');
    }
    text
}

/// Names what a push would have to be asked about, and wasn't.
pub(super) fn not_asked(plan: &PushPlan, found: &Preview) -> String {
    let images = plan.images().iter().zip(&found.images);
    let wanted: Vec<&PlannedImage> =
        images.filter(|(_, state)| **state != Some(TagState::Present)).map(|(image, _)| image).collect();
    let partial = wanted.iter().filter(|image| !image.omitted.is_empty()).count();
    let host = plan.destination().host();
    let mut text = String::new();
    if !wanted.is_empty() {
        let count = size::count(wanted.len(), "image");
        text.push_str(&format!("not asked (--no-probe): whether this login may write {count} to {host}\n"));
    }
    if partial > 0 {
        let what = size::count(partial, "partial image");
        text.push_str(&format!("not asked (--no-probe): whether {host} takes {what}\n"));
    }
    text
}

fn status(state: &Option<TagState>) -> Cell {
    match state {
        Some(TagState::Absent) => Cell::new(Tone::Plain, "new"),
        Some(TagState::Present) => Cell::new(Tone::Good, "present"),
        Some(TagState::Other(_)) => Cell::new(Tone::Odd, "TAKEN"),
        Some(TagState::Hidden(_)) | None => Cell::new(Tone::Odd, "unknown"),
    }
}

/// What became of each image, the reasons of those that failed, and one line on the whole.
pub(super) fn receipt(receipt: &Receipt, stream: &Stream) -> String {
    let mut text = receipt_table(receipt).render(stream) + "\n";
    text.extend(receipt.images.iter().map(|image| failure(image, stream)));
    text.extend(receipt.failed.iter().map(|failed| not_had(failed, stream)));
    text.extend(receipt.images.iter().map(|image| not_listed(image, stream)));
    text.extend(receipt.images.iter().map(|image| without_index(image, stream)));
    text.push_str(&lists_written(receipt, stream));
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    text + &last_line(receipt, stream)
}

fn receipt_table(receipt: &Receipt) -> Table {
    let mut table = Table::new([
        ("target", Column::Text),
        ("state", Column::Word),
        ("uploaded", Column::Number),
        ("mounted", Column::Number),
        ("skipped", Column::Number),
    ]);
    for image in &receipt.images {
        table.row([
            Cell::new(Tone::Name, image.target.clone()),
            state(image.status),
            size::human(image.uploaded).into(),
            size::human(image.mounted).into(),
            size::human(image.skipped).into(),
        ]);
    }
    table
}

fn failure(image: &ImageReceipt, stream: &Stream) -> String {
    let Some(error) = &image.error else { return String::new() };
    let word = stream.paint.tone(Tone::Bad, "failed:");
    format!("{word} {}\n{}", image.target, indented(2, Tone::Plain, &harmless(error), stream))
}

/// An image that could not be had at the source.
fn not_had(failed: &FailedSource, stream: &Stream) -> String {
    let word = stream.paint.tone(Tone::Bad, "not pushed:");
    let reason = indented(2, Tone::Plain, &harmless(&failed.error), stream);
    format!("{word} {}\n{reason}", harmless(&failed.source))
}

fn not_listed(image: &ImageReceipt, stream: &Stream) -> String {
    let mut text = String::new();
    for unlisted in &image.unlisted {
        let word = stream.paint.tone(Tone::Bad, "not listed:");
        let count = size::count(unlisted.referrers.len(), "referrer");
        text.push_str(&format!("{word} {count} of {} at {}\n", unlisted.subject, image.target));
        let next = "clients will not find what is attached; they are there by their digests";
        let reason = format!("{}; {next}", unlisted.reason);
        text.push_str(&indented(2, Tone::Plain, &harmless(&reason), stream));
    }
    text
}

fn without_index(image: &ImageReceipt, stream: &Stream) -> String {
    if image.selected_children.is_empty() {
        return String::new();
    }
    let word = stream.paint.tone(Tone::Odd, "without its index:");
    let children = image.selected_children.iter().map(|child| format!("  {}\n", child.target));
    let children: String = children.collect();
    format!("{word} {}\n{children}  {} does not resolve there\n", image.target, image.digest)
}

fn lists_written(receipt: &Receipt, stream: &Stream) -> String {
    let lists: Vec<_> = receipt.images.iter().flat_map(|image| &image.fallback_tags).collect();
    let Some(first) = lists.first() else { return String::new() };
    let more = if lists.len() > 1 { format!(" and {} more", lists.len() - 1) } else { String::new() };
    let word = stream.paint.tone(Tone::Dim, "lists of attachments written, as the registry keeps none:");
    format!("{word}\n  {}{more}\n", first.target)
}

fn state(status: Status) -> Cell {
    match status {
        Status::Pushed => Cell::new(Tone::Good, "pushed"),
        Status::Present => Cell::new(Tone::Good, "present"),
        Status::Failed => Cell::new(Tone::Bad, "FAILED"),
        Status::Interrupted => Cell::new(Tone::Odd, "interrupted"),
        Status::Waiting => Cell::new(Tone::Odd, "not begun"),
    }
}

fn last_line(receipt: &Receipt, stream: &Stream) -> String {
    let of = |status| receipt.images.iter().filter(|image| image.status == status).count();
    let sum = |bytes: fn(&ImageReceipt) -> u64| receipt.images.iter().map(bytes).fold(0, u64::saturating_add);
    let failed = of(Status::Failed) + receipt.failed.len();
    let unlisted = receipt.images.iter().filter(|image| !image.unlisted.is_empty()).count();
    let word = match failed + unlisted {
        0 => stream.paint.tone(Tone::Good, "OK"),
        _ => stream.paint.tone(Tone::Bad, "FAILED"),
    };
    let mut parts =
        vec![format!("{} pushed", of(Status::Pushed)), format!("{} present", of(Status::Present))];
    if failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    if unlisted > 0 {
        parts.push(format!("{} whose referrers are not listed", size::count(unlisted, "image")));
    }
    parts.push(format!("{} uploaded", size::human(sum(|image| image.uploaded))));
    if failed == 0 && of(Status::Pushed) > 0 {
        parts.push("all read back byte for byte".to_owned());
    }
    format!("{word}: {}\n", parts.join(", "))
}

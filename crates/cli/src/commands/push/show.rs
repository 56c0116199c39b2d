//! What a push says: the plan before, the receipt after.

use airlift_oci::reference;
use airlift_pusher::{ImageReceipt, Preview, PushPlan, Receipt, Status, TagState};

use crate::ui::table::{Cell, Column, Table};
use crate::ui::term::{Stream, Tone, harmless};
use crate::ui::words::attachment;
use crate::ui::{indented, size};

/// Where each image goes, and below it what is attached to it; with what is there, once that is known.
pub(crate) fn plan(plan: &PushPlan, found: Option<&Preview>, stream: &Stream) -> String {
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
        row.extend(found.and_then(|found| found.images.get(number)).map(standing));
        table.row(row);
        for (place, attached) in image.attached.iter().enumerate() {
            let kind = attachment(Some(&attached.target), attached.artifact_type.as_deref());
            // Its repository is the image's, which stands above it.
            let repository = image.target.repository().to_string();
            let place_there = attached.target.strip_prefix(&repository).unwrap_or(&attached.target);
            let mut row: Vec<Cell> = vec![
                Cell::new(Tone::Dim, format!("  {kind}")),
                Cell::new(Tone::Dim, format!("  {place_there}")),
                String::new().into(),
            ];
            let there = found.and_then(|found| found.attached.get(number)?.get(place));
            row.extend(there.map(standing));
            table.row(row);
        }
    }
    let bytes = plan.images().iter().map(|image| image.size).fold(0, u64::saturating_add);
    let count = size::count(plan.images().len(), "image");
    let mut text =
        format!("{}\n{count}, {} to {}\n", table.render(stream), size::human(bytes), plan.destination());
    for image in plan.images().iter().filter(|image| !image.omitted.is_empty()) {
        let left_out: Vec<&str> = image.omitted.iter().map(|child| child.label.as_str()).collect();
        let word = stream.paint.tone(Tone::Odd, "partial:").into_owned();
        text.push_str(&format!("{word} {} without {}\n", image.target, harmless(&left_out.join(", "))));
    }
    for (image, standing) in plan.images().iter().zip(found.iter().flat_map(|found| &found.images)) {
        if let TagState::Other(there) = standing {
            text.push_str(&format!(
                "\n{} {} at the target is {there}\n  and in the bundle {}; --move-tags would move it\n",
                stream.paint.tone(Tone::Odd, "taken:"),
                image.target,
                image.digest
            ));
        }
    }
    text
}

/// Where partial images go without anybody being asked.
pub(crate) fn not_asked(plan: &PushPlan) -> String {
    let partial = plan.images().iter().filter(|image| !image.omitted.is_empty()).count();
    match partial {
        0 => String::new(),
        _ => format!(
            "not asked (--no-probe): whether {} takes {}\n",
            plan.destination().host(),
            size::count(partial, "partial image")
        ),
    }
}

fn standing(standing: &TagState) -> Cell {
    match standing {
        TagState::Absent => Cell::new(Tone::Plain, "new"),
        TagState::Present => Cell::new(Tone::Good, "present"),
        TagState::Other(_) => Cell::new(Tone::Odd, "TAKEN"),
        TagState::Hidden(_) => Cell::new(Tone::Odd, "unknown"),
    }
}

/// What became of each image, the reasons of those that failed, and one line on the whole.
pub(crate) fn receipt(receipt: &Receipt, stream: &Stream) -> String {
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
    let mut text = table.render(stream) + "\n";
    for image in &receipt.images {
        if let Some(error) = &image.error {
            let word = stream.paint.tone(Tone::Bad, "failed:").into_owned();
            text.push_str(&format!("{word} {}\n", image.target));
            text.push_str(&indented(2, Tone::Plain, &harmless(error), stream));
        }
    }
    for image in &receipt.images {
        for unlisted in &image.unlisted {
            let word = stream.paint.tone(Tone::Bad, "not listed:").into_owned();
            let count = size::count(unlisted.referrers.len(), "referrer");
            text.push_str(&format!("{word} {count} of {} at {}\n", unlisted.subject, image.target));
            let next = "clients will not find what is attached; they are there by their digests";
            text.push_str(&indented(
                2,
                Tone::Plain,
                &harmless(&format!("{}; {next}", unlisted.reason)),
                stream,
            ));
        }
    }
    for image in receipt.images.iter().filter(|image| !image.selected_children.is_empty()) {
        let word = stream.paint.tone(Tone::Odd, "without its index:").into_owned();
        text.push_str(&format!("{word} {}\n", image.target));
        for child in &image.selected_children {
            text.push_str(&format!("  {}\n", child.target));
        }
        text.push_str(&format!("  {} does not resolve there\n", image.digest));
    }
    let lists: Vec<_> = receipt.images.iter().flat_map(|image| &image.fallback_tags).collect();
    if let Some(first) = lists.first() {
        let more = if lists.len() > 1 { format!(" and {} more", lists.len() - 1) } else { String::new() };
        let word = stream.paint.tone(Tone::Dim, "lists of attachments written, as the registry keeps none:");
        text.push_str(&format!("{word}\n  {}{more}\n", first.target));
    }
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    text + &last_line(receipt, stream)
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
    let sum = |part: fn(&ImageReceipt) -> u64| receipt.images.iter().map(part).fold(0, u64::saturating_add);
    let failed = of(Status::Failed);
    let unlisted = receipt.images.iter().filter(|image| !image.unlisted.is_empty()).count();
    let word = match failed + unlisted {
        0 => stream.paint.tone(Tone::Good, "OK"),
        _ => stream.paint.tone(Tone::Bad, "FAILED"),
    };
    let mut told = vec![format!("{} pushed", of(Status::Pushed)), format!("{} present", of(Status::Present))];
    if failed > 0 {
        told.push(format!("{failed} failed"));
    }
    if unlisted > 0 {
        told.push(format!("{} whose referrers are not listed", size::count(unlisted, "image")));
    }
    told.push(format!("{} uploaded", size::human(sum(|image| image.uploaded))));
    if failed == 0 && of(Status::Pushed) > 0 {
        told.push("all read back byte for byte".to_owned());
    }
    format!("{word}: {}\n", told.join(", "))
}

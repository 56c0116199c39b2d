//! What a push says: the plan before, the receipt after.

use airlift_bundle::layout;
use airlift_pusher::{ImageReceipt, PushPlan, Receipt, Standing, Status};

use crate::ui::table::{Cell, Column, Table};
use crate::ui::term::{Stream, Tone, harmless};
use crate::ui::{indented, size};

/// Where each image goes. `standings` tells what is there, once that is known.
pub(crate) fn plan(plan: &PushPlan, standings: &[Standing], stream: &Stream) -> String {
    let mut columns = vec![("source", Column::Text), ("target", Column::Text), ("size", Column::Number)];
    if !standings.is_empty() {
        columns.push(("status", Column::Word));
    }
    let mut table = Table::new(columns);
    let mut bytes: u64 = 0;
    for (number, image) in plan.images().iter().enumerate() {
        bytes = bytes.saturating_add(image.size);
        let mut row: Vec<Cell> = vec![
            Cell::new(Tone::Name, harmless(layout::familiar(&image.source))),
            image.target.to_string().into(),
            size::human(image.size).into(),
        ];
        row.extend(standings.get(number).map(standing));
        table.row(row);
    }
    let count = size::count(plan.images().len(), "image");
    let mut text =
        format!("{}\n{count}, {} to {}\n", table.render(stream), size::human(bytes), plan.destination());
    for image in plan.images().iter().filter(|image| !image.omitted.is_empty()) {
        let left_out: Vec<&str> = image.omitted.iter().map(|child| child.label.as_str()).collect();
        let word = stream.paint.tone(Tone::Odd, "partial:").into_owned();
        text.push_str(&format!("{word} {} without {}\n", image.target, harmless(&left_out.join(", "))));
    }
    for (image, standing) in plan.images().iter().zip(standings) {
        if let Standing::Other(there) = standing {
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

fn standing(standing: &Standing) -> Cell {
    match standing {
        Standing::Absent => Cell::new(Tone::Plain, "new"),
        Standing::Present => Cell::new(Tone::Good, "present"),
        Standing::Other(_) => Cell::new(Tone::Odd, "TAKEN"),
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
    }
}

fn last_line(receipt: &Receipt, stream: &Stream) -> String {
    let of = |status| receipt.images.iter().filter(|image| image.status == status).count();
    let sum = |part: fn(&ImageReceipt) -> u64| receipt.images.iter().map(part).fold(0, u64::saturating_add);
    let failed = of(Status::Failed);
    let word = match failed {
        0 => stream.paint.tone(Tone::Good, "OK"),
        _ => stream.paint.tone(Tone::Bad, "FAILED"),
    };
    let mut told = vec![format!("{} pushed", of(Status::Pushed)), format!("{} present", of(Status::Present))];
    if failed > 0 {
        told.push(format!("{failed} failed"));
    }
    told.push(format!("{} uploaded", size::human(sum(|image| image.uploaded))));
    if failed == 0 && of(Status::Pushed) > 0 {
        told.push("all read back byte for byte".to_owned());
    }
    format!("{word}: {}\n", told.join(", "))
}

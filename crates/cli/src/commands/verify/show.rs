//! The texts of `verify`.

use std::path::Path;

use airlift_oci::{Digest, reference};
use airlift_verifier::report::{ImageReport, ReferrerReport};
use airlift_verifier::{Finding, Report, Rule, State, VolumeReport};

use crate::hint;
use crate::ui::kinds;
use crate::ui::table::{Cell, Column, Table};
use crate::ui::term::{Paint, Stream, Tone, harmless};
use crate::ui::{Ui, indented, size};

/// The whole report. Findings that only follow from others are shown with `-v`.
pub(super) fn report(report: &Report, bundle: &Path, ui: &Ui) -> String {
    let mut out = String::new();
    if report.images.len() + report.referrers.len() + report.unknown.len() > 0 {
        out.push_str(&images(report).render(&ui.out));
        out.push('\n');
    }
    let is_shown = |finding: &&Finding| !finding.follows || ui.verbosity > 0;
    for finding in report.findings.iter().filter(is_shown) {
        out.push_str(&finding_text(finding, &ui.out));
    }
    let hidden = report.findings.iter().filter(|one| !is_shown(one)).count();
    if hidden > 0 {
        let more = match hidden {
            1 => "1 more finding that only follows from that: -v lists it".to_owned(),
            _ => format!("{} that only follow from that: -v lists them", size::count(hidden, "more finding")),
        };
        out.push_str(&indented(0, Tone::Dim, &more, &ui.out));
    }
    if let Some(advice) = hint::of_report(report, bundle) {
        out.push_str(&indented(0, Tone::Plain, &format!("what to do: {advice}"), &ui.out));
    }
    if !report.findings.is_empty() {
        out.push('\n');
    }
    out + &verdict(report, bundle, ui.out.paint)
}

/// The images, then what is attached to them.
fn images(report: &Report) -> Table {
    let mut table =
        Table::new([("image", Column::Text), ("platforms", Column::Text), ("state", Column::Word)]);
    for image in &report.images {
        let name = name(image.reference.as_deref(), &image.digest);
        table.row([Cell::new(Tone::Name, name), platforms(image).into(), image_state(image, report)]);
    }
    for attached in &report.referrers {
        let image = report.images.iter().find(|image| image.digest == attached.subject);
        let reference = image.and_then(|image| image.reference.as_deref());
        let of = format!("attached to {}", name(reference, &attached.subject));
        table.row([Cell::new(Tone::Dim, kind(attached)), of.into(), state(attached.ok)]);
    }
    for unknown in &report.unknown {
        let name = name(unknown.reference.as_deref(), &unknown.digest);
        let what = format!("content of an unknown type ({})", harmless(&unknown.media_type));
        table.row([Cell::new(Tone::Name, name), what.into(), Cell::new(Tone::Odd, "no image")]);
    }
    table
}

/// The state of an image. That it is whole doesn't make it the one that was locked.
fn image_state(image: &ImageReport, report: &Report) -> Cell {
    let name = image.reference.as_deref().map(reference::familiar);
    let is_other = |finding: &Finding| {
        matches!(finding.rule, Rule::LockAltered | Rule::LockDigest | Rule::LockExtra | Rule::LockPlatforms)
            && finding.digest == Some(image.digest)
            && name.as_ref().is_none_or(|name| finding.path.first().is_some_and(|first| first == name))
    };
    match report.findings.iter().any(is_other) {
        true if image.ok => Cell::new(Tone::Bad, "NOT AS LOCKED"),
        _ => state(image.ok),
    }
}

fn state(ok: bool) -> Cell {
    if ok { Cell::new(Tone::Good, "ok") } else { Cell::new(Tone::Bad, "DAMAGED") }
}

fn name(reference: Option<&str>, digest: &Digest) -> String {
    match reference {
        Some(reference) => harmless(reference::familiar(reference)).into_owned(),
        None => digest.to_string(),
    }
}

/// What something attached is, and the start of its digest.
fn kind(attached: &ReferrerReport) -> String {
    let kind = kinds::of_attachment(attached.reference.as_deref(), attached.artifact_type.as_deref());
    format!("  {kind} {}…", attached.digest.short())
}

fn platforms(image: &ImageReport) -> String {
    let carried = image.platforms.join(", ");
    match (image.omitted_platforms.is_empty(), carried.is_empty()) {
        (true, _) => carried,
        (false, true) => format!("without {}", image.omitted_platforms.join(", ")),
        (false, false) => format!("{carried} (without {})", image.omitted_platforms.join(", ")),
    }
}

/// A finding on three lines: where, what, and by which rule.
fn finding_text(finding: &Finding, stream: &Stream) -> String {
    let (word, tone) = if finding.is_error() { ("error", Tone::Bad) } else { ("warning", Tone::Odd) };
    let path: Vec<_> = finding.path.iter().map(|part| harmless(part)).collect();
    let place = if path.is_empty() { "the bundle".to_owned() } else { path.join(" → ") };
    let mut rule = format!("rule {}", finding.rule);
    if let Some(offset) = finding.offset {
        rule.push_str(&format!(", at byte {}", size::grouped(offset)));
    }
    if let Some(place) = &finding.volume {
        rule.push_str(&format!(" (byte {} of {})", size::grouped(place.offset), harmless(&place.name)));
    }
    if let Some(digest) = &finding.digest {
        rule.push_str(&format!(", {digest}"));
    }
    format!("{}: {}\n", stream.paint.tone(tone, word), stream.paint.tone(Tone::Bold, &place))
        + &indented(2, Tone::Plain, &harmless(&finding.message), stream)
        + &indented(2, Tone::Dim, &rule, stream)
}

/// One volume of a bundle: yes or no, and that it says nothing of the others.
pub(super) fn one_volume(report: &VolumeReport, path: &Path, ui: &Ui) -> String {
    let mut out: String = report.findings.iter().map(|finding| finding_text(finding, &ui.out)).collect();
    if !report.findings.is_empty() {
        out.push('\n');
    }
    let place = match (report.number, report.of) {
        (Some(number), Some(of)) => format!("volume {number} of {of}"),
        _ => "a volume".to_owned(),
    };
    let bundle = report.bundle.map_or("an unknown bundle".to_owned(), |id| format!("bundle {id}"));
    let only_another = report.findings.iter().all(|finding| finding.rule == Rule::ExpectedId);
    let paint = ui.out.paint;
    let (word, state) = match (report.ok, only_another) {
        (true, _) => (paint.tone(Tone::Good, "OK"), "intact"),
        (false, true) => (paint.tone(Tone::Bad, "NOT OF THE EXPECTED BUNDLE"), "intact"),
        (false, false) => (paint.tone(Tone::Bad, "DAMAGED"), "not what it has to be"),
    };
    let (shown, hashed) = (path.display().to_string(), size::human(report.hashed));
    out.push_str(&format!("{word}: {}: {place} of {bundle}: {state}, {hashed} hashed\n", harmless(&shown)));
    if report.ok {
        out.push_str(
            "This is one volume only, not the bundle: with all of them here, verify the .volumes.json\n",
        );
    }
    out
}

/// The last line: yes or no.
fn verdict(report: &Report, bundle: &Path, paint: Paint) -> String {
    let id = report.id.map_or("no id".to_owned(), |id| format!("id {id}"));
    let mut parts = counts(&report.findings);
    parts.push(size::count(report.images.len(), "image"));
    if !report.referrers.is_empty() {
        parts.push(format!("{} attached", report.referrers.len()));
    }
    parts.extend([format!("{} hashed", size::human(report.hashed)), id]);
    let (tone, word) = word(report.state);
    let (word, bundle) = (paint.tone(tone, word), bundle.display().to_string());
    format!("{word}: {}: {}\n", harmless(&bundle), parts.join(", "))
}

/// The state in a word or a few.
fn word(state: State) -> (Tone, &'static str) {
    match state {
        State::Whole => (Tone::Good, "OK"),
        State::Partial => (Tone::Odd, "PARTIAL"),
        State::OtherBundle => (Tone::Bad, "NOT THE EXPECTED BUNDLE"),
        State::NotAsLocked => (Tone::Bad, "NOT WHAT WAS LOCKED"),
        State::OverLimit => (Tone::Bad, "NOT LOOKED AT, OVER A LIMIT"),
        State::NoLayout => (Tone::Bad, "NO IMAGE LAYOUT"),
        State::PackedAgain => (Tone::Bad, "PACKED AGAIN, ALL CONTENT RIGHT, NOT THE ORIGINAL"),
        State::Unfinished => (Tone::Bad, "UNFINISHED"),
        State::Damaged => (Tone::Bad, "DAMAGED"),
    }
}

/// How many errors and warnings there are; what only follows from others is counted by itself.
fn counts(findings: &[Finding]) -> Vec<String> {
    let (following, own): (Vec<&Finding>, Vec<&Finding>) = findings.iter().partition(|one| one.follows);
    let errors = own.iter().filter(|finding| finding.is_error()).count();
    let mut parts = Vec::new();
    if errors > 0 {
        parts.push(size::count(errors, "error"));
    }
    if own.len() > errors {
        parts.push(size::count(own.len() - errors, "warning"));
    }
    match following.len() {
        0 => {}
        1 => parts.push("1 that follows from that".to_owned()),
        count => parts.push(format!("{count} that follow from that")),
    }
    parts
}

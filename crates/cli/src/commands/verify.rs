//! `airlift verify`: bundle to yes or no.

use std::path::{Path, PathBuf};

use airlift_bundle::layout;
use airlift_verifier::report::{Finding, ImageReport};
use airlift_verifier::{Options, Report, VolumeReport, verify, verify_volume};

use crate::args::expect::expected;
use crate::args::limits::LimitArgs;
use crate::exit::{Exit, Failure};
use crate::ui::table::{Cell, Column, Table};
use crate::ui::term::{Paint, Stream, Tone, harmless};
use crate::ui::{Ui, indented, size};

const EXAMPLES: &str = "\
Examples:
  airlift verify images.tar
  airlift verify images.tar --expect sha256:…    and it is the very bundle that was built
  airlift verify layout/ --json                  another tool's image layout, for a script
  airlift verify images.tar.volumes.json         a bundle in volumes, all of them
  airlift verify images.tar.002                  one volume by itself

Integrity is not authenticity: that every byte is what the bundle's id says doesn't say who made it. Carry the id on
another way and give it with --expect.";

/// Re-read every byte of a bundle and say whether it is whole and unchanged
///
/// Needs no network. Takes Airlift's bundles and other tools' OCI image layouts, as a tar archive or a folder. All findings
/// are reported, each with the image, the platform and the part that it concerns.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The bundle: a tar archive, a folder, or the .volumes.json of volumes
    bundle: PathBuf,
    /// The bundle's id, or a file that holds it
    ///
    /// As build printed it, with or without "id" and "sha256:" before it. Of a file, the first line that starts with an id counts: what build
    /// printed, as text or with --json, may be that file.
    #[arg(long, value_name = "ID|FILE")]
    expect: Option<String>,
    /// Threads that hash; 0 is one a core
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u16).range(..=1024))]
    jobs: u16,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Failure> {
    let expect = args.expect.as_deref().map(expected).transpose()?;
    let options = Options { jobs: usize::from(args.jobs), expect, limits: args.limits.limits() };
    if let Some(report) = verify_volume(&args.bundle, &options, &*ui.observer())? {
        if ui.json {
            ui.print_json(&report)?;
        } else {
            ui.print(&one_volume(&report, &args.bundle, ui))?;
        }
        return Ok(if report.ok { Exit::Done } else { Exit::No });
    }
    let report = verify(&args.bundle, &options, &*ui.observer())?;
    if ui.json {
        ui.print_json(&report)?;
    } else {
        ui.print(&text(&report, &args.bundle, ui))?;
    }
    Ok(if report.ok { Exit::Done } else { Exit::No })
}

fn text(report: &Report, bundle: &Path, ui: &Ui) -> String {
    let paint = ui.out.paint;
    let mut out = String::new();
    if !report.images.is_empty() {
        out.push_str(&images(report).render(&ui.out));
        out.push('\n');
    }
    for finding in &report.findings {
        out.push_str(&told(finding, &ui.out));
    }
    if !report.findings.is_empty() {
        out.push('\n');
    }
    out + &verdict(report, bundle, paint)
}

fn images(report: &Report) -> Table {
    let mut table =
        Table::new([("image", Column::Text), ("platforms", Column::Text), ("state", Column::Word)]);
    for image in &report.images {
        let state = if image.ok { Cell::new(Tone::Good, "ok") } else { Cell::new(Tone::Bad, "DAMAGED") };
        table.row([Cell::new(Tone::Name, name(image)), platforms(image).into(), state]);
    }
    table
}

fn name(image: &ImageReport) -> String {
    match &image.reference {
        Some(reference) => harmless(layout::familiar(reference)).into_owned(),
        None => image.digest.to_string(),
    }
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
fn told(finding: &Finding, stream: &Stream) -> String {
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
fn one_volume(report: &VolumeReport, path: &Path, ui: &Ui) -> String {
    let mut out: String = report.findings.iter().map(|finding| told(finding, &ui.out)).collect();
    if !report.findings.is_empty() {
        out.push('\n');
    }
    let place = match (report.number, report.of) {
        (Some(number), Some(of)) => format!("volume {number} of {of}"),
        _ => "a volume".to_owned(),
    };
    let bundle = report.bundle.map_or("an unknown bundle".to_owned(), |id| format!("bundle {id}"));
    let only_another = report.findings.iter().all(|finding| finding.rule == "expected-id");
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
    let images = size::count(report.images.len(), "image");
    let errors = report.findings.iter().filter(|finding| finding.is_error()).count();
    let warnings = report.findings.len() - errors;
    let mut told = Vec::new();
    if errors > 0 {
        told.push(size::count(errors, "error"));
    }
    if warnings > 0 {
        told.push(size::count(warnings, "warning"));
    }
    told.push(images);
    if !report.referrers.is_empty() {
        told.push(format!("{} attached", report.referrers.len()));
    }
    told.extend([format!("{} hashed", size::human(report.hashed)), id]);
    // A whole bundle that is not the one that was asked for is not damaged.
    let only_another =
        report.findings.iter().filter(|finding| finding.is_error()).all(|f| f.rule == "expected-id");
    let word = match (report.ok, only_another) {
        (true, _) => paint.tone(Tone::Good, "OK"),
        (false, true) => paint.tone(Tone::Bad, "NOT THE EXPECTED BUNDLE"),
        (false, false) => paint.tone(Tone::Bad, "DAMAGED"),
    };
    format!("{word}: {}: {}\n", harmless(&bundle.display().to_string()), told.join(", "))
}

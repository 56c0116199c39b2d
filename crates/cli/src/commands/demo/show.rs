//! What the demonstration prints: each step as it is done.

use std::collections::HashSet;
use std::path::Path;

use airlift_oci::Digest;
use airlift_packager::Packing;
use airlift_pusher::{Receipt, Status};
use airlift_server::samples::{Content, Sample};
use airlift_verifier::Report;

use super::transfer::{FlippedCopy, Transfer};
use crate::failure::Failure;
use crate::output::Compared;
use crate::ui::table::{Cell, Column, Table};
use crate::ui::term::{Paint, Tone, harmless, shown};
use crate::ui::{Ui, indented, size};

/// The column behind the step's name, where its lines start.
const MARGIN: usize = 12;

/// Prints the steps for people; with `--json`, nothing.
pub(crate) struct Steps<'a> {
    ui: &'a Ui,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(ui: &'a Ui) -> Self {
        Steps { ui }
    }

    fn paint(&self) -> Paint {
        self.ui.out.paint
    }

    /// A step: its number and name before its first line, the others below that one.
    fn step(&self, number: u8, name: &str, lines: &[(Tone, String)]) -> Result<(), Failure> {
        if self.ui.json {
            return Ok(());
        }
        let text = lines.iter().map(|(tone, line)| indented(MARGIN, *tone, line, &self.ui.out));
        let text: String = text.collect();
        // The first line's margin makes room for the head.
        let head = format!("{number}  {name}");
        let room = " ".repeat(MARGIN.saturating_sub(head.len()));
        let head = self.paint().tone(Tone::Bold, &head);
        self.ui.print(&format!("{head}{room}{}", text.trim_start_matches(' ')))
    }

    pub(crate) fn source(&self, transfer: &Transfer, samples: &[Sample]) -> Result<(), Failure> {
        let names: Vec<String> = samples.iter().map(|s| format!("{}:{}", s.repository, s.tag)).collect();
        let width = names.iter().map(String::len).max().unwrap_or(0);
        let (address, count) = (transfer.source().address(), size::count(samples.len(), "sample image"));
        let mut lines = vec![(Tone::Plain, format!("a registry on {address} with {count}:"))];
        for (name, sample) in names.iter().zip(samples) {
            lines.push((Tone::Name, format!("{name:width$}  {}", sample.about)));
        }
        self.step(1, "source", &lines)
    }

    pub(crate) fn built(&self, transfer: &Transfer, packing: &Packing) -> Result<(), Failure> {
        let (layout, graph) = (packing.plan(), packing.plan().graph());
        let whole = format!(
            "all of it into one file: {}, {}, {}",
            size::human(layout.size()),
            size::count(graph.manifests.len(), "manifest"),
            size::count(graph.blob_count(), "blob")
        );
        let path = (Tone::Dim, shown(transfer.bundle()));
        let id = (Tone::Dim, shortened(&format!("id {}", layout.id())));
        self.step(2, "build", &[(Tone::Plain, whole), path, id])
    }

    pub(crate) fn verified(&self, report: &Report) -> Result<(), Failure> {
        let (tone, word) = if report.ok { (Tone::Good, "OK") } else { (Tone::Bad, "DAMAGED") };
        let lines = [
            (Tone::Plain, "every byte of it re-read, without a network".to_owned()),
            (tone, format!("{word}, {} hashed", size::human(report.hashed))),
        ];
        self.step(3, "verify", &lines)
    }

    pub(crate) fn caught(&self, flipped: &FlippedCopy, report: &Report) -> Result<(), Failure> {
        let offset = size::grouped(flipped.offset());
        let mut lines =
            vec![(Tone::Plain, format!("one bit of byte {offset} of a copy flipped; verify says"))];
        match report.findings.iter().find(|finding| finding.is_error()) {
            Some(finding) => {
                let place: Vec<_> = finding.path.iter().map(|part| harmless(part)).collect();
                lines.push((Tone::Good, format!("DAMAGED: {}", place.join(" → "))));
                lines.push((Tone::Dim, shortened(&harmless(&finding.message))));
            }
            None => lines.push((Tone::Bad, "nothing: the damage went unnoticed".to_owned())),
        }
        self.step(4, "tamper", &lines)
    }

    pub(crate) fn pushed(&self, transfer: &Transfer, receipt: &Receipt) -> Result<(), Failure> {
        let pushed = receipt.images.iter().filter(|image| image.status == Status::Pushed).count();
        let uploaded: u64 = receipt.images.iter().map(|image| image.uploaded).sum();
        let summary = format!("{} pushed, {} uploaded", size::count(pushed, "image"), size::human(uploaded));
        let mut lines = vec![
            (Tone::Plain, format!("the bundle into an empty registry on {}", transfer.target().address())),
            (if pushed == receipt.images.len() { Tone::Good } else { Tone::Odd }, summary),
        ];
        for image in receipt.images.iter().filter(|image| image.status == Status::Failed) {
            let why = image.error.as_deref().unwrap_or("no reason given");
            lines.push((Tone::Bad, format!("failed: {}: {}", image.target, harmless(why))));
        }
        self.step(5, "push", &lines)
    }

    pub(crate) fn compared(
        &self,
        images: &[Compared],
        samples: &[Sample],
        ok: bool,
        kept: Option<&Path>,
    ) -> Result<(), Failure> {
        if self.ui.json {
            return Ok(());
        }
        let (manifests, blobs) = distinct(samples);
        let summary = format!(
            "{} byte for byte at both ends, {} by digest",
            size::count(manifests, "manifest"),
            size::count(blobs, "blob")
        );
        self.step(6, "compare", &[(Tone::Plain, summary)])?;
        let mut text = format!("\n{}\n", table(images).render(&self.ui.out));
        text.push_str(&match ok {
            true => format!("{}: every digest arrived unchanged\n", self.yes_no(true, "OK", "")),
            false => format!("{}: not all of it arrived unchanged\n", self.yes_no(false, "", "FAILED")),
        });
        if let Some(bundle) = kept {
            text.push_str(&format!("kept: {0}; look at it with `airlift inspect {0}`\n", shown(bundle)));
        }
        self.ui.print(&text)
    }

    fn yes_no(&self, yes: bool, good: &str, bad: &str) -> String {
        let (tone, word) = if yes { (Tone::Good, good) } else { (Tone::Bad, bad) };
        self.paint().tone(tone, word).into_owned()
    }
}

/// How many manifests and blobs the samples have, each digest once, as the bundle has them.
fn distinct(samples: &[Sample]) -> (usize, usize) {
    let all = |contents: fn(&Sample) -> &[Content]| {
        samples.iter().flat_map(contents).map(|content| content.digest).collect::<HashSet<_>>().len()
    };
    (all(|sample| &sample.manifests), all(|sample| &sample.blobs))
}

/// A text with its digests cut short: here they are to be seen, not copied.
fn shortened(text: &str) -> String {
    let word = |word: &str| {
        let (digest, rest) = word.split_at(word.trim_end_matches([',', ':']).len());
        match digest.parse::<Digest>() {
            Ok(digest) => format!("{}:{}…{rest}", digest.algorithm(), digest.short()),
            Err(_) => word.to_owned(),
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn table(images: &[Compared]) -> Table {
    let mut table = Table::new([
        ("image", Column::Word),
        ("kind", Column::Word),
        ("platforms", Column::Text),
        ("at source", Column::Word),
        ("at target", Column::Word),
        ("same", Column::Word),
    ]);
    for image in images {
        let same = if image.same { Cell::new(Tone::Good, "yes") } else { Cell::new(Tone::Bad, "NO") };
        table.row([
            Cell::new(Tone::Name, image.image.clone()),
            image.kind.clone().into(),
            image.platforms.join(", ").into(),
            image.source.short().into(),
            image.target.map_or("nothing".to_owned(), |digest| digest.short()).into(),
            same,
        ]);
    }
    table
}

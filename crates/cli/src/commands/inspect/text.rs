//! The tree for people.

use airlift_oci::{DigestSet, Graph, contents};

use super::config;
use crate::output::{InspectDocument, InspectedBlob, InspectedImage, InspectedManifest};
use crate::ui::kinds;
use crate::ui::table::{Cell, Column, Table};
use crate::ui::term::{Stream, Tone, harmless};
use crate::ui::{facts, size};

/// The document as text.
pub(crate) fn render(document: &InspectDocument, graph: &Graph, stream: &Stream) -> String {
    if let Some(blob) = &document.blob {
        return facts(stream.paint, &about(blob));
    }
    let mut table = Table::new([
        ("image and parts", Column::Word),
        ("kind", Column::Text),
        ("size", Column::Number),
        ("digest", Column::Word),
        ("", Column::Word),
    ]);
    for (number, image) in document.images.iter().enumerate() {
        if number > 0 {
            table.across([]);
        }
        image_rows(&mut table, image);
    }
    if let Some(manifest) = &document.manifest {
        table.row(manifest_row("", manifest));
        below(&mut table, manifest, "");
    }
    let whole = document.manifest.is_none() && document.images.len() == graph.roots.len();
    let totals = if whole { format!("\n{}", totals(document, graph)) } else { String::new() };
    table.render(stream) + &config::render(document, stream) + &totals
}

/// The image's name with its kind and size, its digest, and the rows of its parts.
fn image_rows(table: &mut Table, image: &InspectedImage) {
    let manifest = &image.manifest;
    let mut what = vec![kind(manifest), size::human(manifest.total_size)];
    // An index has a row for each platform.
    if manifest.manifests.is_empty() && !image.platforms.is_empty() {
        what.insert(1, image.platforms.join(", "));
    }
    if !image.omitted_platforms.is_empty() {
        what.push(format!("without {}", image.omitted_platforms.join(", ")));
    }
    if let Some(subject) = &image.subject {
        what.push(format!("attached to {}", subject.short()));
    }
    table.across([Cell::new(Tone::Bold, manifest.label.clone()), format!("  {}", what.join(", ")).into()]);
    let note = manifest_note(manifest);
    table.across([Cell::new(Tone::Dim, format!("{}  ", manifest.digest)), note]);
    below(table, manifest, "");
}

/// The rows below a manifest, with the branches of the tree before them.
fn below(table: &mut Table, manifest: &InspectedManifest, indent: &str) {
    let count = manifest.manifests.len() + manifest.blobs.len();
    let branches = |position: usize| match position + 1 == count {
        true => (format!("{indent}└─ "), format!("{indent}   ")),
        false => (format!("{indent}├─ "), format!("{indent}│  ")),
    };
    for (position, child) in manifest.manifests.iter().enumerate() {
        let (branch, deeper) = branches(position);
        table.row(manifest_row(&branch, child));
        below(table, child, &deeper);
    }
    for (position, blob) in manifest.blobs.iter().enumerate() {
        let (branch, _) = branches(manifest.manifests.len() + position);
        table.row(blob_row(&branch, blob));
    }
}

fn manifest_row(branch: &str, manifest: &InspectedManifest) -> [Cell; 5] {
    let tone = if manifest.attestation { Tone::Dim } else { Tone::Name };
    [
        Cell::new(tone, format!("{branch}{}", manifest.label)),
        kind(manifest).into(),
        size::human(manifest.total_size).into(),
        Cell::new(Tone::Dim, manifest.digest.short()),
        manifest_note(manifest),
    ]
}

fn manifest_note(manifest: &InspectedManifest) -> Cell {
    match manifest {
        InspectedManifest { unreadable: true, .. } => Cell::new(Tone::Bad, "missing or damaged"),
        InspectedManifest { absent: true, .. } => Cell::new(Tone::Odd, "left out, not at the source"),
        InspectedManifest { repeated: true, .. } => Cell::new(Tone::Dim, "see above"),
        InspectedManifest { omitted: true, .. } => Cell::new(Tone::Odd, "left out"),
        _ => Cell::default(),
    }
}

fn blob_row(branch: &str, blob: &InspectedBlob) -> [Cell; 5] {
    let note = match blob {
        InspectedBlob { external: true, .. } => Cell::new(Tone::Odd, "outside"),
        InspectedBlob { shared: true, .. } => Cell::new(Tone::Dim, "shared"),
        _ => Cell::default(),
    };
    [
        format!("{branch}{}", blob.part).into(),
        kinds::of_media_type(&blob.media_type).into(),
        size::human(blob.size).into(),
        Cell::new(Tone::Dim, blob.digest.short()),
        note,
    ]
}

fn kind(manifest: &InspectedManifest) -> String {
    match &manifest.artifact_type {
        Some(artifact) if !manifest.attestation => format!("artifact {}", harmless(artifact)),
        _ => kinds::of_media_type(&manifest.media_type),
    }
}

fn about(blob: &InspectedBlob) -> Vec<(&'static str, String)> {
    let offset = match blob.offset {
        Some(offset) => format!("byte {} of the archive", size::grouped(offset)),
        None => "not in one file".to_owned(),
    };
    vec![
        ("blob", blob.digest.to_string()),
        ("first use", harmless(&blob.part).into_owned()),
        ("kind", kinds::of_media_type(&blob.media_type)),
        ("size", size::exact(blob.size)),
        ("place", offset),
        ("shared", if blob.shared { "by several manifests" } else { "no" }.to_owned()),
    ]
}

/// The last lines: what all of it comes to.
fn totals(document: &InspectDocument, graph: &Graph) -> String {
    let alone: u64 =
        document.images.iter().map(|image| image.manifest.total_size).fold(0, u64::saturating_add);
    let mut seen = DigestSet::default();
    let mut together: u64 = graph.manifests.iter().map(|entry| entry.descriptor.size).sum();
    for root in &graph.roots {
        for (_, _, blob) in contents::blobs_of_root(graph, root) {
            if seen.insert(blob.digest, ()) {
                together = together.saturating_add(blob.size);
            }
        }
    }
    let attached = graph.roots.iter().filter(|root| root.subject.is_some()).count();
    let images = size::count(graph.roots.len() - attached, "image");
    let attached = if attached == 0 { String::new() } else { format!(", {attached} attached") };
    let mut text = format!(
        "{images}{attached}, {}, {}: {}",
        size::count(graph.manifests.len(), "manifest"),
        size::count(graph.blob_count(), "blob"),
        size::human(together),
    );
    if alone > together {
        text.push_str(&format!(" ({} saved by what images share)", size::human(alone - together)));
    }
    format!("{text}\nid {}\n", document.id)
}

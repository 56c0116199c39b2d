//! The tree for people.

use std::io::{self, Write};

use airlift_oci::{Graph, contents};

use super::config;
use super::tree::{Configs, Tree};
use crate::output::{InspectDocument, InspectedBlob, InspectedImage, InspectedManifest};
use crate::ui::kinds;
use crate::ui::table::{Cell, Column, Row, TableColumns};
use crate::ui::term::{Stream, Tone, harmless};
use crate::ui::{facts, size};

/// Writes a document as text. It is made twice, once for the widths of the columns.
pub(super) fn write<'a>(
    out: &mut dyn Write,
    document: impl Fn() -> InspectDocument<'a>,
    tree: &Tree<'_>,
    stream: &Stream,
) -> io::Result<()> {
    let first = document();
    if let Some(blob) = &first.blob {
        return out.write_all(facts(stream.paint, &about(blob)).as_bytes());
    }
    let mut columns = TableColumns::new([
        ("image and parts", Column::Word),
        ("kind", Column::Text),
        ("size", Column::Number),
        ("digest", Column::Word),
        ("", Column::Word),
    ]);
    let (id, whole) = (first.id, first.manifest.is_none() && first.images.len() == tree.graph().roots.len());
    rows(first, &mut |row| {
        columns.widen(&row);
        Ok(())
    })?;
    let columns = columns.fit(stream);
    let mut lines = columns.head();
    rows(document(), &mut |row| {
        columns.render(&row, &mut lines);
        out.write_all(lines.as_bytes())?;
        lines.clear();
        Ok(())
    })?;
    out.write_all(lines.as_bytes())?;
    if tree.configs() == Configs::Show {
        out.write_all(config::render(document(), stream).as_bytes())?;
    }
    if whole { write!(out, "\n{}\nid {id}\n", totals(tree.graph())) } else { Ok(()) }
}

/// Takes a row of the table.
type TakeRow<'a> = &'a mut dyn FnMut(Row) -> io::Result<()>;

/// All rows of the table, in order.
fn rows(document: InspectDocument<'_>, take: TakeRow<'_>) -> io::Result<()> {
    for (number, image) in document.images.iter().enumerate() {
        if number > 0 {
            take(Row::Across(Vec::new()))?;
        }
        image_rows(&image, take)?;
    }
    if let Some(manifest) = &document.manifest {
        take(manifest_row("", manifest))?;
        below(manifest, "", take)?;
    }
    Ok(())
}

/// The image's name with its kind and size, its digest, and the rows of its parts.
fn image_rows(image: &InspectedImage<'_>, take: TakeRow<'_>) -> io::Result<()> {
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
    let name = Cell::new(Tone::Bold, manifest.label.clone());
    take(Row::Across(vec![name, format!("  {}", what.join(", ")).into()]))?;
    let digest = Cell::new(Tone::Dim, format!("{}  ", manifest.digest));
    take(Row::Across(vec![digest, manifest_note(manifest)]))?;
    below(manifest, "", take)
}

/// The rows below a manifest, with the branches of the tree before them.
fn below(manifest: &InspectedManifest<'_>, indent: &str, take: TakeRow<'_>) -> io::Result<()> {
    let count = manifest.manifests.len() + manifest.blobs.len();
    let branches = |position: usize| match position + 1 == count {
        true => (format!("{indent}└─ "), format!("{indent}   ")),
        false => (format!("{indent}├─ "), format!("{indent}│  ")),
    };
    for (position, child) in manifest.manifests.iter().enumerate() {
        let (branch, deeper) = branches(position);
        take(manifest_row(&branch, &child))?;
        below(&child, &deeper, take)?;
    }
    for (position, blob) in manifest.blobs.iter().enumerate() {
        let (branch, _) = branches(manifest.manifests.len() + position);
        take(blob_row(&branch, &blob))?;
    }
    Ok(())
}

fn manifest_row(branch: &str, manifest: &InspectedManifest<'_>) -> Row {
    let tone = if manifest.attestation { Tone::Dim } else { Tone::Name };
    Row::Cells(vec![
        Cell::new(tone, format!("{branch}{}", manifest.label)),
        kind(manifest).into(),
        size::human(manifest.total_size).into(),
        Cell::new(Tone::Dim, manifest.digest.short()),
        manifest_note(manifest),
    ])
}

fn manifest_note(manifest: &InspectedManifest<'_>) -> Cell {
    match manifest {
        InspectedManifest { unreadable: true, .. } => Cell::new(Tone::Bad, "missing or damaged"),
        InspectedManifest { absent: true, .. } => Cell::new(Tone::Odd, "left out, not at the source"),
        InspectedManifest { repeated: true, .. } => Cell::new(Tone::Dim, "see above"),
        InspectedManifest { omitted: true, .. } => Cell::new(Tone::Odd, "left out"),
        _ => Cell::default(),
    }
}

fn blob_row(branch: &str, blob: &InspectedBlob) -> Row {
    let note = match blob {
        InspectedBlob { external: true, .. } => Cell::new(Tone::Odd, "outside"),
        InspectedBlob { shared: true, .. } => Cell::new(Tone::Dim, "shared"),
        _ => Cell::default(),
    };
    Row::Cells(vec![
        format!("{branch}{}", blob.part).into(),
        kinds::of_media_type(&blob.media_type).into(),
        size::human(blob.size).into(),
        Cell::new(Tone::Dim, blob.digest.short()),
        note,
    ])
}

fn kind(manifest: &InspectedManifest<'_>) -> String {
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

/// What all of it comes to.
fn totals(graph: &Graph) -> String {
    let alone = graph.roots.iter().map(|root| contents::size_of(graph, root)).fold(0, u64::saturating_add);
    let manifests = graph.manifests.iter().map(|entry| entry.descriptor.size);
    let blobs = graph.blobs().map(|blob| blob.descriptor.size);
    let together = manifests.chain(blobs).fold(0, u64::saturating_add);
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
    text
}

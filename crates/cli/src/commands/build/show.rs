//! The texts of a build: the plan before, the result after.

use std::collections::BTreeMap;
use std::path::Path;

use airlift_bundle::volumes::{Volume, VolumeSet};
use airlift_bundle::write::output::{Measure, OutputSize};
use airlift_oci::graph::leaves;
use airlift_oci::{Carried, Digest, Graph, RawManifest, Root, contents, reference};
use airlift_packager::{Built, Fetched, ImagePlan, Outcome, Packing};

use crate::ui::table::{Cell, Column, Table};
use crate::ui::term::{Paint, Stream, Tone, harmless, shown};
use crate::ui::{facts, indented, kinds, size};

/// The images with their platforms and sizes, then one line on the whole.
pub(crate) fn plan(packing: &Packing, measure: &Measure, stream: &Stream) -> String {
    let graph = packing.plan().graph();
    let mut table =
        Table::new([("image", Column::Text), ("platform", Column::Text), ("size", Column::Number)]);
    let roots = graph.roots.iter().filter(|root| root.subject.is_none());
    for (image, root) in packing.images().iter().zip(roots) {
        image_rows(&mut table, image, graph, root);
    }
    let (manifests, blobs) = (graph.manifests.len(), graph.blob_count());
    let attached = graph.roots.len() - packing.images().len();
    let attached = if attached == 0 { String::new() } else { format!(" ({attached} attached to them)") };
    let ranges = measure.volumes.as_ref();
    let volumes = ranges.map(|ranges| format!(", in {}", size::count(ranges.len(), "volume")));
    let line = format!(
        "\n{}{attached}, {}, {}; the archive will have {}{}\n",
        size::count(packing.images().len(), "image"),
        size::count(manifests, "manifest"),
        size::count(blobs, "blob"),
        size::exact(packing.plan().size()),
        volumes.unwrap_or_default(),
    );
    table.render(stream) + &line + &partial(packing, stream)
}

/// A note on bundles that leave out platforms: the target may refuse them.
fn partial(packing: &Packing, stream: &Stream) -> String {
    if packing.images().iter().all(|image| image.omitted_platforms.is_empty()) {
        return String::new();
    }
    let word = stream.paint.tone(Tone::Odd, "partial:").into_owned();
    let text = "some registries refuse an image without all of its platforms. `airlift push BUNDLE DEST --dry-run` asks a registry; a small partial bundle is enough for that";
    format!("{word}\n{}", indented(2, Tone::Plain, text, stream))
}

/// What need not be fetched; nothing where all of it has to be.
pub(crate) fn forecast(forecast: Fetched) -> String {
    let Fetched { downloaded, reused } = forecast;
    if reused == 0 {
        return String::new();
    }
    format!(
        "{} of the blobs are at hand, {} would be fetched\n",
        size::human(reused),
        size::human(downloaded)
    )
}

/// The volumes: how many, and from which to which.
pub(crate) fn volumes(set: &VolumeSet) -> String {
    let name = |volume: Option<&Volume>| volume.map(|volume| volume.name.clone()).unwrap_or_default();
    let (first, last) = (name(set.volumes.first()), name(set.volumes.last()));
    let names = if set.count() == 1 { first } else { format!("{first} … {last}") };
    format!("{}: {}\n", size::count(set.count(), "volume"), harmless(&names))
}

/// That the lock is there.
pub(crate) fn lock(path: &Path, images: usize) -> String {
    format!("{} has the lock of {}\n", shown(path), size::count(images, "image"))
}

/// How large an output may become that is compressed; nothing of others.
pub(crate) fn compressed(output: Option<&Path>, measure: &Measure) -> String {
    match (output, measure.size) {
        (Some(output), OutputSize::AtMost(most)) => {
            let (output, most) = (shown(output), size::exact(most));
            format!("compressed, where that gains, {output} will have at most {most}\n")
        }
        _ => String::new(),
    }
}

/// A row for each platform, and one for all of them together where there are several.
fn image_rows(table: &mut Table, image: &ImagePlan, graph: &Graph, root: &Root) {
    let name = Cell::new(Tone::Name, reference::familiar(&image.reference));
    let whole = Cell::new(Tone::Bold, size::human(image.size));
    let carried = platform_sizes(graph, root, Carried::Yes);
    let omitted = platform_sizes(graph, root, Carried::LeftOut);
    if carried.len() + omitted.len() < 2 {
        table.row([name, image.platforms.join(", ").into(), whole]);
        attached_rows(table, graph, root);
        return;
    }
    let mut name = Some(name);
    for (platform, bytes) in carried {
        let bytes = bytes.map(size::human).unwrap_or_default();
        table.row([name.take().unwrap_or_default(), platform.into(), bytes.into()]);
    }
    for (platform, bytes) in omitted {
        let bytes = bytes.map_or("not at the source".to_owned(), size::human);
        let left_out = format!("{platform} (left out, {bytes})");
        table.row([name.take().unwrap_or_default(), Cell::new(Tone::Dim, left_out), Cell::default()]);
    }
    table.row([Cell::default(), Cell::new(Tone::Dim, "all together"), whole]);
    attached_rows(table, graph, root);
}

/// A row for each kind of attachment to an image, so the table shows which images are signed.
fn attached_rows(table: &mut Table, graph: &Graph, root: &Root) {
    let mut kinds: BTreeMap<String, (usize, u64)> = BTreeMap::new();
    for attached in airlift_oci::graph::attached_to(graph, root) {
        let raw = graph.manifest(&attached.descriptor.digest).and_then(|entry| entry.raw.as_ref());
        let kind =
            kinds::of_attachment(attached.reference.as_deref(), raw.and_then(RawManifest::artifact_type));
        let (count, bytes) = kinds.entry(kind).or_default();
        *count += 1;
        *bytes = bytes.saturating_add(contents::size_of(graph, attached));
    }
    for (kind, (count, bytes)) in kinds {
        let times = if count == 1 { String::new() } else { format!("{count} × ") };
        let attached = Cell::new(Tone::Dim, format!("attached: {times}{kind}"));
        table.row([Cell::default(), attached, size::human(bytes).into()]);
    }
}

/// What each platform would take alone: its manifests, configs and layers. `None`: the source doesn't have
/// it.
fn platform_sizes(graph: &Graph, root: &Root, which: Carried) -> Vec<(String, Option<u64>)> {
    let mut sizes: Vec<(String, Option<u64>)> = Vec::new();
    for leaf in leaves(graph, root).into_iter().filter(|leaf| leaf.carried.is_chosen() == which.is_chosen()) {
        let Some(platform) = &leaf.platform else { continue };
        let bytes = (!leaf.carried.is_absent()).then(|| size_of(graph, &leaf.digest));
        let name = platform.shown();
        match sizes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, Some(size))) => *size = size.saturating_add(bytes.unwrap_or_default()),
            Some((_, size)) => *size = bytes,
            None => sizes.push((name, bytes)),
        }
    }
    sizes
}

fn size_of(graph: &Graph, manifest: &Digest) -> u64 {
    let Some(raw) = graph.manifest(manifest).and_then(|entry| entry.raw.as_ref()) else { return 0 };
    let carried = graph.carried_blobs(raw);
    carried.fold(raw.size(), |sum, (_, blob)| sum.saturating_add(blob.size))
}

/// The bundle's path, size and id, and how much was downloaded.
pub(crate) fn built(path: &Path, packing: &Packing, built: &Built, paint: Paint) -> String {
    let head = match built.outcome {
        Outcome::Written => String::new(),
        Outcome::AlreadyComplete => {
            format!("{}: {}\n", paint.tone(Tone::Good, "already complete"), shown(path))
        }
    };
    let lines = [
        ("bundle", shown(path)),
        ("size", size::exact(built.published.size)),
        ("downloaded", size::human(built.fetched.downloaded)),
        ("reused", size::human(built.fetched.reused)),
    ];
    // Not in the column of the others: at 80 columns it would not fit into one line there.
    let id = format!("{} {}\n", paint.tone(Tone::Dim, "id"), packing.plan().id());
    head + &facts(paint, &lines) + &id
}

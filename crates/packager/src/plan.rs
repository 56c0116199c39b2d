//! All manifests first: they name every blob's size, so the archive can be laid out before the first blob
//! arrives.

use std::collections::HashSet;
use std::sync::Arc;

use airlift_bundle::Plan;
use airlift_oci::claimed_platforms::{FalseClaim, false_claims};
use airlift_oci::contents::PlatformContent;
use airlift_oci::{Carried, Event, Graph, Observer, Referrers, contents};
use bytes::Bytes;

use crate::attached::gather::{CarriedManifest, Gathered};
use crate::attached::lookup::{Gatherer, Gone};
use crate::attempts::{Attempted, EachOnce, attempt};
use crate::check_layouts::check_layouts;
use crate::choose_platforms::{Choice, ConfigPlatforms, choose};
use crate::error::{LackingPlatforms, MissingManifest, NotAsLocked, PackError};
use crate::error_list::Several;
use crate::foreign::find_foreign_layers;
use crate::image_plan::image_plans;
use crate::location::Location;
use crate::options::PlanOptions;
use crate::packing::Packing;
use crate::resolved::Resolved;
use crate::source::Source;
use crate::surveyed_image::SurveyedImage;
use crate::walk::Walker;

/// Fetches every manifest below the roots, chooses platforms, gathers what is attached, and lays out the
/// archive.
///
/// # Errors
/// If a manifest can't be had or carried, an image lacks a platform that was asked for, or the archive can't
/// be laid out.
pub async fn plan(
    source: Arc<Source>,
    resolved: Vec<Resolved>,
    options: &PlanOptions,
    observer: &dyn Observer,
) -> Result<Packing, PackError> {
    let walker = Walker::new(&source, options, observer);
    let asked: Vec<String> = resolved.iter().filter_map(|image| image.root.reference.clone()).collect();
    let Planned { images, graph, configs, gone } = Planned::new(&walker, resolved, options).await?;
    let surveyed = SurveyedImage::all(&images, &graph, &configs);
    let locations: Vec<_> = images.into_iter().map(|image| image.location).collect();
    let (graph, origins) = find_foreign_layers(&walker, graph, &locations, options.foreign_layers).await?;
    keep_inline_blobs(&source, &graph);
    check_layouts(&source, &graph, &locations, &origins)?;
    let images = image_plans(&graph, &locations, &configs, &gone);
    let left_out =
        asked.into_iter().filter(|name| images.iter().all(|image| image.reference != *name)).collect();
    let plan = Arc::new(Plan::new(graph)?);
    Ok(Packing { source, plan, locations, configs, origins, images, surveyed, left_out })
}

/// As [`plan`], without the images of which something can't be had.
pub async fn plan_each(
    source: Arc<Source>,
    resolved: Vec<Resolved>,
    options: &PlanOptions,
    observer: &dyn Observer,
) -> Attempted<Packing> {
    let observer = EachOnce::new(observer);
    attempt(resolved, async |images| plan(Arc::clone(&source), images, options, &observer).await).await
}

/// The chosen images and platforms, with all that is attached to them.
pub(crate) struct Planned {
    pub(crate) images: Vec<Resolved>,
    pub(crate) graph: Graph,
    pub(crate) configs: ConfigPlatforms,
    gone: Vec<Gone>,
}

impl Planned {
    pub(crate) async fn new(
        walker: &Walker<'_>,
        mut images: Vec<Resolved>,
        options: &PlanOptions,
    ) -> Result<Self, PackError> {
        let graph = walker.walk(&mut images, None).await?;
        keep_inline_blobs(walker.source, &graph);
        let attached = |images: &[Resolved], graph: &Graph| {
            let wants_attached = |image: &&Resolved| image.choice.referrers == Referrers::All;
            let subjects = subjects(images.iter().filter(wants_attached), graph);
            async move {
                match subjects.is_empty() {
                    true => Ok(Gathered::default()),
                    false => Gatherer::new(walker).gather(subjects).await,
                }
            }
        };
        let configs = ConfigPlatforms::read(walker, &images, &graph);
        // Where all platforms are carried, what configs say of them decides nothing.
        let is_whole = |image: &Resolved| image.choice.platforms.is_empty() && image.root.selection.is_none();
        let is_all_carried = images.iter().all(is_whole) && walker.requests > 1;
        let (configs, early) = match is_all_carried {
            true => {
                let (configs, gathered) = futures::join!(configs, attached(&images, &graph));
                (configs?, Some(gathered))
            }
            false => (configs.await?, None),
        };
        let (images, graph) = selected(walker, images, graph, &configs, options).await?;
        check_absent(walker.source, &images, &graph, &configs)?;
        check_locked(&images, &graph, &configs)?;
        warn_of_absent(&graph, walker.observer);
        let gathered = match early {
            Some(gathered) => gathered?,
            None => attached(&images, &graph).await?,
        };
        Planned { images, graph, configs, gone: Vec::new() }.with_attached(walker, gathered).await
    }

    /// Adds what is attached to the carried manifests, in the bundle's one order.
    async fn with_attached(self, walker: &Walker<'_>, attached: Gathered) -> Result<Self, PackError> {
        let Planned { mut images, graph, configs, .. } = self;
        let Gathered { found, gone } = attached;
        if found.is_empty() {
            return Ok(Planned { images, graph, configs, gone });
        }
        // The caller may have asked for one of them by name; that one is there already.
        let asked: HashSet<String> = images.iter().map(|image| image.key()).collect();
        images.extend(found.into_iter().filter(|found| !asked.contains(&found.key())));
        images.sort_by(|a, b| a.root.canonical_key().cmp(&b.root.canonical_key()));
        let graph = walker.walk(&mut images, Some(&graph)).await?;
        check_absent(walker.source, &images, &graph, &configs)?;
        Ok(Planned { images, graph, configs, gone })
    }
}

/// The manifests that are carried: what may have something attached to it.
fn subjects<'a>(images: impl Iterator<Item = &'a Resolved>, graph: &Graph) -> Vec<CarriedManifest> {
    let mut subjects = Vec::new();
    for image in images {
        let below = graph.below(&image.root.descriptor.digest);
        let carried = below.into_iter().filter(|entry| graph.carries(&entry.descriptor.digest));
        subjects.extend(carried.map(|entry| CarriedManifest {
            location: image.location.clone(),
            digest: entry.descriptor.digest,
        }));
    }
    subjects
}

/// The images that stay, and the graph of the chosen platforms.
async fn selected(
    walker: &Walker<'_>,
    images: Vec<Resolved>,
    graph: Graph,
    configs: &ConfigPlatforms,
    options: &PlanOptions,
) -> Result<(Vec<Resolved>, Graph), PackError> {
    let count = images.len();
    let mut images = chosen_of(&graph, images, configs, options, walker.observer)?;
    if images.len() < count {
        // Every manifest is known. Walking again only leaves out the manifests of the other images.
        let graph = walker.walk(&mut images, Some(&graph)).await?;
        return Ok((images, graph));
    }
    // Layouts may have chosen before, and have all of an image together.
    if images.iter().zip(&graph.roots).all(|(image, root)| image.root.selection == root.selection) {
        return Ok((images, graph));
    }
    let mut selections = images.iter().map(|image| image.root.selection.clone());
    let graph = graph.select(|_| selections.next().flatten())?;
    Ok((images, graph))
}

/// The images with the chosen platforms; without those that have none of them.
fn chosen_of(
    graph: &Graph,
    images: Vec<Resolved>,
    configs: &ConfigPlatforms,
    options: &PlanOptions,
    observer: &dyn Observer,
) -> Result<Vec<Resolved>, PackError> {
    let (mut kept, mut lacking) = (Vec::new(), Vec::new());
    for mut image in images {
        let chosen = choose(graph, &image.root, &image.choice.platforms, configs, options.missing);
        match chosen {
            Ok(Choice::All) => {
                image.root.selection = None;
                kept.push(image);
            }
            Ok(Choice::Some { selection, lacking }) => {
                if let Some(lacking) = lacking {
                    let message = format!(
                        "{lacking}; of the platforms that were asked for, it is carried for those that it has"
                    );
                    observer.notice(Event::Warning { message, remedy: None });
                }
                image.root.selection = selection;
                kept.push(image);
            }
            Ok(Choice::None(lacking)) => {
                let LackingPlatforms { image, there, .. } = lacking;
                let there =
                    if there.is_empty() { String::new() } else { format!("; it has {}", there.join(", ")) };
                let message = format!("{image} has none of the platforms and is left out{there}");
                observer.notice(Event::Warning { message, remedy: None });
            }
            Err(error) => lacking.push(error),
        }
    }
    Several::check(lacking)?;
    if kept.is_empty() { Err(PackError::NothingLeft) } else { Ok(kept) }
}

/// Refuses a plan for which the source lacks manifests of wanted platforms.
fn check_absent(
    source: &Source,
    images: &[Resolved],
    graph: &Graph,
    configs: &ConfigPlatforms,
) -> Result<(), PackError> {
    let missing = graph.absent().iter().filter(|entry| entry.carried == Carried::Missing);
    let missing = missing.filter_map(|entry| {
        let image = images.get(entry.root)?;
        let mirror = source.mirror(&image.location);
        Some(MissingManifest {
            path: graph.path_of_absent(entry),
            is_at_mirror: mirror.is_some(),
            location: mirror.map_or_else(|| image.location.clone(), Location::from),
            digest: entry.descriptor.digest,
            there: configs.there(graph, &image.root),
            is_attached: image.root.subject.is_some(),
        })
    });
    Ok(Several::check(missing.collect())?)
}

/// Refuses images that are not what a lock says of them.
fn check_locked(images: &[Resolved], graph: &Graph, configs: &ConfigPlatforms) -> Result<(), PackError> {
    let mut errors = Vec::new();
    for (image, root) in images.iter().zip(&graph.roots) {
        let Some(locked) = &image.locked else { continue };
        let mut compare = |what, found: String, locked: String| {
            if found != locked {
                let (image, place) = (image.root.name(), image.place.clone());
                errors.push(NotAsLocked { image, place, what, found, locked });
            }
        };
        let there = || contents::contents_by(graph, root, |leaf| configs.of(leaf).cloned());
        let claims = locked.platforms.as_ref().map(|claimed| false_claims(claimed, &there()));
        for claim in claims.iter().flatten() {
            let (found, locked) = described(claim);
            compare("platform", found, locked);
        }
        compare("digest", root.descriptor.digest.to_string(), locked.digest.to_string());
        if let Some(media_type) = &locked.media_type {
            compare("media type", root.descriptor.media_type.clone(), media_type.clone());
        }
        if let (Some(size), Some(found)) = (locked.size, contents::undisputed_size_of(graph, root)) {
            compare("size", found.to_string(), size.to_string());
        }
    }
    Ok(Several::check(errors)?)
}

/// What an image has of a platform, and what a lock says of it, for people.
fn described(claim: &FalseClaim) -> (String, String) {
    let text = |PlatformContent { platform, digest, size }: &PlatformContent| {
        format!("{platform} ({digest}, {size} bytes)")
    };
    match claim {
        FalseClaim::Altered { claimed, there } => (text(there), text(claimed)),
        FalseClaim::NotThere(claimed) => ("not there".to_owned(), text(claimed)),
        FalseClaim::Unclaimed(there) => (text(there), "nothing of it".to_owned()),
    }
}

/// Warns of manifests that the source lacks, except those of other platforms: attestations of what is
/// carried, and children without a platform.
fn warn_of_absent(graph: &Graph, observer: &dyn Observer) {
    for entry in graph.absent() {
        let descriptor = graph.descriptor_of(entry);
        let of = descriptor.attested();
        let is_expected = match of {
            Some(subject) => !graph.carries(&subject),
            None => descriptor.platform.as_ref().is_some_and(|platform| !platform.is_unknown()),
        };
        if !is_expected {
            let (path, digest) = (graph.path_of_absent(entry).join(" → "), descriptor.digest);
            let message = format!("{path} ({digest}) is missing at the source, so it is left out");
            observer.notice(Event::Warning { message, remedy: None });
        }
    }
}

/// Keeps content that descriptors carry themselves; it was proven when they were read.
fn keep_inline_blobs(source: &Source, graph: &Graph) {
    for blob in graph.blobs() {
        if let Some(data) = blob.descriptor.read().data {
            source.blobs.keep(blob.descriptor.digest, Bytes::from(data));
        }
    }
}

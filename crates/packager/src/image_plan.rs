//! What a plan says of each image.

use std::collections::HashSet;

use airlift_oci::{Digest, Graph, Root, contents};

use crate::attached::lookup::Gone;
use crate::choose_platforms::ConfigPlatforms;
use crate::location::Location;
use crate::packing::ImagePlan;

/// The images, without what is attached to them. `locations` says where each root of the graph comes from.
pub(crate) fn image_plans(
    graph: &Graph,
    locations: &[Location],
    configs: &ConfigPlatforms,
    gone: &[Gone],
) -> Vec<ImagePlan> {
    let images = graph.roots.iter().zip(locations).filter(|(root, _)| root.subject.is_none());
    let image_plan = |(root, location): (&Root, &Location)| {
        let gone = gone.iter().filter(|gone| Some(&gone.subject.repository) == location.repository());
        image_plan(graph, root, configs, &gone.collect::<Vec<_>>())
    };
    images.map(image_plan).collect()
}

fn image_plan(graph: &Graph, root: &Root, configs: &ConfigPlatforms, gone: &[&Gone]) -> ImagePlan {
    let platforms = configs.names(graph, root);
    let attached = airlift_oci::graph::attached_to(graph, root);
    let trees = attached.iter().copied().chain([root]).flat_map(|root| graph.below(&root.descriptor.digest));
    let subjects: HashSet<Digest> = trees.map(|entry| entry.descriptor.digest).collect();
    let gone = gone.iter().filter(|gone| subjects.contains(&gone.subject.digest));
    ImagePlan {
        reference: root.reference.clone().unwrap_or_else(|| root.descriptor.digest.to_string()),
        digest: root.descriptor.digest,
        media_type: root.descriptor.media_type.clone(),
        platforms: platforms.carried,
        omitted_platforms: platforms.omitted,
        size: contents::size_of(graph, root),
        referrers: attached.iter().map(|found| found.descriptor.digest).collect(),
        missing_referrers: gone.map(|gone| gone.digest).collect(),
    }
}

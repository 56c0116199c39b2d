//! Which platforms each image carries: what was asked for, held against what there is.

use std::collections::{HashMap, HashSet};

use airlift_bundle::document::platform_of_config;
use airlift_bundle::selection::{Leaf, leaves};
use airlift_bundle::{Digest, Graph, Platform, Root, Selection, summary};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};

use crate::plan::{Missing, PackError};
use crate::resolve::Resolved;
use crate::source::{SmallBlob, SmallOrigin};
use crate::walk::Walker;

/// Configs that were read for their platform are kept for the archive, up to this many bytes in all.
const KEPT_CONFIGS: usize = 8 << 20;

/// What configs say of platforms that no index names, by manifest.
#[derive(Debug, Default)]
pub(crate) struct ConfigPlatforms(HashMap<Digest, Platform>);

impl ConfigPlatforms {
    /// Reads the configs of all images that need it. What was read is kept `at_hand`, so it isn't fetched again.
    pub(crate) async fn read(
        walker: &Walker<'_>,
        images: &[Resolved],
        graph: &Graph,
        at_hand: &mut HashMap<Digest, Bytes>,
    ) -> Result<Self, PackError> {
        let mut seen = HashSet::new();
        let mut wanted = Vec::new();
        for image in images {
            for leaf in leaves(graph, &image.root) {
                if let Some(config) = summary::config_of(graph, &leaf)
                    && seen.insert(leaf.digest)
                {
                    let known = at_hand.get(&config.digest).cloned();
                    wanted.push((image, leaf.digest, config.clone(), known));
                }
            }
        }
        let mut reads = futures::stream::iter(wanted)
            .map(|(image, manifest, config, known)| async move {
                let read = match known {
                    Some(bytes) => SmallBlob { bytes, origin: SmallOrigin::Shelf },
                    None => walker.source.small_blob(&image.repository, &config).await.map_err(|source| {
                        PackError::Registry { path: vec![image.root.name(), "config".to_owned()], source }
                    })?,
                };
                Ok::<_, PackError>((manifest, config.digest, read))
            })
            .buffered(walker.jobs);
        let (mut platforms, mut kept) = (HashMap::new(), 0);
        while let Some((manifest, config, SmallBlob { bytes, origin })) = reads.try_next().await? {
            platforms.extend(platform_of_config(&bytes).map(|platform| (manifest, platform)));
            // What is at hand on disk needs no room here.
            kept += if origin == SmallOrigin::Registry { bytes.len() } else { 0 };
            if kept <= KEPT_CONFIGS && origin == SmallOrigin::Registry {
                at_hand.insert(config, bytes);
            }
        }
        Ok(ConfigPlatforms(platforms))
    }

    /// A leaf's platform, from its index or its config.
    pub(crate) fn of<'a>(&'a self, leaf: &'a Leaf) -> Option<&'a Platform> {
        leaf.platform.as_ref().or_else(|| self.0.get(&leaf.digest))
    }

    /// An image's platforms by name: carried, and left out.
    pub(crate) fn names(&self, graph: &Graph, root: &Root) -> summary::Platforms {
        let mut platforms = summary::Platforms::default();
        for leaf in leaves(graph, root) {
            let list = if leaf.carried { &mut platforms.carried } else { &mut platforms.omitted };
            let name = self.of(&leaf).map(summary::display);
            if let Some(name) = name.filter(|name| !list.contains(name)) {
                list.push(name);
            }
        }
        platforms
    }
}

/// What becomes of one root.
pub(crate) enum Choice {
    /// All of it is carried: everything was asked for, or it has no platforms.
    All,
    /// A part.
    Some(Selection),
    /// It has nothing of what was asked for, and that was allowed.
    None,
}

/// Chooses from one root. A platform that it doesn't have is an error that names what there is.
pub(crate) fn choose(
    graph: &Graph,
    root: &Root,
    wanted: &[Platform],
    configs: &ConfigPlatforms,
    missing: Missing,
) -> Result<Choice, PackError> {
    let leaves = leaves(graph, root);
    let platforms: Vec<&Platform> = leaves.iter().filter_map(|leaf| configs.of(leaf)).collect();
    if wanted.is_empty() || platforms.is_empty() {
        return Ok(Choice::All);
    }
    let lacking: Vec<String> = wanted
        .iter()
        .filter(|wanted| !platforms.iter().any(|platform| platform.satisfies(wanted)))
        .map(summary::display)
        .collect();
    if !lacking.is_empty() && missing == Missing::Refuse {
        let mut there: Vec<String> = platforms.into_iter().map(summary::display).collect();
        there.dedup();
        return Err(PackError::NoSuchPlatform { image: root.name(), lacking, there });
    }
    if lacking.len() == wanted.len() {
        return Ok(Choice::None);
    }
    let selection = Selection::new(wanted.iter().cloned());
    let by_config = leaves.iter().filter(|leaf| leaf.platform.is_none());
    let by_config =
        by_config.filter(|leaf| configs.of(leaf).is_some_and(|platform| selection.takes(platform)));
    let selection = selection.clone().with_manifests(by_config.map(|leaf| leaf.digest));
    let omits = leaves.iter().any(|leaf| configs.of(leaf).is_some_and(|platform| !selection.takes(platform)));
    Ok(if omits { Choice::Some(selection) } else { Choice::All })
}

//! Which platforms each image carries: the wanted platforms, compared with those of the image.

use std::collections::{HashMap, HashSet};

use airlift_oci::document::platform_of_config;
use airlift_oci::graph::{Leaf, leaves};
use airlift_oci::{Carried, Descriptor, Digest, Graph, Platform, Root, Selection, contents};
use futures::{StreamExt, TryStreamExt};

use crate::blob_supply::SmallBlob;
use crate::error::{LackingPlatforms, PackError};
use crate::options::Missing;
use crate::resolved::Resolved;
use crate::walk::Walker;

/// Configs that were read for their platform are kept for the archive, up to this many bytes in all.
const KEPT_CONFIGS: usize = 8 << 20;

/// What configs say of platforms that no index names, by manifest.
#[derive(Debug, Default)]
pub(crate) struct ConfigPlatforms(HashMap<Digest, Platform>);

impl ConfigPlatforms {
    /// Reads the configs of all images that need it. Configs that are fetched for that are kept in memory, so
    /// they aren't fetched again.
    pub(crate) async fn read(
        walker: &Walker<'_>,
        images: &[Resolved],
        graph: &Graph,
    ) -> Result<Self, PackError> {
        let blobs = &walker.source.blobs;
        let mut reads = futures::stream::iter(wanted_configs(images, graph))
            .map(|(image, manifest, config)| async move {
                let path = || vec![image.root.name(), "config".to_owned()];
                let read = blobs.small(&image.location, &config).await;
                let mirror = || walker.source.mirror(&image.location);
                let read =
                    read.map_err(|source| PackError::Registry { path: path(), mirror: mirror(), source })?;
                Ok::<_, PackError>((manifest, config.digest, read))
            })
            .buffered(walker.requests);
        let (mut platforms, mut kept) = (HashMap::new(), 0);
        while let Some((manifest, config, read)) = reads.try_next().await? {
            // That a layout lacks it is an error only if it is carried.
            let Some(SmallBlob { bytes, is_fetched }) = read else { continue };
            platforms.extend(platform_of_config(&bytes).map(|platform| (manifest, platform)));
            // Local content needs no room in memory.
            if is_fetched {
                kept += bytes.len();
                if kept <= KEPT_CONFIGS {
                    blobs.keep(config, bytes);
                }
            }
        }
        Ok(ConfigPlatforms(platforms))
    }

    /// A leaf's platform, from its index or its config.
    pub(crate) fn of<'a>(&'a self, leaf: &'a Leaf) -> Option<&'a Platform> {
        leaf.platform.as_ref().or_else(|| self.0.get(&leaf.digest))
    }

    /// The platforms of an image whose manifests the source has, by name.
    pub(crate) fn there(&self, graph: &Graph, root: &Root) -> Vec<String> {
        let leaves = leaves(graph, root);
        names(
            &leaves
                .iter()
                .filter(|leaf| !leaf.carried.is_absent())
                .filter_map(|leaf| self.of(leaf))
                .collect::<Vec<_>>(),
        )
    }

    /// An image's platforms by name: carried, and left out.
    pub(crate) fn names(&self, graph: &Graph, root: &Root) -> contents::Platforms {
        let mut platforms = contents::Platforms::default();
        for leaf in leaves(graph, root) {
            let list = if leaf.carried.is_chosen() { &mut platforms.carried } else { &mut platforms.omitted };
            let name = self.of(&leaf).map(Platform::shown);
            if let Some(name) = name.filter(|name| !list.contains(name)) {
                list.push(name);
            }
        }
        platforms
    }
}

/// The configs that alone say of which platform a manifest is: with the image and the manifest, each once.
fn wanted_configs<'a>(images: &'a [Resolved], graph: &Graph) -> Vec<(&'a Resolved, Digest, Descriptor)> {
    let (mut seen, mut wanted) = (HashSet::new(), Vec::new());
    for image in images {
        for leaf in leaves(graph, &image.root) {
            if let Some(config) = contents::config_of(graph, &leaf)
                && seen.insert(leaf.digest)
            {
                wanted.push((image, leaf.digest, config.read()));
            }
        }
    }
    wanted
}

/// What becomes of one root.
pub(crate) enum Choice {
    /// All of it is carried: everything was asked for and is there, or it has no platforms.
    All,
    /// The wanted platforms that it has.
    Some {
        /// `None` where that is all there is.
        selection: Option<Selection>,
        /// What it lacks, which was allowed.
        lacking: Option<LackingPlatforms>,
    },
    /// It has none of the wanted platforms, and that was allowed.
    None(LackingPlatforms),
}

/// Chooses from one root. A platform that it doesn't have is an error that names what there is.
///
/// One that its index names and the source doesn't have is no error here: whether that is needed is found out
/// when all roots are chosen from. Where lacks are allowed, it is one of them.
pub(crate) fn choose(
    graph: &Graph,
    root: &Root,
    wanted: &[Platform],
    configs: &ConfigPlatforms,
    missing: Missing,
) -> Result<Choice, LackingPlatforms> {
    let leaves = leaves(graph, root);
    let platforms_of = |is_wanted: fn(&Leaf) -> bool| -> Vec<&Platform> {
        leaves.iter().filter(|leaf| is_wanted(leaf)).filter_map(|leaf| configs.of(leaf)).collect()
    };
    // A layout that has only some of the platforms left the others out.
    let (listed, there) = (
        platforms_of(|leaf| leaf.carried != Carried::LeftOut),
        platforms_of(|leaf| !matches!(leaf.carried, Carried::LeftOut | Carried::Absent | Carried::Missing)),
    );
    if wanted.is_empty() || listed.is_empty() {
        // Layouts may have all platforms only together.
        let omits = leaves.iter().any(|leaf| !leaf.carried.is_chosen());
        return Ok(match root.selection.clone().filter(|_| omits) {
            None => Choice::All,
            selection => Choice::Some { selection, lacking: None },
        });
    }
    let counted = if missing == Missing::Refuse { &listed } else { &there };
    let has = |wanted: &&Platform| counted.iter().any(|platform| platform.satisfies(wanted));
    let (had, lacking): (Vec<&Platform>, Vec<&Platform>) = wanted.iter().partition(has);
    let lacking = (!lacking.is_empty()).then(|| LackingPlatforms {
        image: root.name(),
        lacking: lacking.into_iter().map(Platform::shown).collect(),
        there: names(&there),
    });
    let lacking = match lacking {
        Some(lacking) if missing == Missing::Refuse => return Err(lacking),
        Some(lacking) if had.is_empty() => return Ok(Choice::None(lacking)),
        lacking => lacking,
    };
    let selection = match missing {
        Missing::Refuse => Selection::new(wanted.iter().cloned()),
        Missing::Allow => Selection::new(of_what_is_there(wanted, &leaves, configs)),
    };
    let by_config = leaves.iter().filter(|leaf| leaf.platform.is_none());
    let by_config =
        by_config.filter(|leaf| configs.of(leaf).is_some_and(|platform| selection.takes(platform)));
    let selection = selection.clone().with_manifests(by_config.map(|leaf| leaf.digest));
    let is_left_out = |leaf: &Leaf| {
        let is_other = configs.of(leaf).is_some_and(|platform| !selection.takes(platform));
        is_other || leaf.carried == Carried::LeftOut || (leaf.carried.is_absent() && leaf.platform_in_config)
    };
    let omits = leaves.iter().any(is_left_out);
    Ok(Choice::Some { selection: omits.then_some(selection), lacking })
}

/// What was asked for, where lacks are allowed: in place of a platform of which the source lacks a manifest
/// those that it has.
fn of_what_is_there(wanted: &[Platform], leaves: &[Leaf], configs: &ConfigPlatforms) -> Vec<Platform> {
    let mut chosen = Vec::new();
    for wanted in wanted {
        let fitting = leaves.iter().filter_map(|leaf| Some((leaf, configs.of(leaf)?)));
        let fitting = fitting.filter(|(_, platform)| platform.satisfies(wanted));
        let (absent, there): (Vec<_>, Vec<_>) = fitting
            .filter(|(leaf, _)| leaf.carried != Carried::LeftOut)
            .partition(|(leaf, _)| leaf.carried.is_absent());
        if absent.is_empty() {
            chosen.push(wanted.clone());
        } else {
            chosen.extend(there.into_iter().map(|(_, platform)| platform.clone()));
        }
    }
    chosen
}

/// Platforms by name, each once.
fn names(platforms: &[&Platform]) -> Vec<String> {
    let mut names = Vec::new();
    for name in platforms.iter().map(|platform| platform.shown()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

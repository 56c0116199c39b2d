//! The packages of the workspace and what they depend on, as far as the rules look.

pub(crate) mod rules;
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{CargoOpt, DependencyKind, MetadataCommand};

/// All packages that the lock file has for any platform and feature, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Packages {
    pub(crate) by_id: BTreeMap<String, Package>,
}

/// A package as it was resolved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    /// `None` for what is in this repository.
    pub(crate) source: Option<String>,
    pub(crate) is_member: bool,
    /// The features that are switched on, by whomever.
    pub(crate) features: Vec<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// What a package depends on.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) to: String,
    pub(crate) kind: Kind,
}

/// What an edge is for. Build scripts count as normal: they run on the machine that makes the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Dev,
}

impl Packages {
    /// The workspace's own, from the lock file as it is. (Not `--offline`: a build fetches less than this
    /// looks at, so `tests/run` fetches the rest beforehand.)
    pub(crate) fn of_the_workspace() -> Self {
        let metadata = MetadataCommand::new()
            .current_dir(airlift_testkit::tool::workspace_root())
            .features(CargoOpt::AllFeatures)
            .other_options(vec!["--locked".to_owned()])
            .exec()
            .expect("cargo metadata works");
        let members: BTreeSet<_> = metadata.workspace_members.iter().collect();
        let nodes = metadata.resolve.as_ref().expect("cargo metadata resolves").nodes.iter();
        let nodes: BTreeMap<_, _> = nodes.map(|node| (&node.id, node)).collect();
        let packages = metadata.packages.iter().map(|package| {
            let node = nodes[&package.id];
            let edges = node.deps.iter().flat_map(|dep| {
                dep.dep_kinds.iter().map(|info| Dependency {
                    to: dep.pkg.repr.clone(),
                    kind: if info.kind == DependencyKind::Development { Kind::Dev } else { Kind::Normal },
                })
            });
            let found = Package {
                name: package.name.to_string(),
                version: package.version.to_string(),
                license: package.license.clone(),
                source: package.source.as_ref().map(|source| source.repr.clone()),
                is_member: members.contains(&package.id),
                features: node.features.iter().map(ToString::to_string).collect(),
                dependencies: edges.collect(),
            };
            (package.id.repr.clone(), found)
        });
        Packages { by_id: packages.collect() }
    }

    /// The packages of this repository.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &Package)> {
        self.by_id.iter().filter(|(_, package)| package.is_member).map(|(id, package)| (id.as_str(), package))
    }

    /// What a package depends on directly, in the product and not in its tests.
    pub(crate) fn normal<'a>(&'a self, package: &'a Package) -> impl Iterator<Item = &'a Package> {
        let edges = package.dependencies.iter().filter(|edge| edge.kind == Kind::Normal);
        edges.map(|edge| &self.by_id[&edge.to])
    }

    /// All ways from the package `id` into its normal dependencies: for each package reached, one chain of
    /// names to it.
    pub(crate) fn reach(&self, id: &str) -> BTreeMap<&str, String> {
        let mut chains = BTreeMap::new();
        let mut next = vec![(id, self.by_id[id].name.clone())];
        while let Some((id, chain)) = next.pop() {
            let package = &self.by_id[id];
            for edge in package.dependencies.iter().filter(|edge| edge.kind == Kind::Normal) {
                if !chains.contains_key(edge.to.as_str()) {
                    let chain = format!("{chain} → {}", self.by_id[&edge.to].name);
                    chains.insert(edge.to.as_str(), chain.clone());
                    next.push((&edge.to, chain));
                }
            }
        }
        chains
    }
}

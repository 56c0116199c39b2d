//! The rules about packages. Each gives a sentence for each place where it is broken.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Graph, Kind};

/// Which member may import which. A member that has no line here is an error, so that it gets one.
const IMPORTS: [(&str, &[&str]); 11] = [
    (
        "airlift",
        &[
            "airlift-bundle",
            "airlift-disk",
            "airlift-oci",
            "airlift-packager",
            "airlift-pusher",
            "airlift-registry",
            "airlift-server",
            "airlift-verifier",
        ],
    ),
    ("airlift-bundle", &["airlift-disk", "airlift-oci"]),
    ("airlift-disk", &[]),
    ("airlift-fuzz-bodies", &["airlift-bundle", "airlift-oci", "airlift-verifier"]),
    ("airlift-oci", &[]),
    ("airlift-packager", &["airlift-bundle", "airlift-disk", "airlift-oci", "airlift-registry"]),
    ("airlift-pusher", &["airlift-oci", "airlift-registry", "airlift-verifier"]),
    ("airlift-registry", &["airlift-disk", "airlift-oci"]),
    ("airlift-server", &["airlift-oci"]),
    ("airlift-testkit", &["airlift-oci", "airlift-server"]),
    ("airlift-verifier", &["airlift-bundle", "airlift-oci"]),
];

/// Members that must work where there is no network.
pub(crate) const OFFLINE: [&str; 4] = ["airlift-bundle", "airlift-disk", "airlift-oci", "airlift-verifier"];

/// What opens sockets, or is only there for those that do.
const NETWORK: [&str; 24] = [
    "airlift-registry",
    "airlift-server",
    "async-io",
    "async-std",
    "axum",
    "curl",
    "h2",
    "http",
    "hyper",
    "hyper-util",
    "isahc",
    "mio",
    "native-tls",
    "oci-client",
    "openssl",
    "quinn",
    "reqwest",
    "rustls",
    "smol",
    "socket2",
    "tokio",
    "tokio-rustls",
    "tower",
    "ureq",
];

/// Packages that only one member may import.
pub(crate) const EXCLUSIVE: [(&str, &str); 10] = [
    ("anyhow", "airlift"),
    ("axum", "airlift-server"),
    ("clap", "airlift"),
    ("comfy-table", "airlift"),
    ("docker_credential", "airlift-registry"),
    ("hyper", "airlift-server"),
    ("indicatif", "airlift"),
    ("oci-client", "airlift-registry"),
    ("reqwest", "airlift-registry"),
    ("tracing-subscriber", "airlift"),
];

/// Licences under which others may be part of an Apache-2.0 binary without asking anybody.
pub(crate) const LICENCES: [&str; 8] =
    ["Apache-2.0", "BSD-3-Clause", "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "Unicode-3.0", "Zlib"];

/// Features with which a body is no longer what the registry sent. oci-client's reqwest is ours: features
/// unify.
pub(crate) const DECOMPRESSION: [&str; 4] = ["brotli", "deflate", "gzip", "zstd"];

/// Packages that two versions of would be two of everything: runtimes, pools, types that don't fit each
/// other.
pub(crate) const ONCE: [&str; 14] = [
    "axum",
    "clap",
    "http",
    "hyper",
    "oci-client",
    "oci-spec",
    "reqwest",
    "ring",
    "rustls",
    "serde",
    "serde_json",
    "sha2",
    "tar",
    "tokio",
];

/// Where everything comes from that is not in this repository.
const SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(crate) fn imports(graph: &Graph) -> Vec<String> {
    let mut broken = Vec::new();
    for (_, member) in graph.members() {
        let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == member.name) else {
            broken.push(format!("{} is new: say in IMPORTS what it may import", member.name));
            continue;
        };
        for imported in graph.normal(member).filter(|package| package.is_member) {
            if !allowed.contains(&imported.name.as_str()) {
                broken.push(format!("{} may not import {}", member.name, imported.name));
            }
        }
    }
    broken
}

pub(crate) fn testkit_is_dev_only(graph: &Graph) -> Vec<String> {
    let importers = graph.packages.values().filter(|package| {
        let mut edges = package.dependencies.iter();
        edges.any(|edge| edge.kind == Kind::Normal && graph.packages[&edge.to].name == "airlift-testkit")
    });
    importers.map(|package| format!("{} imports the testkit outside its tests", package.name)).collect()
}

pub(crate) fn offline(graph: &Graph) -> Vec<String> {
    let mut broken = Vec::new();
    let mut found = BTreeSet::new();
    for (id, member) in graph.members().filter(|(_, member)| OFFLINE.contains(&member.name.as_str())) {
        found.insert(member.name.as_str());
        for (reached, chain) in graph.reach(id) {
            if NETWORK.contains(&graph.packages[reached].name.as_str()) {
                broken.push(format!("{} reaches the network: {chain}", member.name));
            }
        }
    }
    // A renamed member must not slip out of the rule.
    let lost = OFFLINE.iter().filter(|name| !found.contains(*name));
    broken.extend(lost.map(|name| format!("there is no {name} any more")));
    broken
}

pub(crate) fn exclusive(graph: &Graph) -> Vec<String> {
    let mut broken = Vec::new();
    for (_, member) in graph.members() {
        for imported in graph.normal(member) {
            let rule = EXCLUSIVE.iter().find(|(name, _)| *name == imported.name);
            if let Some((name, importer)) = rule.filter(|(_, importer)| *importer != member.name) {
                broken.push(format!("{} imports {name}, which only {importer} may", member.name));
            }
        }
    }
    broken
}

pub(crate) fn licences(graph: &Graph) -> Vec<String> {
    let refused = graph.packages.values().filter(|package| !is_allowed(package.license.as_deref()));
    let sentence = |package: &crate::graph::Package| {
        let license = package.license.as_deref().unwrap_or("nothing that it names");
        format!("{} {} is under {license}", package.name, package.version)
    };
    refused.map(sentence).collect()
}

fn is_allowed(license: Option<&str>) -> bool {
    // Lax: before SPDX expressions, `/` was "or".
    let parsed = license.map(|text| spdx::Expression::parse_mode(text, spdx::ParseMode::LAX));
    let Some(Ok(expression)) = parsed else { return false };
    expression.evaluate(|required| {
        let id = required.license.id();
        required.addition.is_none() && id.is_some_and(|id| LICENCES.contains(&id.name))
    })
}

pub(crate) fn no_decompression(graph: &Graph) -> Vec<String> {
    let mut broken = Vec::new();
    for package in graph.packages.values() {
        let bad = package.features.iter().filter(|feature| match package.name.as_str() {
            "reqwest" => DECOMPRESSION.contains(&feature.as_str()),
            // What reqwest switches on for them, by another name.
            "tower-http" => feature.starts_with("decompression"),
            _ => false,
        });
        broken.extend(bad.map(|feature| format!("{} has its feature {feature} switched on", package.name)));
    }
    broken
}

pub(crate) fn one_version(graph: &Graph) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in graph.packages.values().filter(|package| ONCE.contains(&package.name.as_str())) {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    let several = versions.into_iter().filter(|(_, versions)| versions.len() > 1);
    several.map(|(name, versions)| format!("{name} is there as {versions:?}")).collect()
}

pub(crate) fn sources(graph: &Graph) -> Vec<String> {
    let foreign = graph.packages.values().filter(|package| match &package.source {
        None => !package.is_member,
        Some(source) => source != SOURCE,
    });
    foreign.map(|package| format!("{} comes from {:?}", package.name, package.source)).collect()
}

//! The rules about packages. Each gives a sentence for each place where it is broken.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, Package, Packages};

/// Which member may import which. A member that has no line here is an error, so that it gets one.
const IMPORTS: [(&str, &[&str]); 16] = [
    (
        "airlift",
        &[
            "airlift-bundle",
            "airlift-checker",
            "airlift-copier",
            "airlift-disk",
            "airlift-lists",
            "airlift-oci",
            "airlift-packager",
            "airlift-pruner",
            "airlift-pusher",
            "airlift-registry",
            "airlift-server",
            "airlift-verifier",
            "airlift-workloads",
        ],
    ),
    ("airlift-bundle", &["airlift-disk", "airlift-oci"]),
    ("airlift-checker", &["airlift-oci", "airlift-registry"]),
    ("airlift-copier", &["airlift-oci", "airlift-packager", "airlift-pusher", "airlift-registry"]),
    ("airlift-disk", &[]),
    (
        "airlift-fuzz-bodies",
        &["airlift-bundle", "airlift-lists", "airlift-oci", "airlift-verifier", "airlift-workloads"],
    ),
    ("airlift-lists", &["airlift-oci"]),
    ("airlift-oci", &[]),
    (
        "airlift-packager",
        &["airlift-bundle", "airlift-disk", "airlift-oci", "airlift-registry", "airlift-verifier"],
    ),
    ("airlift-pruner", &["airlift-lists", "airlift-oci", "airlift-registry"]),
    ("airlift-pusher", &["airlift-lists", "airlift-oci", "airlift-registry", "airlift-verifier"]),
    ("airlift-registry", &["airlift-disk", "airlift-oci"]),
    ("airlift-server", &["airlift-disk", "airlift-oci"]),
    ("airlift-testkit", &["airlift-oci", "airlift-server"]),
    ("airlift-verifier", &["airlift-bundle", "airlift-lists", "airlift-oci"]),
    ("airlift-workloads", &["airlift-oci"]),
];

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

/// What reads files of the system, archives or compressed data.
const FILES: [&str; 8] = ["flate2", "nix", "rustix", "tar", "tempfile", "zip", "zstd", "zstd-safe"];

/// The archive, and what it is made of.
const ARCHIVE: [&str; 4] = ["airlift-bundle", "tar", "zstd", "zstd-safe"];

/// What members may not reach, however long the way.
const UNREACHABLE: [(&str, &str, &[&str]); 12] = [
    ("airlift-bundle", "the network", &NETWORK),
    ("airlift-disk", "the network", &NETWORK),
    ("airlift-lists", "the network", &NETWORK),
    ("airlift-oci", "the network", &NETWORK),
    ("airlift-verifier", "the network", &NETWORK),
    ("airlift-workloads", "the network", &NETWORK),
    ("airlift-lists", "files", &FILES),
    ("airlift-oci", "files", &FILES),
    ("airlift-workloads", "files", &FILES),
    ("airlift-checker", "the archive", &ARCHIVE),
    ("airlift-registry", "the archive", &ARCHIVE),
    ("airlift-server", "the archive", &ARCHIVE),
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

/// Licences under which others may be part of an Apache-2.0 binary without asking anyone.
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

pub(crate) fn imports(packages: &Packages) -> Vec<String> {
    let mut broken = Vec::new();
    for (_, member) in packages.members() {
        let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == member.name) else {
            broken.push(format!("{} is new: say in IMPORTS what it may import", member.name));
            continue;
        };
        for imported in packages.normal(member).filter(|package| package.is_member) {
            if !allowed.contains(&imported.name.as_str()) {
                broken.push(format!("{} may not import {}", member.name, imported.name));
            }
        }
    }
    broken
}

pub(crate) fn testkit_is_dev_only(packages: &Packages) -> Vec<String> {
    let importers = packages.by_id.values().filter(|package| {
        let mut edges = package.dependencies.iter();
        edges.any(|edge| edge.kind == Kind::Normal && packages.by_id[&edge.to].name == "airlift-testkit")
    });
    importers.map(|package| format!("{} imports the testkit outside its tests", package.name)).collect()
}

pub(crate) fn unreachable(packages: &Packages) -> Vec<String> {
    UNREACHABLE.iter().flat_map(|(name, what, forbidden)| reached(packages, name, what, forbidden)).collect()
}

fn reached(packages: &Packages, name: &str, what: &str, forbidden: &[&str]) -> Vec<String> {
    let Some((id, _)) = packages.members().find(|(_, member)| member.name == name) else {
        // A renamed member must not slip out of the rule.
        return vec![format!("there is no {name} any more")];
    };
    let reach = packages.reach(id).into_iter();
    let found = reach.filter(|(reached, _)| forbidden.contains(&packages.by_id[*reached].name.as_str()));
    found.map(|(_, chain)| format!("{name} reaches {what}: {chain}")).collect()
}

pub(crate) fn exclusive(packages: &Packages) -> Vec<String> {
    let mut broken = Vec::new();
    for (_, member) in packages.members() {
        for imported in packages.normal(member) {
            let rule = EXCLUSIVE.iter().find(|(name, _)| *name == imported.name);
            if let Some((name, importer)) = rule.filter(|(_, importer)| *importer != member.name) {
                broken.push(format!("{} imports {name}, which only {importer} may", member.name));
            }
        }
    }
    broken
}

pub(crate) fn licences(packages: &Packages) -> Vec<String> {
    let refused = packages.by_id.values().filter(|package| !is_allowed(package.license.as_deref()));
    let sentence = |package: &Package| {
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

pub(crate) fn no_decompression(packages: &Packages) -> Vec<String> {
    let mut broken = Vec::new();
    for package in packages.by_id.values() {
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

pub(crate) fn one_version(packages: &Packages) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages.by_id.values().filter(|package| ONCE.contains(&package.name.as_str())) {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    let several = versions.into_iter().filter(|(_, versions)| versions.len() > 1);
    several.map(|(name, versions)| format!("{name} is there as {versions:?}")).collect()
}

pub(crate) fn sources(packages: &Packages) -> Vec<String> {
    let foreign = packages.by_id.values().filter(|package| match &package.source {
        None => !package.is_member,
        Some(source) => source != SOURCE,
    });
    foreign.map(|package| format!("{} comes from {:?}", package.name, package.source)).collect()
}

//! The rules about packages, on made-up packages that break them.

use super::{Dependency, Kind, Package, Packages, rules};

/// Packages given as `name` or `name@version`, with dependencies between them. Names that begin with
/// `airlift` are members.
fn made_up(ids: &[&str], edges: &[(&str, Kind, &str)]) -> Packages {
    let packages = ids.iter().map(|&id| {
        let (name, version) = id.split_once('@').unwrap_or((id, "1.0.0"));
        let leaving = edges.iter().filter(|(from, _, _)| *from == id);
        let package = Package {
            name: name.to_owned(),
            version: version.to_owned(),
            license: Some("Apache-2.0".to_owned()),
            source: None,
            is_member: name.starts_with("airlift"),
            features: Vec::new(),
            dependencies: leaving
                .map(|(_, kind, to)| Dependency { to: (*to).to_owned(), kind: *kind })
                .collect(),
        };
        (id.to_owned(), package)
    });
    Packages { by_id: packages.collect() }
}

#[test]
fn a_forbidden_import_is_found() {
    let names = ["airlift-verifier", "airlift-registry", "airlift-bundle"];
    let good = [
        ("airlift-verifier", Kind::Normal, "airlift-bundle"),
        ("airlift-bundle", Kind::Dev, "airlift-verifier"),
    ];
    assert_eq!(rules::imports(&made_up(&names, &good)), [""; 0]);
    let bad = [("airlift-verifier", Kind::Normal, "airlift-registry")];
    assert_eq!(rules::imports(&made_up(&names, &bad)), ["airlift-verifier may not import airlift-registry"]);
    let new = rules::imports(&made_up(&["airlift-new"], &[]));
    assert_eq!(new, ["airlift-new is new: say in IMPORTS what it may import"]);
}

#[test]
fn the_testkit_in_a_product_is_found() {
    let names = ["airlift-pusher", "airlift-testkit"];
    let good = [("airlift-pusher", Kind::Dev, "airlift-testkit")];
    assert_eq!(rules::testkit_is_dev_only(&made_up(&names, &good)), [""; 0]);
    let bad = [("airlift-pusher", Kind::Normal, "airlift-testkit")];
    assert_eq!(rules::testkit_is_dev_only(&made_up(&names, &bad)).len(), 1);
}

#[test]
fn a_way_to_the_network_is_found_however_long() {
    let names = [&LIMITED[..], &["innocent", "mio"]].concat();
    let tests_only = [("airlift-bundle", Kind::Dev, "mio"), ("innocent", Kind::Dev, "mio")];
    assert_eq!(rules::unreachable(&made_up(&names, &tests_only)), [""; 0]);
    let bad = [
        ("airlift-verifier", Kind::Normal, "airlift-bundle"),
        ("airlift-bundle", Kind::Normal, "innocent"),
        ("innocent", Kind::Normal, "mio"),
        // A circle must not keep the rule busy for ever.
        ("mio", Kind::Normal, "innocent"),
    ];
    let expected = [
        "airlift-bundle reaches the network: airlift-bundle → innocent → mio",
        "airlift-verifier reaches the network: airlift-verifier → airlift-bundle → innocent → mio",
    ];
    assert_eq!(rules::unreachable(&made_up(&names, &bad)), expected);
    let without_verifier: Vec<&str> =
        LIMITED.into_iter().filter(|name| *name != "airlift-verifier").collect();
    let gone = rules::unreachable(&made_up(&without_verifier, &[]));
    assert_eq!(gone, ["there is no airlift-verifier any more"]);
}

/// The members that may not reach everything.
const LIMITED: [&str; 9] = [
    "airlift-bundle",
    "airlift-checker",
    "airlift-disk",
    "airlift-lists",
    "airlift-oci",
    "airlift-registry",
    "airlift-server",
    "airlift-verifier",
    "airlift-workloads",
];

#[test]
fn a_way_to_files_or_to_the_archive_is_found() {
    let names = [&LIMITED[..], &["innocent", "tar"]].concat();
    let reached = |from: &str, to: &str| {
        let edges = [(from, Kind::Normal, "innocent"), ("innocent", Kind::Normal, to)];
        rules::unreachable(&made_up(&names, &edges))
    };
    assert_eq!(reached("airlift-oci", "tar"), ["airlift-oci reaches files: airlift-oci → innocent → tar"]);
    for name in ["airlift-checker", "airlift-registry", "airlift-server"] {
        let expected = format!("{name} reaches the archive: {name} → innocent → airlift-bundle");
        assert_eq!(reached(name, "airlift-bundle"), [expected]);
    }
    assert_eq!(reached("airlift-bundle", "tar"), [""; 0]);
}

#[test]
fn a_second_importer_is_found() {
    let names = ["airlift", "airlift-registry", "airlift-pusher", "reqwest", "clap", "other"];
    let good = [
        ("airlift", Kind::Normal, "clap"),
        ("airlift-registry", Kind::Normal, "reqwest"),
        ("airlift-pusher", Kind::Dev, "reqwest"),
        ("other", Kind::Normal, "reqwest"),
    ];
    assert_eq!(rules::exclusive(&made_up(&names, &good)), [""; 0]);
    let bad = [("airlift-pusher", Kind::Normal, "reqwest"), ("airlift-registry", Kind::Normal, "clap")];
    let expected = [
        "airlift-pusher imports reqwest, which only airlift-registry may",
        "airlift-registry imports clap, which only airlift may",
    ];
    assert_eq!(rules::exclusive(&made_up(&names, &bad)), expected);
}

#[test]
fn a_licence_is_weighed_with_its_alternatives() {
    let broken = |license: Option<&str>| {
        let mut packages = made_up(&["some"], &[]);
        packages.by_id.values_mut().for_each(|package| package.license = license.map(str::to_owned));
        rules::licences(&packages)
    };
    for good in
        ["MIT", "Apache-2.0 / MIT", "MIT/Apache-2.0", "GPL-3.0-only OR MIT", "(MIT OR GPL-2.0-only) AND ISC"]
    {
        assert_eq!(broken(Some(good)), [""; 0], "{good}");
    }
    for bad in
        ["GPL-3.0-only", "MIT AND GPL-3.0-only", "Apache-2.0 WITH LLVM-exception", "LicenseRef-mine", "?", ""]
    {
        assert_eq!(broken(Some(bad)), [format!("some 1.0.0 is under {bad}")]);
    }
    assert_eq!(broken(None).len(), 1);
}

#[test]
fn a_decompressing_feature_is_found() {
    let broken = |name: &str, feature: &str| {
        let mut packages = made_up(&[name], &[]);
        packages.by_id.values_mut().for_each(|package| package.features = vec![feature.to_owned()]);
        rules::no_decompression(&packages)
    };
    assert_eq!(broken("reqwest", "stream"), [""; 0]);
    assert_eq!(broken("zip", "gzip"), [""; 0]);
    assert_eq!(broken("reqwest", "gzip"), ["reqwest has its feature gzip switched on"]);
    assert_eq!(broken("tower-http", "decompression-br").len(), 1);
}

#[test]
fn a_second_version_is_found() {
    let two = rules::one_version(&made_up(&["tokio@1.2.0", "tokio@0.3.0", "syn@1.0.0", "syn@2.0.0"], &[]));
    assert_eq!(two, ["tokio is there as {\"0.3.0\", \"1.2.0\"}"]);
    assert_eq!(rules::one_version(&made_up(&["tokio@1.2.0", "serde@1.0.0"], &[])), [""; 0]);
}

#[test]
fn a_foreign_source_is_found() {
    let broken = |name: &str, source: Option<&str>| {
        let mut packages = made_up(&[name], &[]);
        packages.by_id.values_mut().for_each(|package| package.source = source.map(str::to_owned));
        rules::sources(&packages)
    };
    assert_eq!(broken("airlift", None), [""; 0]);
    assert_eq!(broken("serde", Some("registry+https://github.com/rust-lang/crates.io-index")), [""; 0]);
    assert_eq!(broken("serde", Some("git+https://example.org/serde")).len(), 1);
    assert_eq!(broken("serde", None).len(), 1, "a folder outside the workspace");
}

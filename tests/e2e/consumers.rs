//! Other tools read what Airlift writes, and Airlift reads what they write.

use std::path::PathBuf;
use std::process::Command;

use airlift_testkit::containerd::Containerd;
use airlift_testkit::tool::tool;

use crate::pair::Pair;

/// Runs another tool and returns its stdout; panics with its stderr if it fails.
fn run(tool: &PathBuf, arguments: &[&str]) -> Vec<u8> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let output = Command::new(tool).args(arguments).env("HOME", home.path()).output().expect("the tool runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {arguments:?}: {stderr}", tool.display());
    output.stdout
}

#[test]
fn skopeo_reads_our_bundle() {
    let (Some(skopeo), Some(pair)) = (tool("skopeo"), Pair::start()) else { return };
    pair.build_all();
    let bundle = pair.airlift.path("b.tar");
    // In an OCI layout, skopeo finds the names of OCI's media types alone, not of Docker's.
    let found =
        pair.samples.iter().filter(|sample| sample.root.media_type.starts_with("application/vnd.oci."));
    for sample in found {
        let image = format!("oci-archive:{}:{}", bundle.display(), pair.reference(sample));
        let shown = run(&skopeo, &["inspect", "--raw", &image]);
        assert!(shown == sample.root.bytes, "{} differs", sample.repository);
    }
}

#[test]
fn we_carry_what_skopeo_wrote() {
    let (Some(skopeo), Some(pair)) = (tool("skopeo"), Pair::start()) else { return };
    let web = pair.web();
    let reference = pair.reference(web);
    let from = format!("docker://{reference}");
    let archive = format!("oci-archive:{}:{reference}", pair.airlift.path("s.tar").display());
    let copy = ["copy", "--all", "--preserve-digests", "--src-tls-verify=false"];
    run(&skopeo, &[&copy[..], &[&from, &archive]].concat());
    pair.airlift.run(&["verify", "s.tar"]).expect(0);
    pair.push("s.tar").expect(0);
    pair.assert_arrived(web);

    let folder = format!("oci:{}:{reference}", pair.airlift.path("layout").display());
    run(&skopeo, &[&copy[..], &[&from, &folder]].concat());
    pair.airlift.run(&["verify", "layout"]).expect(0);
}

#[test]
fn we_carry_what_regctl_wrote() {
    let (Some(regctl), Some(pair)) = (tool("regctl"), Pair::start()) else { return };
    let web = pair.web();
    let host = format!("reg={},tls=disabled", pair.source.authority());
    let archive = pair.airlift.path("r.tar");
    let archive = archive.to_str().expect("temporary paths are UTF-8");
    run(&regctl, &["--host", &host, "image", "export", &pair.reference(web), archive]);
    pair.airlift.run(&["verify", "r.tar"]).expect(0);
    pair.push("r.tar").expect(0);
    pair.assert_arrived(web);
}

#[test]
fn regctl_imports_our_bundle() {
    let (Some(regctl), Some(pair)) = (tool("regctl"), Pair::start()) else { return };
    let web = pair.web();
    pair.build(web);
    let host = format!("reg={},tls=disabled", pair.target.authority());
    let into = format!("{}/{}:{}", pair.target.authority(), web.repository, web.tag);
    let bundle = pair.airlift.path("b.tar");
    run(
        &regctl,
        &["--host", &host, "image", "import", &into, bundle.to_str().expect("temporary paths are UTF-8")],
    );
    pair.assert_arrived(web);
}

#[test]
fn we_carry_what_oras_wrote() {
    let (Some(oras), Some(pair)) = (tool("oras"), Pair::start()) else { return };
    let web = pair.web();
    let archive = pair.airlift.path("o.tar");
    let archive = archive.to_str().expect("temporary paths are UTF-8");
    run(&oras, &["backup", "--plain-http", "--output", archive, &pair.reference(web)]);
    pair.airlift.run(&["verify", "o.tar"]).expect(0);
    // oras names images by their tags alone.
    let repository = format!("{}/{}", pair.target.authority(), web.repository);
    pair.airlift.run(&["push", "o.tar", &repository]).expect(0);
    pair.assert_arrived(web);
}

#[test]
fn oras_copies_our_bundle_by_digest() {
    let (Some(oras), Some(pair)) = (tool("oras"), Pair::start()) else { return };
    let web = pair.web();
    pair.build(web);
    // oras takes no name with a host for a tag.
    let from = format!("{}@{}", pair.airlift.path("b.tar").display(), web.root.digest);
    let into = format!("{}/{}:{}", pair.target.authority(), web.repository, web.tag);
    run(&oras, &["copy", "--from-oci-layout", &from, "--to-plain-http", &into]);
    pair.assert_arrived(web);
}

#[test]
fn containerd_imports_our_bundle_and_pulls_the_pinned_index() {
    let (Some(containerd), Some(pair)) = (Containerd::start(), Pair::start()) else { return };
    let web = pair.web();
    let digest = web.root.digest.to_string();
    pair.build(web);
    let bundle = pair.airlift.path("b.tar");
    containerd.ctr(&["images", "import", "--no-unpack", "--all-platforms", bundle.to_str().expect("UTF-8")]);
    assert!(containerd.content(&digest) == web.root.bytes);
    let images = String::from_utf8_lossy(&containerd.ctr(&["images", "ls"])).into_owned();
    assert!(images.contains(&pair.reference(web)) && images.contains(&digest), "{images}");

    let cluster = Containerd::start().expect("the first one started, too");
    pair.push("b.tar").expect(0);
    let pinned = format!("{}/{}@{digest}", pair.target.authority(), web.repository);
    cluster.ctr(&["content", "fetch", "--plain-http", "--all-platforms", &pinned]);
    assert!(cluster.content(&digest) == web.root.bytes);
}

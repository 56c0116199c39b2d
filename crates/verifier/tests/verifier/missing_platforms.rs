//! Other tools' layouts that lack platforms of an image, as `docker save` writes them. That is no damage.

use std::path::PathBuf;

use airlift_bundle::EntryPath;
use airlift_oci::media_type::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use airlift_oci::{Descriptor, Digest, Limits};
use airlift_verifier::{Report, State, VerifiedBundle};

use crate::images::{Images, LAYER, attestation_child, child_for};
use crate::{report, rules};

/// A layout with an image for three platforms, two with a layer of their own and one they share, and an
/// attestation.
struct Layout {
    images: Images,
    /// For amd64, arm64 and s390x; then the attestation of amd64.
    manifests: Vec<Descriptor>,
    layers: Vec<Digest>,
    shared: Digest,
    folder: tempfile::TempDir,
}

impl Layout {
    fn new(index_type: &str, manifest_type: &str) -> Self {
        let mut images = Images::default();
        let shared = images.blob(LAYER, b"in all of them");
        let (mut manifests, mut children, mut layers) = (Vec::new(), Vec::new(), Vec::new());
        for architecture in ["amd64", "arm64", "s390x"] {
            let layer = images.blob(LAYER, architecture.as_bytes());
            layers.push(layer.digest);
            let manifest = images.image(architecture, &[shared.clone(), layer]);
            let text = String::from_utf8(images.contents.remove(&manifest.digest).unwrap()).unwrap();
            let manifest = images.blob(manifest_type, text.replace(OCI_MANIFEST, manifest_type).as_bytes());
            children.push(child_for(&manifest, architecture));
            manifests.push(manifest);
        }
        let statement = images.blob("application/vnd.in-toto+json", b"{}");
        let attestation = images.image("unknown", &[statement]);
        children.push(attestation_child(&attestation, &manifests[0]));
        manifests.push(attestation);
        let index = images.index(&children);
        let text = String::from_utf8(images.contents.remove(&index.digest).unwrap()).unwrap();
        let index = images.blob(index_type, text.replace(OCI_INDEX, index_type).as_bytes());
        images.root(&index, "docker.io/library/app:1");
        let folder = tempfile::tempdir().unwrap();
        images.write_folder(folder.path());
        Layout { images, manifests, layers, shared: shared.digest, folder }
    }

    fn oci() -> Self {
        Self::new(OCI_INDEX, OCI_MANIFEST)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.path().join(EntryPath::of_blob(digest).to_string())
    }

    fn lose(&self, digest: &Digest) {
        std::fs::remove_file(self.path(digest)).unwrap();
    }

    fn config(&self, platform: usize) -> Digest {
        let text =
            String::from_utf8_lossy(&self.images.contents[&self.manifests[platform].digest]).into_owned();
        let at = text.find("\"digest\":\"").unwrap() + 10;
        text[at..at + 71].parse().unwrap()
    }

    /// The config and the layer that no other platform has.
    fn lose_content(&self, platform: usize) {
        self.lose(&self.config(platform));
        if let Some(layer) = self.layers.get(platform) {
            self.lose(layer);
        }
    }

    fn report(&self) -> Report {
        report(self.folder.path())
    }

    fn is_admitted(&self) -> bool {
        VerifiedBundle::admit(self.folder.path(), Limits::default()).is_ok()
    }
}

fn omitted(report: &Report) -> &[String] {
    &report.images[0].omitted_platforms
}

#[test]
fn a_platform_of_which_nothing_is_there_is_left_out() {
    for (index_type, manifest_type) in [(OCI_INDEX, OCI_MANIFEST), (DOCKER_LIST, DOCKER_MANIFEST)] {
        let layout = Layout::new(index_type, manifest_type);
        assert_eq!(layout.report().state, State::Whole);
        // Its manifest is gone as well; or it is there, and the layer that others have.
        layout.lose_content(1);
        layout.lose(&layout.manifests[1].digest);
        layout.lose_content(2);
        let found = layout.report();
        assert_eq!(rules(&found), ["index-partial"], "{:?}", found.findings);
        assert_eq!(
            (found.ok, found.state, omitted(&found)),
            (true, State::Partial, &["linux/arm64".to_owned(), "linux/s390x".to_owned()][..])
        );
        assert_eq!(found.images[0].platforms, ["linux/amd64"]);
        let message = &found.findings[0].message;
        assert!(message.contains("linux/amd64 is in it; linux/arm64, linux/s390x are not"), "{message}");
        assert!(layout.is_admitted());
    }
}

#[test]
fn a_platform_of_which_something_is_there_is_damaged() {
    // A layer is gone; the config; the manifest, and it is a root as well.
    let lose: [fn(&Layout); 2] =
        [|layout| layout.lose(&layout.layers[1]), |layout| layout.lose(&layout.config(1))];
    for lose in lose {
        let layout = Layout::oci();
        lose(&layout);
        let found = layout.report();
        assert_eq!(
            (rules(&found), found.state),
            (vec!["blob-missing"], State::Damaged),
            "{:?}",
            found.findings
        );
        assert_eq!(omitted(&found), [""; 0]);
        // Another one that is left out makes it no better.
        layout.lose_content(2);
        let found = layout.report();
        assert_eq!(found.state, State::Damaged, "{:?}", found.findings);
        assert_eq!(omitted(&found), ["linux/s390x"]);
        assert!(!layout.is_admitted());
    }
    // What all need.
    let layout = Layout::oci();
    layout.lose_content(1);
    layout.lose(&layout.shared);
    assert_eq!(layout.report().state, State::Damaged);
    // An altered manifest is no absent one.
    let layout = Layout::oci();
    std::fs::write(layout.path(&layout.manifests[1].digest), b"x").unwrap();
    assert_eq!(layout.report().state, State::Damaged);
}

#[test]
fn where_no_platform_is_there_all_is_missing() {
    let layout = Layout::oci();
    (0..3).for_each(|platform| layout.lose(&layout.manifests[platform].digest));
    let found = layout.report();
    assert_eq!(found.state, State::Damaged);
    assert_eq!(found.findings.iter().filter(|one| one.rule.id() == "manifest-missing").count(), 3);
}

#[test]
fn an_attestation_that_is_gone_is_a_warning() {
    let layout = Layout::oci();
    layout.lose(&layout.manifests[3].digest);
    layout.lose(&layout.config(3));
    let found = layout.report();
    assert!(found.findings.iter().any(|one| one.rule.id() == "manifest-absent"), "{:?}", found.findings);
    assert_eq!((found.ok, found.state), (true, State::Whole));
    assert!(layout.is_admitted());
    // With its image, it is no matter.
    let layout = Layout::oci();
    layout.lose(&layout.manifests[0].digest);
    layout.lose(&layout.manifests[3].digest);
    layout.lose_content(0);
    let found = layout.report();
    assert!(!found.findings.iter().any(|one| one.rule.id() == "manifest-absent"), "{:?}", found.findings);
    assert_eq!((found.state, omitted(&found)), (State::Partial, &["linux/amd64".to_owned()][..]));
}

/// What is missing because the archive was cut off was not left out.
#[test]
fn a_cut_archive_is_no_partial_one() {
    let layout = Layout::oci();
    let (mut files, mut last) = (Vec::new(), Vec::new());
    for (name, content) in layout.images.foreign_files() {
        let is_of_s390x = name.ends_with(&layout.manifests[2].digest.hex());
        if is_of_s390x { last.push((name, content)) } else { files.push((name, content)) }
    }
    let tar = files
        .iter()
        .chain(&last)
        .fold(crate::tar_file::Tar::default(), |tar, (name, content)| tar.file(name, content));
    let whole = tar.0.len();
    assert!(report(tar.clone().end().save().path()).ok);
    for cut in [0, 100, 700] {
        let found = report(crate::tar_file::Tar(tar.0[..whole - cut].to_vec()).save().path());
        assert_eq!(found.state, State::Damaged, "{cut}");
        assert_eq!(omitted(&found), [""; 0], "{cut}");
    }
}

//! Layouts of other tools are legal: archives that tar, skopeo and regctl wrote, and folders.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use airlift_oci::Limits;
use airlift_verifier::VerifiedBundle;

use crate::images::{Images, child_for};
use crate::{report, rules};

fn committed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/layouts").join(name)
}

/// Runs a tool; false where the machine doesn't have it.
fn run(program: &str, arguments: &[&str]) -> bool {
    match Command::new(program).args(arguments).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("left out: {program} is not installed here");
            false
        }
        outcome => {
            let output = outcome.unwrap();
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
            true
        }
    }
}

#[test]
fn committed_archives_of_skopeo_and_regctl_are_whole() {
    for name in ["skopeo-1.9.3.tar", "regctl-0.11.7.tar"] {
        let report = report(&committed(name));
        assert!(report.ok && report.findings.is_empty(), "{name}: {:?}", report.findings);
        assert_eq!(report.images.len(), 1);
        assert_eq!(
            report.images[0].digest.to_string(),
            "sha256:f3fb287b88bcf0179cf13c84b674fe5cca7244a0dd138d6fbd572d8dd3fd5456"
        );
        assert_eq!(report.images[0].platforms, ["linux/amd64", "linux/arm64"]);
        VerifiedBundle::admit(&committed(name), Limits::default()).unwrap();
    }
}

/// BuildKit's, with attestations and layers of zstd.
#[test]
fn a_committed_archive_of_buildkit_is_whole() {
    let report = report(&committed("buildkit-0.26.3.tar"));
    assert!(report.ok && report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!(report.images.len(), 2);
    for image in &report.images {
        assert_eq!(image.platforms, ["linux/amd64", "linux/arm64"]);
    }
}

/// Padding holds no content. Each bit of content and of a header counts.
#[test]
fn any_flipped_bit_of_their_content_is_found() {
    for name in ["skopeo-1.9.3.tar", "regctl-0.11.7.tar"] {
        let archive = fs::read(committed(name)).unwrap();
        let copy = crate::tar_file::Tar(archive.clone()).save();
        let opened = airlift_bundle::Archive::open(copy.path()).unwrap();
        for digest in opened.blobs() {
            let section = opened.blob(&digest).unwrap();
            for at in section.offset()..section.offset() + section.size() {
                let byte = archive[at as usize];
                copy.as_file().write_all_at(&[byte ^ 1 << (at % 8)], at).unwrap();
                assert!(!report(copy.path()).ok, "{name}: byte {at}");
                copy.as_file().write_all_at(&[byte], at).unwrap();
            }
        }
    }
}

#[test]
fn what_gnu_tar_makes_of_a_folder_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    Images::sample().write_folder(&layout);
    fs::create_dir(layout.join("ingest")).unwrap();
    let path = folder.path().join("l.tar");
    let (from, to) = (layout.to_str().unwrap(), path.to_str().unwrap());
    for form in ["gnu", "posix", "ustar"] {
        // ustar has no room for the name of a sha512 blob.
        let exclude = if form == "ustar" { "--exclude=*/sha512" } else { "--exclude=nothing" };
        assert!(run("tar", &["-C", from, &format!("--format={form}"), exclude, "-cf", to, "."]));
        let report = report(&path);
        match form {
            "ustar" => assert_eq!(rules(&report), ["blob-missing"], "{:?}", report.findings),
            _ => assert!(report.ok && report.findings.is_empty(), "{form}: {:?}", report.findings),
        }
        fs::remove_file(&path).unwrap();
    }
    assert!(report(&layout).ok);
    for (compress, name) in [("-z", "gzip"), ("-j", "bzip2"), ("-J", "xz")] {
        if Command::new(name).arg("--version").output().is_err() {
            eprintln!("left out: {name} is not installed here");
            continue;
        }
        assert!(run("tar", &["-C", from, compress, "-cf", to, "."]));
        let error = VerifiedBundle::admit(&path, Limits::default()).unwrap_err().to_string();
        assert!(error.contains(&format!("is compressed ({name}), and not in the way")), "{error}");
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn what_skopeo_writes_here_and_now_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    let mut images = Images::default();
    let layer = images.blob(crate::images::LAYER, b"not really a layer");
    let (amd64, arm64) =
        (images.image("amd64", std::slice::from_ref(&layer)), images.image("arm64", &[layer]));
    let index = images.index(&[child_for(&amd64, "amd64"), child_for(&arm64, "arm64")]);
    images.root(&index, "1");
    images.write_folder(&layout);
    let archive = folder.path().join("s.tar");
    let (from, to) =
        (format!("oci:{}:1", layout.display()), format!("oci-archive:{}:x/app:1", archive.display()));
    if run("skopeo", &["copy", "--all", "--insecure-policy", &from, &to]) {
        let report = report(&archive);
        assert!(report.ok && report.findings.is_empty(), "{:?}", report.findings);
        assert_eq!(report.images[0].platforms, ["linux/amd64", "linux/arm64"]);
        assert_eq!(report.images[0].reference.as_deref(), Some("x/app:1"));
    }
}

/// `docker save` puts files of its own beside the layout: these are nothing to speak of.
#[test]
fn files_outside_the_layout_are_a_warning() {
    let mut tar = crate::tar_file::Tar::default();
    for (name, content) in Images::sample().foreign_files().into_iter().filter(|(name, _)| name.len() < 100) {
        tar = tar.file(&name, &content);
    }
    let tar = tar.file("manifest.json", b"[]").file("repositories", b"{}");
    let report = report(tar.file("README", b"x").file("VERSION", b"1").end().save().path());
    let mut found = rules(&report);
    found.sort_unstable();
    assert_eq!(found, ["blob-missing", "extra-file", "extra-file"], "{:?}", report.findings);
}

//! Archives and folders as files on disk: what is none, what changes while it is read, and what does not
//! belong there.

use std::os::unix::fs::FileExt;

use airlift_bundle::tar::scan::scan;
use airlift_bundle::{Archive, EntryPath, OpenError, Severity};
use airlift_oci::Digest;

use crate::tar_file::{Tar, one, rules};

#[test]
fn what_is_no_archive_is_refused_at_once() {
    let open = |bytes: &[u8]| Archive::open(Tar(bytes.to_vec()).save().path());
    for (start, name) in [
        (&b"\x1f\x8b\x08\x00\x00\x00"[..], "gzip"),
        (b"\x28\xb5\x2f\xfd\x00\x00", "zstd"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"BZh91AY", "bzip2"),
    ] {
        assert!(matches!(open(start), Err(OpenError::Compressed { format, .. }) if format == name));
    }
    assert!(matches!(open(&[b'x'; 4096]), Err(OpenError::NotALayout { .. })));
    assert!(matches!(Archive::open(std::path::Path::new("/dev/null")), Err(OpenError::NotALayout { .. })));
    assert!(matches!(Archive::open(std::path::Path::new("/no/such/file")), Err(OpenError::Read { .. })));
    // Our own first entry with a damaged header is a damaged bundle, not another kind of file.
    let mut damaged = crate::images::Images::sample().archive();
    damaged[100] ^= 1;
    assert_eq!(open(&damaged).unwrap().findings()[0].rule.id(), "tar-checksum");
}

#[test]
fn a_swapped_file_changes_nothing_for_those_who_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar");
    std::fs::write(&path, one().end().0).unwrap();
    let archive = Archive::open(&path).unwrap();
    std::fs::rename(
        Tar::default().file("index.json", b"[]").end().save().into_temp_path().keep().unwrap(),
        &path,
    )
    .unwrap();
    assert_eq!(archive.index().unwrap().read_all().unwrap(), b"{}");
}

#[test]
fn a_file_that_shrinks_is_an_error_and_one_that_grows_is_read_to_its_first_end() {
    let file = one().end().save();
    let archive = Archive::open(file.path()).unwrap();
    file.as_file().set_len(513).unwrap();
    let section = archive.index().unwrap();
    assert!(section.read_all().is_err());
    assert!(section.digest(airlift_oci::Algorithm::Sha256, |_| ()).is_err());
    let findings = scan(file.as_file(), 100, |_| ()).unwrap();
    assert!(!findings.is_empty());
    file.as_file().write_all_at(&one().file("x", b"").end().0, 0).unwrap();
    assert!(!scan(file.as_file(), 1024, |_| ()).unwrap().is_empty());
}

#[test]
fn extra_files_are_named_up_to_a_number_and_then_counted() {
    let mut tar = Tar::default();
    for number in 0..250 {
        tar = tar.file(&format!("extra/{number}"), b"");
    }
    let archive = Archive::open(tar.end().save().path()).unwrap();
    let findings = archive.findings();
    assert!(
        findings
            .iter()
            .all(|finding| finding.rule.id() == "extra-file" && finding.severity == Severity::Warning)
    );
    assert_eq!(findings.len(), 101);
    assert!(findings[100].message.starts_with("150 more files"), "{}", findings[100].message);
    let upper = EntryPath::of_blob(&Digest::sha256(b"x"))
        .to_string()
        .to_uppercase()
        .replace("BLOBS/SHA256", "blobs/sha256");
    let archive = Archive::open(Tar::default().file(&upper, b"x").end().save().path()).unwrap();
    assert_eq!(archive.blobs().count(), 0, "an upper-case name is no digest");
    assert_eq!(archive.findings()[0].rule.id(), "extra-file");
}

#[test]
fn a_flood_of_defects_ends_the_scan() {
    let mut tar = Tar::default();
    for _ in 0..1_200 {
        tar = tar.entry("x", b'2', b"");
    }
    let found = rules(&tar.end());
    assert_eq!((found.len(), found.last()), (1_001, Some(&"tar-limit")));
}

#[test]
fn folders_are_listed_without_following_or_blocking() {
    let folder = tempfile::tempdir().unwrap();
    let images = crate::images::Images::sample();
    images.write_folder(folder.path());
    let at = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink("/etc/passwd", at("blobs/sha256/link")).unwrap();
    std::os::unix::fs::symlink("/", at("root")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    std::fs::create_dir_all(at("blobs/sha256/deep/deeper")).unwrap();
    let archive = Archive::open(folder.path()).unwrap();
    let mut rules: Vec<_> = archive.findings().iter().map(|finding| finding.rule.id()).collect();
    rules.sort_unstable();
    assert_eq!(rules, ["extra-file", "folder-type", "folder-type", "folder-type"]);
    assert_eq!(archive.blobs().count(), images.contents.len());

    // A file that was there when the folder was listed may be a link when it is read.
    let index = archive.index().unwrap();
    std::fs::remove_file(at("index.json")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, at("index.json"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    assert!(index.read_all().is_err(), "a pipe is not waited for");
    std::fs::remove_file(at("index.json")).unwrap();
    std::os::unix::fs::symlink("oci-layout", at("index.json")).unwrap();
    assert!(index.read_all().is_err(), "a link is not followed");
}

//! Other readers of our archives: GNU tar, Python and the `tar` crate.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process::Command;

use crate::images::Images;

/// Every entry's name and content, by our own plan.
fn expected(images: &Images, archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let data = |offset: u64, size: u64| archive[offset as usize..][..size as usize].to_vec();
    images
        .plan()
        .entries()
        .map(|entry| (entry.path().to_string(), data(entry.data_offset, entry.size)))
        .collect()
}

fn written() -> (tempfile::TempDir, std::path::PathBuf, BTreeMap<String, Vec<u8>>) {
    let images = Images::sample();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar");
    images.write(&path, |_| ());
    let expected = expected(&images, &fs::read(&path).unwrap());
    (folder, path, expected)
}

/// Standard output of a program; `None` if the machine doesn't have it.
fn run(program: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(program).args(arguments).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("left out: {program} is not installed here");
            None
        }
        outcome => {
            let output = outcome.unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && stderr.is_empty(), "{program}: {stderr}");
            Some(String::from_utf8(output.stdout).unwrap())
        }
    }
}

#[test]
fn the_tar_crate_reads_every_entry() {
    let (_folder, path, expected) = written();
    let mut archive = tar::Archive::new(fs::File::open(path).unwrap());
    let mut found = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        found.insert(entry.path().unwrap().to_str().unwrap().to_owned(), content);
    }
    assert!(found == expected);
}

#[test]
fn gnu_tar_lists_and_extracts_every_entry() {
    let (folder, path, expected) = written();
    let listed = run("tar", &["tvf", path.to_str().unwrap()]).expect("every system has tar");
    assert_eq!(listed.lines().count(), expected.len(), "{listed}");
    for line in listed.lines() {
        assert!(line.starts_with("-rw-r--r-- 0/0 "), "{line}");
    }
    let target = folder.path().join("out");
    fs::create_dir(&target).unwrap();
    run("tar", &["-xf", path.to_str().unwrap(), "-C", target.to_str().unwrap()]);
    for (name, content) in &expected {
        assert!(&fs::read(target.join(name)).unwrap() == content, "{name}");
    }
}

#[test]
fn python_reads_every_entry() {
    let (_folder, path, expected) = written();
    let script = "import sys, tarfile, hashlib\n\
        for m in tarfile.open(sys.argv[1]):\n    \
            print(m.name, m.size, hashlib.sha256(tarfile.open(sys.argv[1]).extractfile(m).read()).hexdigest())";
    let Some(found) = run("python3", &["-c", script, path.to_str().unwrap()]) else { return };
    let mut found: Vec<&str> = found.lines().collect();
    found.sort_unstable();
    let line = |(name, content): (&String, &Vec<u8>)| {
        format!("{name} {} {}", content.len(), airlift_oci::Digest::sha256(content).hex())
    };
    assert_eq!(found, expected.iter().map(line).collect::<Vec<_>>());
}

/// An unpacked bundle is a layout folder with the same id.
#[test]
fn an_unpacked_bundle_is_still_a_layout() {
    let (folder, path, expected) = written();
    let target = folder.path().join("out");
    fs::create_dir(&target).unwrap();
    run("tar", &["-xf", path.to_str().unwrap(), "-C", target.to_str().unwrap()]);
    let opened = airlift_bundle::Archive::open(Path::new(&target)).unwrap();
    assert!(opened.findings().is_empty());
    assert_eq!(opened.blobs().count() + 2, expected.len());
    assert_eq!(opened.index().unwrap().read_all().unwrap(), expected["index.json"]);
}

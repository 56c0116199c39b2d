//! A bundle that is compared with a lock.

use airlift_lists::lock::Lock;
use airlift_oci::{Digest, Limits, Unobserved, contents};
use airlift_verifier::{Options, Report, State, verify};

use crate::images::Images;
use crate::rules;

/// The lock of images with these references and digests, of which all platforms are locked, each image of
/// `size` bytes.
fn lock_of(images: &[(&str, Digest)], platforms: &[(&str, Digest)], size: u64) -> Lock {
    let platforms: Vec<String> = platforms
        .iter()
        .map(|(name, digest)| format!(r#"{{"platform":"{name}","digest":"{digest}","size":0}}"#))
        .collect();
    let image = |(reference, digest): &(&str, Digest)| {
        format!(
            r#"{{"reference":"{reference}","digest":"{digest}","mediaType":"application/vnd.oci.image.index.v1+json","size":{size},"platforms":[{}],"resolved":"2026-05-04T10:00:00Z"}}"#,
            platforms.join(",")
        )
    };
    let images: Vec<String> = images.iter().map(image).collect();
    let text = format!(r#"{{"schema":"airlift.lock/v1","images":[{}]}}"#, images.join(","));
    Lock::parse("images.lock", text.as_bytes()).unwrap()
}

fn verified(bytes: &[u8], lock: &Lock) -> Report {
    let file = crate::tar_file::Tar(bytes.to_vec()).save();
    verify(file.path(), &Options { jobs: 1, lock: Some(lock), ..Options::default() }, &Unobserved)
        .inspect(crate::check)
        .unwrap()
}

#[test]
fn exactly_the_locked_images_are_right() {
    let (mut images, [amd64, arm64]) = Images::two_platforms();
    images.roots[0].reference = Some("registry.example.com/app:1".to_owned());
    let both = [("linux/amd64", amd64.digest), ("linux/arm64", arm64.digest)];
    let altered = [both[0], ("linux/arm64", amd64.digest)];
    let (root, bytes) = (images.roots[0].descriptor.digest, images.archive());
    let size = contents::blob_size_of(&images.try_graph(Limits::default()).unwrap(), &images.roots[0]);
    let lock = |images: &[(&str, Digest)], platforms: &[(&str, Digest)]| lock_of(images, platforms, size);
    let name = "registry.example.com/app:1";
    let other = ("registry.example.com/other:1", root);

    let report = verified(&bytes, &lock(&[(name, root)], &both));
    assert_eq!((report.state, rules(&report)), (State::Whole, vec![]));
    for (lock, found) in [
        (lock(&[(name, Digest::sha256(b"x"))], &both), vec!["lock-digest"]),
        (lock(&[(name, root)], &both[..1]), vec!["lock-platforms"]),
        (lock(&[(name, root)], &altered), vec!["lock-altered"]),
        (lock(&[(name, root), other], &both), vec!["lock-missing"]),
        (lock(&[other], &both), vec!["lock-extra", "lock-missing"]),
        (lock(&[], &both), vec!["lock-extra"]),
        (lock_of(&[(name, root)], &both, size + 1), vec!["lock-altered"]),
    ] {
        let report = verified(&bytes, &lock);
        assert_eq!((report.state, rules(&report)), (State::NotAsLocked, found));
        assert!(!report.ok && report.images[0].ok, "the image itself is whole");
    }
}

#[test]
fn damage_is_not_hidden_by_a_lock() {
    let (mut images, _) = Images::two_platforms();
    images.roots[0].reference = Some("registry.example.com/app:1".to_owned());
    let mut bytes = images.archive();
    let end = bytes.len() - 3000;
    bytes[end] ^= 1;
    let report = verified(&bytes, &lock_of(&[], &[], 1));
    assert_eq!(report.state, State::Damaged);
    assert!(rules(&report).contains(&"lock-extra"));
}

//! Sets of images compared: what differs, and what no one may guess.
#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::slice::from_ref;

use airlift_lists::ImageSet;
use airlift_lists::image_set::{ByteTotals, ImageName, SetBlob, SetDiff, SetImage, SetPlatform, StateChange};
use airlift_oci::Digest;

fn digest(of: &str) -> Digest {
    Digest::sha256(of.as_bytes())
}

fn named(name: &str, of: &str) -> SetImage {
    let name = match name {
        "" => ImageName::Unnamed(digest(of)),
        bare if !bare.contains('/') => ImageName::Bare(bare.to_owned()),
        full => ImageName::Full(full.parse().unwrap()),
    };
    SetImage { name, digest: digest(of), platforms: None, blobs: None }
}

fn set(images: &[SetImage]) -> ImageSet {
    ImageSet { images: images.to_vec(), attached: None }
}

/// An image as a bundle has it.
fn whole(name: &str, of: &str, platforms: &[&str], blobs: &[(&str, u64)]) -> SetImage {
    let platform = |name: &&str| SetPlatform {
        name: (*name).to_owned(),
        digest: digest(&format!("{of}{name}")),
        size: 10,
    };
    let blob = |(of, size): &(&str, u64)| SetBlob { digest: digest(of), size: *size };
    SetImage {
        platforms: Some(platforms.iter().map(platform).collect()),
        blobs: Some(blobs.iter().map(blob).collect()),
        ..named(name, of)
    }
}

/// The same as a lock has it.
fn locked(name: &str, of: &str, platforms: &[&str]) -> SetImage {
    SetImage { blobs: None, ..whole(name, of, platforms, &[]) }
}

fn changes(diff: &SetDiff) -> Vec<String> {
    let word = |change: StateChange| match change {
        StateChange::Added(_) => "+",
        StateChange::Removed(_) => "-",
        StateChange::Moved { .. } => "~",
    };
    diff.images.iter().map(|image| format!("{}{}", word(image.change), image.name)).collect()
}

fn between(old: &[SetImage], new: &[SetImage]) -> SetDiff {
    SetDiff::between(&set(old), &set(new))
}

#[test]
fn images_are_added_removed_and_moved() {
    let old = [named("r.example/a:1", "a"), named("r.example/b:1", "b"), named("r.example/c:1", "c")];
    let new = [named("r.example/d:1", "d"), named("r.example/c:1", "c2"), named("r.example/a:1", "a")];
    let diff = between(&old, &new);
    assert_eq!(changes(&diff), ["-r.example/b:1", "~r.example/c:1", "+r.example/d:1"]);
    assert_eq!((diff.unchanged, diff.is_same()), (1, false));
    assert!(between(&old, &old).is_same() && between(&[], &[]).is_same());
    // Under another name it is another image, even with the same content.
    assert_eq!(changes(&between(&[named("r.example/a:1", "a")], &[named("r.example/a:2", "a")])).len(), 2);
}

#[test]
fn images_without_a_full_name_are_found_by_digest_and_then_by_what_they_are_called() {
    let same = |one: &str, other: &str| between(&[named(one, "a")], &[named(other, "a")]).is_same();
    assert!(same("", "r.example/a:1") && same("r.example/a:1", "latest") && same("", "latest"));
    assert_eq!(changes(&between(&[named("latest", "a")], &[named("latest", "b")])), ["~latest"]);
    assert_eq!(changes(&between(&[named("", "a")], &[named("", "b")])).len(), 2);
    // Two of one name: no one can say which became which.
    let twice = [named("latest", "a"), named("latest", "b")];
    let diff = between(&twice, &[named("latest", "b"), named("latest", "c")]);
    assert_eq!((changes(&diff), diff.unchanged), (vec!["~latest".to_owned()], 1));
    let diff = between(&twice, &[named("latest", "c")]);
    assert_eq!(changes(&diff).len(), 3);
}

#[test]
fn platforms_differ_where_both_sides_know_them() {
    let old = whole("r.example/a:1", "a", &["linux/amd64", "linux/arm64"], &[]);
    let new = locked("r.example/a:1", "a", &["linux/amd64"]);
    let diff = between(from_ref(&old), &[new]);
    assert!(diff.images.is_empty() && !diff.is_same());
    let [platform] = &diff.platforms[..] else { panic!("{:?}", diff.platforms) };
    let gone = StateChange::Removed(digest("alinux/arm64"));
    assert_eq!((platform.platform.as_str(), platform.change), ("linux/arm64", gone));
    let unknown = between(from_ref(&old), &[named("r.example/a:1", "a")]);
    assert!(unknown.is_same() && unknown.platform_bytes.is_none() && unknown.bytes.is_none());
    let moved = between(&[old], &[whole("r.example/a:1", "b", &["linux/amd64", "linux/s390x"], &[])]);
    let kinds = moved.platforms.iter().map(|one| (one.platform.as_str(), one.change.to().is_some()));
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        [("linux/amd64", true), ("linux/arm64", false), ("linux/s390x", true)]
    );
}

#[test]
fn bytes_are_counted_once_and_never_guessed() {
    let a = whole("r.example/a:1", "a", &["linux/amd64"], &[("base", 100), ("top", 5)]);
    let b = whole("r.example/b:1", "b", &["linux/amd64"], &[("base", 100), ("other", 7)]);
    let bytes = |shared, new, gone| Some(ByteTotals { shared, new, gone });
    assert_eq!(between(from_ref(&a), &[a.clone(), b.clone()]).bytes, bytes(105, 7, 0));
    assert_eq!(between(from_ref(&a), from_ref(&b)).bytes, bytes(100, 7, 5));
    // The bundle says what the lock doesn't.
    let lock_of_a = locked("r.example/a:1", "a", &["linux/amd64"]);
    assert_eq!(between(from_ref(&lock_of_a), &[a.clone(), b.clone()]).bytes, bytes(105, 7, 0));
    // But not of another choice of platforms, and not of an image that the bundle lacks.
    let more = locked("r.example/a:1", "a", &["linux/amd64", "linux/arm64"]);
    assert_eq!(between(&[more], from_ref(&a)).bytes, None);
    let diff = between(&[lock_of_a], &[b]);
    assert_eq!((diff.bytes, diff.platform_bytes), (None, bytes(0, 10, 10)));
}

//! Locks: what is written, what is read, what an update changes, and what a lock is compared with.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod bundles;
mod damaged;
mod documents;
mod lists;
mod updates;

use airlift_lists::Timestamp;
use airlift_lists::lock::{Lock, LockedImage, LockedPlatform};
use airlift_oci::{Digest, SourceReference};

/// The digest of a text, which stands for content.
fn digest(content: &str) -> Digest {
    Digest::sha256(content.as_bytes())
}

fn named(reference: &str) -> SourceReference {
    SourceReference::Registry(reference.parse().unwrap())
}

/// Some seconds of the year 2026.
fn time(seconds: u64) -> Timestamp {
    Timestamp::from_unix(1_777_888_800 + seconds).unwrap()
}

fn platform(name: &str, content: &str, size: u64) -> LockedPlatform {
    LockedPlatform { platform: name.to_owned(), digest: digest(&format!("{content} {name}")), size }
}

/// An image with two platforms.
fn image(reference: &str, content: &str) -> LockedImage {
    LockedImage {
        reference: named(reference),
        digest: digest(content),
        media_type: "application/vnd.oci.image.index.v1+json".to_owned(),
        size: 300,
        platforms: vec![platform("linux/amd64", content, 100), platform("linux/arm64", content, 200)],
        choice: Default::default(),
        groups: Default::default(),
        selectors: Default::default(),
        resolved: time(0),
        from: None,
        history: Vec::new(),
    }
}

fn lock(images: Vec<LockedImage>) -> Lock {
    Lock::new(images).unwrap()
}

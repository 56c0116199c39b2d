//! References are replaced where they stand, and no other byte is.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod in_parts;
mod spelling;

use airlift_oci::Digest;
use airlift_workloads::{
    Change, DigestChange, EditError, FileEdits, Finder, FinderOptions, Found, HelmValues, Place,
};

/// The digest that everything is pinned to.
fn digest() -> Digest {
    Digest::sha256(b"index")
}

/// A digest that something had before.
fn old_digest() -> Digest {
    Digest::sha256(b"old")
}

fn pin() -> Change {
    Change { repository: None, digest: DigestChange::Set(digest()) }
}

fn unpin() -> Change {
    Change { repository: None, digest: DigestChange::Remove }
}

fn places(file: &str, text: &str) -> Vec<Place> {
    let options = FinderOptions { values: HelmValues::Read, ..FinderOptions::default() };
    let mut found = Found::default();
    Finder::new(&options).unwrap().find(file, text.as_bytes(), &mut found);
    assert_eq!(found.problems, []);
    found.places
}

/// The text in which all references have this change.
fn changed(file: &str, text: &str, change: &Change) -> Result<String, EditError> {
    let mut edits = FileEdits::default();
    for place in places(file, text) {
        edits.add(text, &place, change)?;
    }
    edits.apply(text)
}

/// A pinned text: `@@` stands for the digest.
fn expanded(text: &str) -> String {
    text.replace("@@", &format!("@{}", digest())).replace("##", &digest().to_string())
}

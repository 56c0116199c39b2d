//! Manifests: whatever the file, references with their places, or problems that can be shown.

use airlift_oci::{Digest, Position, Reference};
use airlift_workloads::{
    Change, DigestChange, EditError, FileEdits, Finder, FinderOptions, Found, Guessing, HelmValues, Place,
    Written,
};

use crate::assert_shown;

const DIGEST: &str = "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Bytes that may be a manifest.
pub fn manifests(bytes: &[u8]) {
    assert_edited(bytes);
    for guessing in [Guessing::Off, Guessing::On] {
        let options = FinderOptions { guessing, ..FinderOptions::default() };
        let finder = Finder::new(&options).expect("the built-in rules are good");
        let found = find(&finder, bytes);
        assert_messages(&found);
        for place in &found.places {
            assert_place(place, bytes);
            if let (Guessing::Off, Written::Whole(value)) = (guessing, &place.written) {
                assert_eq!(value.text, place.reference);
                assert_pinned(&finder, &found, place, value.range.end, bytes);
            }
        }
    }
}

fn find(finder: &Finder, bytes: &[u8]) -> Found {
    find_in(finder, "f.yaml", bytes)
}

fn find_in(finder: &Finder, file: &str, bytes: &[u8]) -> Found {
    let mut found = Found::default();
    finder.find(file, bytes, &mut found);
    found
}

/// Whatever is replaced, the new text says the same but for what was meant.
fn assert_edited(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let options = FinderOptions { values: HelmValues::Read, ..FinderOptions::default() };
    let finder = Finder::new(&options).expect("the built-in rules are good");
    let digest: Digest = DIGEST.trim_start_matches('@').parse().expect("a digest");
    let pinned = Change { repository: None, digest: DigestChange::Set(digest) };
    let renamed = Change { repository: Some("r.example/m/a".to_owned()), ..pinned.clone() };
    let unpinned = Change { repository: None, digest: DigestChange::Remove };
    for file in ["f.yaml", "kustomization.yaml"] {
        let found = find_in(&finder, file, bytes);
        if !found.problems.is_empty() {
            continue;
        }
        for change in [&pinned, &renamed, &unpinned] {
            let mut edits = FileEdits::default();
            for place in &found.places {
                // What can't be replaced is left out.
                let _ = edits.add(text, place, change);
            }
            assert_ne!(edits.apply(text), Err(EditError::Unproven), "{file}, {change:?}");
        }
    }
}

fn assert_messages(found: &Found) {
    for problem in &found.problems {
        assert_shown(&problem.to_string());
        if !problem.line_text.is_empty() {
            problem.excerpt().lines().for_each(assert_shown);
        }
    }
    found.notes.iter().for_each(|note| assert_shown(&note.to_string()));
}

fn assert_place(place: &Place, bytes: &[u8]) {
    assert!(place.reference.parse::<Reference>().is_ok(), "{}", place.reference);
    let text = std::str::from_utf8(bytes).expect("references stand in texts");
    let Written::Whole(value) = &place.written else { return };
    let before = text.get(..value.range.start).expect("the bytes are whole characters");
    assert!(text.get(value.range.clone()).is_some(), "{:?}", value.range);
    // A lone carriage return ends a line in YAML.
    if !before.replace("\r\n", "\n").contains('\r') {
        let line = before.rsplit('\n').next().unwrap_or_default();
        let column = line.trim_start_matches('\u{feff}').chars().count() + 1;
        let position = Position { line: before.matches('\n').count() + 1, column };
        assert_eq!(place.position, position, "{}", place.reference);
    }
}

/// With a digest behind its bytes, the reference has that digest, and all others are what they were.
fn assert_pinned(finder: &Finder, found: &Found, place: &Place, end: usize, bytes: &[u8]) {
    // A reference has 1024 bytes at most.
    if place.reference.contains('@') || place.reference.len() > 900 {
        return;
    }
    let (before, behind) = bytes.split_at(end);
    let pinned = find(finder, &[before, DIGEST.as_bytes(), behind].concat());
    assert_eq!(pinned.problems.len(), found.problems.len());
    assert_eq!(pinned.places.len(), found.places.len());
    for (old, new) in found.places.iter().zip(&pinned.places) {
        let added = if old.position == place.position { DIGEST } else { "" };
        assert_eq!(new.reference, format!("{}{added}", old.reference));
        assert_eq!((&new.field, &new.object), (&old.field, &old.object));
    }
}

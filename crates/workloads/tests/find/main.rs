//! References are found where they stand, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod broken;
mod compose;
mod documentation;
mod given;
mod hostile;
mod kinds;
mod kustomize;
mod spelling;

use airlift_workloads::{Finder, FinderOptions, Found, Guessing, Place};

/// What is found in a file of this name.
fn find_in(options: &FinderOptions, file: &str, bytes: &[u8]) -> Found {
    let mut found = Found::default();
    Finder::new(options).unwrap().find(file, bytes, &mut found);
    found
}

/// What is found without options.
fn find(text: &str) -> Found {
    find_in(&FinderOptions::default(), "f.yaml", text.as_bytes())
}

/// What is found by looking at texts that no rule knows.
fn guess(text: &str) -> Found {
    find_in(&FinderOptions { guessing: Guessing::On, ..FinderOptions::default() }, "f.yaml", text.as_bytes())
}

/// `line:column reference field`, one a place. There must be no problem.
fn places(found: &Found) -> Vec<String> {
    assert_eq!(problems(found), [""; 0]);
    let shown = |place: &Place| format!("{} {} {}", place.position, place.reference, place.field);
    found.places.iter().map(shown).collect()
}

/// The references alone.
fn references(found: &Found) -> Vec<&str> {
    found.places.iter().map(|place| place.reference.as_str()).collect()
}

fn problems(found: &Found) -> Vec<String> {
    found.problems.iter().map(ToString::to_string).collect()
}

fn notes(found: &Found) -> Vec<String> {
    found.notes.iter().map(ToString::to_string).collect()
}

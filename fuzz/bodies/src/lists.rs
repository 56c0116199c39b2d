//! Lists: whatever the file, entries that are read the same again, or errors that show their places.

use airlift_lists::{Choice, Entry, ImagesFile, ListErrors, ReceiptFile, Wanted, parse_plain};
use airlift_oci::{Reference, SourceReference};

use crate::assert_shown;

/// Bytes that may be a plain list, an images file or a receipt.
pub fn lists(bytes: &[u8]) {
    let choice = Choice::default();
    match parse_plain("images.txt", bytes, &choice) {
        Ok(entries) => entries.iter().for_each(|entry| assert_entry(entry, bytes)),
        Err(errors) => assert_errors(&errors),
    }
    match ImagesFile::parse("images.yaml", bytes, &choice) {
        Ok(file) => {
            file.entries.iter().for_each(|entry| assert_entry(entry, bytes));
            assert!(file.entries.iter().all(|entry| entry.groups.is_subset(&file.groups)));
        }
        Err(errors) => assert_errors(&errors),
    }
    match ReceiptFile::parse("receipt.json", bytes) {
        Ok(receipt) => receipt.images.iter().for_each(|image| {
            let text = image.target.to_string();
            assert_eq!(text.parse::<Reference>().as_ref(), Ok(&image.target), "{text}");
        }),
        Err(errors) => assert_errors(&errors),
    }
}

fn assert_entry(entry: &Entry, bytes: &[u8]) {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    // A lone carriage return ends a line in YAML.
    let lines = lines + bytes.iter().filter(|byte| **byte == b'\r').count();
    assert!(entry.position.line >= 1 && entry.position.line <= lines && entry.position.column >= 1);
    match &entry.wanted {
        Wanted::Image(reference) => {
            let text = reference.to_string();
            assert_eq!(text.parse::<SourceReference>().as_ref(), Ok(reference), "{text}");
        }
        Wanted::Tags(query) => {
            assert_shown(query.selector.canonical());
            let (highest, other) = ("9999.9.9", "1.2.3-alpha");
            let selected = query.selector.select([other, highest]).unwrap_or_default();
            assert!(selected.iter().all(|tag| query.selector.matches(tag)));
        }
        Wanted::Locked(image) => panic!("{} is in a list as if it were in a lock", image.reference),
    }
}

fn assert_errors(errors: &ListErrors) {
    assert!(errors.iter().count() > 0);
    for error in errors.iter() {
        assert_shown(&error.to_string());
        let excerpt = error.excerpt();
        assert_eq!(excerpt.lines().count(), 2, "{excerpt:?}");
        excerpt.lines().for_each(assert_shown);
        assert!(excerpt.ends_with('^') && excerpt.chars().count() < 3000, "{excerpt:?}");
    }
}

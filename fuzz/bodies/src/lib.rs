//! For tests only: what must hold for any input, one function a kind of input.
//!
//! Each function takes bytes as they might come from outside and panics where a promise is broken. The fuzz
//! targets call them on nightly with coverage, `tests/properties.rs` calls the same ones on stable. What is
//! asserted is more than "it does not crash": values that are printed can be read back, and what is accepted
//! is read the same by a second reader that shares no code with the product ([`second_reader`]).
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a broken promise has to fail")]

pub mod archives;
#[path = "../../../crates/bundle/tests/format/archives.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod archives_of_images;
pub mod documents;
#[path = "../../../crates/oci/tests/oci/images.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod images;
pub mod lists;
pub mod manifests;
pub mod mutations;
pub mod second_reader;
pub mod seeds;
#[path = "../../../crates/bundle/tests/format/tar_file.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod tar_file;
pub mod tars;
pub mod values;

use std::cell::RefCell;
use std::io::{Seek, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// What every sentence for people has to be: not empty, one line, nothing that a terminal acts upon or that
/// turns text around.
fn assert_shown(text: &str) {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!text.is_empty() && !text.chars().any(|c| c.is_control() || turns(c)), "{text:?}");
}

/// Calls `look` with a file of these bytes. It lies in memory where the system has a place for that.
fn with_file<T>(bytes: &[u8], look: impl FnOnce(&Path, &std::fs::File) -> T) -> T {
    thread_local! {
        static FILE: RefCell<NamedTempFile> = RefCell::new({
            let memory = Path::new("/dev/shm");
            let made = if memory.is_dir() { NamedTempFile::new_in(memory) } else { NamedTempFile::new() };
            made.expect("a temporary file can be made")
        });
    }
    FILE.with_borrow_mut(|file| {
        file.as_file().set_len(0).expect("the file can be cut");
        file.rewind().expect("the file can be rewound");
        file.write_all(bytes).expect("the file can be written");
        look(file.path(), file.as_file())
    })
}

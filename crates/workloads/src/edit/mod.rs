//! New names and digests for references, in the bytes of their files. Every other byte stays.
//!
//! [`FileEdits`] gathers what is to be replaced in one file; [`FileEdits::apply`] does it, and proves that
//! the new text says the same but for these values.

mod change;
mod error;
mod file_edits;
mod in_parts;
mod piece;
mod whole;

pub use change::{Change, DigestChange};
pub use error::EditError;
pub use file_edits::FileEdits;

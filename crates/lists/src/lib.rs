//! What people write down about images, and review: plain lists, images files, tag selectors and locks.
//!
//! Everything here takes bytes and gives values, or errors with positions. There is no file, no network, no
//! clock and no terminal in this crate: the caller opens files and says what time it is.

pub mod entry;
pub mod lock;
pub mod position;
pub mod selector;

pub use entry::{Choice, Entry, TagQuery, Wanted};
pub use position::{ListError, ListErrors, Position};
pub use selector::TagSelector;

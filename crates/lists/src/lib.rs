//! What people write down about images, and review: plain lists, images files, tag selectors and locks. And
//! receipts, by which a push is proven later.
//!
//! Everything here takes bytes and gives values, or errors with positions. There is no file, no network, no
//! clock and no terminal in this crate: the caller opens files and says what time it is.

mod choice;
pub mod entry;
mod groups;
pub mod image_set;
pub mod images_file;
mod json_source;
pub mod lock;
mod plain;
pub mod position;
pub mod prune_plan;
pub mod receipt;
pub mod refresh;
pub mod selector;
mod set;
mod suggest;
mod timestamp;
mod yaml;

pub use choice::Choice;
pub use entry::{Entry, TagQuery, Wanted};
pub use groups::{UnknownGroups, check_groups};
pub use image_set::ImageSet;
pub use images_file::ImagesFile;
pub use plain::parse_plain;
pub use position::{ListError, ListErrors, ListText, Position};
pub use prune_plan::PrunePlan;
pub use receipt::ReceiptFile;
pub use selector::TagSelector;
pub use set::SetKind;
pub use timestamp::{Timestamp, TimestampError};

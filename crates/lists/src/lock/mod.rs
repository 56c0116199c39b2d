//! Locks: files that say which digest each reference of a list stands for, so that a bundle is a function of
//! its lock.
//!
//! - A [`Lock`] is read by [`Lock::parse`] and written by [`Lock::to_json`]. The same lock always gives the
//!   same bytes, and one change is a few lines of a diff.
//! - To update one: [`entries_to_select`] says which selectors have to be asked, [`wanted_images`] unites the
//!   entries, [`WantedImage::lookup`] says what to ask of each image, and [`Lock::update`] takes the answers.
//! - [`compare`] says whether a lock is that of a list, [`Lock::mismatches`] whether a bundle is that of a
//!   lock.

mod bundle;
mod compare;
mod document;
mod fetched_from;
mod read;
mod update;
mod wanted;

pub use bundle::{BundledContent, BundledImage, Mismatch};
pub use compare::{Difference, compare};
pub use document::{Lock, LockedImage, LockedPlatform, PastDigest, SCHEMA, TwoDigests};
pub use fetched_from::FetchedFrom;
pub use read::{LockFile, MAX_LOCK};
pub use update::{AnsweredImage, Lookup, ResolvedImage, UpdateError};
pub use wanted::{
    AskedForTwice, SelectedImage, WantedImage, entries_to_select, locked_reference, wanted_images,
};

//! The bundle format: the planned archive, its strict readers and its writers.
//!
//! Everything here is synchronous and takes bytes, values and open files. There is no network, no terminal
//! and no clock in this crate; a test over `cargo metadata` holds that. The field's own types are in
//! `airlift_oci`.

pub mod compare;
pub mod content;
pub mod error;
pub mod findings;
pub mod parallel;
pub mod plan;
pub mod read;
pub mod recover;
pub mod resume;
pub mod tar;
pub mod volumes;
pub mod write;
pub mod zst;

pub use content::hash_all::hash_all;
pub use content::hash_one::{HashStep, Unhashed, UnhashedList};
pub use content::section::Section;
pub use content::storage::Storage;
pub use error::OpenError;
pub use findings::{Detail, Finding, Findings, Rule, Severity};
pub use plan::{Plan, PlannedEntry};
pub use read::archive::Archive;
pub use read::local::LocalContent;
pub use tar::path::EntryPath;
pub use write::error::{Existing, UnfitError, WriteError};
pub use write::form::Form;
pub use write::locks::Lock;
pub use write::output::{BlobWriter, BundleWriter};

//! The checks of everything but the blobs' contents.
//!
//! `run` calls them in order, and `examiner` holds what they share. Each other file is one topic.

mod archive;
mod blobs;
mod compare;
mod examiner;
mod layout_files;
mod manifests;
mod missing_platforms;
mod run;
mod unknown_types;

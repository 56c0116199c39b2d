//! The bundle format: what is written, what is read, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, dead_code)]

mod archive_files;
mod archives;
mod digests;
mod frames;
mod frames_file;
mod golden;
#[path = "../../../oci/tests/oci/images.rs"]
mod images;
mod large;
mod messages;
mod plans;
mod properties;
mod readers;
mod tar_dialects;
mod tar_file;
mod tar_reader;

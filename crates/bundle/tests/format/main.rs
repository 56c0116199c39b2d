//! The bundle format: what is written, what is read, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, dead_code)]

mod documents;
mod frames;
mod frames_file;
mod golden;
mod graphs;
mod images;
mod json_tokens;
mod large;
mod messages;
mod properties;
mod readers;
mod tar_file;
mod tar_reader;

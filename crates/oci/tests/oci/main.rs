//! The field's types: what is read, what is walked, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

mod documents;
mod graphs;
mod images;
mod json_tokens;
mod multi_buffer;
mod properties;

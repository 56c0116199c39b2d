//! What all commands share that push: the dry run, the push with its receipt, and their texts.

pub(crate) mod carry_out;
mod event_log;
pub(crate) mod push_files;
mod receipt_file;
mod show;

//! What all commands share that push: the dry run, the push with its receipt, and their texts.

mod event_log;
pub(crate) mod push_files;
mod receipt_file;
pub(crate) mod run;
mod show;

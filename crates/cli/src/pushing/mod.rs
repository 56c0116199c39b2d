//! What all commands share that push: the dry run, the push with its receipt, and their texts.

pub(crate) mod receipt_file;
pub(crate) mod run;
mod show;

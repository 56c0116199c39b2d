//! Options that several subcommands take. Each subcommand's own arguments live beside its code.

pub(crate) mod choice;
pub(crate) mod expect;
pub(crate) mod files;
pub(crate) mod image_timeout;
pub(crate) mod limits;
pub(crate) mod mapping;
pub(crate) mod mirrors;
pub(crate) mod push;
pub(crate) mod registry;
pub(crate) mod rules;
pub(crate) mod sets;

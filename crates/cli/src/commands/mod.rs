//! One module a subcommand: its `Args` and its `run`.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod copy;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod images;
pub(crate) mod inspect;
pub(crate) mod lock;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod pin;
pub(crate) mod prune;
pub(crate) mod push;
pub(crate) mod unpin;
pub(crate) mod verify;

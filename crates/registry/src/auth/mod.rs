//! Logging in: what a registry asks for, what the user has, and the tokens that come of it.
//!
//! `challenge` reads `WWW-Authenticate`, `credentials` finds what the user has (`helper` asks the programs
//! that keep it), `grant` talks to the token service, `session` keeps one authorization per (repository,
//! access) and renews it. Credentials reach the registry itself and a realm that passed the rules of `hop`,
//! and nobody else.

pub(crate) mod challenge;
pub(crate) mod credentials;
pub(crate) mod grant;
pub(crate) mod helper;
pub(crate) mod session;

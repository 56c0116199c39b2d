//! Logging in: what a registry asks for, what the user has, and the tokens that come of it.
//!
//! `login_store` keeps a `user_login` that `try_login` has tried, and erases it; an `auth_document` is a file
//! that it changes.
//!
//! `challenge` reads `WWW-Authenticate`; `credentials` finds what the user has, in a `credential_file` or
//! from a credential `helper`; `token` talks to the token service; `authorization` keeps one authorization
//! per `scope` and renews it. Credentials reach the registry itself and a realm that passed the rules of
//! `http::redirect_policy`, and no one else.

mod auth_document;
pub(crate) mod authorization;
pub(crate) mod challenge;
mod credential;
mod credential_file;
pub(crate) mod credentials;
mod helper;
pub(crate) mod login;
pub(crate) mod login_store;
pub(crate) mod login_store_error;
pub(crate) mod scope;
pub(crate) mod secret;
mod token;
pub(crate) mod try_login;
pub(crate) mod user_login;

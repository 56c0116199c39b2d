//! TLS: which certificates are trusted for which registry, and what a failed request has to do with TLS.

mod certificate_files;
pub(crate) mod fault;
mod self_signed;
pub(crate) mod trust;

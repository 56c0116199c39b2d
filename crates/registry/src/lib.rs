//! The transport: references, credentials, retries, raw manifests and blobs, byte for byte.
//!
//! What lives here: everything that speaks to a registry, for `packager` and `pusher`. What doesn't: what
//! manifests mean (they are bytes with a digest here), what is fetched or pushed in which order, files,
//! terminals.
//!
//! # What oci-client does here, and what stands beside it
//! `oci-client` gives the reference grammar ([`Reference`] wraps it and closes its gaps), the credential type
//! with its redacting `Debug` (`RegistryAuth`), and the reader of token answers (`RegistryToken`).
//!
//! Manifests and blobs travel by an HTTP layer of our own, on the same `reqwest`, since a byte-exact,
//! resumable transfer needs what oci-client 0.18 keeps to itself or doesn't do: the answer's `Content-Type`,
//! status and `Retry-After`; a cap on what is read into memory; a `Content-Range` that is checked; rules for
//! redirects; a stall timer that doesn't cut uploads that flow; and a mount that isn't an error when it is
//! answered 202. `Client::auth` asks the registry for its challenge anew, so the realm that was checked need
//! not be the realm that gets the password; it reads an answer of any length, and knows no identity tokens.
//! So the token exchange is here, too (`auth::grant`).
//!
//! # Invariants
//! - No byte is handed on that wasn't counted and hashed where its digest is known.
//! - Credentials reach the registry's own origin and its checked realm, nobody else; no error, event or log
//!   line holds a secret.
//! - Every answer is bounded, in bytes and in time.

mod answer;
mod auth;
mod blob_pull;
mod blob_push;
mod call;
mod error;
mod fault;
mod feed;
mod hop;
mod http;
mod likely_cause;
mod link;
mod manifest;
mod names;
mod options;
mod pace;
mod pieces;
mod presence;
mod proxy;
mod quota;
mod rate;
mod referrers;
mod refusal;
mod replace;
mod resume;
mod retry;
mod silence;
mod tags;
mod tls;
mod transport;
mod trust;
mod upload;

pub use auth::session::Access;
pub use blob_pull::{BlobSink, Fetched};
pub use blob_push::{BlobSource, Mount, Put};
pub use call::{Call, Effort};
pub use error::{ContentFault, Error, Obstacle};
pub use likely_cause::LikelyCause;
pub use manifest::{FetchedManifest, MAX_MANIFEST, PutManifest};
pub use options::{HostList, Options, SetupError};
pub use presence::{FoundManifest, Lookup, Settles};
pub use quota::RateLimit;
pub use referrers::ReferrersAnswer;
pub use refusal::{Body, Refusal, RegistryError};
pub use replace::Replaced;
pub use retry::Patience;
pub use tls::TlsFault;
pub use transport::Transport;

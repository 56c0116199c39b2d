//! The transport: credentials, retries, raw manifests and blobs, byte for byte.
//!
//! What lives here: everything that speaks to a registry, for `packager` and `pusher`. What doesn't: what
//! manifests mean (they are bytes with a digest here), what is fetched or pushed in which order, files,
//! terminals. References and the other types of the field are in `airlift_oci`.
//!
//! | folder | what it does |
//! |---|---|
//! | `pull`, `push` | blobs down and up, resumed where they broke |
//! | `manifests` | manifests fetched, stored (which moves a tag) and deleted |
//! | `lookup` | whether a manifest, a blob or a tag is there |
//! | `referrers` | what is attached to a manifest |
//! | `transport` | the state of a run: the ping of a registry, and requests that log in |
//! | `auth` | where credentials are read, challenges, tokens |
//! | `retry` | which failures are repeated, when, and what a 429 means |
//! | `limits` | of rates and sizes |
//! | `http`, `tls` | one request: clients, redirects, proxies, time limits, certificates |
//! | `error` | failures as values, and a registry's refusal in its own words |
//!
//! # What oci-client does here, and what stands beside it
//! `oci-client` gives the credential type with its redacting `Debug` (`RegistryAuth`) and the reader of token
//! responses (`RegistryToken`).
//!
//! Manifests and blobs travel by an HTTP layer of our own, on the same `reqwest`. A byte-exact, resumable
//! transfer needs what oci-client 0.18 keeps to itself or doesn't do: the response's `Content-Type`, status
//! and `Retry-After`; a cap on what is read into memory; a `Content-Range` that is checked; rules for
//! redirects; a stall timer that doesn't cut uploads that flow; and a mount that isn't an error when it is
//! answered by 202. `Client::auth` asks the registry for its challenge once more, so the realm that was
//! checked need not be the realm that gets the password. It reads a response of any length, and knows no
//! identity tokens. So the exchange of tokens is here, too (`auth::token`).
//!
//! # Invariants
//! - No byte is handed on that wasn't counted and hashed where its digest is known.
//! - Credentials reach the registry's own origin and its checked realm, and no one else; no error, event or
//!   log line holds a secret.
//! - Every answer is bounded, in bytes and in time.

mod auth;
mod error;
mod http;
mod limits;
mod lookup;
mod manifests;
mod options;
mod pull;
mod push;
mod referrers;
mod retry;
mod tls;
mod transport;

pub use auth::login_store::{LoginPlace, LoginStore};
pub use auth::login_store_error::LoginStoreError;
pub use auth::scope::Access;
pub use auth::try_login::LoginTrial;
pub use auth::user_login::{UserLogin, UserLoginError};
pub use error::call::{Call, Effort};
pub use error::content::ContentFault;
pub use error::likely_cause::LikelyCause;
pub use error::open_files::is_out_of_files;
pub use error::refusal::{Body, Refusal};
pub use error::registry_error::RegistryError;
pub use error::setup::{HostList, SetupError};
pub use error::{Error, Obstacle};
pub use limits::concurrency::Concurrency;
pub use limits::pull_limit::PullLimit;
pub use lookup::head_then_get::{HeadTrust, Lookup};
pub use lookup::manifest::FoundManifest;
pub use manifests::get::{FetchedManifest, MAX_MANIFEST};
pub use manifests::put::{PutManifest, Replaced};
pub use options::Options;
pub use pull::blob_sink::BlobSink;
pub use pull::download::FetchedBlob;
pub use push::blob::PutBlob;
pub use push::blob_source::{BlobPieces, BlobSource, UploadPermit};
pub use push::create_project::ProjectCreation;
pub use push::mount::Mount;
pub use referrers::api::ReferrersAnswer;
pub use retry::wait_until_visible::VisibilityWait;
pub use tls::fault::TlsFault;
pub use transport::Transport;
pub use transport::product::Product;

//! What a run may set of the transport.

use std::path::PathBuf;
use std::time::Duration;

use crate::auth::credentials::Credentials;

/// How to speak to registries. The default speaks https to all but this machine, with the user's own
/// credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `HOST[:PORT]` of registries that speak http. Without a port, every port of that host. Loopback needs
    /// no entry.
    pub plain_http: Vec<String>,
    /// A PEM file with certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// `HOST[:PORT]` of registries whose certificate is not checked.
    pub insecure_skip_tls_verify: Vec<String>,
    /// The one file to take credentials from; without it, Podman's and Docker's own places.
    pub auth_file: Option<PathBuf>,
    /// How often a request that failed for a passing reason is made again.
    pub retries: u32,
    /// The first pause before a retry; each further one is twice as long, and all have jitter.
    pub backoff: Duration,
    /// The longest pause that is made because a registry's `Retry-After` asks for it. Where that asks for
    /// more, the failure is final.
    pub longest_pause: Duration,
    /// Bytes per second of all blobs together, up and down.
    pub limit_rate: Option<u64>,
    /// Bytes per second that an answer must come with, on the average of each
    /// [`idle_timeout`](Options::idle_timeout) that was waited for it. 0: any. A lower `limit_rate` switches
    /// it off.
    pub minimum_rate: u64,
    /// The longest wait for a connection, TLS included.
    pub connect_timeout: Duration,
    /// The longest wait for the next byte, in either direction.
    pub idle_timeout: Duration,
    /// The longest time for one small answer (manifest, token, error), and for a registry to acknowledge an
    /// upload.
    pub answer_timeout: Duration,
}

impl Options {
    /// The files that credentials are looked for in, whether they are there or not.
    pub fn credential_files(&self) -> Vec<PathBuf> {
        Credentials::files(self.auth_file.as_deref())
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            plain_http: Vec::new(),
            ca_file: None,
            insecure_skip_tls_verify: Vec::new(),
            auth_file: None,
            retries: 5,
            backoff: Duration::from_millis(500),
            longest_pause: Duration::from_secs(300),
            limit_rate: None,
            minimum_rate: 1024,
            connect_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            answer_timeout: Duration::from_secs(300),
        }
    }
}

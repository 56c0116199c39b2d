//! What a run may set of the transport, and what can be wrong with it before the first request.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use airlift_oci::HostError;

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

/// The lists of hosts among the [`Options`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostList {
    /// [`Options::plain_http`].
    PlainHttp,
    /// [`Options::insecure_skip_tls_verify`].
    Unchecked,
}

impl fmt::Display for HostList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HostList::PlainHttp => "the registries that speak plain http",
            HostList::Unchecked => "the registries whose certificate is not checked",
        })
    }
}

/// Why no transport could be made of the options.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A list of hosts has an entry that is no host.
    #[error("one of {list} can't be read as a host")]
    Host {
        /// Which list.
        list: HostList,
        /// What is wrong with it.
        source: HostError,
    },
    /// The file with CA certificates can't be read.
    #[error("the CA file {} can't be read", .path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file with CA certificates has none.
    #[error("the CA file {} holds no usable PEM certificate", .path.display())]
    CaCertificates {
        /// The file.
        path: PathBuf,
    },
    /// The file with credentials can't be read.
    #[error("the auth file {} can't be read", .path.display())]
    AuthFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file with credentials is not JSON of Docker's form.
    #[error("the auth file {} is not a JSON object such as {{\"auths\": {{…}}}}", .path.display())]
    AuthSyntax {
        /// The file.
        path: PathBuf,
    },
    /// A variable of the environment should name a proxy, and doesn't.
    #[error("the proxy in {variable} ('{}') is no good: {reason}", .value.escape_debug())]
    Proxy {
        /// The variable.
        variable: &'static str,
        /// Its value, without a password.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A rate of nothing would never end.
    #[error("a rate limit of 0 bytes per second would never end")]
    NoRate,
}

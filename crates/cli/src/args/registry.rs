//! The options of all commands that use registries, and the transport that they make.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use airlift_oci::Observer;
use airlift_registry::{LoginStore, Options, SetupError, Transport};

use crate::files::keep_apart::Input;
use crate::ui::size;

/// The help section of these options.
const REGISTRY: &str = "Registry options";

/// How to speak to registries.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RegistryArgs {
    /// Use http for this registry (repeatable)
    ///
    /// Without a port, all ports of that host. Loopback addresses need no entry.
    #[arg(long, value_name = "HOST[:PORT]", help_heading = REGISTRY)]
    plain_http: Vec<String>,
    /// Trust these certificates as well (PEM)
    #[arg(long, value_name = "PEM", help_heading = REGISTRY)]
    ca_file: Option<PathBuf>,
    /// Don't check this registry's certificate (repeatable)
    #[arg(long, value_name = "HOST", help_heading = REGISTRY, hide_short_help = true)]
    insecure_skip_tls_verify: Vec<String>,
    /// Take credentials from this file only
    ///
    /// In Docker's format. Without this, Podman's and Docker's own files and their credential helpers are
    /// used, see docs/credentials.md.
    #[arg(long, value_name = "FILE", help_heading = REGISTRY)]
    auth_file: Option<PathBuf>,
    /// Parallel transfers of large blobs
    ///
    /// Blobs below 8 MiB are transferred beside them, 32 MiB of them at a time, and manifests and checks as
    /// many as the registry bears. With 1, everything is done one after the other.
    #[arg(short, long, value_name = "N", default_value_t = 4, help_heading = REGISTRY)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Retry after temporary failures this often
    #[arg(long, value_name = "N", default_value_t = 5, help_heading = REGISTRY, hide_short_help = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(..=1000))]
    retries: u32,
    /// Give up on a silent registry after this many seconds
    ///
    /// This limits the wait for the next byte, and for a credential helper. A small answer may take five
    /// times as long in all, and so may the answer to an upload or to a manifest. The request is then
    /// repeated, see --retries; a host that has never answered is tried twice.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, help_heading = REGISTRY, hide_short_help = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=86_400))]
    timeout: u32,
    /// Limit of bytes per second in all, such as 512K or 10M
    ///
    /// K, M and G are powers of 1024, kB, MB and GB of 1000.
    #[arg(long, value_name = "BYTES/s", value_parser = size::parse, help_heading = REGISTRY)]
    limit_rate: Option<u64>,
}

impl RegistryArgs {
    /// Parallel transfers of large blobs, at least one.
    pub(crate) fn jobs(&self) -> usize {
        usize::from(self.jobs)
    }

    /// The files that a transport reads: those that are named, and those in the usual places.
    pub(crate) fn inputs(&self) -> Vec<Input> {
        let system = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
        let certificates = self.ca_file.iter().cloned().chain(system).map(Input::Certificates);
        certificates.chain(self.options().credential_files().into_iter().map(Input::Credentials)).collect()
    }

    /// The transport that they describe. Nothing is connected to yet.
    pub(crate) fn transport(&self, observer: Arc<dyn Observer>) -> Result<Transport, SetupError> {
        Transport::new(self.options(), observer)
    }

    /// The same without any login of the user, and without a look at the file for them, which may not be
    /// there yet.
    pub(crate) fn transport_without_logins(
        &self,
        observer: Arc<dyn Observer>,
    ) -> Result<Transport, SetupError> {
        Transport::new(Options { auth_file: None, ..self.options() }, observer)
    }

    /// Where logins are kept.
    pub(crate) fn login_store(&self) -> LoginStore {
        LoginStore::new(&self.options())
    }

    fn options(&self) -> Options {
        let defaults = Options::default();
        let timeout = Duration::from_secs(u64::from(self.timeout));
        Options {
            plain_http: self.plain_http.clone(),
            ca_file: self.ca_file.clone(),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify.clone(),
            auth_file: self.auth_file.clone(),
            retries: self.retries,
            limit_rate: self.limit_rate,
            connect_timeout: defaults.connect_timeout.min(timeout),
            idle_timeout: timeout,
            answer_timeout: timeout * 5,
            ..defaults
        }
    }
}

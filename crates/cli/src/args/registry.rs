//! The options of whatever speaks to registries, and the transport that they make.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use airlift_oci::Observer;
use airlift_registry::{Options, SetupError, Transport};

use crate::files::Input;
use crate::ui::size;

/// The help section of these options.
const REGISTRY: &str = "Registry options";

/// How to speak to registries.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RegistryArgs {
    /// Speak http to this registry (repeatable)
    ///
    /// Without a port, all ports of that host. Loopback addresses are spoken to by http without this.
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
    /// Of Docker's form. Without it, Podman's and Docker's own files and their credential helpers are asked,
    /// see docs/credentials.md.
    #[arg(long, value_name = "FILE", help_heading = REGISTRY)]
    auth_file: Option<PathBuf>,
    /// Transfers side by side
    #[arg(short, long, value_name = "N", default_value_t = 4, help_heading = REGISTRY)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Repeat what fails for a passing reason this often
    #[arg(long, value_name = "N", default_value_t = 5, help_heading = REGISTRY, hide_short_help = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(..=1000))]
    retries: u32,
    /// Give a silent registry up after so many seconds
    ///
    /// It is for the next byte, and for a credential helper; a small answer may take five times that in all.
    /// What was given up is repeated, see --retries; a host that has not answered once is tried twice.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, help_heading = REGISTRY, hide_short_help = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=86_400))]
    timeout: u32,
    /// Bytes a second in all, such as 512K or 10M
    ///
    /// K, M and G are powers of 1024, kB, MB and GB of 1000.
    #[arg(long, value_name = "BYTES/s", value_parser = size::parse, help_heading = REGISTRY)]
    limit_rate: Option<u64>,
}

impl RegistryArgs {
    /// Transfers side by side, at least one.
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

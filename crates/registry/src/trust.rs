//! Which certificates are trusted: the system's and those of `--ca-file`.
//!
//! A machine without CA certificates is no reason to fail where they aren't needed: for http, with `--ca-file`, or where nothing is
//! checked. Only a client that needs them fails for lack of them.

use std::io::Read as _;
use std::path::Path;
use std::sync::Once;

use reqwest::{Certificate, Client, ClientBuilder};

use crate::options::SetupError;

/// The largest CA file that is read; whole system bundles have 250 KB.
const MAX_CA_FILE: u64 = 8 * 1024 * 1024;

/// What is checked of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Nothing: http.
    Nothing = 0,
    /// TLS, but whose certificate doesn't matter.
    Skipped = 1,
    /// The certificate, for this host, by a CA that is trusted.
    Certificates = 2,
}

/// The certificates that are trusted beside the system's.
pub(crate) struct Trust {
    own: Vec<Certificate>,
}

impl Trust {
    pub(crate) fn new(ca_file: Option<&Path>) -> Result<Self, SetupError> {
        install_provider();
        let own = ca_file.map(read).transpose()?.unwrap_or_default();
        Ok(Trust { own })
    }

    /// A client that checks as much as `check` says.
    pub(crate) fn client(
        &self,
        check: Check,
        build: impl Fn(ClientBuilder) -> reqwest::Result<Client>,
    ) -> reqwest::Result<Client> {
        match check {
            Check::Nothing => build(Client::builder().tls_certs_only([])),
            Check::Skipped => build(Client::builder().tls_danger_accept_invalid_certs(true)),
            Check::Certificates => {
                let with_system = build(Client::builder().tls_certs_merge(self.own.clone()));
                if with_system.is_err() && !self.own.is_empty() {
                    return build(Client::builder().tls_certs_only(self.own.clone()));
                }
                with_system
            }
        }
    }
}

/// Makes ring the provider of cryptography for the whole process, unless it has one.
fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error only says that somebody else was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn read(path: &Path) -> Result<Vec<Certificate>, SetupError> {
    let unreadable = |source| SetupError::CaFile { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut pem = Vec::new();
    file.take(MAX_CA_FILE).read_to_end(&mut pem).map_err(unreadable)?;
    let useless = || SetupError::CaCertificates { path: path.to_owned() };
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|_| useless())?;
    if certificates.is_empty() {
        return Err(useless());
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_certificates_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        assert!(matches!(Trust::new(Some(&path)), Err(SetupError::CaFile { .. })));
        std::fs::write(&path, "no certificate").unwrap();
        assert!(matches!(Trust::new(Some(&path)), Err(SetupError::CaCertificates { .. })));
        assert!(matches!(Trust::new(Some(folder.path())), Err(SetupError::CaFile { .. })));
    }
}

//! Which certificates are trusted: the system's, those of `Options::ca_file`, and for one registry those in
//! `certs.d`.
//!
//! A machine without CA certificates is no reason to fail where they aren't needed: for http, with
//! `Options::ca_file`, or where nothing is checked. Only a client that needs them fails for lack of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, PoisonError};

use reqwest::{Client, ClientBuilder, Url};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::CertificateDer;

use crate::error::setup::SetupError;
use crate::tls::certificate_files::{files_in, folder_name, folders, read};
use crate::tls::self_signed::SelfSigned;

/// What is checked of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CertificateCheck {
    /// Nothing: http.
    Nothing,
    /// Nothing but TLS: any certificate will do.
    Skipped,
    /// The certificate, for this host, by a CA that is trusted.
    Certificates,
}

/// The certificates that are trusted beside the system's.
pub(crate) struct Trust {
    own: Vec<CertificateDer<'static>>,
    /// Where certificates for one registry lie, in a folder of its name.
    folders: Vec<PathBuf>,
    /// What was found there.
    of_hosts: Mutex<HashMap<String, Certificates>>,
}

/// Certificates for one registry.
type Certificates = Arc<[CertificateDer<'static>]>;

impl Trust {
    pub(crate) fn new(ca_file: Option<&Path>) -> Result<Self, SetupError> {
        install_provider();
        let own = ca_file.map(read).transpose()?.unwrap_or_default();
        let folders = folders(|name| std::env::var_os(name));
        Ok(Trust { own, folders, of_hosts: Mutex::default() })
    }

    /// Whether more certificates than the system's are trusted for the host of `url`.
    ///
    /// # Errors
    /// If there is a file for it that holds none.
    pub(crate) fn is_extended(&self, url: &Url) -> Result<bool, SetupError> {
        Ok(!self.own.is_empty() || !self.of_host(url)?.is_empty())
    }

    /// The certificates that users of Docker and Podman keep for the host of `url`:
    /// `certs.d/HOST[:PORT]/*.crt`.
    ///
    /// # Errors
    /// If one of the files holds none.
    pub(crate) fn of_host(&self, url: &Url) -> Result<Certificates, SetupError> {
        let Some(name) = folder_name(url) else { return Ok(Certificates::default()) };
        let mut of_hosts = self.of_hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = of_hosts.get(&name) {
            return Ok(Arc::clone(known));
        }
        let mut certificates = Vec::new();
        for file in self.folders.iter().flat_map(|folder| files_in(&folder.join(&name))) {
            certificates.extend(read(&file)?);
        }
        let found: Certificates = certificates.into();
        of_hosts.insert(name, Arc::clone(&found));
        Ok(found)
    }

    /// A client that checks as much as `check` says. `beside` is trusted, too.
    pub(crate) fn client(
        &self,
        check: CertificateCheck,
        beside: &[CertificateDer<'static>],
        build: impl Fn(ClientBuilder) -> reqwest::Result<Client>,
    ) -> reqwest::Result<Client> {
        match check {
            CertificateCheck::Nothing => build(Client::builder().tls_certs_only([])),
            CertificateCheck::Skipped => build(Client::builder().tls_danger_accept_invalid_certs(true)),
            CertificateCheck::Certificates => match self.verifier(beside) {
                Ok(verifier) => {
                    let tls = rustls::ClientConfig::builder()
                        .dangerous()
                        .with_custom_certificate_verifier(Arc::new(verifier))
                        .with_no_client_auth();
                    build(Client::builder().tls_backend_preconfigured(tls))
                }
                // Without a provider or any certificate there is no TLS at all, and the ordinary way says so.
                Err(_) => build(Client::builder()),
            },
        }
    }

    /// Checks certificates by the system's roots and our own, or by our own alone where the system has none.
    fn verifier(&self, beside: &[CertificateDer<'static>]) -> Result<SelfSigned, rustls::Error> {
        let own: Vec<_> = self.own.iter().chain(beside).cloned().collect();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let with_system =
            rustls_platform_verifier::Verifier::new_with_extra_roots(own.clone(), Arc::clone(&provider));
        let inner: Arc<dyn ServerCertVerifier> = match with_system {
            Ok(verifier) => Arc::new(verifier),
            Err(error) if own.is_empty() => return Err(error),
            Err(_) => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add_parsable_certificates(own.iter().cloned());
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(|error| rustls::Error::General(error.to_string()))?
            }
        };
        Ok(SelfSigned { inner, own })
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

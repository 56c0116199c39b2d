//! Which certificates are trusted: the system's, those of `--ca-file`, and for one registry those in
//! `certs.d`.
//!
//! A machine without CA certificates is no reason to fail where they aren't needed: for http, with
//! `--ca-file`, or where nothing is checked. Only a client that needs them fails for lack of them.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, PoisonError};

use airlift_oci::reference::{HUB, HUB_API};
use reqwest::{Client, ClientBuilder, Url};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};

use crate::options::SetupError;

/// The largest CA file that is read; whole system bundles have 250 KB.
const MAX_CA_FILE: u64 = 8 * 1024 * 1024;

/// What is checked of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Check {
    /// Nothing: http.
    Nothing,
    /// TLS, but whose certificate doesn't matter.
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

    /// A client that checks as much as `check` says.
    /// `beside` is trusted, too.
    pub(crate) fn client(
        &self,
        check: Check,
        beside: &[CertificateDer<'static>],
        build: impl Fn(ClientBuilder) -> reqwest::Result<Client>,
    ) -> reqwest::Result<Client> {
        match check {
            Check::Nothing => build(Client::builder().tls_certs_only([])),
            Check::Skipped => build(Client::builder().tls_danger_accept_invalid_certs(true)),
            Check::Certificates => match self.verifier(beside) {
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

/// Takes, beside what the ordinary check takes, a server certificate that is itself among the trusted ones
/// although it is marked as a CA. That is what `openssl req -x509` makes and what most closed networks have;
/// webpki alone refuses it in that role.
#[derive(Debug)]
struct SelfSigned {
    inner: Arc<dyn ServerCertVerifier>,
    own: Vec<CertificateDer<'static>>,
}

impl SelfSigned {
    /// Whether a certificate is trusted by itself: one of the CA file, or of the system, which
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` may name.
    fn is_trusted(&self, certificate: &CertificateDer<'_>) -> bool {
        // Read when it is needed: hardly a server has such a certificate.
        let of_system = || rustls_native_certs::load_native_certs().certs;
        self.own.iter().any(|own| own == certificate) || of_system().iter().any(|own| own == certificate)
    }
}

impl ServerCertVerifier for SelfSigned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let checked =
            self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match checked {
            Err(error) if is_ca_in_server_role(&error) && self.is_trusted(end_entity) => {
                // webpki looks at the dates before the role, so they are right; the name is ours to check.
                let certificate = rustls::server::ParsedCertificate::try_from(end_entity)?;
                rustls::client::verify_server_name(&certificate, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Whether webpki's one objection is that a CA's certificate stands where a server's should. rustls hands
/// that on as a text.
fn is_ca_in_server_role(error: &rustls::Error) -> bool {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
            format!("{other:?}").contains("CaUsedAsEndEntity")
        }
        _ => false,
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

/// Where certificates for one registry may lie.
fn folders(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
    let of_user = config
        .iter()
        .flat_map(|config| ["containers/certs.d", "docker/certs.d"].map(|name| config.join(name)));
    of_user.chain(["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from)).collect()
}

/// How the folder of a registry is called: its host, and its port unless that is the usual one.
fn folder_name(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let host = if host == HUB_API { HUB } else { host };
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// The certificates in a folder, by their names. One that isn't there, or can't be read, has none.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let names = airlift_disk::names_in(folder).into_iter().flatten().flatten();
    let entries = names.map(|name| folder.join(name));
    let is_certificate = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "crt");
    let mut files: Vec<PathBuf> = entries.filter(is_certificate).collect();
    files.sort();
    files
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let unreadable = |source| SetupError::CaFile { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut pem = Vec::new();
    file.take(MAX_CA_FILE).read_to_end(&mut pem).map_err(unreadable)?;
    let useless = || SetupError::CaCertificates { path: path.to_owned() };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|_| useless())?;
    if certificates.is_empty() {
        return Err(useless());
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_one_registry() {
        let home = |name: &str| (name == "HOME").then(|| OsString::from("/h"));
        let expected = [
            "/h/.config/containers/certs.d",
            "/h/.config/docker/certs.d",
            "/etc/containers/certs.d",
            "/etc/docker/certs.d",
        ];
        assert_eq!(folders(home), expected.map(PathBuf::from));
        for (url, name) in [
            ("https://r.example/v2/", "r.example"),
            ("https://r.example:443/v2/", "r.example"),
            ("https://r.example:5000/v2/", "r.example:5000"),
            ("https://[::1]:5000/", "[::1]:5000"),
            ("https://registry-1.docker.io/v2/", "docker.io"),
        ] {
            assert_eq!(folder_name(&Url::parse(url).unwrap()).as_deref(), Some(name));
        }
    }

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

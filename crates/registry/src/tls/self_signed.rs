//! Server certificates that signed themselves.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};

/// Takes, beside what the ordinary check takes, a server certificate that is itself among the trusted ones
/// although it is marked as a CA. That is what `openssl req -x509` makes and what most closed networks have;
/// webpki alone refuses it in that role.
#[derive(Debug)]
pub(crate) struct SelfSigned {
    pub(crate) inner: Arc<dyn ServerCertVerifier>,
    pub(crate) own: Vec<CertificateDer<'static>>,
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

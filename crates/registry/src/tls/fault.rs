//! Reads out of a failed request what TLS had to do with it.

use std::error::Error as StdError;
use std::io;

/// What went wrong with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// The certificate is not trusted, or not for this host.
    #[error("its certificate is not trusted")]
    Certificate,
    /// The server doesn't speak TLS.
    #[error("it doesn't speak TLS")]
    NotTls,
    /// Versions, ciphers, alerts.
    #[error("TLS can't be agreed on")]
    Other,
}

/// The TLS fault somewhere below `error`, if there is one.
pub(crate) fn tls_fault(error: &(dyn StdError + 'static)) -> Option<TlsFault> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = classify(error) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn classify(error: &(dyn StdError + 'static)) -> Option<TlsFault> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(match error {
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                TlsFault::Certificate
            }
            rustls::Error::InvalidMessage(_) => TlsFault::NotTls,
            _ => TlsFault::Other,
        });
    }
    // An `io::Error` hides the error that it wraps from `source`.
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    classify(inner)
}

//! What most likely stands in the way after a failure. The caller makes advice of it.

use airlift_oci::reference::is_loopback;
use reqwest::Url;

use crate::error::call::{Call, Contact};
use crate::error::open_files::is_out_of_files;
use crate::error::{Error, Obstacle};
use crate::tls::fault::TlsFault;

/// What most likely stands in the way of a request: what an operator would look at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LikelyCause {
    /// The registry speaks https, and was asked by http because [`Options::plain_http`] names it.
    ///
    /// [`Options::plain_http`]: crate::Options::plain_http
    SpeaksHttps,
    /// A registry on this machine speaks https, and was asked by http as those are without further notice.
    LoopbackSpeaksHttps,
    /// The registry asks for a login of a kind that can't be answered.
    UnknownLogin,
    /// A login is missing, or the registry doesn't accept it.
    Login,
    /// The proxy doesn't answer.
    Proxy,
    /// The registry, or a proxy in front of it, sends clients to an address that can't be reached from here.
    GivenAddress,
    /// DNS doesn't know the host.
    UnknownName,
    /// The host has answered before in this run.
    WentAway,
    /// The host has not answered in this run, and was asked by https.
    NoAnswerByHttps,
    /// The host has not answered in this run, and was asked by http.
    NoAnswerByHttp,
    /// The registry's certificate is not trusted.
    Certificate,
    /// The registry doesn't speak TLS.
    NotTls,
    /// This system has no CA certificates.
    NoCertificates,
    /// This process has as many files and connections open as it may have.
    OpenFiles,
}

impl Error {
    /// What most likely stands in the way, where that is known. How a registry is spoken to is only doubted
    /// as long as it has not answered.
    pub fn likely_cause(&self) -> Option<LikelyCause> {
        match self {
            // What web servers say to http where they speak TLS: in prose, and to a HEAD without any words.
            Error::Refused(refusal)
                if refusal.status == 400
                    && refusal.errors.is_empty()
                    && refusal.call.contact() == Contact::First
                    && refusal.call.url().starts_with("http:") =>
            {
                Some(speaks_https(&refusal.call))
            }
            Error::Unauthorised(refusal) if refusal.challenge.is_some() => Some(LikelyCause::UnknownLogin),
            Error::Unauthorised(_) => Some(LikelyCause::Login),
            Error::Unreachable { source, .. } if is_out_of_files(source) => Some(LikelyCause::OpenFiles),
            Error::Unreachable { call, what, .. } => Some(unreachable(call, what)),
            Error::TimedOut { call, .. } if call.source().is_some() || call.contact() == Contact::First => {
                Some(unreachable(call, &Obstacle::Connection))
            }
            Error::TimedOut { .. } => Some(LikelyCause::WentAway),
            Error::Untrusted { fault: TlsFault::Certificate, .. } => Some(LikelyCause::Certificate),
            Error::Untrusted { fault: TlsFault::NotTls, .. } => Some(LikelyCause::NotTls),
            Error::NoTrust { .. } => Some(LikelyCause::NoCertificates),
            _ => None,
        }
    }
}

fn speaks_https(call: &Call) -> LikelyCause {
    let url = Url::parse(call.url()).ok();
    match url.as_ref().and_then(Url::host_str).is_some_and(is_loopback) {
        true => LikelyCause::LoopbackSpeaksHttps,
        false => LikelyCause::SpeaksHttps,
    }
}

fn unreachable(call: &Call, what: &Obstacle) -> LikelyCause {
    match what {
        _ if call.is_by_proxy() => LikelyCause::Proxy,
        _ if call.source().is_some() => LikelyCause::GivenAddress,
        Obstacle::Name(_) => LikelyCause::UnknownName,
        _ if call.contact() == Contact::Known => LikelyCause::WentAway,
        _ if call.url().starts_with("https:") => LikelyCause::NoAnswerByHttps,
        _ => LikelyCause::NoAnswerByHttp,
    }
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use super::*;
    use crate::error::refusal::Refusal;

    fn call(url: &str, contact: Contact) -> Call {
        Call::new(&Method::GET, &Url::parse(url).unwrap()).to(contact, None)
    }

    #[test]
    fn a_bare_400_to_http_may_mean_tls() {
        let cause = |contact: Contact, url: &str, body: &[u8]| {
            Error::refused(Refusal::new(call(url, contact), 400).with_body(None, body)).likely_cause()
        };
        let (here, there) = ("http://127.0.0.1:1/v2/", "http://r.example/v2/");
        assert_eq!(cause(Contact::First, here, b""), Some(LikelyCause::LoopbackSpeaksHttps));
        let prose = b"Client sent an HTTP request to an HTTPS server.\n";
        assert_eq!(cause(Contact::First, here, prose), Some(LikelyCause::LoopbackSpeaksHttps));
        assert_eq!(cause(Contact::First, there, prose), Some(LikelyCause::SpeaksHttps));
        assert_eq!(cause(Contact::First, "https://r.example/v2/", b""), None);
        let json = br#"{"errors":[{"code":"MANIFEST_INVALID"}]}"#;
        assert_eq!(cause(Contact::First, here, json), None);
        // What has answered to http speaks it.
        assert_eq!(cause(Contact::Known, here, b""), None);
    }

    #[test]
    fn a_cause_depends_on_what_is_known_of_the_host() {
        let url = "https://r.example/v2/";
        let cause = |call: &Call, what: Obstacle| unreachable(call, &what);
        let first = call(url, Contact::First);
        assert_eq!(cause(&first, Obstacle::Connection), LikelyCause::NoAnswerByHttps);
        assert_eq!(cause(&call(url, Contact::Known), Obstacle::Broken), LikelyCause::WentAway);
        let unknown = cause(&first, Obstacle::Name("r.example".to_owned()));
        assert_eq!(unknown, LikelyCause::UnknownName);
        let proxied = first.clone().to(Contact::First, Some("http://proxy:1".to_owned()));
        assert_eq!(cause(&proxied, Obstacle::Connection), LikelyCause::Proxy);
        let source = crate::error::call::AddressSource { by: "r.example".to_owned(), place: "a redirect" };
        assert_eq!(cause(&first.with_source(Some(source)), Obstacle::Connection), LikelyCause::GivenAddress);
    }
}

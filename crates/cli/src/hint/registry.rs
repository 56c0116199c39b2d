//! Advice on a registry, or the network before it.

use airlift_registry::{Error, HostList, LikelyCause, LoginStoreError, SetupError};

/// The next step after a failed request.
pub(super) fn of_error(error: &Error) -> Option<String> {
    error.likely_cause().map(|cause| of_cause(cause).to_owned())
}

/// What an operator would try next, as a fragment.
pub(super) fn of_cause(cause: LikelyCause) -> &'static str {
    match cause {
        LikelyCause::SpeaksHttps => "if the registry speaks https, leave --plain-http out for it",
        LikelyCause::LoopbackSpeaksHttps => {
            "if the registry speaks https, give its certificate with --ca-file, or --insecure-skip-tls-verify HOST:PORT"
        }
        LikelyCause::UnknownLogin => {
            "only Basic, and Bearer with a realm, can be answered; a proxy in front of the registry may ask for more"
        }
        LikelyCause::Login => "log in with `airlift login HOST`, or name the credentials with --auth-file",
        LikelyCause::Proxy => {
            "is the proxy right, and is it up? HTTPS_PROXY, HTTP_PROXY and ALL_PROXY name it; NO_PROXY lists what is reached without it"
        }
        LikelyCause::GivenAddress => {
            "the registry, or a proxy in front of it, gives this address: it must be one that can be reached from here (a proxy must pass on Host and X-Forwarded-Proto)"
        }
        LikelyCause::UnknownName => {
            "is the name right, and does this machine's DNS know it? If only a proxy does, name that with HTTPS_PROXY"
        }
        LikelyCause::WentAway => "is the registry still up?",
        LikelyCause::NoAnswerByHttps => {
            "is the host right, and is it up? A registry that speaks plain http needs --plain-http HOST:PORT"
        }
        LikelyCause::NoAnswerByHttp => "is the host right, and is the registry up?",
        LikelyCause::Certificate => {
            "give --ca-file for a CA of your own, or --insecure-skip-tls-verify HOST:PORT to check nothing"
        }
        LikelyCause::NotTls => "if it speaks plain http, give --plain-http HOST:PORT",
        LikelyCause::OpenFiles => super::open_files::WAY_OUT,
        LikelyCause::NoCertificates => {
            "install CA certificates (the package is often called ca-certificates), or give --ca-file"
        }
    }
}

/// The next step where a login can't be stored or erased.
pub(super) fn of_login_store(error: &LoginStoreError) -> &'static str {
    match error {
        LoginStoreError::Helper { .. } => {
            "install the helper, take it out of the file, or name another file with --auth-file"
        }
        _ => "another file can be named with --auth-file",
    }
}

/// The next step where the options for registries are no good.
pub(super) fn of_setup(error: &SetupError) -> Option<&'static str> {
    match error {
        SetupError::Host { list: HostList::PlainHttp, .. } => Some("--plain-http takes HOST or HOST:PORT"),
        SetupError::Host { list: HostList::Unchecked, .. } => {
            Some("--insecure-skip-tls-verify takes HOST or HOST:PORT")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_be_spoken_to_has_its_option() {
        for (cause, option) in [
            (LikelyCause::SpeaksHttps, "leave --plain-http out"),
            (LikelyCause::LoopbackSpeaksHttps, "--ca-file"),
            (LikelyCause::Login, "--auth-file"),
            (LikelyCause::NoAnswerByHttps, "--plain-http"),
            (LikelyCause::Certificate, "--insecure-skip-tls-verify"),
            (LikelyCause::NotTls, "--plain-http"),
            (LikelyCause::NoCertificates, "--ca-file"),
            (LikelyCause::Proxy, "NO_PROXY"),
            (LikelyCause::UnknownName, "DNS"),
        ] {
            assert!(of_cause(cause).contains(option), "{cause:?}");
        }
        assert!(!of_cause(LikelyCause::SpeaksHttps).contains("--ca-file"));
        for cause in [LikelyCause::UnknownName, LikelyCause::WentAway, LikelyCause::NoAnswerByHttp] {
            assert!(!of_cause(cause).contains("--plain-http"), "{cause:?}");
        }
        assert!(!of_cause(LikelyCause::UnknownLogin).contains("docker login"));
    }
}

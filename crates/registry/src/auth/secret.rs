//! Secrets: how they are put into an `Authorization`, and what of them must not be shown should an answer
//! repeat it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci_client::secrets::RegistryAuth;
use reqwest::header::HeaderValue;

/// Something that must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

/// The `Authorization` of a user and password; none for anything else.
pub(crate) fn basic(auth: &RegistryAuth) -> Option<HeaderValue> {
    let RegistryAuth::Basic(user, password) = auth else {
        return None;
    };
    sensitive(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

/// What must not be shown of an `Authorization`, should an answer repeat it: the token, or the password and
/// its encoded form.
pub(crate) fn secrets(authorization: &HeaderValue) -> Vec<String> {
    let text = authorization.to_str().unwrap_or_default();
    let Some((_, encoded)) = text.split_once(' ') else { return Vec::new() };
    let login = STANDARD.decode(encoded).ok().and_then(|login| String::from_utf8(login).ok());
    let password = login.as_deref().and_then(|login| login.split_once(':')).map(|(_, password)| password);
    [Some(encoded), password].into_iter().flatten().map(str::to_owned).collect()
}

/// A header value that its `Debug` doesn't show.
pub(crate) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_must_not_be_shown() {
        let login = basic(&RegistryAuth::Basic("us".to_owned(), "p:w".to_owned())).unwrap();
        assert_eq!(secrets(&login), ["dXM6cDp3", "p:w"]);
        assert_eq!(secrets(&HeaderValue::from_static("Bearer t0ken")), ["t0ken"]);
        assert!(secrets(&HeaderValue::from_static("odd")).is_empty());
    }
}

//! Proxies, as the environment names them. `reqwest` uses them; what is known of them here is what must not be shown.

use oci_client::secrets::RegistryAuth;
use reqwest::Url;

use crate::auth::grant;

/// The passwords of the proxies that the environment names, in all forms in which they may be repeated.
pub(crate) fn secrets(variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let names = ["http_proxy", "https_proxy", "all_proxy"];
    let values = names.into_iter().flat_map(|name| [variable(name), variable(&name.to_ascii_uppercase())]);
    let mut secrets = Vec::new();
    for value in values.flatten() {
        // As curl has it, a proxy may be written without its scheme.
        let url = Url::parse(&value)
            .ok()
            .filter(Url::has_host)
            .or_else(|| Url::parse(&format!("http://{value}")).ok());
        let Some((url, password)) = url.as_ref().and_then(|url| Some((url, url.password()?))) else {
            continue;
        };
        let login = RegistryAuth::Basic(percent_decode(url.username()), percent_decode(password));
        secrets.extend(grant::basic(&login).iter().flat_map(grant::secrets));
        secrets.push(password.to_owned());
    }
    secrets
}

/// `%41` as `A`; what is no such escape stays.
fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped =
            after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match escaped.filter(|_| *byte == b'%') {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_passwords_of_proxies() {
        let found =
            |value: &'static str| secrets(move |name| (name == "HTTPS_PROXY").then(|| value.to_owned()));
        assert_eq!(found("http://us:p%40ss@proxy:3128"), ["dXM6cEBzcw==", "p@ss", "p%40ss"]);
        assert_eq!(found("us:p4ss@proxy:3128"), ["dXM6cDRzcw==", "p4ss", "p4ss"]);
        assert!(found("http://proxy:3128").is_empty() && found("http://us@proxy").is_empty());
        assert!(found("").is_empty() && found("%%%").is_empty());
        assert_eq!(percent_decode("a%41%4g%"), "aA%4g%");
    }
}

//! Registry hosts: how they are written, which of them are this machine, and which hosts an option names.
//!
//! These are names only. The crate `registry` decides what a host means for a request (scheme, client,
//! proxy).

use core::net::IpAddr;
use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::text::without_password;

/// Docker Hub as references name it.
pub const HUB: &str = "docker.io";
/// Docker Hub as old references and credential files name it.
const HUB_LEGACY: &str = "index.docker.io";
/// Where Docker Hub answers the registry's protocol.
pub const HUB_API: &str = "registry-1.docker.io";
/// The longest name that DNS can carry.
const MAX_NAME: usize = 253;

/// A registry's host, with its port where one is given: `docker.io`, `127.0.0.1:5000`, `[::1]:5000`.
///
/// Canonical: lower case, `index.docker.io` is `docker.io`, IPv6 addresses in brackets and their shortest
/// form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

/// Why a text is not a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Neither a DNS name nor an address.
    #[error("'{}' is not a registry host (HOST[:PORT], such as registry.example.com:5000)", .0.escape_debug())]
    Name(String),
    /// The address of a web page.
    #[error("'{}' is not a registry host (HOST[:PORT]); leave '{scheme}' out", .written.escape_debug())]
    Scheme {
        /// The host as it was given.
        written: String,
        /// What stands before the host.
        scheme: String,
    },
    /// A name and a colon, but no port after it.
    #[error("'{}' has no valid port (1 to 65535)", .0.escape_debug())]
    Port(String),
    /// An address in a spelling that only some programs understand.
    #[error("'{}' is an unusual way to write {meant}; write it like that", .written.escape_debug())]
    Spelling {
        /// The host as it was given.
        written: String,
        /// What a URL parser makes of it.
        meant: String,
    },
}

impl Host {
    /// The name or address, without a port; IPv6 addresses keep their brackets.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, where one is given.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether this is the machine itself: 127.0.0.0/8, `::1` or `localhost`.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.name)
    }

    /// Whether this is Docker Hub under any of its names.
    pub fn is_docker_hub(&self) -> bool {
        self.port.is_none() && (self.name == HUB || self.name == HUB_API)
    }

    /// The host and port that requests go to: Docker Hub's API lives under a name of its own.
    pub fn api(&self) -> String {
        if self.port.is_none() && self.name == HUB { HUB_API.to_owned() } else { self.to_string() }
    }

    /// Whether this host, as the value of an option, names the host of `url`: without a port it names every
    /// port.
    pub fn names_url(&self, url: &Url) -> bool {
        let same_name = url.host_str().is_some_and(|host| host == self.name || host == self.api());
        same_name && (self.port.is_none() || self.port == url.port_or_known_default())
    }
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let bad_name = || HostError::Name(without_password(text));
        if let Some((scheme, _)) = split_scheme(text) {
            return Err(HostError::Scheme { written: without_password(text), scheme: scheme.to_owned() });
        }
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) = rest.split_once(']').ok_or_else(bad_name)?;
                let address: core::net::Ipv6Addr = address.parse().map_err(|_| bad_name())?;
                let port = match rest {
                    "" => None,
                    _ => Some(rest.strip_prefix(':').ok_or_else(bad_name)?),
                };
                (format!("[{address}]"), port)
            }
            None => match text.split_once(':') {
                Some((name, port)) => (name.to_ascii_lowercase(), Some(port)),
                None => (text.to_ascii_lowercase(), None),
            },
        };
        let port = port
            .map(|port| parse_port(port).ok_or_else(|| HostError::Port(without_password(text))))
            .transpose()?;
        if !name.starts_with('[') && !is_dns_name(&name) {
            return Err(bad_name());
        }
        // A text that the URL parser turns into something else (127.1, 0x7f000001) is no name.
        let meant = Url::parse(&format!("http://{name}/")).ok();
        let meant = meant.as_ref().and_then(Url::host_str).ok_or_else(bad_name)?;
        if meant != name && !name.starts_with('[') {
            return Err(HostError::Spelling { written: without_password(text), meant: meant.to_owned() });
        }
        let name = if name == HUB_LEGACY && port.is_none() { HUB.to_owned() } else { meant.to_owned() };
        Ok(Host { name, port })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// `docker://` and what stands behind it.
pub(super) fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let end = text.find("://")?;
    let is_scheme = end > 0 && text[..end].bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    is_scheme.then(|| text.split_at(end + 3))
}

fn parse_port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    name.len() <= MAX_NAME && name.split('.').all(is_label)
}

fn address(name: &str) -> Option<IpAddr> {
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Whether `name` (of a URL or a [`Host`]) is the machine itself.
pub fn is_loopback(name: &str) -> bool {
    name == "localhost" || address(name).is_some_and(|address| address.is_loopback())
}

/// Whether `name` can only mean this machine or its own network, where no public registry may send us.
pub fn is_machine_local(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let by_address = address(name).is_some_and(|address| {
        let link_local = match address {
            IpAddr::V4(v4) => v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        link_local || address.is_loopback() || address.is_unspecified()
    });
    by_address || name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_somebody_typed_are_not_repeated() {
        assert_eq!(without_password("user:S3cr3t@host.example/a:1"), "…@host.example/a:1");
        for text in ["host:5000/a@sha256:00", "host:5000/a:1", "a@b"] {
            assert_eq!(without_password(text), text);
        }
        let error = "user:S3cr3t@host.example".parse::<Host>().unwrap_err().to_string();
        assert!(!error.contains("S3cr3t"), "{error}");
    }

    #[test]
    fn canonical_hosts() {
        for (text, canonical) in [
            ("docker.io", "docker.io"),
            ("index.docker.io", "docker.io"),
            ("Registry.Example.COM:5000", "registry.example.com:5000"),
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("[::1]:5000", "[::1]:5000"),
            ("[0:0::1]", "[::1]"),
            ("registry:05000", "registry:5000"),
        ] {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), canonical, "{text}");
        }
        assert_eq!("docker.io".parse::<Host>().unwrap().api(), "registry-1.docker.io");
    }

    #[test]
    fn refuses_what_is_no_host() {
        for text in [
            "",
            ":5000",
            "a:",
            "a:0",
            "a:65536",
            "a:+80",
            "a b",
            "a/b",
            "a@b",
            "-a",
            "a-",
            "a..b",
            "a_b",
            "[::1",
            "[::1]5000",
            "[::g]",
            "::1",
            "é.com",
            "a\n",
            "127.1",
            "0x7f.0.0.1",
            "2130706433",
            "127.0.0.256",
            "user:pw@host",
            "https://a",
        ] {
            assert!(text.parse::<Host>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn knows_this_machine() {
        for (name, loopback, local) in [
            ("localhost", true, true),
            ("127.9.9.9", true, true),
            ("[::1]", true, true),
            ("[::ffff:127.0.0.1]", true, true),
            ("169.254.169.254", false, true),
            ("[fe80::1]", false, true),
            ("0.0.0.0", false, true),
            ("x.localhost", false, true),
            ("localhost.", false, true),
            ("10.0.0.1", false, false),
            ("localhost.example.com", false, false),
        ] {
            assert_eq!((is_loopback(name), is_machine_local(name)), (loopback, local), "{name}");
        }
    }

    #[test]
    fn a_flag_without_a_port_names_every_port() {
        let url = Url::parse("https://r.example:5000/v2/").unwrap();
        let names = |flag: &str| flag.parse::<Host>().unwrap().names_url(&url);
        assert!(names("r.example") && names("R.example:5000"));
        assert!(!names("r.example:5001") && !names("example"));
        let hub = Url::parse("https://registry-1.docker.io/v2/").unwrap();
        assert!("docker.io".parse::<Host>().unwrap().names_url(&hub));
    }
}

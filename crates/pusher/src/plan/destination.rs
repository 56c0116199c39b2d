//! Where images go: the target registry, the prefix there, and the rules that turn a source's name into a
//! target's.

use std::fmt;
use std::str::FromStr;

use airlift_oci::text::without_password;
use airlift_oci::{Host, HostError, Reference, ReferenceError, Repository, Tidied};

/// Why a destination or a rule can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Not `HOST[:PORT][/PREFIX]`.
    #[error("'{}' is no destination: HOST[:PORT][/PREFIX] is, such as registry.example.com:5000/mirror ({reason})", .text.escape_debug())]
    Malformed {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Not `FROM=TO`.
    #[error("'{}' is no rule: FROM=TO is, such as docker.io/library/=base/", .0.escape_debug())]
    Rule(String),
}

/// A registry, and the path below which everything goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    host: Host,
    /// Without slashes at its ends; empty for the registry's top.
    prefix: String,
}

impl Destination {
    /// The registry.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The path below which everything goes; empty for the registry's top.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The repository here that a push would give an image of this name.
    ///
    /// # Errors
    /// If the name is no valid one here.
    pub fn repository_of(
        &self,
        source: &Reference,
        host: HostInPath,
        rules: &[MapRule],
    ) -> Result<Repository, ReferenceError> {
        self.repository(&target_path(source, host, rules).0)
    }

    /// The repository of that path below the prefix.
    ///
    /// # Errors
    /// If the whole path is not a valid repository name.
    pub(crate) fn repository(&self, path: &str) -> Result<Repository, ReferenceError> {
        let parts = [self.prefix.as_str(), path.trim_matches('/')];
        let whole: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Repository::new(self.host.clone(), &whole.join("/"))
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        parse(text).map_err(|reason| {
            let meant = Tidied::new(text).filter(|meant| parse(&meant.text).is_ok());
            let reason = meant.map_or(reason, |meant| meant.advice());
            DestinationError::Malformed { text: without_password(text), reason }
        })
    }
}

fn parse(text: &str) -> Result<Destination, String> {
    let (host, prefix) = text.split_once('/').unwrap_or((text, ""));
    let host: Host = host.parse().map_err(|error: HostError| error.to_string())?;
    let prefix = prefix.trim_end_matches('/').to_owned();
    if prefix.contains([':', '@']) {
        return Err("it has no tag and no digest: images keep their own".to_owned());
    }
    if !prefix.is_empty() {
        Repository::new(host.clone(), &prefix).map_err(|error| error.to_string())?;
    }
    Ok(Destination { host, prefix })
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix.as_str() {
            "" => write!(f, "{}", self.host),
            prefix => write!(f, "{}/{prefix}", self.host),
        }
    }
}

/// Whether the source's host becomes part of the target's path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostInPath {
    /// `docker.io/library/nginx` goes to `library/nginx`.
    #[default]
    Drop,
    /// `docker.io/library/nginx` goes to `docker.io/library/nginx`.
    Keep,
}

/// A name that starts with FROM goes to TO instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapRule {
    from: String,
    to: String,
}

impl MapRule {
    /// FROM: what a name has to start with.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// Whether it has a path for that name.
    pub(crate) fn fits(&self, name: &str) -> bool {
        self.apply(name).is_some()
    }

    /// The path for a source's name, if the rule fits: FROM is the whole name, or ends where a component
    /// does.
    pub fn apply(&self, name: &str) -> Option<String> {
        let rest = name.strip_prefix(&self.from)?;
        let at_boundary = rest.is_empty() || rest.starts_with('/') || self.from.ends_with('/');
        at_boundary.then(|| format!("{}{rest}", self.to))
    }
}

impl FromStr for MapRule {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        match text.split_once('=') {
            Some((from, to)) if !from.is_empty() => Ok(MapRule { from: from.to_owned(), to: to.to_owned() }),
            _ => Err(DestinationError::Rule(without_password(text))),
        }
    }
}

/// For messages: without passwords.
impl fmt::Display for MapRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", without_password(&self.from), without_password(&self.to))
    }
}

/// The target's path for a source: by the longest rule that fits, else the source's own path. Returns also
/// which rule it was.
pub(crate) fn target_path(
    source: &Reference,
    host: HostInPath,
    rules: &[MapRule],
) -> (String, Option<usize>) {
    let name = source.repository().to_string();
    let matching =
        rules.iter().enumerate().filter_map(|(i, rule)| Some((i, rule.from.len(), rule.apply(&name)?)));
    if let Some((rule, _, path)) = matching.max_by_key(|(_, length, _)| *length) {
        return (path, Some(rule));
    }
    let path = source.repository().path();
    match host {
        HostInPath::Drop => (path.to_owned(), None),
        HostInPath::Keep => (format!("{}/{path}", component(&source.repository().host().to_string())), None),
    }
}

/// A host as a path component: ports and IPv6 addresses have colons and brackets, which paths can't.
fn component(host: &str) -> String {
    let plain: String =
        host.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    plain.trim_matches(['-', '.']).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(source: &str, host: HostInPath, rules: &[&str]) -> String {
        let rules: Vec<MapRule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        target_path(&source.parse().unwrap(), host, &rules).0
    }

    #[test]
    fn names_lose_their_host_unless_it_is_kept() {
        assert_eq!(path("nginx:1.27", HostInPath::Drop, &[]), "library/nginx");
        assert_eq!(path("nginx:1.27", HostInPath::Keep, &[]), "docker.io/library/nginx");
        assert_eq!(path("quay.io/a/b", HostInPath::Drop, &[]), "a/b");
        assert_eq!(path("127.0.0.1:5001/app:1", HostInPath::Keep, &[]), "127.0.0.1-5001/app");
        assert_eq!(path("[::1]:5001/app:1", HostInPath::Keep, &[]), "1--5001/app");
    }

    #[test]
    fn the_longest_rule_counts_and_ends_at_a_component() {
        let rules = ["docker.io/=hub/", "docker.io/library/=base/", "docker.io/library/nginx=web"];
        assert_eq!(path("nginx", HostInPath::Drop, &rules), "web");
        assert_eq!(path("redis", HostInPath::Keep, &rules), "base/redis");
        assert_eq!(path("docker.io/bitnami/redis", HostInPath::Drop, &rules), "hub/bitnami/redis");
        assert_eq!(
            path("nginx-extra", HostInPath::Drop, &["docker.io/library/nginx=web"]),
            "library/nginx-extra"
        );
        assert_eq!(path("quay.io/a/b", HostInPath::Drop, &["quay.io/a=x"]), "x/b");
    }

    #[test]
    fn destinations_are_a_host_and_a_path() {
        for text in ["127.0.0.1:5002", "registry.example.com/mirror/eu", "[::1]:5000/x"] {
            assert_eq!(text.parse::<Destination>().unwrap().to_string(), text);
        }
        assert_eq!("h.example/a/".parse::<Destination>().unwrap().prefix(), "a");
        for text in
            ["", "https://h.example", "h.example/UPPER", "h.example//x", "h.example/a:1", "h.example:0"]
        {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
        for (text, advice) in [
            (
                "https://h.example:5000/a/",
                "leave 'https://' out and leave the slash at its end out: h.example:5000/a)",
            ),
            ("docker://h.example", "leave 'docker://' out: h.example)"),
            ("h.example/Mirror", "write it in lower case: h.example/mirror)"),
            ("h.example ", "leave the white space out: h.example)"),
            ("h.example/a:1", "no tag"),
        ] {
            let error = text.parse::<Destination>().unwrap_err().to_string();
            assert!(error.contains(advice), "{error}");
        }
        let error = "https://user:S3cr3t@h.example".parse::<Destination>().unwrap_err().to_string();
        assert!(error.contains("leave 'https://' out") || !error.contains("S3cr3t"), "{error}");
        assert!("no-equals".parse::<MapRule>().is_err() && "=x".parse::<MapRule>().is_err());
    }
}

//! References: what people write to name an image, in Docker's grammar, and its canonical form.
//!
//! The grammar is [`oci_spec::distribution::Reference`]'s. Its gaps are closed here: IPv6 hosts, upper-case
//! hosts, tags beyond ASCII, ports out of range, digests that aren't lower-case hex, and constructors that
//! check nothing. Nothing else in Airlift parses a reference.

mod host;
mod tidied;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

pub use host::{HUB, HUB_API, Host, HostError, is_loopback, is_machine_local};
pub use tidied::Tidied;

use crate::text::without_password;
use crate::{Digest, DigestError};
use tidied::lower_case;

/// The longest text looked at: a host, a path, a tag and a SHA-512 digest fit well.
const MAX_TEXT: usize = 1024;
/// The longest repository path that registries accept.
const MAX_PATH: usize = 255;
/// Stands in for hosts that `oci_spec`'s grammar lacks; `.invalid` can be nobody's (RFC 2606).
const STAND_IN: &str = "host.invalid";

/// Why a text is not a reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// Longer than any reference can be.
    #[error("a reference of {0} bytes is too long (at most {MAX_TEXT})")]
    TooLong(usize),
    /// Not in the grammar.
    #[error("'{}' is not an image reference ([HOST[:PORT]/]NAME[:TAG][@DIGEST]): {reason}", .text.escape_debug())]
    Malformed {
        /// The text.
        text: String,
        /// What is wrong with it, and the reference that was most likely meant.
        reason: Cow<'static, str>,
    },
    /// The host is none.
    #[error("the host of '{}' is no good", .text.escape_debug())]
    Host {
        /// The text.
        text: String,
        /// What is wrong with it.
        source: HostError,
    },
    /// The digest is none.
    #[error("the digest of '{}' is no good", .text.escape_debug())]
    Digest {
        /// The text.
        text: String,
        /// What is wrong with it.
        source: DigestError,
    },
}

/// A tag: up to 128 ASCII letters, digits, `_`, `.` and `-`, not starting with `.` or `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// The tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let first = text.bytes().next().is_some_and(is_word);
        if first && text.len() <= 128 && text.bytes().all(|byte| is_word(byte) || b".-".contains(&byte)) {
            return Ok(Tag(text.to_owned()));
        }
        let reason =
            "a tag is 1 to 128 letters, digits, '_', '.' and '-', and starts with neither '.' nor '-'";
        Err(malformed(text, reason))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A repository: a registry's host and a path there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    host: Host,
    path: String,
}

impl Repository {
    /// The repository `path` at `host`, taken as they are: nothing is put before the path, not even
    /// `library/`.
    ///
    /// # Errors
    /// If the path is not one that registries accept: lower-case components, separated by `/`, 255 bytes at
    /// most.
    pub fn new(host: Host, path: &str) -> Result<Self, ReferenceError> {
        if path.len() > MAX_PATH {
            return Err(malformed(path, "a repository's path has at most 255 characters"));
        }
        if !path.split('/').all(is_component) {
            let reason =
                "a repository's path is lower-case letters and digits, joined by '.', '_', '__', '-' or '/'";
            return Err(malformed(path, reason));
        }
        Ok(Repository { host, path: path.to_owned() })
    }

    /// The registry's host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The path, without the host: `library/nginx`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    /// Docker's grammar without a tag or digest: `nginx` is `docker.io/library/nginx`.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let reference: Reference = text.parse()?;
        let last = text.rsplit_once('/').map_or(text, |(_, last)| last);
        if last.contains([':', '@']) {
            return Err(malformed(text, "a repository has no tag and no digest"));
        }
        Ok(reference.repository)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

/// What picks one manifest out of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// A name that may be moved.
    Tag(Tag),
    /// The content itself.
    Digest(Digest),
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selector::Tag(tag) => tag.fmt(f),
            Selector::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A reference to an image, canonicalised. `nginx` is `docker.io/library/nginx:latest`.
///
/// It has a tag or a digest, or both; then the digest says what is meant, and the tag is what it is
/// remembered under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    repository: Repository,
    /// Never both `None`.
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl Reference {
    /// `repository:tag`.
    pub fn tagged(repository: Repository, tag: Tag) -> Self {
        Reference { repository, tag: Some(tag), digest: None }
    }

    /// `repository@digest`.
    pub fn pinned(repository: Repository, digest: Digest) -> Self {
        Reference { repository, tag: None, digest: Some(digest) }
    }

    /// The same reference, pinned to `digest`; a tag stays.
    pub fn with_digest(self, digest: Digest) -> Self {
        Reference { digest: Some(digest), ..self }
    }

    /// Where the image lives.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag, where one is given (or implied: `latest`).
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_ref().map(Tag::as_str)
    }

    /// The digest, where one is given.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What to ask the registry for: the digest, else the tag.
    pub fn selector(&self) -> Selector {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Selector::Digest(*digest),
            (None, Some(tag)) => Selector::Tag(tag.clone()),
            (None, None) => Selector::Tag(Tag("latest".to_owned())),
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.len() > MAX_TEXT {
            return Err(ReferenceError::TooLong(text.len()));
        }
        parse(text).map_err(|error| match almost(text) {
            Some(meant) => malformed(text, meant.advice()),
            None => error,
        })
    }
}

/// The reference that a text is most likely meant to be.
fn almost(text: &str) -> Option<Tidied> {
    let meant = Tidied::new(text)?;
    let (name, _) = meant.text.split_once([':', '@']).unwrap_or((&meant.text, ""));
    // A registry's address alone would be read as the name of an image at Docker Hub.
    let (first, _) = text.split_once('/').unwrap_or_default();
    let is_host_or_path = first.bytes().any(|b| b.is_ascii_uppercase()) && !first.contains(['.', ':']);
    let is_host_alone = !meant.text.contains('/') && (name.contains('.') || text.starts_with("http"));
    (!is_host_alone && !is_host_or_path && parse(&meant.text).is_ok()).then_some(meant)
}

fn parse(text: &str) -> Result<Reference, ReferenceError> {
    let (host, rest) = split_host(text)?;
    let stand_in = match &host {
        Some(_) => format!("{STAND_IN}/{rest}"),
        None => rest.to_owned(),
    };
    let parsed: oci_spec::distribution::Reference =
        stand_in.parse().map_err(|error| malformed(text, reason(text, &error)))?;
    let host = match host {
        Some(host) => host,
        None => parse_host(parsed.registry(), text)?,
    };
    // The grammar put `library/` before a lone name on Docker Hub only where it saw the real host.
    let path = match parsed.repository() {
        lone if host.name() == "docker.io" && host.port().is_none() && !lone.contains('/') => {
            format!("library/{lone}")
        }
        path => path.to_owned(),
    };
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(malformed(text, "64 hex digits are an image's id, not a name"));
    }
    let repository = Repository::new(host, &path).map_err(|error| retell(error, text))?;
    let tag = parsed.tag().map(str::parse).transpose().map_err(|error| retell(error, text))?;
    let digest = parsed.digest().map(str::parse).transpose();
    let digest = digest.map_err(|source| ReferenceError::Digest { text: without_password(text), source })?;
    Ok(Reference { repository, tag, digest })
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.repository.fmt(f)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Splits off a host where the first component can only be one (Docker's rule): it has a dot, a colon, a
/// bracket or upper case, or is `localhost`.
fn split_host(text: &str) -> Result<(Option<Host>, &str), ReferenceError> {
    let Some((first, rest)) = text.split_once('/') else {
        return Ok((None, text));
    };
    let is_host = first.contains(['.', ':', '['])
        || first == "localhost"
        || first.bytes().any(|b| b.is_ascii_uppercase());
    if !is_host || first.contains('@') {
        return Ok((None, text));
    }
    let host = parse_host(first, text)?;
    // In its canonical spelling it would be read as the first part of a path: another repository, at Docker
    // Hub.
    if host.port().is_none() && host.name() != "localhost" && !host.name().contains(['.', '[']) {
        let (lower, rest) = (lower_case(text), rest.escape_debug());
        let reason = format!(
            "write {} for an image at Docker Hub, or {host}:443/{rest} for a registry of that name",
            lower.escape_debug()
        );
        return Err(malformed(text, reason));
    }
    Ok((Some(host), rest))
}

fn parse_host(host: &str, text: &str) -> Result<Host, ReferenceError> {
    host.parse().map_err(|source| ReferenceError::Host { text: without_password(text), source })
}

fn malformed(text: &str, reason: impl Into<Cow<'static, str>>) -> ReferenceError {
    ReferenceError::Malformed { text: without_password(text), reason: reason.into() }
}

/// A part's error, told of the whole text.
fn retell(error: ReferenceError, text: &str) -> ReferenceError {
    match error {
        ReferenceError::Malformed { reason, .. } => malformed(text, reason),
        other => other,
    }
}

fn reason(text: &str, error: &oci_spec::distribution::ParseError) -> &'static str {
    use oci_spec::distribution::ParseError::{
        DigestInvalidFormat, DigestInvalidLength, DigestUnsupported, NameContainsUppercase, NameEmpty,
        NameTooLong,
    };
    match error {
        DigestInvalidFormat | DigestInvalidLength => {
            "a digest is algorithm:hex, and sha256 has 64 hex digits"
        }
        DigestUnsupported => "the digest's algorithm is none of sha256, sha384 and sha512",
        NameContainsUppercase => "a repository's name is lower case",
        NameEmpty => "it is empty",
        NameTooLong => "the name is too long",
        _ if text.contains("://") => {
            "a reference has no scheme, and no more than a host, a name, a tag and a digest"
        }
        _ if text.bytes().any(|byte| byte.is_ascii_whitespace()) => "it contains white space",
        _ if text.bytes().any(|byte| byte.is_ascii_uppercase()) => "a repository's name is lower case",
        _ => "it doesn't have that form",
    }
}

/// One component of a path: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_component(text: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends_well = |byte: Option<u8>| byte.is_some_and(is_alphanumeric);
    let separators = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends_well(text.bytes().next())
        && ends_well(text.bytes().last())
        && separators
            .filter(|separator| !separator.is_empty())
            .all(|s| matches!(s, "." | "_" | "__") || s.bytes().all(|byte| byte == b'-'))
}

#[cfg(test)]
mod tests;

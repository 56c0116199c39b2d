//! Docker's grammar: from what people write to a [`Reference`], and back to its canonical form.

use std::fmt;
use std::str::FromStr;

use super::error::{MAX_TEXT, ReferenceError, malformed, of_whole};
use super::host::Host;
use super::repository::Repository;
use super::tag::Tag;
use super::tidied::{Tidied, lower_case};
use crate::Digest;
use crate::text::without_password;

/// Stands in for hosts that `oci_spec`'s grammar lacks; `.invalid` is reserved and belongs to no one (RFC
/// 2606).
const STAND_IN: &str = "host.invalid";

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

    /// The same reference by its tag alone; one without a tag keeps its digest.
    pub fn by_tag(self) -> Self {
        if self.tag.is_some() { Reference { digest: None, ..self } } else { self }
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
    let repository = Repository::new(host, &path).map_err(|error| of_whole(error, text))?;
    let tag = parsed.tag().map(str::parse).transpose().map_err(|error| of_whole(error, text))?;
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

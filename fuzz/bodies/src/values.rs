//! Digests, platforms and references: whatever the text, a value that prints as it is read, or a sentence.

use airlift_bundle::EntryPath;
use airlift_oci::{Digest, Host, Platform, Reference, Repository, Selector, Tag};

use crate::assert_shown;

/// The grammar of digests, once more.
fn is_digest(text: &str) -> bool {
    [("sha256:", 64), ("sha384:", 96), ("sha512:", 128)].iter().any(|(start, length)| {
        text.strip_prefix(start)
            .is_some_and(|hex| hex.len() == *length && hex.bytes().all(|b| b"0123456789abcdef".contains(&b)))
    })
}

/// A text that may be a digest: accepted exactly where the grammar says so, printed as it was read, and
/// inverse to the path that a layout keeps the content under.
pub fn digests(text: &str) {
    match text.parse::<Digest>() {
        Ok(digest) => {
            assert!(is_digest(text), "{text:?} is no digest");
            assert_eq!(digest.to_string(), text);
            assert_eq!(digest.to_string().parse(), Ok(digest));
            let path = EntryPath::of_blob(&digest);
            assert_eq!(path.digest(), Some(digest));
            assert_eq!(EntryPath::parse(path.as_str().as_bytes()), Ok(Some(path)));
            let json = serde_json::to_string(&digest).unwrap();
            assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        }
        Err(error) => {
            assert!(!is_digest(text), "{text:?} is a digest");
            assert_shown(&error.to_string());
        }
    }
    paths(text.as_bytes());
}

/// A name as it stands in an archive: what is accepted stays inside, and is read the same again.
pub fn paths(name: &[u8]) {
    match EntryPath::parse(name) {
        Ok(Some(path)) => {
            let text = path.as_str();
            assert!(text.split('/').all(|part| !matches!(part, "" | "." | "..")), "{text:?}");
            assert!(!text.chars().any(|c| c.is_control() || c == '\\'), "{text:?}");
            assert_shown(&path.shown().to_string());
            assert_eq!(EntryPath::parse(text.as_bytes()), Ok(Some(path.clone())));
            if let Some(digest) = path.digest() {
                assert_eq!(EntryPath::of_blob(&digest), path, "one content, one name");
            }
        }
        Ok(None) => assert!(matches!(name, b"." | b"./" | b"./." | b".//" | b"././"), "{name:?} is the root"),
        Err(error) => assert_shown(&error.to_string()),
    }
}

/// A platform as somebody asks for it, and the same text, cut at line breaks, as the members of a config: one
/// spelling each, which is read back, and which it satisfies.
pub fn platforms(text: &str) {
    match text.parse::<Platform>() {
        Ok(platform) => {
            assert_eq!(platform.to_string().parse::<Platform>().as_ref(), Ok(&platform));
            assert_platform(&platform);
        }
        Err(error) => assert_shown(&error.to_string()),
    }
    let mut members = text.split('\n').map(str::to_owned);
    let mut some = || members.next().filter(|member| !member.is_empty());
    let (os, architecture) = (some().unwrap_or_default(), some().unwrap_or_default());
    let (variant, os_version) = (some(), some());
    let os_features = members.collect();
    let written = Platform { os, architecture, variant, os_version, os_features };
    assert_platform(&written);
    if let Ok(asked) = text.parse::<Platform>()
        && written.satisfies(&asked)
    {
        assert!(written.normalised().satisfies(&asked), "spelling doesn't count");
    }
}

fn assert_platform(platform: &Platform) {
    let one = platform.normalised();
    assert_eq!(one.normalised(), one, "a normal form is one");
    assert!(platform.satisfies(platform) && one.satisfies(platform) && platform.satisfies(&one));
    let shown = platform.shown();
    assert_eq!(shown, one.shown());
    assert_shown(&shown);
}

/// A reference: its canonical form is read as the same reference, and each part is one by itself.
pub fn references(text: &str) {
    match text.parse::<Reference>() {
        Ok(reference) => assert_reference(&reference),
        Err(error) => {
            assert_shown(&error.to_string());
            let source = std::error::Error::source(&error);
            source.into_iter().for_each(|source| assert_shown(&source.to_string()));
        }
    }
    match text.parse::<Host>() {
        Ok(host) => assert_eq!(host.to_string().parse::<Host>().as_ref(), Ok(&host)),
        Err(error) => assert_shown(&error.to_string()),
    }
    if let Err(error) = text.parse::<Repository>() {
        assert_shown(&error.to_string());
    }
}

fn assert_reference(reference: &Reference) {
    let canonical = reference.to_string();
    assert!(canonical.is_ascii() && !canonical.contains(char::is_whitespace), "{canonical:?}");
    assert_eq!(canonical.parse::<Reference>().as_ref(), Ok(reference), "{canonical}");
    let repository = reference.repository();
    assert_eq!(repository.to_string().parse::<Repository>().as_ref(), Ok(repository));
    assert_eq!(Repository::new(repository.host().clone(), repository.path()).as_ref(), Ok(repository));
    assert!(repository.path().split('/').all(|part| !matches!(part, "" | "." | "..")), "{canonical}");
    assert!(reference.tag().is_some() || reference.digest().is_some());
    match reference.selector() {
        Selector::Tag(tag) => assert_eq!(Some(tag.as_str()), reference.tag()),
        Selector::Digest(digest) => assert_eq!(Some(&digest), reference.digest()),
    }
    if let Some(tag) = reference.tag() {
        assert_eq!(tag.parse::<Tag>().map(|tag| tag.to_string()).as_deref(), Ok(tag));
    }
}

//! Reads a lock, strictly: people edit and merge such files, and no two readers may understand one in two
//! ways.

use std::collections::HashMap;

use airlift_oci::{Digest, Platform, Referrers, SourceReference};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::{Lock, LockedImage, LockedPlatform, PastDigest, word};
use crate::choice::Choice;
use crate::json_source::{DocumentKind, JsonSource};
use crate::position::{ListError, ListErrors, Position};

/// A lock larger than this is refused before it is read.
pub const MAX_LOCK: u64 = 256 << 20;
/// What a lock is among documents.
const KIND: DocumentKind = DocumentKind { noun: "lock", schema: "airlift.lock/v" };

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLock<'a> {
    #[serde(borrow)]
    schema: &'a RawValue,
    #[serde(borrow)]
    images: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WrittenLockedImage<'a> {
    #[serde(borrow)]
    reference: &'a RawValue,
    #[serde(borrow)]
    digest: &'a RawValue,
    #[serde(borrow)]
    media_type: &'a RawValue,
    #[serde(borrow)]
    size: &'a RawValue,
    #[serde(borrow)]
    platforms: Vec<WrittenPlatform<'a>>,
    #[serde(borrow)]
    choose: Option<WrittenChoice<'a>>,
    #[serde(borrow, default)]
    groups: Vec<&'a RawValue>,
    #[serde(borrow)]
    selector: Option<&'a RawValue>,
    #[serde(borrow)]
    resolved: &'a RawValue,
    #[serde(borrow)]
    from: Option<&'a RawValue>,
    #[serde(borrow, default)]
    history: Vec<WrittenDigest<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPlatform<'a> {
    #[serde(borrow)]
    platform: &'a RawValue,
    #[serde(borrow)]
    digest: &'a RawValue,
    #[serde(borrow)]
    size: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenChoice<'a> {
    #[serde(borrow, default)]
    platforms: Vec<&'a RawValue>,
    #[serde(borrow)]
    referrers: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDigest<'a> {
    #[serde(borrow)]
    digest: &'a RawValue,
    #[serde(borrow)]
    resolved: &'a RawValue,
}

/// A lock as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockFile {
    /// The lock.
    pub lock: Lock,
    /// Where each reference stands.
    pub positions: HashMap<SourceReference, Position>,
}

impl Lock {
    /// As [`LockFile::parse`], without the positions.
    ///
    /// # Errors
    /// As there.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Lock, ListErrors> {
        LockFile::parse(file, bytes).map(|read| read.lock)
    }
}

impl LockFile {
    /// Reads the content of `file`. The images may be in any order.
    ///
    /// # Errors
    /// If it is no lock, one of a newer version, cut off, or not merged; and for each image that can't be
    /// read in one way only.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<LockFile, ListErrors> {
        let source = JsonSource::new(file, bytes, &KIND)?;
        let written: WrittenLock<'_> = source.read_all()?;
        source.check_schema(written.schema)?;
        let mut references = HashMap::new();
        let images = source.read_each(written.images, |part| image(&source, part, &mut references))?;
        // Each reference is there once.
        let lock = Lock::new(images).map_err(|error| source.error_at(0, error.to_string()))?;
        let positions = references.into_iter().map(|(reference, part)| (reference, source.position(part)));
        Ok(LockFile { lock, positions: positions.collect() })
    }
}

/// One image. `references` has those of the images before it.
fn image<'a>(
    source: &JsonSource<'a>,
    part: &'a RawValue,
    references: &mut HashMap<SourceReference, &'a RawValue>,
) -> Result<LockedImage, ListError> {
    let written: WrittenLockedImage<'_> = source.read(part)?;
    let digest = source.parse(written.digest)?;
    let reference = reference(source, written.reference, digest)?;
    if let Some(first) = references.insert(reference.clone(), written.reference) {
        let message = format!("{reference} is there twice: line {} has it, too", source.position(first).line);
        return Err(source.error_in(written.reference, message));
    }
    Ok(LockedImage {
        reference,
        digest,
        media_type: source.short_text(written.media_type)?,
        size: source.size(written.size)?,
        platforms: written.platforms.iter().map(|one| platform(source, one)).collect::<Result<_, _>>()?,
        choice: written.choose.map(|choose| choice(source, &choose)).transpose()?.unwrap_or_default(),
        groups: written.groups.iter().map(|group| source.short_text(group)).collect::<Result<_, _>>()?,
        selectors: match written.selector {
            Some(selector) => source.any_text(selector)?.lines().map(str::to_owned).collect(),
            None => Default::default(),
        },
        resolved: source.parse(written.resolved)?,
        from: written.from.map(|from| source.parse(from)).transpose()?,
        history: written.history.iter().map(|past| past_digest(source, past)).collect::<Result<_, _>>()?,
    })
}

/// The reference, in its full form. The digest has a member of its own.
fn reference<'a>(
    source: &JsonSource<'a>,
    part: &'a RawValue,
    digest: Digest,
) -> Result<SourceReference, ListError> {
    let reference: SourceReference = source.parse(part)?;
    let SourceReference::Registry(named) = &reference else { return Ok(reference) };
    match (named.tag(), named.digest()) {
        (Some(_), Some(_)) => {
            let message = "a lock's reference has a tag or a digest; with a tag, 'digest' alone says what it stands for";
            Err(source.error_in(part, message))
        }
        (None, Some(own)) if *own != digest => {
            Err(source.error_in(part, format!("this names another digest than 'digest', which is {digest}")))
        }
        _ => Ok(reference),
    }
}

fn platform<'a>(source: &JsonSource<'a>, written: &WrittenPlatform<'a>) -> Result<LockedPlatform, ListError> {
    Ok(LockedPlatform {
        platform: source.short_text(written.platform)?,
        digest: source.parse(written.digest)?,
        size: source.size(written.size)?,
    })
}

fn choice<'a>(source: &JsonSource<'a>, written: &WrittenChoice<'a>) -> Result<Choice, ListError> {
    let platforms = written.platforms.iter().map(|part| source.parse::<Platform>(part));
    let referrers = written.referrers.map(|part| {
        let found = source.any_text(part)?;
        let known = [Referrers::All, Referrers::None].into_iter().find(|one| word(*one) == found);
        known.ok_or_else(|| source.error_in(part, "'referrers' is 'all' or 'none'"))
    });
    Ok(Choice { platforms: platforms.collect::<Result<_, _>>()?, referrers: referrers.transpose()? })
}

fn past_digest<'a>(source: &JsonSource<'a>, written: &WrittenDigest<'a>) -> Result<PastDigest, ListError> {
    Ok(PastDigest { digest: source.parse(written.digest)?, resolved: source.parse(written.resolved)? })
}

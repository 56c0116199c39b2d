//! Reads a receipt. Members that are not known are passed over, because a receipt may say more one day;
//! those that are known have to be right, because people may edit such files.

use std::collections::HashMap;

use airlift_oci::{Digest, Reference};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::{ReceiptFile, ReceiptImage, ReceiptStatus, ReceiptTag, TagMove};
use crate::json_source::{DocumentKind, JsonSource};
use crate::position::{ListError, ListErrors};

/// A receipt larger than this is refused before it is read.
pub const MAX_RECEIPT: u64 = 256 << 20;
/// What a receipt is among documents.
const KIND: DocumentKind = DocumentKind { noun: "receipt", schema: "airlift.receipt/v" };

#[derive(Deserialize)]
struct WrittenReceipt<'a> {
    #[serde(borrow)]
    schema: &'a RawValue,
    #[serde(borrow)]
    bundle: Option<&'a RawValue>,
    #[serde(borrow)]
    target: &'a RawValue,
    #[serde(borrow)]
    at: Option<&'a RawValue>,
    #[serde(default)]
    interrupted: bool,
    #[serde(borrow)]
    images: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    failed: Vec<WrittenFailure<'a>>,
}

#[derive(Deserialize)]
struct WrittenFailure<'a> {
    #[serde(borrow)]
    source: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenReceiptImage<'a> {
    #[serde(borrow)]
    source: &'a RawValue,
    #[serde(borrow)]
    target: &'a RawValue,
    #[serde(borrow)]
    digest: &'a RawValue,
    #[serde(borrow)]
    media_type: &'a RawValue,
    #[serde(borrow)]
    status: &'a RawValue,
    #[serde(borrow, default)]
    omitted_platforms: Vec<&'a RawValue>,
    #[serde(borrow)]
    children: Vec<&'a RawValue>,
    #[serde(borrow)]
    referrers: Vec<&'a RawValue>,
    #[serde(borrow)]
    tag: Option<WrittenMove<'a>>,
    #[serde(borrow)]
    at: Option<&'a RawValue>,
    #[serde(borrow, default)]
    fallback_tags: Vec<WrittenTag<'a>>,
    #[serde(borrow, default)]
    referrer_tags: Vec<WrittenTag<'a>>,
    #[serde(borrow, default)]
    selected_children: Vec<WrittenTag<'a>>,
}

#[derive(Deserialize)]
struct WrittenMove<'a> {
    #[serde(borrow)]
    from: Option<&'a RawValue>,
    #[serde(borrow)]
    to: &'a RawValue,
}

#[derive(Deserialize)]
struct WrittenTag<'a> {
    #[serde(borrow)]
    target: &'a RawValue,
    #[serde(borrow)]
    digest: &'a RawValue,
}

impl ReceiptFile {
    /// Reads the content of `file`.
    ///
    /// # Errors
    /// If it is no receipt, one of a newer version, without images, or cut off; and for each image that can't
    /// be read, or that claims a name which another image has with another digest.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<ReceiptFile, ListErrors> {
        let source = JsonSource::new(file, bytes, &KIND)?;
        let written: WrittenReceipt<'_> = source.read_all()?;
        source.check_schema(written.schema)?;
        if written.images.is_empty() {
            return Err(source.error_at(0, "this receipt is without images").into());
        }
        let mut targets = HashMap::new();
        let images = source.read_each(written.images, |part| image(&source, part, &mut targets))?;
        Ok(ReceiptFile {
            bundle: written.bundle.map(|bundle| source.parse(bundle)).transpose()?,
            target: source.short_text(written.target)?,
            at: written.at.map(|at| source.parse(at)).transpose()?,
            interrupted: written.interrupted,
            images,
            failed: all(&written.failed, |failure| source.any_text(failure.source))?,
        })
    }
}

/// One image. `targets` has the names of the images before it.
fn image<'a>(
    source: &JsonSource<'a>,
    part: &'a RawValue,
    targets: &mut HashMap<Reference, (Digest, &'a RawValue)>,
) -> Result<ReceiptImage, ListError> {
    let written: WrittenReceiptImage<'_> = source.read(part)?;
    let (target, digest) = (source.parse::<Reference>(written.target)?, source.parse(written.digest)?);
    if let Some((other, first)) = targets.insert(target.clone(), (digest, written.target))
        && other != digest
    {
        let line = source.position(first).line;
        let message = format!("{target} is there twice, with two digests: line {line} has it, too");
        return Err(source.error_in(written.target, message));
    }
    if target.digest().is_some_and(|own| *own != digest) {
        let message = format!("this names another digest than 'digest', which is {digest}");
        return Err(source.error_in(written.target, message));
    }
    Ok(ReceiptImage {
        source: source.any_text(written.source)?,
        target,
        digest,
        media_type: source.any_text(written.media_type)?,
        status: status(source, written.status)?,
        omitted_platforms: all(&written.omitted_platforms, |part| source.any_text(part))?,
        children: all(&written.children, |part| source.parse(part))?,
        referrers: all(&written.referrers, |part| source.parse(part))?,
        tag: written.tag.map(|tag| tag_move(source, &tag)).transpose()?,
        at: written.at.map(|at| source.parse(at)).transpose()?,
        fallback_tags: all(&written.fallback_tags, |tag| receipt_tag(source, tag))?,
        referrer_tags: all(&written.referrer_tags, |tag| receipt_tag(source, tag))?,
        selected_children: all(&written.selected_children, |tag| receipt_tag(source, tag))?,
    })
}

fn all<P, T>(parts: &[P], read: impl Fn(&P) -> Result<T, ListError>) -> Result<Vec<T>, ListError> {
    parts.iter().map(read).collect()
}

fn status(source: &JsonSource<'_>, part: &RawValue) -> Result<ReceiptStatus, ListError> {
    let found = source.any_text(part)?;
    let known = ReceiptStatus::ALL.into_iter().find(|(_, word)| *word == found);
    known.map(|(status, _)| status).ok_or_else(|| {
        let words = ReceiptStatus::ALL.map(|(_, word)| format!("'{word}'")).join(", ");
        source.error_in(part, format!("'status' is one of {words}"))
    })
}

fn tag_move<'a>(source: &JsonSource<'a>, written: &WrittenMove<'a>) -> Result<TagMove, ListError> {
    let from = written.from.map(|from| source.parse(from)).transpose()?;
    Ok(TagMove { from, to: source.parse(written.to)? })
}

fn receipt_tag<'a>(source: &JsonSource<'a>, written: &WrittenTag<'a>) -> Result<ReceiptTag, ListError> {
    Ok(ReceiptTag { target: source.parse(written.target)?, digest: source.parse(written.digest)? })
}

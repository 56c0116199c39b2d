//! Whole archives, as `verify` and `push` get them.

use std::path::Path;

use airlift_oci::{Digest, Limits, Unobserved, layout};
use airlift_verifier::{Options, Report, Rule, State, VerifiedBundle, verify};

use crate::second_reader::{Reported, is_whole, tar_files};
use crate::{assert_shown, with_file};

/// Bytes that may be a bundle: an answer in any case, each finding with a place; and a bundle that is called
/// whole is whole for a second reader, can be pushed, and isn't whole any more after one of its bits was
/// flipped.
pub fn archives(bytes: &[u8]) {
    let Some(report) = examine(bytes) else { return };
    if !report.ok {
        return;
    }
    let warns = |rule| report.findings.iter().any(|finding| finding.rule == rule);
    let reported = Reported {
        is_partial: report.state == State::Partial || warns(Rule::ManifestAbsent),
        lacks_mark: warns(Rule::LayoutMissing),
    };
    if let Err(why) = is_whole(bytes, reported) {
        panic!("verify says whole, a second reader says: {why}");
    }
    let (index, id) = (content(bytes, layout::INDEX_FILE), report.id);
    assert_eq!(Some(Digest::sha256(&index)), id);
    with_file(bytes, |path, _| assert_admitted(path, id));
    let is_ours = !reported.lacks_mark
        && matches!(layout::parse_layout(&content(bytes, layout::LAYOUT_FILE)), Ok(Some(_)));
    if let Some(damaged) = flipped(bytes, is_ours) {
        assert!(examine(&damaged).is_none_or(|report| !report.ok), "a flipped bit was not found");
    }
}

/// Verifies, and checks what holds for any report; `None` where it could not be looked at.
pub(crate) fn examine(bytes: &[u8]) -> Option<Report> {
    let options = Options { jobs: 1, ..Options::default() };
    match with_file(bytes, |path, _| verify(path, &options, &Unobserved)) {
        Ok(report) => {
            assert_report(&report, bytes.len() as u64);
            Some(report)
        }
        Err(error) => {
            assert_shown(&error.to_string());
            None
        }
    }
}

fn assert_report(report: &Report, length: u64) {
    let errors = report.findings.iter().filter(|finding| finding.is_error());
    assert_eq!(report.ok, errors.count() == 0);
    assert!(!report.ok || report.id.is_some());
    assert!(!report.ok || report.images.iter().all(|image| image.ok));
    for finding in &report.findings {
        assert_shown(&finding.message);
        finding.path.iter().for_each(|part| assert_shown(part));
        assert!(!finding.path.is_empty() || finding.offset.is_some(), "no place: {finding:?}");
        assert!(finding.message.len() < 8 << 10, "too long to be read: {} bytes", finding.message.len());
        // A planned place may lie behind the end of what was cut off.
        let behind = finding.offset.is_some_and(|offset| offset > length);
        assert!(!behind || !report.ok, "{finding:?}");
    }
    assert!(report.findings.len() <= 10_002);
}

/// What `verify` calls whole, `push` takes, and every byte of it can be proven.
fn assert_admitted(path: &Path, id: Option<Digest>) {
    let bundle = VerifiedBundle::admit(path, Limits::default()).expect("a whole bundle is admitted");
    assert_eq!(Some(bundle.id()), id);
    for blob in bundle.graph().blobs() {
        let content = bundle.content(&blob.descriptor.digest).expect("each blob is there");
        let (mut reader, mut read) = (content.reader(), Vec::new());
        while let piece = reader.next_piece(usize::MAX).expect("each blob is proven")
            && !piece.is_empty()
        {
            read.extend_from_slice(&piece);
        }
        assert!(blob.descriptor.digest.matches(&read) && read.len() as u64 == blob.descriptor.size);
    }
}

/// The same with one bit flipped that counts: any in our own archives, one of a blob's in those of others.
fn flipped(bytes: &[u8], is_ours: bool) -> Option<Vec<u8>> {
    let digest = Digest::sha256(bytes);
    let die = digest.as_bytes().iter().take(7).fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let (start, size) = if is_ours {
        (0, bytes.len())
    } else {
        let files = tar_files(bytes).ok()?.into_iter();
        let blobs: Vec<_> = files.filter(|(name, _, size)| is_blob(name) && *size > 0).collect();
        let (_, start, size) = blobs.get(die % blobs.len().max(1))?;
        (*start as usize, *size as usize)
    };
    let mut damaged = bytes.to_vec();
    *damaged.get_mut(start + die % size.max(1))? ^= 1 << (die % 8);
    Some(damaged)
}

fn is_blob(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name);
    airlift_bundle::EntryPath::parse(name.as_bytes())
        .ok()
        .flatten()
        .is_some_and(|path| path.digest().is_some())
}

fn content(bytes: &[u8], wanted: &str) -> Vec<u8> {
    let files = tar_files(bytes).expect("what we accept, others read");
    let named =
        |name: &[u8]| name == wanted.as_bytes() || name.strip_prefix(b"./") == Some(wanted.as_bytes());
    let (_, start, size) = files.into_iter().find(|(name, ..)| named(name)).expect("it is there");
    bytes[start as usize..(start + size) as usize].to_vec()
}

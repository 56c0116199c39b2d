//! The exact bytes of a manifest or blob, proven on their way out.

use std::io::{Read, Write};

use airlift_bundle::Section;
use airlift_bundle::content::section::SectionReader;
use airlift_oci::{Digest, Graph, Hasher};
use airlift_verifier::Examined;

use super::find::Wanted;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::usage_error::UsageError;

/// What is read and hashed at a time.
const PIECE: usize = 256 << 10;
/// What is shown on a terminal is small, and text.
const MAX_SHOWN: u64 = 4 << 20;

/// Writes the bytes to standard output.
pub(crate) fn write(examined: &Examined, graph: &Graph, wanted: &Wanted, ui: &Ui) -> Result<(), Failure> {
    let digest = match wanted {
        Wanted::Images(roots) => match roots.as_slice() {
            [root] => graph.roots[*root].descriptor.digest,
            several => {
                let names = several.iter().map(|root| graph.roots[*root].name()).collect();
                return Err(UsageError::SeveralImages(names).into());
            }
        },
        Wanted::Manifest(digest) | Wanted::Blob(digest) => *digest,
        Wanted::Everything => return Err(UsageError::Combination("--raw takes a REF or a DIGEST").into()),
    };
    if let Some(entry) = graph.manifest(&digest) {
        let raw =
            entry.raw.as_ref().ok_or_else(|| damaged(&digest, "it is missing or altered".to_owned()))?;
        return out(raw.bytes());
    }
    let Some(section) = examined.blob(&digest) else {
        return Err(damaged(&digest, "it is missing, or has another size".to_owned()));
    };
    if ui.out.is_terminal && !is_text(&section) {
        let why = "this content is no text that a terminal can show; redirect it into a file";
        return Err(UsageError::Combination(why).into());
    }
    copy(&section, &digest)
}

/// Writes a blob in pieces. The last one is kept back until the digest matched.
fn copy(section: &Section, digest: &Digest) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| damaged(digest, format!("it can't be read: {error}"));
    let mut hasher = Hasher::new(digest.algorithm());
    let mut reader = section.reader();
    let (mut piece, mut next) = (Vec::new(), Vec::new());
    loop {
        next_piece(&mut reader, &mut next).map_err(unreadable)?;
        if next.is_empty() {
            break;
        }
        out(&piece)?;
        hasher.update(&next);
        std::mem::swap(&mut piece, &mut next);
    }
    let found = hasher.finish();
    if found != *digest {
        return Err(damaged(
            digest,
            format!("its content has the digest {found}; what was written is not complete"),
        ));
    }
    out(&piece)
}

fn next_piece(reader: &mut SectionReader, piece: &mut Vec<u8>) -> std::io::Result<()> {
    piece.clear();
    reader.take(PIECE as u64).read_to_end(piece).map(|_| ())
}

fn is_text(section: &Section) -> bool {
    section.size() <= MAX_SHOWN
        && section
            .read_all()
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .is_some_and(|text| text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')))
}

fn out(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(Failure::Stdout)
}

fn damaged(digest: &Digest, why: String) -> Failure {
    Failure::Damaged { what: digest.to_string(), why }
}

//! Trust as a type: a [`VerifiedBundle`] can only be made here, and nothing can be read from it that isn't
//! proven.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use airlift_bundle::content::section::SectionReader;
use airlift_bundle::write::part;
use airlift_bundle::{Finding, OpenError, Section};
use airlift_oci::contents::Platforms;
use airlift_oci::document::platform_of_config;
use airlift_oci::graph::Leaf;
use airlift_oci::{Digest, Graph, Hasher, Limits, Platform, Root, contents};

use crate::examine::{ExamineError, Examined};
use crate::report::{Report, State};

/// Why a bundle isn't admitted.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// It could not be looked at.
    #[error(transparent)]
    Examine(#[from] ExamineError),
    /// It is damaged, or is no bundle that could be looked at; the report says which.
    #[error("{} {}: {}", .path.display(), in_words(.report), first_error(.report))]
    Refused {
        /// The bundle.
        path: PathBuf,
        /// All that is wrong with it, as far as it was looked at.
        report: Box<Report>,
    },
}

fn in_words(report: &Report) -> &'static str {
    match report.state {
        State::Whole | State::Partial => "can't be used",
        State::OtherBundle => "is another bundle",
        State::OverLimit => "was not looked at",
        State::NoLayout => "is no image layout",
        State::PackedAgain => "is not the original",
        State::Unfinished => "is no bundle yet",
        State::Damaged => "is damaged",
    }
}

fn first_error(report: &Report) -> String {
    let mut errors = report.findings.iter().filter(|finding| finding.is_error() && !finding.follows);
    let Some(first) = errors.next() else {
        return "it holds no image".to_owned();
    };
    let place = if first.path.is_empty() { String::new() } else { format!("{}: ", first.path.join(" → ")) };
    match errors.count() {
        0 => format!("{place}{}", first.message),
        more => format!("{place}{} (and {more} more findings)", first.message),
    }
}

/// An open bundle whose every header, padding byte, manifest and root was proven, and whose blobs are all
/// there with the right size. A blob's content is proven as it is read: its last bytes come only after the
/// digest matched.
#[derive(Debug)]
pub struct VerifiedBundle {
    examined: Examined,
    id: Digest,
    graph: Graph,
}

impl VerifiedBundle {
    /// Opens and examines a bundle; any error finding refuses it, and so does the name of an unfinished
    /// build: what is still missing there is not seen without reading all of it.
    pub fn admit(path: &Path, limits: Limits) -> Result<Self, AdmitError> {
        // What an unfinished build lacks shows when its blobs are read, which may be hours and many images
        // later.
        if part::is_unfinished(path) && path.is_file() {
            let (path, part) = (path.to_owned(), path.to_owned());
            return Err(AdmitError::Examine(OpenError::Unfinished { path, part }.into()));
        }
        let mut examined = Examined::open(path, limits)?;
        let sound = !examined.findings.forbid();
        match (sound, examined.id(), examined.graph.take()) {
            (true, Some(id), Some(graph)) => Ok(VerifiedBundle { examined, id, graph }),
            (_, _, graph) => {
                examined.graph = graph;
                Err(AdmitError::Refused { path: path.to_owned(), report: Box::new(examined.report()) })
            }
        }
    }

    /// The digest of `index.json`.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// What the bundle holds. Every manifest in it has its bytes.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Findings that don't forbid its use.
    pub fn warnings(&self) -> &[Finding] {
        self.examined.findings()
    }

    /// The platforms of an image.
    pub fn platforms(&self, root: &Root) -> Platforms {
        self.examined.platforms(&self.graph, root)
    }

    /// What a manifest below a root runs on: what an index says, else its config; `None` where neither does.
    pub fn platform_of(&self, leaf: &Leaf) -> Option<Platform> {
        leaf.platform.clone().or_else(|| {
            let config = contents::config_of(&self.graph, leaf)?;
            platform_of_config(&self.examined.small_blob(config)?)
        })
    }

    /// A blob, or a manifest that is used as one, to be read and proven on the way; `None` for what the
    /// bundle doesn't hold.
    pub fn content(&self, digest: &Digest) -> Option<ProvenContent> {
        let source = match self.graph.manifest(digest).and_then(|entry| entry.raw.as_ref()) {
            Some(raw) => Source::Manifest(raw.bytes().clone()),
            None => Source::Blob(self.examined.blob(digest)?.clone()),
        };
        Some(ProvenContent { digest: *digest, source })
    }
}

/// Content that is hashed whenever it is read.
#[derive(Clone, Debug)]
pub struct ProvenContent {
    digest: Digest,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Blob(Section),
    Manifest(bytes::Bytes),
}

impl ProvenContent {
    /// Its digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        match &self.source {
            Source::Blob(section) => section.size(),
            Source::Manifest(bytes) => bytes.len() as u64,
        }
    }

    /// Reads and hashes all of it, for content that is not sent. `progress` is told of each piece's length.
    pub fn prove(&self, progress: impl FnMut(u64)) -> io::Result<()> {
        match &self.source {
            Source::Manifest(_) => Ok(()),
            Source::Blob(section) => {
                let found = section.digest(self.digest.algorithm(), progress)?;
                if found == self.digest { Ok(()) } else { Err(altered(&self.digest, &found)) }
            }
        }
    }

    /// Reads it from the start. The last piece is held back until the digest matched, so whoever counts bytes
    /// never gets all of damaged content.
    pub fn reader(&self) -> ProvenReader {
        let (inner, left) = match &self.source {
            Source::Blob(section) => (Inner::Blob(section.reader()), section.size()),
            Source::Manifest(bytes) => (Inner::Manifest(io::Cursor::new(bytes.clone())), bytes.len() as u64),
        };
        ProvenReader { inner, left, digest: self.digest, hasher: Some(Hasher::new(self.digest.algorithm())) }
    }
}

fn altered(expected: &Digest, found: &Digest) -> io::Error {
    let message = format!("the bundle's content was altered: its digest is {found}, not {expected}");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

enum Inner {
    Blob(SectionReader),
    Manifest(io::Cursor<bytes::Bytes>),
}

/// Reads content and proves it before its end.
pub struct ProvenReader {
    inner: Inner,
    left: u64,
    digest: Digest,
    hasher: Option<Hasher>,
}

impl Read for ProvenReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return self.conclude().map(|()| 0);
        }
        let count = match &mut self.inner {
            Inner::Blob(reader) => reader.read(buffer)?,
            Inner::Manifest(cursor) => cursor.read(buffer)?,
        };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(count as u64);
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        if self.left == 0 {
            self.conclude()?;
        }
        Ok(count)
    }
}

impl ProvenReader {
    /// Compares the digest, once, when all was read.
    fn conclude(&mut self) -> io::Result<()> {
        match self.hasher.take().map(Hasher::finish) {
            Some(found) if found != self.digest => Err(altered(&self.digest, &found)),
            _ => Ok(()),
        }
    }
}

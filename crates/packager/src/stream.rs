//! The archive straight into a pipe: entries in order, one blob after the other, nothing on disk.

use std::io::{self, BufRead, Write};

use airlift_bundle::plan::Content;
use airlift_bundle::tar::header;
use airlift_bundle::{PlannedEntry, Section};
use airlift_oci::{Digest, Event, Hasher, Observer, Phase};
use airlift_registry::{BlobSink, Error};

use crate::fetch::{Fetched, count_at_hand};
use crate::plan::Packing;

/// Why a stream ended before the archive did. What was written is no bundle: it lacks its end.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// A blob could not be fetched.
    #[error("can't fetch {}", .path.join(" → "))]
    Fetch {
        /// Where it stands.
        path: Vec<String>,
        /// What happened.
        #[source]
        source: Error,
    },
    /// A blob came again from its start, with other bytes than those that were handed on already.
    #[error("{} came again with other bytes than those that are in the stream already", .path.join(" → "))]
    Altered {
        /// Where it stands.
        path: Vec<String>,
        /// What the transport said.
        #[source]
        source: Error,
    },
    /// What was at hand changed while it was read.
    #[error("what was at hand of {digest} changed while it was copied")]
    Changed {
        /// The blob.
        digest: Digest,
        /// What the system said, if it said something.
        #[source]
        source: Option<io::Error>,
    },
    /// The stream takes no more.
    #[error("can't write the archive to the stream")]
    Write(#[source] io::Error),
}

impl Packing {
    /// Writes the archive to `out`, from its first byte to its last. Blocks where `out` does.
    ///
    /// # Errors
    /// If a blob can't be fetched or `out` takes no more; what was written by then is cut off and fails every
    /// check.
    pub async fn stream(
        &self,
        out: &mut (dyn Write + Send),
        observer: &dyn Observer,
    ) -> Result<Fetched, StreamError> {
        let bytes = self.plan.blobs().map(|entry| entry.size).sum();
        let _phase = Phase::Fetch.start(observer, bytes);
        self.stream_entries(out, observer).await
    }

    async fn stream_entries(
        &self,
        out: &mut (dyn Write + Send),
        observer: &dyn Observer,
    ) -> Result<Fetched, StreamError> {
        let mut total = Fetched::default();
        for entry in self.plan.entries() {
            out.write_all(&entry.head()).map_err(StreamError::Write)?;
            match self.plan.known_data(entry) {
                Some(data) => out.write_all(data).map_err(StreamError::Write)?,
                None => {
                    let one = self.stream_blob(entry, out, observer).await?;
                    total.downloaded += one.downloaded;
                    total.reused += one.reused;
                }
            }
            let padding = (header::padded(entry.size) - entry.size) as usize;
            out.write_all(&[0; header::BLOCK as usize][..padding]).map_err(StreamError::Write)?;
        }
        let tail = vec![0; (self.plan.size() - self.plan.tail_offset()) as usize];
        out.write_all(&tail).and_then(|()| out.flush()).map_err(StreamError::Write)?;
        Ok(total)
    }

    /// One blob; tells where its bytes came from.
    async fn stream_blob(
        &self,
        entry: &PlannedEntry,
        out: &mut (dyn Write + Send),
        observer: &dyn Observer,
    ) -> Result<Fetched, StreamError> {
        let Content::Blob(position) = entry.content else { return Ok(Fetched::default()) };
        let graph = self.plan.graph();
        let blob = &graph.blobs[position];
        let Some(origin) = self.origin_of(blob) else { return Ok(Fetched::default()) };
        let digest = entry.digest;
        self.plan.announce(entry, observer);
        if let Some(section) = self.proven_at_hand(entry) {
            copy(&section, &digest, out, observer)?;
            return Ok(Fetched { downloaded: 0, reused: entry.size });
        }
        let downloaded = if let Some(bytes) = self.at_hand.get(&digest) {
            out.write_all(bytes).map_err(StreamError::Write)?;
            count_at_hand(&blob.descriptor, observer)
        } else {
            let mut sink = Pipe::new(out, &digest);
            let fetched = origin.fetch(&self.source.transport, &blob.descriptor, None, &mut sink).await;
            let path = || graph.path_of_blob(blob);
            match (fetched, sink.failure) {
                (_, Some(Refused::Out(error))) => return Err(StreamError::Write(error)),
                (Err(source), Some(Refused::Altered)) => {
                    return Err(StreamError::Altered { path: path(), source });
                }
                (Err(source), None) => return Err(StreamError::Fetch { path: path(), source }),
                (Ok(fetched), _) => fetched.downloaded,
            }
        };
        observer.notice(Event::Finished { digest });
        Ok(Fetched { downloaded, reused: entry.size.saturating_sub(downloaded) })
    }
}

/// Copies a blob that was proven a moment ago, and proves it again as it goes: what is in a pipe can't be
/// taken back.
fn copy(
    section: &Section,
    digest: &Digest,
    out: &mut (dyn Write + Send),
    observer: &dyn Observer,
) -> Result<(), StreamError> {
    let changed = |source| StreamError::Changed { digest: *digest, source };
    let mut hasher = Hasher::new(digest.algorithm());
    let mut reader = section.reader();
    loop {
        let piece = reader.fill_buf().map_err(|error| changed(Some(error)))?;
        let count = piece.len();
        if count == 0 {
            break;
        }
        hasher.update(piece);
        out.write_all(piece).map_err(StreamError::Write)?;
        reader.consume(count);
        observer.notice(Event::Found { digest: *digest, bytes: count as u64 });
    }
    observer.notice(Event::Finished { digest: *digest });
    if hasher.finish() == *digest { Ok(()) } else { Err(changed(None)) }
}

/// Why the pipe took no more.
enum Refused {
    Out(io::Error),
    Altered,
}

/// Hands a blob on as it comes. What was handed on can't be taken back: where the blob comes again from its
/// start, those bytes are compared instead, by their hash.
struct Pipe<'a> {
    out: &'a mut (dyn Write + Send),
    fresh: Hasher,
    /// Of all bytes that were handed on.
    handed_on: Hasher,
    count: u64,
    /// Of those that came again; and how many are still to come again.
    repeated: Hasher,
    to_repeat: u64,
    failure: Option<Refused>,
}

impl<'a> Pipe<'a> {
    fn new(out: &'a mut (dyn Write + Send), digest: &Digest) -> Self {
        let fresh = Hasher::new(digest.algorithm());
        let (handed_on, repeated) = (fresh.clone(), fresh.clone());
        Pipe { out, fresh, handed_on, count: 0, repeated, to_repeat: 0, failure: None }
    }
}

impl BlobSink for Pipe<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        let known = piece.len().min(usize::try_from(self.to_repeat).unwrap_or(usize::MAX));
        let (again, new) = piece.split_at(known);
        if known > 0 {
            self.repeated.update(again);
            self.to_repeat -= known as u64;
            if self.to_repeat == 0 && self.repeated.clone().finish() != self.handed_on.clone().finish() {
                self.failure = Some(Refused::Altered);
                return Err(io::Error::other("the content differs from what came first"));
            }
        }
        self.handed_on.update(new);
        self.count += new.len() as u64;
        self.out.write_all(new).map_err(|error| {
            let told = io::Error::new(error.kind(), error.to_string());
            self.failure = Some(Refused::Out(error));
            told
        })
    }

    fn restart(&mut self) -> io::Result<()> {
        self.repeated = self.fresh.clone();
        self.to_repeat = self.count;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_compared_and_not_written_twice() {
        let mut out = Vec::new();
        let digest = Digest::sha256(b"");
        let mut pipe = Pipe::new(&mut out, &digest);
        pipe.write(b"abc").unwrap();
        pipe.restart().unwrap();
        pipe.write(b"ab").unwrap();
        pipe.restart().unwrap();
        pipe.write(b"abcd").unwrap();
        pipe.write(b"e").unwrap();
        assert!(pipe.failure.is_none());
        pipe.restart().unwrap();
        assert!(pipe.write(b"abXde").is_err());
        assert!(matches!(pipe.failure, Some(Refused::Altered)));
        assert_eq!(out, b"abcde");
    }
}

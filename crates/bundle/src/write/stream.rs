//! A plain archive on standard output: `-o -`. Entries in order, one blob after the other, nothing on disk.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_oci::{Hasher, Observer};

use crate::plan::{Plan, PlannedEntry};
use crate::resume::ResumeState;
use crate::tar::header;
use crate::tar::header::BLOCK;
use crate::write::error::{Existing, UnfitError, WriteError};
use crate::write::exclusive::Exclusive;
use crate::write::locks::Lock;
use crate::write::output::{
    BlobWriter, BundleWriter, Leftovers, Measure, OpenOutput, OpenedOutput, Order, OutputForm, Published,
};

/// What goes to the stream at a time.
const WRITE_SIZE: usize = 256 << 10;

/// The form of a plain archive on standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream;

impl OutputForm for Stream {
    fn check(&self, _: &Path) -> Result<(), &'static str> {
        Ok(())
    }

    fn unfinished(&self, _: &Path) -> Vec<PathBuf> {
        Vec::new()
    }

    fn has_name_behind(&self, _: &[u8]) -> bool {
        false
    }

    fn touched(&self, path: &Path) -> Vec<PathBuf> {
        vec![path.to_owned()]
    }

    fn measure(&self, plan: &Plan) -> Result<Measure, UnfitError> {
        Ok(Measure::of_archive(plan))
    }

    fn taken(&self, _: &Path, _: &Plan) -> Result<Option<PathBuf>, WriteError> {
        Ok(None)
    }

    fn complete_at(&self, _: &Path, _: &Plan, _: &dyn Observer) -> io::Result<Option<Published>> {
        Ok(None)
    }

    fn open(&self, _: &Path) -> Result<OpenedOutput, WriteError> {
        Ok(OpenedOutput { output: Box::new(OpenStream), contents: Vec::new() })
    }
}

#[derive(Debug)]
struct OpenStream;

impl OpenOutput for OpenStream {
    fn writer(&self, plan: &Arc<Plan>) -> Result<(Arc<dyn BundleWriter>, Leftovers), WriteError> {
        // Straight to the descriptor: Rust's own buffer looks for line ends.
        let descriptor = io::stdout().lock().as_fd().try_clone_to_owned().map_err(WriteError::Stream)?;
        let out = BufWriter::with_capacity(WRITE_SIZE, File::from(descriptor));
        Ok((Arc::new(StreamWriter::new(Box::new(out), plan)), Leftovers::default()))
    }
}

type Out = Box<dyn Write + Send>;

/// Writes an archive from its first byte to its last. Blocks where the stream does.
struct StreamWriter {
    plan: Arc<Plan>,
    out: Exclusive<Out>,
}

impl StreamWriter {
    fn new(out: Out, plan: &Arc<Plan>) -> Self {
        StreamWriter { plan: Arc::clone(plan), out: Exclusive::new(out) }
    }

    fn take_out(&self) -> Result<Out, WriteError> {
        self.out.take().ok_or(WriteError::OutOfTurn)
    }
}

impl BundleWriter for StreamWriter {
    fn lock(&self) -> Lock {
        Lock::Held
    }

    fn order(&self) -> Order {
        Order::Archive
    }

    fn resume(&self, _: &dyn Observer) -> Result<Vec<ResumeState>, WriteError> {
        Ok(vec![ResumeState::Missing; self.plan.blobs().count()])
    }

    fn write_known(&self) -> Result<(), WriteError> {
        let mut out = self.take_out()?;
        for entry in self.plan.entries() {
            let Some(data) = self.plan.known_data(&entry) else { break };
            let written = out.write_all(&entry.header()).and_then(|()| out.write_all(data));
            written.and_then(|()| pad(&mut out, &entry)).map_err(WriteError::Stream)?;
        }
        self.out.put(out);
        Ok(())
    }

    fn blob(&self, entry: &PlannedEntry) -> Result<Box<dyn BlobWriter>, WriteError> {
        let mut out = self.take_out()?;
        out.write_all(&entry.header()).map_err(WriteError::Stream)?;
        Ok(Box::new(StreamBlob::new(out, entry, self.out.clone())))
    }

    fn sync(&self) -> Result<(), WriteError> {
        Ok(())
    }

    fn publish(&self, _: Existing, _: &dyn Observer) -> Result<Published, WriteError> {
        let mut out = self.take_out()?;
        let tail = vec![0; (self.plan.size() - self.plan.tail_offset()) as usize];
        out.write_all(&tail).and_then(|()| out.flush()).map_err(WriteError::Stream)?;
        Ok(Published { size: self.plan.size(), volumes: None })
    }
}

fn pad(out: &mut Out, entry: &PlannedEntry) -> io::Result<()> {
    let padding = (header::padded(entry.size) - entry.size) as usize;
    out.write_all(&[0; BLOCK as usize][..padding])
}

/// Passes a blob on as it comes. Bytes can't be taken back from a stream: if the blob comes again from its
/// start, the bytes that were passed on are compared instead, by their hash.
struct StreamBlob {
    out: Out,
    /// Where `out` goes when the blob is complete.
    back_to: Exclusive<Out>,
    entry: PlannedEntry,
    /// Of all bytes that were passed on.
    passed_on: Hasher,
    count: u64,
    /// Of those that came again; and how many are still to come again.
    repeated: Hasher,
    to_repeat: u64,
}

impl StreamBlob {
    fn new(out: Out, entry: &PlannedEntry, back_to: Exclusive<Out>) -> Self {
        let fresh = Hasher::new(entry.digest.algorithm());
        let (passed_on, repeated) = (fresh.clone(), fresh);
        StreamBlob { out, back_to, entry: *entry, passed_on, count: 0, repeated, to_repeat: 0 }
    }

    fn altered(&self) -> WriteError {
        WriteError::Altered { digest: self.entry.digest }
    }
}

impl BlobWriter for StreamBlob {
    fn write(&mut self, piece: &[u8]) -> Result<(), WriteError> {
        let known = piece.len().min(usize::try_from(self.to_repeat).unwrap_or(usize::MAX));
        let (again, new) = piece.split_at(known);
        if known > 0 {
            self.repeated.update(again);
            self.to_repeat -= known as u64;
            if self.to_repeat == 0 && self.repeated.clone().finish() != self.passed_on.clone().finish() {
                return Err(self.altered());
            }
        }
        self.count = self.count.saturating_add(new.len() as u64);
        let PlannedEntry { digest, size, .. } = self.entry;
        if self.count > size {
            return Err(WriteError::Length { digest, expected: size, taken: self.count });
        }
        self.passed_on.update(new);
        self.out.write_all(new).map_err(WriteError::Stream)
    }

    fn go_back_to(&mut self, _: u64) -> Result<u64, WriteError> {
        self.repeated = Hasher::new(self.entry.digest.algorithm());
        self.to_repeat = self.count;
        Ok(0)
    }

    fn can_go_back(&self) -> bool {
        false
    }

    fn finish(self: Box<Self>) -> Result<(), WriteError> {
        let PlannedEntry { digest, size, .. } = self.entry;
        let taken = self.count - self.to_repeat;
        if taken != size {
            return Err(WriteError::Length { digest, expected: size, taken });
        }
        if self.passed_on.clone().finish() != digest {
            return Err(self.altered());
        }
        let StreamBlob { mut out, back_to, entry, .. } = *self;
        pad(&mut out, &entry).map_err(WriteError::Stream)?;
        back_to.put(out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use airlift_oci::Digest;

    use super::*;
    use crate::plan::Content;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(piece);
            Ok(piece.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn blob(content: &[u8]) -> (Box<StreamBlob>, Shared, Exclusive<Out>) {
        let digest = Digest::sha256(content);
        let entry = PlannedEntry {
            content: Content::Blob(0),
            digest,
            header_offset: 0,
            data_offset: BLOCK,
            size: content.len() as u64,
        };
        let out = Shared::default();
        let back_to: Exclusive<Out> = Exclusive::new(Box::new(out.clone()));
        let taken = back_to.take().unwrap();
        (Box::new(StreamBlob::new(taken, &entry, back_to.clone())), out, back_to)
    }

    #[test]
    fn what_comes_again_is_compared_and_not_written_twice() {
        let (mut pipe, out, _) = blob(b"abcdefgh");
        pipe.write(b"abc").unwrap();
        pipe.go_back_to(0).unwrap();
        pipe.write(b"ab").unwrap();
        pipe.go_back_to(0).unwrap();
        pipe.write(b"abcd").unwrap();
        pipe.write(b"e").unwrap();
        pipe.go_back_to(0).unwrap();
        assert!(matches!(pipe.write(b"abXde"), Err(WriteError::Altered { .. })));
        assert_eq!(*out.0.lock().unwrap(), b"abcde");
    }

    #[test]
    fn only_a_complete_blob_gives_the_stream_back() {
        let (mut pipe, _, back_to) = blob(b"abc");
        pipe.write(b"ab").unwrap();
        assert!(matches!(pipe.finish(), Err(WriteError::Length { taken: 2, .. })));
        assert!(back_to.take().is_none());
        let (mut pipe, _, _) = blob(b"abc");
        assert!(matches!(pipe.write(b"abcd"), Err(WriteError::Length { taken: 4, .. })));
        let (mut pipe, _, back_to) = blob(b"abc");
        pipe.write(b"abX").unwrap();
        assert!(matches!(pipe.finish(), Err(WriteError::Altered { .. })));
        assert!(back_to.take().is_none());
        let (mut pipe, out, back_to) = blob(b"abc");
        pipe.write(b"abc").unwrap();
        pipe.finish().unwrap();
        assert!(back_to.take().is_some());
        assert_eq!(out.0.lock().unwrap().len(), BLOCK as usize);
    }
}

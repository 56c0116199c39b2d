//! Where bytes of blobs go that come from a registry.

use std::io;

use airlift_bundle::{BlobWriter, WriteError};
use airlift_registry::BlobSink;

use crate::room::Room;

/// Hands what arrives to a writer, and keeps the reason where that fails.
pub(crate) struct WriterSink<'a> {
    blob: &'a mut dyn BlobWriter,
    room: Option<&'a mut Room>,
    pub(crate) failure: Option<WriteError>,
}

impl<'a> WriterSink<'a> {
    pub(crate) fn new(blob: &'a mut dyn BlobWriter, room: Option<&'a mut Room>) -> Self {
        WriterSink { blob, room, failure: None }
    }

    fn outcome(&mut self, outcome: Result<(), WriteError>) -> io::Result<()> {
        outcome.map_err(|error| {
            let said = io::Error::other(error.to_string());
            self.failure = Some(error);
            said
        })
    }
}

impl BlobSink for WriterSink<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        if let Some(room) = &mut self.room {
            room.arrived(piece.len());
        }
        let outcome = self.blob.write(piece);
        self.outcome(outcome)
    }

    fn restart(&mut self) -> io::Result<()> {
        let outcome = self.blob.go_back_to(0).map(|_| ());
        self.outcome(outcome)
    }
}

/// Keeps a small blob in memory. The transport passes on no more bytes than the descriptor says.
#[derive(Default)]
pub(crate) struct MemorySink(pub(crate) Vec<u8>);

impl BlobSink for MemorySink {
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(piece);
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.0.clear();
        Ok(())
    }
}

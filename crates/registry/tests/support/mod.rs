//! What the tests of the transport share: options that don't wait, sinks and sources in memory, an observer
//! that remembers.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod child;
pub(crate) mod faults;
pub(crate) mod line;
pub(crate) mod script;
pub(crate) mod shop;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airlift_oci::{Descriptor, Digest, Event, Observer, Repository};
use airlift_registry::{BlobPieces, BlobSink, BlobSource, Options, Transport};

/// Options for tests: no credentials but those given, pauses of a millisecond.
pub(crate) fn options() -> Options {
    Options {
        backoff: Duration::from_millis(1),
        longest_pause: Duration::from_millis(20),
        retries: 3,
        auth_file: Some(no_credentials()),
        ..Options::default()
    }
}

/// A credential file without credentials, so that nobody's own ones are used.
fn no_credentials() -> std::path::PathBuf {
    let path = std::env::temp_dir().join("airlift-test-no-credentials.json");
    if !path.exists() {
        let scratch =
            path.with_extension(format!("{}.{:?}", std::process::id(), std::thread::current().id()));
        std::fs::write(&scratch, "{}").unwrap();
        std::fs::rename(&scratch, &path).unwrap();
    }
    path
}

pub(crate) fn transport(options: Options) -> (Transport, Arc<Log>) {
    let log = Arc::new(Log::default());
    let observer: Arc<dyn Observer> = Arc::clone(&log) as _;
    (Transport::new(options, observer).unwrap(), log)
}

/// Remembers all events.
#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<Event>>);

impl Observer for Log {
    fn notice(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Log {
    /// Reason, next attempt and pause of each retry.
    pub(crate) fn retries(&self) -> Vec<(String, u32, u64)> {
        let retry = |event: &Event| match event {
            Event::Retrying { reason, attempt, delay_ms, .. } => Some((reason.clone(), *attempt, *delay_ms)),
            _ => None,
        };
        self.0.lock().unwrap().iter().filter_map(retry).collect()
    }

    /// Bytes that went forward, less those that were taken back.
    pub(crate) fn progress(&self) -> u64 {
        self.0.lock().unwrap().iter().fold(0, |sum, event| match event {
            Event::Advanced { bytes, .. } | Event::Found { bytes, .. } => sum + bytes,
            Event::Rewound { bytes, .. } => sum.checked_sub(*bytes).expect("more taken back than counted"),
            _ => sum,
        })
    }
}

/// A sink in memory.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) bytes: Vec<u8>,
    pub(crate) restarts: u32,
}

impl BlobSink for Memory {
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.bytes.clear();
        self.restarts += 1;
        Ok(())
    }
}

/// A source in memory.
pub(crate) struct Bytes(pub Vec<u8>);

impl BlobSource for Bytes {
    fn open(&self) -> io::Result<Box<dyn BlobPieces>> {
        Ok(Box::new(bytes::Bytes::from(self.0.clone())))
    }
}

/// A source that finds out at its end that its content is corrupt.
pub(crate) struct Corrupt(pub Vec<u8>);

impl BlobSource for Corrupt {
    fn open(&self) -> io::Result<Box<dyn BlobPieces>> {
        struct CorruptPieces(bytes::Bytes);
        impl BlobPieces for CorruptPieces {
            fn next_piece(&mut self, most: usize) -> io::Result<bytes::Bytes> {
                let piece = self.0.next_piece(most)?;
                if piece.is_empty() {
                    let message = "these bytes have another digest";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                }
                Ok(piece)
            }
        }
        Ok(Box::new(CorruptPieces(self.0.clone().into())))
    }
}

/// Bytes that look like nothing in particular.
pub(crate) fn content(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ size as u64;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..size).map(step).collect()
}

pub(crate) fn descriptor(content: &[u8]) -> Descriptor {
    Descriptor::new("application/octet-stream", Digest::sha256(content), content.len() as u64)
}

pub(crate) fn repository(address: std::net::SocketAddr, path: &str) -> Repository {
    format!("{address}/{path}").parse().unwrap()
}

/// The whole chain of an error, as an operator would read it.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}

//! One direction of a connection: one thread reads, one delivers.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::in_flight::{InFlight, Piece};
use super::rate::Rate;

/// The most that is read at a time.
const PIECE: usize = 64 << 10;
/// So long before its last piece has left, a connection may book the next one: a thread that wakes up late
/// loses no time of the line.
const AHEAD: Duration = Duration::from_millis(4);

/// From one socket to another.
pub(super) struct Direction<'a> {
    pub(super) from: &'a TcpStream,
    pub(super) to: &'a TcpStream,
    pub(super) rate: &'a Rate,
    /// Before this, nothing leaves.
    pub(super) starts: Instant,
    /// From leaving to arriving.
    pub(super) delay: Duration,
}

impl Direction<'_> {
    /// Carries bytes until `from` has ended and its last byte has arrived.
    pub(super) fn carry(&self) {
        let in_flight = InFlight::default();
        thread::scope(|scope| {
            scope.spawn(|| self.deliver(&in_flight));
            self.read(&in_flight);
        });
    }

    fn read(&self, in_flight: &InFlight) {
        let mut buffer = vec![0; PIECE];
        sleep_until(self.starts);
        loop {
            let read = match (&mut &*self.from).read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // A reset ends the direction, too.
                read => read.unwrap_or(0),
            };
            let left = self.rate.book(read, Instant::now());
            in_flight.put(Piece { arrives: left + self.delay, bytes: buffer[..read].to_vec() });
            if read == 0 {
                return;
            }
            // Others have their turn meanwhile.
            sleep_until(left - AHEAD);
        }
    }

    fn deliver(&self, in_flight: &InFlight) {
        loop {
            let Piece { arrives, bytes } = in_flight.take();
            sleep_until(arrives);
            if bytes.is_empty() {
                let _ = self.to.shutdown(Shutdown::Write);
                return;
            }
            if (&mut &*self.to).write_all(&bytes).is_err() {
                // The other direction may still bring an answer, so the socket stays open.
                return in_flight.close();
            }
            in_flight.arrived(bytes.len());
        }
    }
}

fn sleep_until(then: Instant) {
    thread::sleep(then.saturating_duration_since(Instant::now()));
}

//! The bytes of a connection that have left and have not arrived, in one direction.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::time::Instant;

/// So many bytes are in flight at most: 300 ms at 50 MB/s are less than twice as many.
const WINDOW: usize = 8 << 20;

/// Some bytes on their way.
pub(super) struct Piece {
    /// When they arrive.
    pub(super) arrives: Instant,
    /// None for the end of the direction.
    pub(super) bytes: Vec<u8>,
}

/// The pieces on their way, in order.
#[derive(Default)]
pub(super) struct InFlight {
    pieces: Mutex<Pieces>,
    changed: Condvar,
}

#[derive(Default)]
struct Pieces {
    waiting: VecDeque<Piece>,
    /// The bytes of these, and of the one that is being delivered.
    bytes: usize,
    /// No one takes pieces any more.
    is_closed: bool,
}

impl InFlight {
    /// Adds a piece, when there is room for it. After [`Self::close`] it is dropped.
    pub(super) fn put(&self, piece: Piece) {
        let is_full = |pieces: &mut Pieces| {
            !pieces.is_closed && pieces.bytes > 0 && pieces.bytes + piece.bytes.len() > WINDOW
        };
        let mut pieces = self.changed.wait_while(self.pieces.lock().unwrap(), is_full).unwrap();
        if !pieces.is_closed {
            pieces.bytes += piece.bytes.len();
            pieces.waiting.push_back(piece);
        }
        self.changed.notify_all();
    }

    /// The next piece, when there is one. It still takes its room.
    pub(super) fn take(&self) -> Piece {
        let mut pieces = self.pieces.lock().unwrap();
        loop {
            if let Some(piece) = pieces.waiting.pop_front() {
                return piece;
            }
            pieces = self.changed.wait(pieces).unwrap();
        }
    }

    /// Frees the room of a piece that has arrived.
    pub(super) fn arrived(&self, bytes: usize) {
        self.pieces.lock().unwrap().bytes -= bytes;
        self.changed.notify_all();
    }

    /// No piece will be taken from now on.
    pub(super) fn close(&self) {
        *self.pieces.lock().unwrap() = Pieces { is_closed: true, ..Pieces::default() };
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    fn piece(first: u8) -> Piece {
        let mut bytes = vec![0; 64 << 10];
        bytes[0] = first;
        Piece { arrives: Instant::now(), bytes }
    }

    #[test]
    fn a_whole_window_is_in_flight_before_the_first_piece_arrives() {
        let in_flight = InFlight::default();
        for number in 0..128 {
            in_flight.put(piece(number));
        }
        for number in 0..128 {
            assert_eq!(in_flight.take().bytes[0], number);
        }
    }

    #[test]
    fn more_than_a_window_waits_until_a_piece_has_arrived() {
        let in_flight = InFlight::default();
        for number in 0..128 {
            in_flight.put(piece(number));
        }
        let has_arrived = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                in_flight.put(piece(128));
                assert!(has_arrived.load(Ordering::SeqCst));
            });
            let first = in_flight.take();
            has_arrived.store(true, Ordering::SeqCst);
            in_flight.arrived(first.bytes.len());
        });
    }

    #[test]
    fn what_no_one_takes_is_dropped() {
        let in_flight = InFlight::default();
        in_flight.close();
        for _ in 0..200 {
            in_flight.put(piece(0));
        }
        assert_eq!(in_flight.pieces.lock().unwrap().bytes, 0);
    }
}

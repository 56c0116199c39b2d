//! Reads in the background: a thread reads the next pieces while the caller uses the last ones.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use bytes::Bytes;

/// A source that is read in pieces.
pub(crate) trait ReadPieces: Send + 'static {
    /// The next bytes from `position` on: at most `left`, and none only at the end. No piece is empty.
    ///
    /// # Errors
    /// If the system can't read.
    fn read_pieces(&mut self, position: u64, left: u64) -> io::Result<VecDeque<Bytes>>;
}

/// A read that was ordered. Its source comes back with the answer.
struct Order<S> {
    source: S,
    position: u64,
    left: u64,
}

/// The thread that reads. It has at most one order at a time. It ends when this is dropped, after the read
/// that is under way.
#[derive(Debug)]
pub(crate) struct ReadThread<S> {
    orders: Sender<Order<S>>,
    /// A mutex, so that readers can be shared between threads. It is never locked.
    answers: Mutex<Receiver<Answer<S>>>,
}

/// The source, and what it read.
pub(crate) type Answer<S> = (S, io::Result<VecDeque<Bytes>>);

impl<S: ReadPieces> ReadThread<S> {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no more threads.
    pub(crate) fn start() -> io::Result<Self> {
        let (orders, ordered) = channel::<Order<S>>();
        let (done, answers) = channel();
        let work = move || {
            for Order { mut source, position, left } in ordered {
                let outcome = source.read_pieces(position, left);
                if done.send((source, outcome)).is_err() {
                    break;
                }
            }
        };
        thread::Builder::new().name("read-ahead".to_owned()).spawn(work)?;
        Ok(ReadThread { orders, answers: Mutex::new(answers) })
    }

    /// Orders a read. [`ReadThread::answer`] waits for it.
    pub(crate) fn order(&self, source: S, position: u64, left: u64) {
        // If the thread is gone, there is no answer either.
        let _ = self.orders.send(Order { source, position, left });
    }

    /// Waits for the read that was ordered.
    ///
    /// # Errors
    /// If the thread is gone.
    pub(crate) fn answer(&mut self) -> io::Result<Answer<S>> {
        let gone = || io::Error::other("the thread that reads the file is gone");
        self.answers.get_mut().map_err(|_| gone())?.recv().map_err(|_| gone())
    }
}

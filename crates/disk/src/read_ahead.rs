//! Reads in the background: a thread fills one buffer while the caller uses the other.

use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::aligned::AlignedBuffer;

/// A source that fills buffers.
pub(crate) trait FillAt: Send + 'static {
    /// Replaces what `buffer` holds by the bytes from `position` on, of which at most `left` are wanted.
    ///
    /// # Errors
    /// If the system can't read.
    fn fill_at(&mut self, buffer: &mut AlignedBuffer, position: u64, left: u64) -> io::Result<()>;
}

/// A read that was ordered. Its source and its buffer come back with the answer.
struct Order<S> {
    source: S,
    buffer: AlignedBuffer,
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

/// The source, the buffer, and whether the read succeeded.
pub(crate) type Answer<S> = (S, AlignedBuffer, io::Result<()>);

impl<S: FillAt> ReadThread<S> {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no more threads.
    pub(crate) fn start() -> io::Result<Self> {
        let (orders, ordered) = channel::<Order<S>>();
        let (done, answers) = channel();
        let work = move || {
            for Order { mut source, mut buffer, position, left } in ordered {
                let outcome = source.fill_at(&mut buffer, position, left);
                if done.send((source, buffer, outcome)).is_err() {
                    break;
                }
            }
        };
        thread::Builder::new().name("read-ahead".to_owned()).spawn(work)?;
        Ok(ReadThread { orders, answers: Mutex::new(answers) })
    }

    /// Orders a read. [`ReadThread::answer`] waits for it.
    pub(crate) fn order(&self, source: S, buffer: AlignedBuffer, position: u64, left: u64) {
        // If the thread is gone, there is no answer either.
        let _ = self.orders.send(Order { source, buffer, position, left });
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

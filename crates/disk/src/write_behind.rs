//! Writes in the background: a thread writes one buffer while the caller fills the next.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use crate::aligned::AlignedBuffer;

/// How many buffers one writer may have besides the one that its caller fills.
const RING: usize = 2;
/// How many buffers all writers of the process may have besides those that their callers fill.
const SHARED: usize = 16;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// The right to one of the shared buffers.
struct Permit;

impl Permit {
    fn take() -> Option<Self> {
        let one_more = |taken| (taken < SHARED).then_some(taken + 1);
        TAKEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok().map(|_| Permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        TAKEN.fetch_sub(1, Ordering::Relaxed);
    }
}

type Write<E> = dyn Fn(&[u8], u64) -> Result<(), E> + Send + Sync;

/// Writes buffers on a thread of its own, one after the other in the order in which they come. So the bytes
/// on disk are always a prefix of those that were handed over, whatever ends the process.
///
/// The caller waits only when all buffers are full. If a write fails, the next call reports it, and the
/// buffers that were handed over after the failed one are not written. The caller then has to start over. A
/// `WriteBehind` that is dropped waits for its writes.
pub struct WriteBehind<E> {
    write: Arc<Write<E>>,
    thread: Option<WriteThread<E>>,
    spare: Vec<AlignedBuffer>,
    permits: Vec<Permit>,
}

impl<E: Send + 'static> WriteBehind<E> {
    /// Calls `write` for each buffer, with its bytes and its offset. Starts no thread yet.
    pub fn new(write: impl Fn(&[u8], u64) -> Result<(), E> + Send + Sync + 'static) -> Self {
        WriteBehind { write: Arc::new(write), spare: Vec::new(), permits: Vec::new(), thread: None }
    }

    /// Hands the bytes of `buffer` over, to be written at `offset`. The buffer is empty then.
    ///
    /// # Errors
    /// If an earlier write failed, or this one did already.
    pub fn write(&mut self, buffer: &mut AlignedBuffer, offset: u64) -> Result<(), E> {
        let Some(empty) = self.empty_buffer(buffer.capacity())? else {
            return self.write_now(buffer, offset);
        };
        if self.thread.is_none() {
            self.thread = WriteThread::start(&self.write);
        }
        match &mut self.thread {
            Some(thread) => {
                thread.send(mem::replace(buffer, empty), offset);
                Ok(())
            }
            // The system gives no more threads.
            None => {
                self.spare.push(empty);
                self.write_now(buffer, offset)
            }
        }
    }

    /// Writes the bytes of `buffer` at `offset`, after all that were handed over before. The buffer is empty
    /// then.
    ///
    /// # Errors
    /// If one of these writes fails.
    pub fn write_now(&mut self, buffer: &mut AlignedBuffer, offset: u64) -> Result<(), E> {
        self.wait()?;
        (self.write)(buffer.bytes(), offset)?;
        buffer.clear();
        Ok(())
    }

    /// Waits until all that was handed over is written.
    ///
    /// # Errors
    /// If one of these writes fails.
    pub fn wait(&mut self) -> Result<(), E> {
        while self.thread.as_ref().is_some_and(WriteThread::is_writing) {
            self.reclaim(WriteThread::wait)?;
        }
        Ok(())
    }

    /// A buffer that is free, or a new one; where there may be no more of them, the first that is written.
    /// `None` if no buffer will become free.
    fn empty_buffer(&mut self, capacity: usize) -> Result<Option<AlignedBuffer>, E> {
        while self.reclaim(WriteThread::poll)? {}
        if self.spare.is_empty()
            && self.permits.len() < RING
            && let Some(permit) = Permit::take()
        {
            self.permits.push(permit);
            self.spare.push(AlignedBuffer::new(capacity));
        }
        if self.spare.is_empty() {
            self.reclaim(WriteThread::wait)?;
        }
        Ok(self.spare.pop())
    }

    /// Takes a buffer back that was written, if `next` finds one.
    fn reclaim(&mut self, next: impl Fn(&mut WriteThread<E>) -> Option<Written<E>>) -> Result<bool, E> {
        let Some((buffer, outcome)) = self.thread.as_mut().and_then(next) else {
            return Ok(false);
        };
        if let Err(error) = outcome {
            // It wrote nothing since, and its other buffers are gone with it.
            (self.thread, self.spare, self.permits) = (None, Vec::new(), Vec::new());
            return Err(error);
        }
        self.spare.push(buffer);
        Ok(true)
    }
}

impl<E> fmt::Debug for WriteBehind<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBehind").field("buffers", &self.permits.len()).finish_non_exhaustive()
    }
}

type Written<E> = (AlignedBuffer, Result<(), E>);

/// The thread that writes. It ends with the first write that fails.
struct WriteThread<E> {
    full: Option<Sender<(AlignedBuffer, u64)>>,
    written: Receiver<Written<E>>,
    /// How many buffers it has.
    count: usize,
    handle: Option<JoinHandle<()>>,
}

impl<E: Send + 'static> WriteThread<E> {
    fn start(write: &Arc<Write<E>>) -> Option<Self> {
        let (full, to_write) = channel::<(AlignedBuffer, u64)>();
        let (done, written) = channel();
        let write = Arc::clone(write);
        let work = move || {
            for (buffer, offset) in to_write {
                let outcome = write(buffer.bytes(), offset);
                let is_last = outcome.is_err();
                if done.send((buffer, outcome)).is_err() || is_last {
                    break;
                }
            }
        };
        let handle = thread::Builder::new().name("write-behind".to_owned()).spawn(work).ok()?;
        Some(WriteThread { full: Some(full), written, count: 0, handle: Some(handle) })
    }

    /// After a failed write nothing takes the buffer. [`WriteThread::wait`] finds the error.
    fn send(&mut self, buffer: AlignedBuffer, offset: u64) {
        if let Some(full) = &self.full {
            let _ = full.send((buffer, offset));
        }
        self.count += 1;
    }

    fn is_writing(&self) -> bool {
        self.count > 0
    }

    /// A buffer that has been written.
    fn poll(&mut self) -> Option<Written<E>> {
        let (mut buffer, outcome) = self.written.try_recv().ok()?;
        buffer.clear();
        self.count -= 1;
        Some((buffer, outcome))
    }

    /// The next buffer that is written; `None` if the thread has none.
    fn wait(&mut self) -> Option<Written<E>> {
        if self.count == 0 {
            return None;
        }
        let Ok((mut buffer, outcome)) = self.written.recv() else {
            self.end().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            return None;
        };
        buffer.clear();
        self.count -= 1;
        Some((buffer, outcome))
    }
}

impl<E> WriteThread<E> {
    /// Waits for all writes.
    fn end(&mut self) -> thread::Result<()> {
        self.count = 0;
        drop(self.full.take());
        self.handle.take().map_or(Ok(()), JoinHandle::join)
    }
}

impl<E> Drop for WriteThread<E> {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn filled(byte: u8) -> AlignedBuffer {
        let mut buffer = AlignedBuffer::new(512);
        buffer.fill(&[byte; 512]);
        buffer
    }

    #[test]
    fn all_is_written_in_order() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&log);
        let mut behind = WriteBehind::<()>::new(move |bytes, offset| {
            written.lock().unwrap().push((bytes[0], bytes.len(), offset));
            Ok(())
        });
        for n in 0..100_u8 {
            let mut buffer = filled(n);
            behind.write(&mut buffer, u64::from(n) * 512).unwrap();
            assert!(buffer.bytes().is_empty());
        }
        assert!(behind.permits.len() <= RING);
        behind.write_now(&mut filled(100), 51_200).unwrap();
        let expected: Vec<_> = (0..=100).map(|n| (n, 512, u64::from(n) * 512)).collect();
        assert_eq!(*log.lock().unwrap(), expected);
        behind.write(&mut filled(101), 0).unwrap();
        drop(behind);
        assert_eq!(log.lock().unwrap().len(), 102, "it waits for the last write");
    }

    #[test]
    fn nothing_is_written_behind_a_failed_write_before_it_is_reported() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&log);
        let mut behind = WriteBehind::new(move |_, offset| {
            written.lock().unwrap().push(offset);
            if offset == 3 { Err(offset) } else { Ok(()) }
        });
        let failed = (0..10).find_map(|offset| behind.write(&mut filled(0), offset).err());
        assert_eq!(failed, Some(3));
        assert_eq!(*log.lock().unwrap(), [0, 1, 2, 3]);
        behind.write(&mut filled(0), 3).unwrap();
        assert_eq!(behind.wait(), Err(3));
        behind.write(&mut filled(0), 4).unwrap();
        assert_eq!(behind.wait(), Ok(()));
    }
}

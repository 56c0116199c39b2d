//! The runtime of all commands, and the threads that it can't do without.

use std::io;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// Threads for blocking work stay this long, so that there is always one.
const KEPT: Duration = Duration::from_secs(365 * 86_400);

/// Starts the runtime.
///
/// # Errors
/// If the system doesn't give it the threads that it needs.
pub(crate) fn start() -> io::Result<Runtime> {
    let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get).max(2);
    // One more is for blocking work, and one for what else happens in the system meanwhile.
    try_threads(workers + 2)?;
    let runtime =
        Builder::new_multi_thread().worker_threads(workers).thread_keep_alive(KEPT).enable_all().build()?;
    // Where the system gives no more threads later, blocking work waits for this one. Without any, tokio
    // would panic.
    drop(runtime.spawn_blocking(|| ()));
    Ok(runtime)
}

/// Starts so many threads that do nothing: tokio panics where it can't start one.
fn try_threads(count: usize) -> io::Result<()> {
    let gate = Mutex::new(());
    thread::scope(|scope| {
        let closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
        let pass = || drop(gate.lock());
        let started = (0..count).try_for_each(|_| thread::Builder::new().spawn_scoped(scope, pass).map(drop));
        drop(closed);
        started
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_blocks_finds_a_thread() {
        let runtime = start().unwrap();
        assert_eq!(runtime.block_on(async { tokio::task::spawn_blocking(|| 7).await.unwrap() }), 7);
    }
}

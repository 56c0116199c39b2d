//! Reads many files, on all cores.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{io, thread};

use super::manifests::{Listed, read_into};

/// A thread for fewer files costs more than it gains.
const FILES_OF_A_THREAD: usize = 64;

/// What was made of a file, or why it can't be read.
pub(crate) type OfFile<T> = Result<T, (PathBuf, io::Error)>;

/// Reads each file, of which one byte more than `most` is read at most, and makes something of it. The
/// results have the order of the files.
pub(crate) fn on_all<T: Send>(
    listed: &[Listed],
    most: usize,
    make: impl Fn(&Path, &[u8]) -> T + Sync,
) -> Vec<OfFile<T>> {
    let queue = Queue { listed, most, next: AtomicUsize::new(0), make };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let helpers = cores.min(listed.len() / FILES_OF_A_THREAD + 1) - 1;
    let mut results = thread::scope(|scope| {
        // Where no thread can be had, this one does it alone.
        let helper = |_| thread::Builder::new().spawn_scoped(scope, || queue.work()).ok();
        let helpers: Vec<_> = (0..helpers).filter_map(helper).collect();
        let mut results = queue.work();
        for helper in helpers {
            match helper.join() {
                Ok(more) => results.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    });
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The files, each of which one thread takes.
struct Queue<'f, F> {
    listed: &'f [Listed],
    most: usize,
    next: AtomicUsize,
    make: F,
}

impl<T, F: Fn(&Path, &[u8]) -> T> Queue<'_, F> {
    /// Reads files until none is left. Each result has the number of its file.
    fn work(&self) -> Vec<(usize, OfFile<T>)> {
        let (mut results, mut bytes) = (Vec::new(), Vec::new());
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            match self.listed.get(number) {
                None => return results,
                Some(listed) => results.push((number, self.of(listed, &mut bytes))),
            }
        }
    }

    fn of(&self, listed: &Listed, bytes: &mut Vec<u8>) -> OfFile<T> {
        let path = match listed {
            Ok(path) => path,
            // An error can't be copied, and this one is said once.
            Err((folder, error)) => {
                return Err((folder.clone(), io::Error::new(error.kind(), error.to_string())));
            }
        };
        read_into(path, self.most, bytes).map_err(|error| (path.clone(), error))?;
        Ok((self.make)(path, bytes))
    }
}

/// The name by which output knows a file.
pub(crate) fn name_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

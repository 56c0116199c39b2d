//! The limit of open files, which connections count towards.

use std::error::Error;
use std::io;

/// EMFILE: this process has as many as it may have.
const OF_PROCESS: i32 = 24;
/// ENFILE: the system has.
const OF_SYSTEM: i32 = 23;

/// Whether `error`, or one of its causes, says that no more files or connections can be opened. That is a
/// limit of this machine.
pub fn is_out_of_files(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let number = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
        if matches!(number, Some(OF_PROCESS | OF_SYSTEM)) {
            return true;
        }
        next = error.source();
    }
    false
}

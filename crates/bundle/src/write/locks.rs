//! Locks on files, where the file system has them, and the process that holds one: Linux names it in
//! `/proc/locks`, other systems don't.

use std::fs::{File, Metadata, TryLockError};
use std::os::unix::fs::MetadataExt;

use rustix::io::Errno;

/// Whether other processes are kept from writing to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// They are.
    Held,
    /// They are not: the file system has no locks, as NFS without its lock service.
    Lacking,
}

/// Locks a file for its one writer, if the file system can.
pub(crate) fn take(file: &File) -> Result<Lock, TryLockError> {
    match file.try_lock() {
        Ok(()) => Ok(Lock::Held),
        Err(TryLockError::Error(error))
            if airlift_disk::is_unsupported(&error) || Errno::from_io_error(&error) == Some(Errno::NOLCK) =>
        {
            Ok(Lock::Lacking)
        }
        Err(error) => Err(error),
    }
}

/// The process that holds a lock on `file`, in words such as "process 4711 (airlift)"; `None` where it is not
/// known: on other systems, across containers, or because it ended meanwhile.
pub(crate) fn holder(file: &File) -> Option<String> {
    let metadata = file.metadata().ok()?;
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let pid = locks.lines().find_map(|line| pid_of(line, &metadata))?;
    // The name only: arguments may hold secrets.
    match std::fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => Some(format!("process {pid} ({})", name.trim().escape_debug())),
        Err(_) => Some(format!("process {pid}")),
    }
}

/// Of a line such as `1: FLOCK  ADVISORY  WRITE 4711 fe:00:131 0 EOF`: the process, if the line is about this
/// file.
fn pid_of(line: &str, file: &Metadata) -> Option<u32> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    if fields.next() != Some("FLOCK") {
        return None;
    }
    let pid = fields.nth(2)?.parse().ok().filter(|pid| *pid > 0)?;
    let mut place = fields.next()?.split(':');
    let (major, minor) = (hex(place.next()?)?, hex(place.next()?)?);
    let inode: u64 = place.next()?.parse().ok()?;
    // Some file systems have another device here than in what stat says of a file; the inode then still has
    // to agree.
    let device = file.dev();
    let same_device = (major, minor) == (device_major(device), device_minor(device)) || major == 0;
    (same_device && inode == file.ino()).then_some(pid)
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

/// As Linux packs both into one number.
fn device_major(device: u64) -> u64 {
    ((device >> 8) & 0xfff) | ((device >> 32) & !0xfff)
}

fn device_minor(device: u64) -> u64 {
    (device & 0xff) | ((device >> 12) & !0xff)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_this_process() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(holder(&file), None);
        file.lock().unwrap();
        let told = holder(&file).unwrap();
        assert!(told.starts_with(&format!("process {} (", std::process::id())), "{told}");
    }

    #[test]
    fn other_lines_are_passed_over() {
        let file = tempfile::tempfile().unwrap().metadata().unwrap();
        let place =
            format!("{:02x}:{:02x}:{}", device_major(file.dev()), device_minor(file.dev()), file.ino());
        for (line, pid) in [
            (format!("1: FLOCK  ADVISORY  WRITE 4711 {place} 0 EOF"), Some(4711)),
            (format!("1: POSIX  ADVISORY  WRITE 4711 {place} 0 EOF"), None),
            (format!("1: FLOCK  ADVISORY  WRITE 0 {place} 0 EOF"), None),
            (format!("1: FLOCK  ADVISORY  WRITE 4711 {place}1 0 EOF"), None),
            ("1: FLOCK".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(pid_of(&line, &file), pid, "{line:?}");
        }
    }
}

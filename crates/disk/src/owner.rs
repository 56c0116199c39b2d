//! Owners of files that are replaced.

use std::fs::File;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

/// Gives a new file the owner and the group of the file at `path`, whose place it takes, where the system
/// permits that. If root replaces a user's file, it stays the user's. Nothing is done if no file is there.
pub fn keep_owner(file: &File, path: &Path) {
    let (Ok(old), Ok(new)) = (std::fs::metadata(path), file.metadata()) else { return };
    let (user, group) = (old.uid(), old.gid());
    if (user, group) == (new.uid(), new.gid()) {
        return;
    }
    // A user may give a file to a group of hers, and to no other user.
    if fchown(file, Some(user), Some(group)).is_err() {
        let _ = fchown(file, None, Some(group));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_belongs_to_the_owner_of_the_old_one_where_that_is_possible() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        std::fs::write(&old, "old").unwrap();
        let file = File::create(&new).unwrap();
        let owner = |path: &Path| std::fs::metadata(path).map(|found| (found.uid(), found.gid())).unwrap();
        // Only root may.
        let expected = match std::os::unix::fs::chown(&old, Some(1234), Some(5678)) {
            Ok(()) => (1234, 5678),
            Err(_) => owner(&new),
        };
        keep_owner(&file, &old);
        assert_eq!(owner(&new), expected);
        keep_owner(&file, &folder.path().join("none"));
        assert_eq!(owner(&new), expected);
    }
}

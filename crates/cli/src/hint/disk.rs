//! Advice where a bundle can't be written: what is kept of it, and how to finish it.

use std::io;
use std::path::Path;

use airlift_bundle::{Form, LocalContent, WriteError};

use crate::ui::term::shown;

/// The next step, where there is an obvious one.
pub(super) fn of_write(error: &WriteError) -> Option<String> {
    match error {
        WriteError::Reserve { path, source, .. }
        | WriteError::Write { path, source, .. }
        | WriteError::Sync { path, source } => of_no_room(path, source.kind()),
        WriteError::Open { path, source } => of_name(path, source),
        WriteError::Publish { part, source, .. } => Some(of_rename(part, source.kind())),
        _ => None,
    }
}

/// The next step where a path can't be the output.
pub(super) fn of_output(path: &Path) -> Option<&'static str> {
    let found = std::fs::metadata(path).ok()?;
    (!found.is_dir() && !found.is_file()).then_some("-o - writes to standard output")
}

/// The disk is full, or a quota, or the file larger than may be.
fn of_no_room(part: &Path, kind: io::ErrorKind) -> Option<String> {
    match kind {
        io::ErrorKind::FileTooLarge => Some(
            "the file system, or a limit of this shell (ulimit -f), takes no file of that size: cut the bundle with --volume-size (4GB for FAT32), or choose another place with -o"
                .to_owned(),
        ),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(match Left::of(part) {
            Left::Nothing => {
                "make room there: the same command goes on then; or choose another place with -o. No layer was fetched yet, and nothing is kept"
                    .to_owned()
            }
            Left::Volumes => {
                "make room there: the same command goes on from the .part files, which have what arrived".to_owned()
            }
            Left::Frames => format!(
                "make room there: the same command goes on from {}, which has the layers that are whole",
                shown(part)
            ),
            Left::Archive => format!(
                "make room there: the same command goes on from {0}, which has what arrived; or choose another place with -o, and take from it with --reuse {0}",
                shown(part)
            ),
        }),
        _ => None,
    }
}

/// What a build that failed left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Nothing,
    /// The start of a compressed bundle, in which nothing can be looked up.
    Frames,
    Volumes,
    /// A bundle in the making, in which everything has its place.
    Archive,
}

impl Left {
    fn of(part: &Path) -> Self {
        if std::fs::metadata(part).map_or(0, |found| found.len()) == 0 {
            return Left::Nothing;
        }
        let bundle = part.with_extension("");
        let number = bundle.extension().and_then(|number| number.to_str()).unwrap_or_default();
        if matches!(number.len(), 3 | 4) && number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Left::Volumes;
        }
        if Form::of_file(&bundle) == Form::Zst {
            return Left::Frames;
        }
        // Before the manifests are written, nothing says what it holds.
        let is_of_use = LocalContent::open(part).is_ok_and(|found| found.id().is_some());
        if is_of_use { Left::Archive } else { Left::Nothing }
    }
}

/// Characters that FAT, exFAT and shares of Windows have in no name.
const FOREIGN: [char; 8] = [':', '*', '?', '"', '<', '>', '|', '\\'];

fn of_name(path: &Path, error: &io::Error) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    let found = name.chars().find(|c| FOREIGN.contains(c))?;
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound).then(|| {
        format!("FAT, exFAT and shares of Windows take no {found} in a name; choose another name with -o")
    })
}

fn of_rename(part: &Path, kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::AlreadyExists => {
            "something has taken that name meanwhile: move it away, and the same command finishes the bundle"
                .to_owned()
        }
        _ if Left::of(part) == Left::Volumes => {
            "all volumes are whole and on disk: the same command finishes the set".to_owned()
        }
        _ => format!(
            "{} is whole and on disk: rename it yourself, or repeat the same command, which fetches nothing again",
            shown(part)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(path: &Path) -> String {
        let source = io::ErrorKind::StorageFull.into();
        of_write(&WriteError::Write { path: path.to_owned(), offset: 0, source }).unwrap()
    }

    #[test]
    fn what_is_kept_is_said_to_be_kept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for (name, kept) in [
            ("b.tar.part", "nothing is kept"),
            ("b.tar.zst.part", "the layers that are whole"),
            ("b.tar.001.part", "the .part files"),
        ] {
            let part = folder.path().join(name);
            let said = full(&part);
            assert!(said.contains("nothing is kept") && !said.contains("--reuse"), "{said}");
            std::fs::write(&part, "x").unwrap();
            let said = full(&part);
            assert!(said.contains(kept) && !said.contains("--reuse"), "{said}");
        }
    }

    #[test]
    fn each_reason_has_its_own_way_out() {
        let path = Path::new("nowhere/nginx:1.tar.part").to_owned();
        let source = || io::ErrorKind::FileTooLarge.into();
        let said = of_write(&WriteError::Reserve { path: path.clone(), size: 1, source: source() }).unwrap();
        assert!(said.contains("--volume-size"), "{said}");
        let open = |kind: io::ErrorKind| WriteError::Open { path: path.clone(), source: kind.into() };
        assert!(of_write(&open(io::ErrorKind::InvalidInput)).unwrap().contains("take no :"));
        assert_eq!(of_write(&open(io::ErrorKind::PermissionDenied)), None);
        let publish = |kind: io::ErrorKind| {
            let (part, output) = (path.clone(), "b.tar".into());
            of_write(&WriteError::Publish { part, output, source: kind.into() }).unwrap()
        };
        assert!(publish(io::ErrorKind::AlreadyExists).contains("taken that name"));
        assert!(publish(io::ErrorKind::PermissionDenied).contains("rename it yourself"));
    }
}

//! Checks that a run doesn't write to a file that it reads: a bundle must not overwrite its own list.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{File, Metadata};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use airlift_bundle::Form;
use airlift_bundle::volumes::{self, PathKind};
use airlift_disk::{behind_links, folder_of};

use crate::ui::term::shown;

/// A file or folder that a run reads, or keeps for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A list of images; `-` is standard input.
    List(PathBuf),
    /// A lock or receipt; `-` is standard input.
    Document(PathBuf),
    /// A bundle or layout whose content is taken.
    Reused(PathBuf),
    /// A bundle or layout whose images are taken.
    Layout(PathBuf),
    /// A file in which images are looked for.
    Manifest(PathBuf),
    /// The bundle that is looked at.
    Bundle(PathBuf),
    /// Certificates that are trusted.
    Certificates(PathBuf),
    /// Credentials.
    Credentials(PathBuf),
    /// Rules for mirrors.
    Mirrors(PathBuf),
    /// The lock of what is built. A run reads it first and writes it last.
    Lock(PathBuf),
    /// A file that is only written, and the option that names it: no other output may have its place.
    Report(&'static str, PathBuf),
}

impl Input {
    fn path(&self) -> &Path {
        let (Input::List(path)
        | Input::Document(path)
        | Input::Reused(path)
        | Input::Layout(path)
        | Input::Manifest(path)
        | Input::Bundle(path)
        | Input::Certificates(path)
        | Input::Credentials(path)
        | Input::Mirrors(path)
        | Input::Lock(path)
        | Input::Report(_, path)) = self;
        path
    }

    /// Metadata of the file that is read, links followed; `None` where there is no such file.
    fn found(&self) -> Option<Metadata> {
        match self {
            Input::List(path) | Input::Document(path) | Input::Manifest(path) if path.as_os_str() == "-" => {
                of_stream(&std::io::stdin())
            }
            _ => std::fs::metadata(self.path()).ok(),
        }
    }
}

impl Input {
    /// Whether what is written there comes out of standard output. On a device that keeps nothing, or shows
    /// it, texts stand in no other one's way.
    fn has_place_of_stdout(&self) -> bool {
        let is_kept = |found: &Metadata| !found.file_type().is_char_device();
        let stdout = of_stream(&std::io::stdout()).filter(is_kept);
        stdout.zip(self.found()).is_some_and(|(stdout, found)| identity(&stdout) == identity(&found))
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = shown(self.path());
        match self {
            Input::List(_) => write!(f, "the list of images (-f {path})"),
            Input::Document(_) => write!(f, "the lock or receipt {path}, which is read"),
            Input::Reused(_) => write!(f, "what --reuse {path} takes from"),
            Input::Layout(_) => write!(f, "{path}, from which images are taken"),
            Input::Manifest(_) => write!(f, "{path}, in which images are looked for"),
            Input::Bundle(_) => write!(f, "the bundle ({path})"),
            Input::Certificates(_) => write!(f, "the CA certificates ({path})"),
            Input::Credentials(_) => write!(f, "the credentials ({path})"),
            Input::Mirrors(_) => write!(f, "the rules for mirrors ({path})"),
            Input::Lock(_) => write!(f, "the lock (--lock {path})"),
            Input::Report(option, _) => write!(f, "what {option} {path} writes"),
        }
    }
}

/// An output that is also an input.
#[derive(Debug, thiserror::Error)]
#[error("{} would be written over, and it is {input}", .output.display())]
pub(crate) struct Overwrites {
    /// The file that would be written.
    pub(crate) output: PathBuf,
    /// The input that it is.
    pub(crate) input: Input,
}

/// Refuses outputs that are among the inputs, by any name or link. `-` as an output is standard output.
///
/// # Errors
/// For the first output that would be written over an input.
pub(crate) fn keep_apart(inputs: &[Input], outputs: &[PathBuf]) -> Result<(), Overwrites> {
    let found: Vec<(&Input, Metadata)> =
        inputs.iter().filter_map(|input| Some((input, input.found()?))).collect();
    for output in outputs {
        let there = match output.as_os_str() == "-" {
            true => of_stream(&std::io::stdout()),
            false => std::fs::metadata(output).ok(),
        };
        let Some(written) = there.filter(Metadata::is_file) else { continue };
        let is_it = |(input, read): &&(&Input, Metadata)| match read.is_dir() {
            true => is_below(output, input.path()),
            false => identity(read) == identity(&written),
        };
        if let Some((input, _)) = found.iter().find(is_it) {
            return Err(Overwrites { output: output.clone(), input: (*input).clone() });
        }
    }
    keep_volumes(inputs, outputs)
}

/// Refuses outputs that are volumes of a set that is read. Their manifest is the input, and is itself left to
/// the comparison of files.
fn keep_volumes(inputs: &[Input], outputs: &[PathBuf]) -> Result<(), Overwrites> {
    for output in outputs {
        let file = behind_links(output).unwrap_or_else(|_| output.clone());
        let PathKind::Volume { manifest, .. } = volumes::classify(&file) else { continue };
        let outputs = [manifest, output.clone()];
        let Some(read) = std::fs::metadata(&outputs[0]).ok() else { continue };
        let is_it = |input: &&Input| input.found().is_some_and(|found| identity(&found) == identity(&read));
        if let Some(input) = inputs.iter().find(is_it) {
            let [_, output] = outputs;
            return Err(Overwrites { output, input: input.clone() });
        }
    }
    Ok(())
}

/// Refuses reports, such as a list of what failed, in the place of an input or of each other.
///
/// # Errors
/// For the first report that would be written over something else.
pub(crate) fn keep_reports_apart(inputs: &[Input], reports: &[Input]) -> Result<(), Overwrites> {
    let paths: Vec<PathBuf> = reports.iter().map(|report| report.path().to_owned()).collect();
    keep_apart(inputs, &paths)?;
    for (number, report) in reports.iter().enumerate() {
        keep_place(report.clone(), paths.get(number + 1..).unwrap_or_default())?;
    }
    Ok(())
}

/// Refuses a report in the place of a bundle, or of a file that is beside it while it is written, also where
/// none of them is there yet.
///
/// # Errors
/// If it has such a place.
pub(crate) fn keep_from_bundle(report: &Input, form: Form, bundle: &Path) -> Result<(), Overwrites> {
    if form == Form::Stream && report.has_place_of_stdout() {
        return Err(Overwrites { output: bundle.to_owned(), input: report.clone() });
    }
    let form = form.output();
    let mut outputs = form.touched(bundle);
    outputs.push(bundle.to_owned());
    keep_place(report.clone(), &outputs)?;
    let file = behind_links(report.path()).unwrap_or_else(|_| report.path().to_owned());
    let name = bundle.file_name().zip(file.file_name());
    let behind =
        name.and_then(|(bundle, file)| file.as_bytes().strip_prefix(bundle.as_bytes())?.strip_prefix(b"."));
    let is_beside = self::place(&file.with_file_name("x")) == self::place(&bundle.with_file_name("x"));
    match is_beside && behind.is_some_and(|behind| form.has_name_behind(behind)) {
        true => Err(Overwrites { output: file, input: report.clone() }),
        false => Ok(()),
    }
}

/// Refuses outputs that have the place of a file, also where none of them is there yet.
///
/// # Errors
/// For the first such output.
pub(crate) fn keep_place(input: Input, outputs: &[PathBuf]) -> Result<(), Overwrites> {
    keep_apart(std::slice::from_ref(&input), outputs)?;
    // A pipe or a device takes several texts.
    if input.found().is_some_and(|found| !found.is_file() && !found.is_dir()) {
        return Ok(());
    }
    let place = place(input.path());
    match outputs.iter().find(|output| self::place(output) == place) {
        Some(output) => Err(Overwrites { output: output.clone(), input }),
        None => Ok(()),
    }
}

/// Folder and name of a file, which need not be there. Links are followed.
fn place(path: &Path) -> (Option<PathBuf>, Option<OsString>) {
    let file = behind_links(path).unwrap_or_else(|_| path.to_owned());
    (folder_of(&file).canonicalize().ok(), file.file_name().map(OsStr::to_owned))
}

/// The file that stands for a bundle: of volumes, their manifest, which may go by the name of the whole.
pub(crate) fn bundle_file(bundle: &Path) -> PathBuf {
    match volumes::classify(bundle) {
        PathKind::Set { manifest } => manifest,
        _ => bundle.to_owned(),
    }
}

/// Device and inode: what makes a file that very file.
fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// What a stream leads to.
fn of_stream(stream: &impl AsFd) -> Option<Metadata> {
    File::from(stream.as_fd().try_clone_to_owned().ok()?).metadata().ok()
}

fn is_below(file: &Path, folder: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    matches!((real(file), real(folder)), (Some(file), Some(folder)) if file.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_known_by_whatever_name_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("list"), "x").unwrap();
        std::fs::write(path("other"), "x").unwrap();
        std::fs::hard_link(path("list"), path("hard")).unwrap();
        std::os::unix::fs::symlink("list", path("soft")).unwrap();
        for name in ["list", "hard", "soft", "./list"] {
            let refused = keep_apart(&[Input::List(path("list"))], &[path("other"), path(name)]);
            assert!(refused.is_err(), "{name}");
            let refused = keep_apart(&[Input::Certificates(path(name))], &[path("list")]);
            assert!(refused.is_err(), "{name}");
        }
        keep_apart(&[Input::List(path("list")), Input::Credentials(path("none"))], &[path("other")]).unwrap();
        keep_apart(&[Input::List(path("none"))], &[path("none")]).unwrap();
    }

    #[test]
    fn a_place_is_kept_before_anything_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("x")).unwrap();
        for name in ["lock", "./lock", "x/../lock"] {
            assert!(keep_place(Input::Lock(path("lock")), &[path("other"), path(name)]).is_err(), "{name}");
        }
        keep_place(Input::Lock(path("lock")), &[path("other"), path("x/lock"), "-".into()]).unwrap();
    }

    #[test]
    fn files_of_a_folder_that_is_read_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let layout = folder.path().join("layout");
        std::fs::create_dir(&layout).unwrap();
        std::fs::write(layout.join("index.json"), "x").unwrap();
        std::fs::write(folder.path().join("b.tar"), "x").unwrap();
        let inputs = [Input::Reused(layout.clone())];
        assert!(keep_apart(&inputs, &[layout.join("../layout/index.json")]).is_err());
        keep_apart(&inputs, &[layout.join("new.tar"), folder.path().join("b.tar")]).unwrap();
    }
}

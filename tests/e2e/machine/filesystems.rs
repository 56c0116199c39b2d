//! File systems that lack something: each has a way to go on, and the bundle is the same.
//!
//! Played by errors in system calls, because the file systems themselves are not at hand everywhere.
//! `docs/filesystems.md` has the table.

use std::path::PathBuf;

use airlift_testkit::strace::{Strace, Watched};

use airlift_server::Options;

use super::{built, reference, source};
use crate::airlift::Airlift;
use crate::made::Embedded;

/// What file systems say of an operation that they don't know.
const LACKING: [&str; 4] = ["EINVAL", "ENOSYS", "EOPNOTSUPP", "EPERM"];

/// The forms of a bundle: the output, and what is typed for it.
const FORMS: [(&str, &[&str]); 3] =
    [("b.tar", &[]), ("b.tar.zst", &[]), ("b.tar", &["--volume-size", "300K"])];

/// A registry, and what is built from it where nothing is lacking.
struct Bench {
    source: Embedded,
    expected: Vec<Vec<(String, Vec<u8>)>>,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Bench { source: source(), expected: Vec::new() };
        for form in FORMS {
            let airlift = Airlift::new();
            airlift.command(&bench.arguments(form)).output().unwrap();
            bench.expected.push(content(&airlift));
        }
        bench
    }

    fn arguments<'a>(&self, (output, more): (&'a str, &[&'a str])) -> Vec<&'a str> {
        let reference: &'static str = Box::leak(reference(&self.source).into_boxed_str());
        [&["build", reference, "-o", output], more].concat()
    }

    /// Builds a form of the bundle where these calls are refused, and finds the right bytes. `None` where
    /// there is no strace.
    fn build(&self, form: usize, refused: &[(&str, &str)]) -> Option<Watched> {
        self.build_at(&Airlift::new(), form, refused, &[])
    }

    fn build_at(
        &self,
        airlift: &Airlift,
        form: usize,
        refused: &[(&str, &str)],
        more: &[&str],
    ) -> Option<Watched> {
        let mut strace = Strace::of(&["renameat2", "linkat", "rename", "openat"])?;
        for (call, error) in refused {
            strace = strace.refusing(call, error);
        }
        let arguments = [self.arguments(FORMS[form]), more.to_vec()].concat();
        // Where the output lies only: what the runtime itself asks for is another matter.
        let folder = airlift.path("").canonicalize().unwrap();
        let watched = strace.about(&paths(&folder)).run(&airlift.command(&arguments));
        assert_eq!(watched.output.status.code(), Some(0), "{form} {refused:?}: {}", watched.stderr());
        assert!(watched.has_failed(), "{form} {refused:?}: {watched:#?}");
        assert!(content(airlift) == self.expected[form], "{form} {refused:?}: {:?}", airlift.files());
        Some(watched)
    }
}

/// All cases with the plain form, and the first of them with the others.
fn of_forms<T: Copy>(cases: impl IntoIterator<Item = T>) -> Vec<(usize, T)> {
    let plain: Vec<(usize, T)> = cases.into_iter().map(|case| (0, case)).collect();
    let others = plain.first().map_or(Vec::new(), |(_, first)| vec![(1, *first), (2, *first)]);
    [plain, others].concat()
}

/// The folder and all files in it that a build may ask for, as they are named in calls.
fn paths(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut names = vec![String::new()];
    for bundle in
        ["b.tar", "b.tar.zst", "b.tar.001", "b.tar.002", "b.tar.003", "b.tar.004", "b.tar.volumes.json"]
    {
        names.extend([bundle.to_owned(), format!("{bundle}.part"), format!("{bundle}.replaced")]);
    }
    let absolute = names.iter().map(|name| folder.join(name));
    absolute.chain(names.iter().filter(|name| !name.is_empty()).map(PathBuf::from)).collect()
}

fn content(airlift: &Airlift) -> Vec<(String, Vec<u8>)> {
    airlift.files().into_iter().map(|name| (name.clone(), airlift.read(&name))).collect()
}

#[test]
fn a_bundle_gets_its_name_without_renames_that_never_replace_and_without_hard_links() {
    let bench = Bench::new();
    let Some(_) = bench.build(0, &[("renameat2", "EINVAL")]) else { return };
    let links =
        [("EINVAL", "EPERM"), ("ENOSYS", "ENOSYS"), ("EOPNOTSUPP", "EOPNOTSUPP"), ("EPERM", "EACCES")];
    let links = links.into_iter().chain([("EINVAL", "EMLINK"), ("EINVAL", "EXDEV")]);
    for (form, (rename, link)) in of_forms(links) {
        let refused = [("renameat2", rename), ("linkat", link)];
        let Some(watched) = bench.build(form, &refused) else { return };
        assert!(watched.position("rename|renameat|renameat2", &["b.tar", "= 0"]).is_some(), "{watched:#?}");
    }
}

/// Without either, the name is looked at first.
#[test]
fn what_has_the_name_is_kept_where_a_rename_would_replace_it() {
    let (source, airlift) = (source(), Airlift::new());
    let Some(strace) = Strace::of(&["rename"]) else { return };
    let strace = strace.refusing("renameat2", "EINVAL").refusing("linkat", "EPERM");
    std::fs::write(airlift.path("b.tar"), "precious").unwrap();
    let watched = strace.run(&airlift.command(&["build", &reference(&source), "-o", "b.tar"]));
    assert_eq!(watched.output.status.code(), Some(5), "{}", watched.stderr());
    assert_eq!(airlift.read("b.tar"), b"precious");
}

#[test]
fn an_old_bundle_is_replaced_where_a_rename_replaces_nothing() {
    let bench = Bench::new();
    for error in ["EEXIST", "EINVAL", "EPERM"] {
        let airlift = Airlift::new();
        std::fs::write(airlift.path("b.tar"), "old").unwrap();
        let Some(_) = bench.build_at(&airlift, 0, &[("rename", error)], &["--force"]) else { return };
    }
}

#[test]
fn a_build_without_locks_goes_on_with_a_warning() {
    let bench = Bench::new();
    for (form, error) in of_forms(["ENOLCK"].into_iter().chain(LACKING)) {
        let Some(watched) = bench.build(form, &[("flock", error)]) else { return };
        let said = watched.stderr();
        assert_eq!(said.matches("has no locks").count(), 1, "{error}: {said}");
    }
}

#[test]
fn room_that_can_not_be_reserved_is_taken_as_it_comes() {
    let bench = Bench::new();
    for (form, error) in of_forms(LACKING.into_iter().chain(["ENODEV", "ENOTTY"])) {
        let Some(_) = bench.build(form, &[("fallocate", error)]) else { return };
    }
    // A compressed bundle is cut to its length at the end; the others have theirs from the start.
    for form in [0, 2] {
        let Some(_) = bench.build(form, &[("ftruncate", "EPERM"), ("fallocate", "EOPNOTSUPP")]) else {
            return;
        };
    }
}

#[test]
fn folders_that_can_not_be_flushed_are_no_reason_to_fail() {
    let (source, airlift) = (source(), Airlift::new());
    let folder = airlift.path("").canonicalize().unwrap();
    let output = folder.join("b.tar");
    let arguments = ["build", &reference(&source), "-o", output.to_str().unwrap()];
    for (call, errors) in [
        ("fsync", &["EINVAL", "ENOSYS", "EOPNOTSUPP", "EBADF"][..]),
        ("openat", &["EACCES", "EISDIR", "EINVAL", "EPERM"]),
    ] {
        for error in errors {
            let Some(strace) = Strace::of(&[]) else { return };
            let watched = strace
                .about(std::slice::from_ref(&folder))
                .refusing(call, error)
                .run(&airlift.command(&arguments));
            assert_eq!(watched.output.status.code(), Some(0), "{call} {error}: {}", watched.stderr());
            assert!(watched.has_failed(), "{watched:#?}");
            std::fs::remove_file(&output).unwrap();
        }
    }
}

#[test]
fn a_receipt_is_written_where_nothing_can_be_flushed_or_replaced_in_one_step() {
    let ((_source, airlift), target) = (built(), Embedded::start(Options::default()));
    let arguments = ["push", "b.tar", target.authority(), "--receipt", "r.json"];
    airlift.run(&arguments).expect(0);
    for (call, error) in [("fsync", "EINVAL"), ("fsync", "ENOSYS"), ("rename", "EEXIST"), ("rename", "EPERM")]
    {
        let Some(strace) = Strace::of(&[]) else { return };
        let watched = strace.refusing(call, error).run(&airlift.command(&arguments));
        assert_eq!(watched.output.status.code(), Some(0), "{call} {error}: {}", watched.stderr());
        assert!(watched.has_failed(), "{watched:#?}");
        assert_eq!(airlift.files(), ["b.tar", "r.json"], "{call} {error}");
        let receipt: serde_json::Value = serde_json::from_slice(&airlift.read("r.json")).unwrap();
        assert_eq!(receipt["images"][0]["status"], "present", "{call} {error}");
    }
}

#[test]
fn files_are_written_and_read_without_a_way_past_the_page_cache() {
    let bench = Bench::new();
    for form in 0..FORMS.len() {
        let Some(_) = bench.build(form, &[("statx", "ENOSYS")]) else { return };
    }
}

#[test]
fn a_name_that_leaves_no_room_for_what_is_put_behind_it_is_refused_before_anything_is_fetched() {
    let (source, airlift) = (source(), Airlift::new());
    for (length, code) in [(230, 0), (245, 4), (255, 4), (300, 4)] {
        let output = format!("{}.tar", "n".repeat(length - 4));
        let ran = airlift.run(&["build", &reference(&source), "-o", &output]).expect(code);
        if code != 0 {
            ran.says("its name is too long");
        }
    }
}

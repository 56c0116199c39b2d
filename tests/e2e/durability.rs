//! After exit 0 the bundle survives a power cut: its data is flushed before it gets its name, the name after
//! that, and only then is success reported.

use airlift_server::Options;
use airlift_testkit::kills;
use airlift_testkit::strace::{Strace, Watched};

use crate::airlift::Airlift;
use crate::made::{Embedded, two_platforms};

const RENAMES: &str = "renameat2|renameat|rename|linkat";

/// The position of a call, which must have been made.
fn place(watched: &Watched, what: &str, names: &str, texts: &[&str]) -> usize {
    watched.position(names, texts).unwrap_or_else(|| panic!("{what} is missing in {watched:#?}"))
}

fn watched(airlift: &Airlift, arguments: &[&str]) -> Option<Watched> {
    let strace = Strace::of(&[
        "fsync",
        "fdatasync",
        "renameat2",
        "renameat",
        "rename",
        "linkat",
        "write",
        "pwrite64",
        "openat",
        "ftruncate",
        "fallocate",
        "fadvise64",
        "preadv2",
        "pread64",
    ])?;
    let watched = strace.run(&airlift.command(arguments));
    assert_eq!(watched.output.status.code(), Some(0), "{}", watched.stderr());
    Some(watched)
}

#[test]
fn a_bundle_is_on_disk_before_anybody_is_told() {
    let source = Embedded::start(Options::default());
    source.endpoint().push(&[two_platforms("team/app", 1)]);
    let airlift = Airlift::new();
    let folder = airlift.path("").canonicalize().unwrap();
    let folder = folder.to_str().unwrap();
    let reference = format!("{}/team/app:1", source.authority());
    for more in [&[][..], &["--json"], &["--force", "--platform", "linux/amd64"]] {
        let output = format!("{folder}/b.tar");
        let mut arguments = vec!["build", &reference, "-o", &output];
        arguments.extend(more);
        if more == ["--json"] {
            std::fs::remove_file(&output).unwrap();
        }
        let Some(watched) = watched(&airlift, &arguments) else { return };
        let part = format!("<{folder}/b.tar.part>");
        let flushed = place(&watched, "the flush of the data", "fsync|fdatasync", &[&part, "= 0"]);
        let named = place(&watched, "the rename", RENAMES, &["b.tar.part\"", "b.tar\"", "= 0"]);
        let folder_flushed =
            place(&watched, "the flush of the folder", "fsync", &[&format!("<{folder}>"), "= 0"]);
        let told = place(&watched, "the result", "write", &["1<"]);
        assert!(flushed < named && named < folder_flushed && folder_flushed < told, "{watched:#?}");
        let written = |call: &airlift_testkit::strace::Call| {
            matches!(call.name.as_str(), "pwrite64" | "write" | "ftruncate" | "fallocate")
                && call.text.contains("b.tar")
        };
        let last = watched.calls.iter().rposition(written).expect("it was written");
        assert!(last < flushed, "written after the flush: {:?}", watched.calls[last]);
    }
}

#[test]
fn volumes_are_on_disk_before_they_are_a_set() {
    let source = Embedded::start(Options::default());
    source.endpoint().push(&[kills::sample("1", 1)]);
    let airlift = Airlift::new();
    let folder = airlift.path("").canonicalize().unwrap();
    let folder = folder.to_str().unwrap();
    let (reference, output) = (format!("{}/team/killed:1", source.authority()), format!("{folder}/b.tar"));
    let arguments = ["build", &reference, "-o", &output, "--volume-size", "300K"];
    let Some(watched) = watched(&airlift, &arguments) else { return };
    let flushed = |file: &str| {
        place(
            &watched,
            &format!("the flush of {file}"),
            "fsync|fdatasync",
            &[&format!("<{folder}/{file}.part>"), "= 0"],
        )
    };
    let named = |file: &str| {
        let (from, to) = (format!("{file}.part\""), format!("{file}\""));
        place(&watched, &format!("the rename to {file}"), RENAMES, &[&from, &to, "= 0"])
    };
    let manifest = "b.tar.volumes.json";
    let volumes: Vec<String> =
        airlift.files().into_iter().filter(|file| file.starts_with("b.tar.") && file != manifest).collect();
    assert!(volumes.len() > 1, "{volumes:?}");
    let set = named(manifest);
    for volume in &volumes {
        assert!(flushed(volume) < named(volume) && named(volume) < set, "{volume}: {watched:#?}");
    }
    assert!(flushed(manifest) < named(&volumes[0]), "{watched:#?}");
    let folder_flushes: Vec<usize> = (0..watched.calls.len())
        .filter(|at| {
            watched.calls[*at].name == "fsync" && watched.calls[*at].text.contains(&format!("<{folder}>"))
        })
        .collect();
    let told = place(&watched, "the result", "write", &["1<"]);
    assert!(folder_flushes.iter().any(|at| set < *at && *at < told), "{watched:#?}");
}

/// After a flush that failed, the page cache holds what the disk does not.
#[test]
fn what_an_earlier_run_left_is_read_from_the_disk() {
    let source = Embedded::start(Options::default());
    source.endpoint().push(&[two_platforms("team/app", 1)]);
    let airlift = Airlift::new();
    let reference = format!("{}/team/app:1", source.authority());
    for (size, left) in [(&[][..], "b.tar"), (&["--volume-size", "64K"], "b.tar.001")] {
        let arguments = [&["build", &reference, "-o", "b.tar"], size].concat();
        airlift.run(&arguments).expect(0);
        for file in airlift.files() {
            let part = format!("{file}.part");
            std::fs::rename(airlift.path(&file), airlift.path(&part)).unwrap();
        }
        let Some(watched) = watched(&airlift, &arguments) else { return };
        let file = format!("/{left}.part>");
        let forgotten = place(&watched, "the advice", "fadvise64", &[&file, "POSIX_FADV_DONTNEED", "= 0"]);
        let read = |call: &airlift_testkit::strace::Call| {
            call.name.starts_with("pread") && call.text.contains(&file) && !call.text.contains(", 512, 0)")
        };
        let read = watched.calls.iter().position(read).expect("it was read");
        assert!(forgotten < read, "{watched:#?}");
        for file in airlift.files() {
            std::fs::remove_file(airlift.path(&file)).unwrap();
        }
    }
}

#[test]
fn a_receipt_is_on_disk_before_it_has_its_name() {
    let (source, target) = (Embedded::start(Options::default()), Embedded::start(Options::default()));
    source.endpoint().push(&[two_platforms("team/app", 1)]);
    let airlift = Airlift::new();
    airlift.run(&["build", &format!("{}/team/app:1", source.authority()), "-o", "b.tar"]).expect(0);
    let Some(watched) = watched(&airlift, &["push", "b.tar", target.authority(), "--receipt", "r.json"])
    else {
        return;
    };
    let flushed = place(&watched, "the flush of the receipt", "fsync|fdatasync", &[".r.json-", "= 0"]);
    let named = place(&watched, "the rename", RENAMES, &[".r.json-", "r.json\"", "= 0"]);
    assert!(flushed < named, "{watched:#?}");
}

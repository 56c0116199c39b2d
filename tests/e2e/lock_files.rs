//! Where a lock is written: beside another run, to standard output, and into folders that are not there.

use airlift_server::samples::Sample;
use airlift_testkit::scripted::{Script, ScriptedRegistry};

use crate::airlift::Airlift;
use crate::made::two_platforms;

/// A registry with `team/a:1`; while it is asked, another run writes `images.lock`.
fn start(airlift: &Airlift, of_another_run: Option<&'static str>) -> (ScriptedRegistry, String, Sample) {
    let (sample, lock) = (two_platforms("team/a", 1), airlift.path("images.lock"));
    let source = Script::serving(vec![sample.clone()]).rule(move |_| {
        of_another_run.into_iter().for_each(|text| std::fs::write(&lock, text).unwrap());
        None
    });
    let source = source.start();
    let name = format!("{}/team/a:1", source.authority());
    (source, name, sample)
}

#[test]
fn a_lock_that_another_run_changed_meanwhile_is_not_written() {
    let airlift = Airlift::new();
    let other = "{\"schema\":\"airlift.lock/v1\",\"images\":[]}\n";
    let (_source, name, _) = start(&airlift, Some(other));
    let changed = "another run changed it meanwhile: repeat the command";
    for old in [None, Some("{\"schema\":\"airlift.lock/v1\",\"images\":[] }")] {
        for arguments in [&["lock", "-o"][..], &["build", "-o", "b.tar", "--lock"]] {
            let _ = std::fs::remove_file(airlift.path("images.lock"));
            old.into_iter().for_each(|old| std::fs::write(airlift.path("images.lock"), old).unwrap());
            airlift.run(&[arguments, &["images.lock", &name]].concat()).expect(4).says(changed);
            assert_eq!(airlift.read("images.lock"), other.as_bytes());
        }
    }
    // What is there now is what the next run begins with.
    airlift.run(&["lock", &name, "-o", "images.lock"]).expect(0);
    assert_eq!(airlift.files(), ["b.tar", "images.lock"]);
}

#[test]
fn a_lock_that_can_not_be_written_is_refused_before_any_registry_is_asked() {
    let airlift = Airlift::new();
    let (source, name, _) = start(&airlift, None);
    for arguments in [&["lock", "-o"][..], &["build", "-o", "b.tar", "--lock"]] {
        let ran = airlift.run(&[arguments, &["nodir/x.lock", &name]].concat()).expect(4);
        ran.says("nodir/x.lock").says("there is no folder nodir");
    }
    assert_eq!((source.requests().len(), airlift.files().len()), (0, 0));
    airlift.run(&["lock", &name, "-o", "nodir/x.lock", "--dry-run"]).expect(0);
}

#[test]
fn a_lock_goes_to_standard_output_where_that_is_asked_for() {
    let airlift = Airlift::new();
    let (_source, name, sample) = start(&airlift, None);
    let printed = airlift.run_at("1777888800", &["lock", &name, "-o", "-"]).expect(0).stdout.clone();
    airlift.run_at("1777888800", &["lock", &name, "-o", "images.lock"]).expect(0);
    assert_eq!(printed, airlift.read("images.lock"));
    assert!(String::from_utf8_lossy(&printed).contains(&sample.root.digest.to_string()));
    for more in ["--json", "--dry-run"] {
        airlift.run(&["lock", &name, "-o", "-", more]).expect(2).says("prints the lock itself");
    }
    airlift.run(&["build", &name, "-o", "b.tar", "--lock", "-"]).expect(2).says("wants a file's name");
    assert_eq!(airlift.files(), ["images.lock"]);
}

#[test]
fn a_lock_has_no_name_by_which_another_file_is_read() {
    let airlift = Airlift::new();
    let (_source, name, _) = start(&airlift, None);
    for lock in [&["lock", &name, "-o", "x.yaml"][..], &["build", &name, "-o", "b.tar", "--lock", "x.YML"]] {
        airlift.run(lock).expect(2).says("ends in .lock");
    }
    // An option that takes many words takes these, too.
    airlift.run(&["lock", "-o", "x.lock", "--update", &name]).expect(2).says("put images before --update");
    assert!(airlift.files().is_empty());
}

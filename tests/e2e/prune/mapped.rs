//! Images that were pushed under other names than their own.

use airlift_server::Options;
use airlift_server::samples::Sample;
use serde_json::{Value, json};

use crate::airlift::{Airlift, Ran};
use crate::made::{Embedded, bundle, two_platforms};

/// `team/a:1`, pushed as `live/a:1` (`old.lock`, `old.json`); then its source got another image of that name
/// (`new.lock`), which is not pushed yet. `other.lock` has one of `other/b`.
struct Mapped {
    airlift: Airlift,
    source: Embedded,
    target: Embedded,
    rule: String,
    old: Vec<Sample>,
}

impl Mapped {
    fn new() -> Mapped {
        let (airlift, source, old) = bundle(&["team/a"], &[]);
        let target = Embedded::start(Options::default());
        let rule = format!("{}/team/=live/", source.authority());
        airlift.run(&["inspect", "b.tar", "--lock", "old.lock"]).expect(0);
        let push = ["push", "b.tar", target.authority(), "--map", &rule, "--receipt", "old.json"];
        airlift.run(&push).expect(0);
        source.endpoint().push(&[two_platforms("team/a", 70), two_platforms("other/b", 80)]);
        for (name, lock) in [("team/a", "new.lock"), ("other/b", "other.lock")] {
            airlift.run(&["lock", &format!("{}/{name}:1", source.authority()), "-o", lock]).expect(0);
        }
        let mut empty: Value = serde_json::from_slice(&airlift.read("new.lock")).unwrap();
        empty["images"] = json!([]);
        std::fs::write(airlift.path("empty.lock"), empty.to_string()).unwrap();
        Mapped { airlift, source, target, rule, old }
    }

    fn plan(&self, arguments: &[&str]) -> Ran {
        let host = self.target.authority();
        self.airlift.run(&[&["prune", host][..], arguments].concat())
    }
}

#[test]
fn a_kept_lock_has_its_names_by_the_rules_whatever_is_old() {
    let mapped = Mapped::new();
    for old in ["old.json", "old.lock"] {
        let ran = mapped.plan(&["--old", old, "--keep", "new.lock", "--map", &mapped.rule]).expect(0);
        ran.says("the tag 1 stands for it").says("0 manifests can go");
    }
    mapped.plan(&["--old", "old.json", "--keep", "empty.lock"]).expect(0).says("3 manifests can go");
    // A rule may be about a kept lock alone; one that is about nothing is a mistake.
    let other = format!("{}/other/=x/", mapped.source.authority());
    let arguments = ["--old", "old.json", "--keep", "new.lock", "--map", &mapped.rule, "--map", &other];
    mapped.plan(&arguments).expect(2).says("is of no use");
    mapped.plan(&[&arguments[..], &["--keep", "other.lock"]].concat()).expect(0);
}

#[test]
fn options_that_change_nothing_are_refused() {
    let mapped = Mapped::new();
    let receipts = ["--old", "old.json", "--keep", "old.json"];
    mapped.plan(&[&receipts[..], &["--map", &mapped.rule]].concat()).expect(2).says("leave them out");
    let part = ["--old", "old.json", "--keep", "new.lock", "--only", "a"];
    mapped.plan(&part).expect(2).says("--only takes a part of an old lock");
    let unmatched = ["--old", "old.lock", "--keep", "new.lock", "--only", "zzz"];
    let ran = mapped.plan(&unmatched).expect(2).says("no image matches 'zzz' (there is ");
    assert!(!ran.stderr.contains("bundle"), "{ran}");
    let over = ["--old", "old.lock", "--keep", "new.lock", "-o", "old.lock"];
    mapped.plan(&over).expect(2).says("the lock or receipt old.lock");
}

#[test]
fn two_old_locks_may_have_one_name() {
    let mapped = Mapped::new();
    let old = ["--old", "old.lock", "--old", "new.lock", "--keep", "empty.lock", "--map", &mapped.rule];
    let ran = mapped.plan(&old).expect(0).says("3 manifests can go");
    assert!(ran.text().contains(&mapped.old[0].root.digest.to_string()[..19]), "{ran}");
}

#[test]
fn old_images_that_are_not_there_are_said_to_be_absent() {
    let mapped = Mapped::new();
    let ran = mapped.plan(&["--old", "old.lock", "--keep", "new.lock"]).expect(0);
    ran.says("nothing of the old images is at").says("0 manifests can go");
    let ran = mapped.plan(&["--old", "old.lock", "--keep", "new.lock", "--map", &mapped.rule]).expect(0);
    assert!(!ran.stderr.contains("nothing of the old"), "{ran}");
}

//! Whether a lock is that of a list, without a registry.

use airlift_lists::Entry;
use airlift_lists::lock::{Lock, compare};

use super::updates::{entry, layout};
use super::{digest, image, lock, named};

/// The differences, as they are printed.
fn differences(entries: &[Entry], lock: &Lock) -> Vec<String> {
    compare(entries, lock).unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn a_lock_of_the_list_has_no_differences() {
    let lock = lock(vec![image("nginx:1.27", "a"), image("alpine:3", "b")]);
    let pinned = format!("alpine:3@{}", digest("b"));
    assert_eq!(differences(&[entry(named("nginx:1.27")), entry(named(&pinned))], &lock), [""; 0]);
    assert_eq!(differences(&[], &Lock::default()), [""; 0]);
}

#[test]
fn every_difference_is_named() {
    let mut nginx = image("nginx:1.27", "a");
    nginx.groups.insert("base".to_owned());
    let mut app = image("team/app:1", "c");
    app.selectors.insert("oci-archive:other.tar".to_owned());
    let lock = lock(vec![nginx, image("alpine:3", "b"), app, image("redis:7", "d")]);
    let mut of_arm = entry(named(&format!("alpine:3@{}", digest("x"))));
    of_arm.choice.platforms = vec!["linux/arm64".parse().unwrap()];
    let entries = [
        entry(named("busybox")),
        entry(layout("big.tar", None)),
        entry(named("nginx:1.27")),
        of_arm,
        entry(named("team/app:1")),
    ];
    let found = differences(&entries, &lock);
    let alpine = "docker.io/library/alpine:3";
    let wanted = [
        "docker.io/library/busybox:latest is not in the lock".to_owned(),
        "oci-archive:big.tar is not in the lock".to_owned(),
        format!("{alpine} is locked as {}, and the list says {}", digest("b"), digest("x")),
        format!("of {alpine}, the list chooses linux/arm64, and the lock all platforms"),
        "docker.io/library/nginx:1.27 is in other groups in the list than in the lock".to_owned(),
        "docker.io/team/app:1 was locked for another tag selector than the list has now".to_owned(),
        "docker.io/library/redis:7 is in the lock, and no entry of the list asks for it".to_owned(),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_lock_from_another_place_than_the_list_says_is_no_lock_of_it() {
    let from = |place: Option<&str>| {
        let mut image = image("nginx:1.27", "a");
        image.from = place.map(|place| place.parse().unwrap());
        lock(vec![image])
    };
    let nginx = [entry(named("nginx:1.27"))];
    for of_registry in [None, Some("registry.corp/hub/library/nginx")] {
        assert_eq!(differences(&nginx, &from(of_registry)), [""; 0]);
    }
    let wanted = "docker.io/library/nginx:1.27 was locked from oci-archive:a.tar, and the list takes it from its registry";
    assert_eq!(differences(&nginx, &from(Some("oci-archive:a.tar"))), [wanted]);
    let of_layout = |place: Option<&str>| {
        let mut image = image("nginx:1.27", "a");
        image.from = place.map(|place| place.parse().unwrap());
        image.selectors.insert("oci-archive:a.tar".to_owned());
        lock(vec![image])
    };
    let archive = [entry(layout("a.tar", None))];
    assert_eq!(differences(&archive, &of_layout(Some("oci-archive:a.tar"))), [""; 0]);
    for other in [None, Some("oci-archive:b.tar"), Some("registry.corp/hub/library/nginx")] {
        let found = differences(&archive, &of_layout(other));
        assert_eq!(found.len(), 1, "{other:?}: {found:?}");
        assert!(found[0].ends_with("and the list takes it from oci-archive:a.tar"), "{found:?}");
    }
}

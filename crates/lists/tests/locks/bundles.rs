//! Whether a bundle holds exactly what was locked.

use airlift_lists::lock::{BundledContent, BundledImage, Lock, Mismatch};
use airlift_oci::contents::PlatformContent;

use super::{digest, image, lock};

fn bundled(reference: &str, content: &str, platforms: &[&str]) -> BundledImage {
    BundledImage {
        reference: Some(reference.to_owned()),
        digest: digest(content),
        content: Some(BundledContent {
            media_type: "application/vnd.oci.image.index.v1+json".to_owned(),
            carried: platforms.iter().map(|name| (*name).to_owned()).collect(),
            platforms: there(content),
            size: Some(300),
        }),
    }
}

/// What the index of that content has.
fn there(content: &str) -> Vec<PlatformContent> {
    let platforms = image("a/b:1", content).platforms.into_iter();
    let there =
        platforms.map(|one| PlatformContent { platform: one.platform, digest: one.digest, size: one.size });
    there.collect()
}

const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];

fn two_images() -> Lock {
    let mut alpine = image("alpine:3", "b");
    alpine.choice.platforms = vec!["linux/amd64".parse().unwrap()];
    lock(vec![image("nginx:1.27", "a"), alpine])
}

#[test]
fn a_bundle_of_the_lock_matches() {
    let bundle = [
        bundled("docker.io/library/nginx:1.27", "a", &BOTH),
        bundled("docker.io/library/alpine:3", "b", &["linux/amd64"]),
    ];
    assert_eq!(two_images().mismatches(&bundle), []);
}

#[test]
fn every_mismatch_is_named() {
    let bundle = [
        bundled("docker.io/library/nginx:1.27", "x", &BOTH),
        bundled("docker.io/library/redis:7", "c", &BOTH),
        BundledImage { reference: None, ..bundled("", "a", &BOTH) },
    ];
    let locked = digest("a");
    let wanted = [
        Mismatch::OtherDigest { image: 0, locked },
        Mismatch::Extra { image: 1 },
        Mismatch::Extra { image: 2 },
        Mismatch::Missing { reference: "docker.io/library/alpine:3".to_owned(), digest: digest("b") },
    ];
    assert_eq!(two_images().mismatches(&bundle), wanted);
}

/// An image that the lock names by this place in a layout.
fn place(place: &str, content: &str) -> airlift_lists::lock::LockedImage {
    let mut locked = image("nginx:1.27", content);
    locked.reference = place.parse().unwrap();
    locked
}

#[test]
fn a_place_in_a_layout_means_no_image_with_a_full_name() {
    let nameless = format!("oci:craned:{}", digest("a"));
    let locked = lock(vec![place(&nameless, "a")]);
    let bare = BundledImage { reference: None, ..bundled("", "a", &BOTH) };
    let evil = bundled("evil.example/x:9", "a", &BOTH);
    assert_eq!(locked.mismatches(std::slice::from_ref(&bare)), []);
    assert_eq!(locked.mismatches(&[bundled("v1", "a", &BOTH)]), [], "it has a tag by now");
    assert_eq!(locked.mismatches(&[bare, evil.clone()]), [Mismatch::Extra { image: 1 }]);
    let missing = Mismatch::Missing { reference: nameless, digest: digest("a") };
    assert_eq!(locked.mismatches(&[evil]), [Mismatch::Extra { image: 0 }, missing]);
}

#[test]
fn several_places_may_have_one_digest() {
    let two = lock(vec![place("oci:two:a", "x"), place("oci:two:b", "x")]);
    let [a, b, c] = ["a", "b", "c"].map(|tag| bundled(tag, "x", &BOTH));
    assert_eq!(two.mismatches(&[b.clone(), a.clone()]), []);
    assert_eq!(two.mismatches(&[c.clone(), b.clone()]), [], "one has another tag by now");
    let missing = Mismatch::Missing { reference: "oci:two:b".to_owned(), digest: digest("x") };
    assert_eq!(two.mismatches(std::slice::from_ref(&a)), [missing]);
    assert_eq!(two.mismatches(&[a.clone(), b, c]), [Mismatch::Extra { image: 2 }]);
    let layouts = lock(vec![place("oci:one:a", "x"), place("oci:other:a", "x")]);
    assert_eq!(layouts.mismatches(&[a]), [], "a bundle of both layouts has it once");
}

#[test]
fn the_chosen_platforms_are_carried_and_no_others() {
    for (nginx, alpine, wanted) in [
        (&BOTH[..], &BOTH[..1], None),
        (&BOTH[..1], &BOTH[..1], Some((0, vec!["linux/arm64"], vec![]))),
        (&BOTH[..], &BOTH[..], Some((1, vec![], vec!["linux/arm64"]))),
        (&BOTH[..], &BOTH[1..], Some((1, vec!["linux/amd64"], vec!["linux/arm64"]))),
    ] {
        let bundle = [
            bundled("docker.io/library/nginx:1.27", "a", nginx),
            bundled("docker.io/library/alpine:3", "b", alpine),
        ];
        let texts = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        let wanted = wanted.map(|(image, missing, extra)| Mismatch::OtherPlatforms {
            image,
            missing: texts(missing),
            extra: texts(extra),
        });
        assert_eq!(two_images().mismatches(&bundle), Vec::from_iter(wanted));
    }
    // Nothing is said of platforms that damage hides.
    let mut bundle = [
        bundled("docker.io/library/nginx:1.27", "a", &[]),
        bundled("docker.io/library/alpine:3", "b", &BOTH[..1]),
    ];
    bundle[0].content = None;
    assert_eq!(two_images().mismatches(&bundle), []);
}

#[test]
fn what_a_lock_says_of_a_digest_must_be_true() {
    let bundle = [bundled("docker.io/library/nginx:1.27", "a", &BOTH)];
    let altered = |change: &dyn Fn(&mut airlift_lists::lock::LockedImage)| {
        let mut locked = image("docker.io/library/nginx:1.27", "a");
        change(&mut locked);
        match &lock(vec![locked]).mismatches(&bundle)[..] {
            [] => Vec::new(),
            [Mismatch::Altered { image: 0, members }] => members.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert!(altered(&|_| ()).is_empty());
    assert_eq!(altered(&|locked| locked.media_type = "a/b".to_owned()), ["mediaType"]);
    assert_eq!(altered(&|locked| locked.platforms[0].digest = digest("x")), ["linux/amd64"]);
    assert_eq!(altered(&|locked| locked.platforms[1].size += 1), ["linux/arm64"]);
    let swapped = altered(&|locked| {
        let digest = locked.platforms[0].digest;
        locked.platforms[0].digest = locked.platforms[1].digest;
        locked.platforms[1].digest = digest;
    });
    assert_eq!(swapped, BOTH);
    // The size of a manifest that the source didn't have.
    assert!(altered(&|locked| locked.platforms[1].size = 0).is_empty());
}

#[test]
fn the_platforms_of_a_digest_are_compared_both_ways() {
    let altered = |carried: &[&str], change: &dyn Fn(&mut airlift_lists::lock::LockedImage)| {
        let bundle = [bundled("docker.io/library/nginx:1.27", "a", carried)];
        let mut locked = image("docker.io/library/nginx:1.27", "a");
        locked.choice.platforms = carried.iter().map(|name| name.parse().unwrap()).collect();
        change(&mut locked);
        match &lock(vec![locked]).mismatches(&bundle)[..] {
            [] => Vec::new(),
            [Mismatch::Altered { image: 0, members }] => members.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert!(altered(&BOTH, &|_| ()).is_empty() && altered(&BOTH[..1], &|_| ()).is_empty());
    let more = super::platform("linux/riscv64", "x", 5);
    assert_eq!(altered(&BOTH, &|locked| locked.platforms.push(more.clone())), ["linux/riscv64"]);
    let none = super::platform("linux/riscv64", "x", 0);
    assert_eq!(altered(&BOTH, &|locked| locked.platforms.push(none.clone())), ["linux/riscv64"]);
    assert_eq!(altered(&BOTH[..1], &|locked| locked.platforms.truncate(1)), ["linux/arm64"]);
    let twice = |locked: &mut airlift_lists::lock::LockedImage| {
        locked.platforms.push(locked.platforms[0].clone());
    };
    assert_eq!(altered(&BOTH, &twice), ["linux/amd64"]);
    assert_eq!(altered(&BOTH, &|locked| locked.size = 1), ["size"]);
}

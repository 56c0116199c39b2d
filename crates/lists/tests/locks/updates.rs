//! What has to be asked for, and what the answers change.

use std::collections::BTreeMap;

use airlift_lists::lock::{
    AnsweredImage, AskedForTwice, FetchedFrom, Lock, LockedImage, Lookup, PastDigest, ResolvedImage,
    SelectedImage, UpdateError, WantedImage, compare, entries_to_select, wanted_images,
};
use airlift_lists::selector::SelectorParts;
use airlift_lists::{Entry, Position, TagQuery, TagSelector, Wanted};
use airlift_oci::{LayoutForm, LayoutReference, Referrers, SourceReference};

use super::{digest, image, lock, named, time};

pub(super) fn entry(wanted: SourceReference) -> Entry {
    Entry {
        wanted: Wanted::Image(wanted),
        choice: Default::default(),
        groups: Default::default(),
        position: Position { line: 1, column: 1 },
    }
}

pub(super) fn layout(path: &str, pattern: Option<&str>) -> SourceReference {
    let (path, pattern) = (path.to_owned(), pattern.map(str::to_owned));
    SourceReference::Layout(LayoutReference { form: LayoutForm::Archive, path, pattern, name: None })
}

/// What entries want whose selectors are not asked.
fn wanted(entries: &[Entry], lock: &Lock) -> Vec<WantedImage> {
    wanted_images(entries, lock, &BTreeMap::new()).unwrap()
}

/// The wishes with what a registry says of the images.
fn answered<const N: usize>(wishes: &[WantedImage], answers: [LockedImage; N]) -> Vec<AnsweredImage> {
    let answer = |wish: &WantedImage| answers.iter().find(|image| image.reference == wish.reference).cloned();
    let image =
        |wish: &WantedImage| AnsweredImage { wanted: wish.clone(), answer: answer(wish).map(resolved) };
    wishes.iter().map(image).collect()
}

fn resolved(image: LockedImage) -> ResolvedImage {
    ResolvedImage {
        digest: image.digest,
        media_type: image.media_type,
        size: image.size,
        platforms: image.platforms,
        from: image.from,
    }
}

const NONE: fn(&str) -> bool = |_| false;

#[test]
fn entries_stay_unless_they_are_named() {
    let old = lock(vec![image("nginx:1.27", "old"), image("alpine:3", "a")]);
    let entries = [entry(named("nginx:1.27")), entry(named("alpine:3")), entry(named("busybox"))];
    let wanted = wanted(&entries, &old);
    let lookups = |is_named: fn(&str) -> bool| {
        wanted.iter().map(|wish| wish.lookup(&old, is_named)).collect::<Vec<_>>()
    };
    // Sorted by reference: alpine, busybox, nginx.
    assert_eq!(lookups(NONE), [Lookup::Nothing, Lookup::Reference, Lookup::Nothing]);
    let nginx = |name: &str| name.contains("nginx");
    assert_eq!(lookups(nginx), [Lookup::Nothing, Lookup::Reference, Lookup::Reference]);
    assert_eq!(lookups(|_| true), [Lookup::Reference; 3]);
}

#[test]
fn a_moved_tag_leaves_its_digest_in_the_history() {
    let mut locked = image("nginx:1.27", "b");
    locked.resolved = time(10);
    locked.history = vec![PastDigest { digest: digest("a"), resolved: time(0) }];
    let old = lock(vec![locked]);
    let wanted = wanted(&[entry(named("nginx:1.27"))], &old);
    let update = |content: &str, history: Option<usize>| {
        let images = answered(&wanted, [image("nginx:1.27", content)]);
        old.update(&images, time(20), history).unwrap().images()[0].clone()
    };
    let moved = update("c", Some(5));
    assert_eq!((moved.digest, moved.resolved), (digest("c"), time(20)));
    let digests = |image: &LockedImage| {
        image.history.iter().map(|past| (past.digest, past.resolved)).collect::<Vec<_>>()
    };
    assert_eq!(digests(&moved), [(digest("b"), time(10)), (digest("a"), time(0))]);
    assert_eq!(digests(&update("c", Some(1))), [(digest("b"), time(10))]);
    assert_eq!(digests(&update("c", Some(0))), []);
    // It moved back: what it stood for between is known, and so is what it stood for before.
    assert_eq!(digests(&update("a", Some(5))), [(digest("b"), time(10)), (digest("a"), time(0))]);
    assert_eq!(old.longest_history(), 1);
    assert_eq!(digests(&update("c", None)), digests(&moved), "what is known is not lost");
    let none = lock(vec![image("nginx:1.27", "b")]);
    let images = answered(&wanted, [image("nginx:1.27", "c")]);
    assert_eq!(none.update(&images, time(20), None).unwrap().longest_history(), 0);
}

#[test]
fn an_entry_whose_digest_stays_keeps_its_bytes() {
    let old = lock(vec![image("nginx:1.27", "a")]);
    let wanted = wanted(&[entry(named("nginx:1.27"))], &old);
    let mut same = image("nginx:1.27", "a");
    same.from = Some("registry.corp/hub/library/nginx".parse().unwrap());
    let new = old.update(&answered(&wanted, [same]), time(99), Some(5)).unwrap();
    assert_eq!(new.to_json().unwrap(), old.to_json().unwrap());
}

#[test]
fn what_no_list_names_goes_and_what_is_new_comes() {
    let old = lock(vec![image("nginx:1.27", "a"), image("alpine:3", "b")]);
    let wanted = wanted(&[entry(named("nginx:1.27")), entry(named("busybox:1"))], &old);
    let new = old.update(&answered(&wanted, [image("busybox:1", "c")]), time(5), None).unwrap();
    let names: Vec<String> = new.images().iter().map(|image| image.reference.to_string()).collect();
    assert_eq!(names, ["docker.io/library/busybox:1", "docker.io/library/nginx:1.27"]);
    let unanswered = old.update(&answered(&wanted, []), time(5), None).unwrap_err();
    assert!(unanswered.to_string().contains("docker.io/library/busybox:1"), "{unanswered}");
    let mut twice = answered(&wanted, [image("busybox:1", "c")]);
    twice.extend(answered(&wanted, [image("busybox:1", "d")]));
    let twice = old.update(&twice, time(5), None);
    assert!(matches!(twice, Err(UpdateError::TwoDigests(_))), "{twice:?}");
}

#[test]
fn another_choice_needs_sizes_and_no_tag() {
    let old = lock(vec![image("nginx:1.27", "a")]);
    let mut entry = entry(named("nginx:1.27"));
    entry.groups.insert("base".to_owned());
    entry.choice.referrers = Some(Referrers::None);
    let wishes = wanted(std::slice::from_ref(&entry), &old);
    assert_eq!(wishes[0].lookup(&old, NONE), Lookup::Nothing);
    let new = old.update(&answered(&wishes, []), time(5), None).unwrap().images()[0].clone();
    assert_eq!((new.resolved, new.choice.referrers), (time(0), Some(Referrers::None)));
    assert!(new.groups.contains("base"));

    entry.choice.platforms = vec!["linux/aarch64".parse().unwrap()];
    let wishes = wanted(&[entry], &old);
    assert_eq!(wishes[0].lookup(&old, NONE), Lookup::Sizes(digest("a")));
    let mut sizes = image("nginx:1.27", "a");
    sizes.size = 200;
    let new = old.update(&answered(&wishes, [sizes]), time(5), None).unwrap().images()[0].clone();
    assert_eq!((new.resolved, new.size), (time(0), 200));
    let chosen: Vec<&str> = new.chosen_platforms().iter().map(|one| one.platform.as_str()).collect();
    assert_eq!(chosen, ["linux/arm64"]);
}

#[test]
fn a_digest_in_the_list_decides() {
    let old = lock(vec![image("nginx:1.27", "a")]);
    for (content, lookup) in [("a", Lookup::Nothing), ("b", Lookup::Reference)] {
        let wishes = wanted(&[entry(named(&format!("nginx:1.27@{}", digest(content))))], &old);
        assert_eq!(wishes[0].reference, named("nginx:1.27"));
        assert_eq!(wishes[0].digest, Some(digest(content)));
        assert_eq!(wishes[0].lookup(&old, NONE), lookup);
    }
    let both = [
        entry(named(&format!("nginx:1.27@{}", digest("a")))),
        entry(named("alpine:3")),
        entry(named(&format!("docker.io/library/nginx:1.27@{}", digest("b")))),
    ];
    let errors = wanted_images(&both, &old, &BTreeMap::new()).unwrap_err();
    let reference = "docker.io/library/nginx:1.27".to_owned();
    let digests = [digest("a"), digest("b")];
    assert_eq!(errors, [AskedForTwice::Digests { reference, digests, entries: [0, 2] }]);
}

#[test]
fn two_places_of_one_image_are_a_conflict() {
    let entries = [entry(layout("a.tar", None)), entry(named("nginx:1.27")), entry(layout("b.tar", None))];
    let selected =
        |content: Option<&str>| vec![SelectedImage::whole(named("nginx:1.27"), content.map(digest))];
    // Even one digest is: each may have another part of the image.
    let answers = BTreeMap::from([(0, selected(Some("a"))), (2, selected(Some("a")))]);
    let place = |path: &str| FetchedFrom::Layout { form: LayoutForm::Archive, path: path.to_owned() };
    let conflict = |other, second| AskedForTwice::Places {
        reference: "docker.io/library/nginx:1.27".to_owned(),
        places: [Some(place("a.tar")), other],
        entries: [0, second],
    };
    let errors = wanted_images(&entries, &Lock::default(), &answers).unwrap_err();
    assert_eq!(errors, [conflict(None, 1), conflict(Some(place("b.tar")), 2)]);
    // The same place twice is one.
    let twice = [entry(layout("a.tar", None)), entry(layout("a.tar", Some("*")))];
    let answers = BTreeMap::from([(0, selected(Some("a"))), (1, selected(Some("a")))]);
    assert_eq!(wanted_images(&twice, &Lock::default(), &answers).unwrap().len(), 1);
}

#[test]
fn entries_of_one_image_are_united() {
    let mut entries = ["linux/arm64", "linux/x86_64", "linux/arm64"].map(|platform| {
        let mut entry = entry(named("nginx:1.27"));
        entry.choice.platforms = vec![platform.parse().unwrap()];
        entry.groups.insert(platform.to_owned());
        entry
    });
    entries[1].choice.referrers = Some(Referrers::None);
    let united = wanted(&entries, &Lock::default());
    let platforms: Vec<String> = united[0].choice.platforms.iter().map(ToString::to_string).collect();
    assert_eq!((united.len(), platforms), (1, vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()]));
    assert_eq!((united[0].groups.len(), united[0].choice.referrers), (2, None));
    entries[0].choice.platforms.clear();
    entries[2].choice.referrers = Some(Referrers::All);
    let united = wanted(&entries, &Lock::default());
    assert_eq!(united[0].choice.platforms, []);
    assert_eq!(united[0].choice.referrers, Some(Referrers::All));
}

/// An entry for tags of a repository.
fn tags(repository: &str, semver: &str, newest: usize) -> Entry {
    let parts = SelectorParts { semver: Some(semver.to_owned()), newest: Some(newest), ..Default::default() };
    let selector = TagSelector::new(&parts).unwrap();
    let repository = repository.parse().unwrap();
    Entry { wanted: Wanted::Tags(TagQuery { repository, selector }), ..entry(named("unused")) }
}

#[test]
fn selectors_keep_their_tags_until_they_change_or_are_named() {
    let entries = [tags("team/a", ">=1", 2), tags("team/b", ">=1", 2), tags("team/a", ">=1", 1)];
    assert_eq!(entries_to_select(&entries, &Lock::default(), NONE), [0, 1, 2]);
    let selected = |names: &[&str]| {
        let image = |name: &&str| SelectedImage::whole(named(name), None);
        names.iter().map(image).collect::<Vec<_>>()
    };
    let answers = BTreeMap::from([
        (0, selected(&["team/a:2", "team/a:1"])),
        (1, selected(&["team/b:1"])),
        (2, selected(&["team/a:2"])),
    ]);
    let wishes = wanted_images(&entries, &Lock::default(), &answers).unwrap();
    let images = ["team/a:1", "team/a:2", "team/b:1"].map(|name| image(name, name));
    let lock = Lock::default().update(&answered(&wishes, images), time(0), None).unwrap();
    // The tag that both select has both selectors, and the file reads as the same.
    assert_eq!(lock.images()[1].selectors.len(), 2);
    assert_eq!(Lock::parse("images.lock", lock.to_json().unwrap().as_bytes()).unwrap(), lock);
    assert_eq!(entries_to_select(&entries, &lock, NONE), [] as [usize; 0]);
    assert_eq!(compare(&entries, &lock).unwrap(), []);
    assert_eq!(lock.update(&answered(&wanted(&entries, &lock), []), time(9), None).unwrap(), lock);

    assert_eq!(entries_to_select(&entries, &lock, |name| name == "docker.io/team/a"), [0, 2]);
    let changed = [tags("team/a", ">=1", 2), tags("team/b", ">=1 <3", 2)];
    assert_eq!(entries_to_select(&changed, &lock, NONE), [1]);
    let found: Vec<String> = compare(&changed, &lock).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "docker.io/team/b (semver >=1 <3, newest 2) is not in the lock",
            "docker.io/team/a:2 was locked for another tag selector than the list has now",
            "docker.io/team/b:1 is in the lock, and no entry of the list asks for it",
        ]
    );
}

#[test]
fn images_of_layouts_stay_as_long_as_the_list_has_the_same_text() {
    let all = layout("big.tar", Some("nginx*"));
    let entries = [entry(all.clone()), entry(named("alpine:3"))];
    let empty = Lock::default();
    assert_eq!(entries_to_select(&entries, &empty, NONE), [0]);
    let selected =
        ["nginx:1", "nginx:2"].map(|name| SelectedImage::whole(named(name), Some(digest(name)))).to_vec();
    let wishes = wanted_images(&entries, &empty, &BTreeMap::from([(0, selected)])).unwrap();
    assert_eq!(wishes.len(), 3);
    let images = ["nginx:1", "nginx:2", "alpine:3"].map(|name| image(name, name));
    let lock = empty.update(&answered(&wishes, images), time(0), None).unwrap();
    let nginx = &lock.images()[1];
    let place = FetchedFrom::Layout { form: LayoutForm::Archive, path: "big.tar".to_owned() };
    assert_eq!(nginx.from, Some(place));
    assert_eq!(nginx.selectors, [all.to_string()].into());

    assert_eq!(entries_to_select(&entries, &lock, NONE), [] as [usize; 0]);
    assert_eq!(wanted(&entries, &lock), {
        let mut known = wishes.clone();
        known.iter_mut().for_each(|wish| wish.digest = None);
        known
    });
    assert!(wanted(&entries, &lock).iter().all(|wish| wish.lookup(&lock, NONE) == Lookup::Nothing));
    let again = lock.update(&answered(&wanted(&entries, &lock), []), time(9), None).unwrap();
    assert_eq!(again, lock);
    assert_eq!(entries_to_select(&entries, &lock, |name| name.starts_with("oci-archive:")), [0]);
    let other = [entry(layout("big.tar", Some("*")))];
    assert_eq!(entries_to_select(&other, &lock, NONE), [0]);
    // The registry has it now.
    let wishes = wanted(&[entry(named("nginx:1"))], &lock);
    assert_eq!(wishes[0].lookup(&lock, NONE), Lookup::Reference);
    let new = lock.update(&answered(&wishes, [image("nginx:1", "nginx:1")]), time(9), None).unwrap();
    assert_eq!((new.images()[0].from.clone(), new.images()[0].resolved), (None, time(0)));
}

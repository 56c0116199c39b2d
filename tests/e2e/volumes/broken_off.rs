//! Builds into volumes that were broken off, wherever they were, go on.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use airlift_server::samples::{Content, Sample};
use airlift_testkit::scripted::{Answer, Script, ScriptedRegistry};

use super::{SIZE, Volumes, image, image_with};
use crate::airlift::{Airlift, Ran};

/// A registry whose connection breaks within the large layer until the test repairs it.
struct Breaking {
    registry: ScriptedRegistry,
    mended: Arc<AtomicBool>,
    airlift: Airlift,
    layer: Content,
}

impl Breaking {
    fn start() -> Self {
        // Larger than what is written at a time.
        let sample = image_with(1, 3 << 20);
        let layer = sample.blobs.iter().max_by_key(|blob| blob.bytes.len()).expect("it has layers").clone();
        let mended = Arc::new(AtomicBool::new(false));
        let (is_mended, breaking) = (Arc::clone(&mended), layer.clone());
        let registry = Script::serving(vec![sample])
            .rule(move |request| {
                let is_layer = request.is_blob() && request.path().ends_with(&breaking.digest.to_string());
                let breaks = is_layer && !is_mended.load(Ordering::SeqCst);
                let half = breaking.bytes.len() * 3 / 4;
                breaks.then(|| Answer::ok("application/octet-stream", breaking.bytes.to_vec()).cut_at(half))
            })
            .start();
        Breaking { registry, mended, airlift: Airlift::new(), layer }
    }

    fn build(&self, size: &str, more: &[&str]) -> Ran {
        let reference = format!("{}/team/large:1", self.registry.authority());
        let arguments = ["--json", "build", &reference, "-o", "b.tar", "--retries", "0", "--jobs", "1"];
        let size = if size.is_empty() { &[][..] } else { &["--volume-size", size] };
        self.airlift.run(&[&arguments, size, more].concat())
    }

    /// Builds until the line breaks, mends it, and gives where the layer was asked for from in the builds
    /// that came after.
    fn break_then(&self, size: &str, then: impl FnOnce()) -> Vec<Option<u64>> {
        self.build(size, &[]).expect(3).says("what arrived is kept");
        let files = self.airlift.files();
        assert!(files.iter().all(|name| name.ends_with(".part")), "{files:?}");
        assert_ne!(self.airlift.run(&["verify", "b.tar"]).code, 0);
        self.mended.store(true, Ordering::SeqCst);
        let before = self.registry.requests().len();
        then();
        let end = self.layer.digest.to_string();
        let requests = self.registry.requests().split_off(before);
        let asks = requests.iter().filter(|request| request.is_blob() && request.path().ends_with(&end));
        asks.map(|request| request.range_start()).collect()
    }

    /// Whether there is a whole set, and nothing else.
    fn assert_complete(&self) {
        let files = self.airlift.files();
        assert!(files.iter().all(|name| !name.contains("part")), "{files:?}");
        self.airlift.run(&["verify", "b.tar.volumes.json"]).expect(0);
    }

    fn assert_went_on(&self, asks: &[Option<u64>]) {
        let half = self.layer.bytes.len() as u64 / 2;
        assert!(matches!(asks, [Some(start)] if *start >= half), "{asks:?}");
        self.assert_complete();
    }
}

#[test]
fn a_build_that_was_broken_off_goes_on_inside_of_a_layer() {
    let breaking = Breaking::start();
    let asks = breaking.break_then(SIZE.0, || {
        breaking.build(SIZE.0, &[]).expect(0);
    });
    breaking.assert_went_on(&asks);
}

#[test]
fn volumes_of_another_plan_give_what_they_have() {
    let breaking = Breaking::start();
    let asks = breaking.break_then(SIZE.0, || {
        breaking.build(SIZE.0, &["--platform", "linux/amd64"]).expect(0);
    });
    breaking.assert_went_on(&asks);
}

#[test]
fn volumes_of_another_size_give_what_they_have() {
    for size in ["70kB", "1MB"] {
        let breaking = Breaking::start();
        let asks = breaking.break_then(SIZE.0, || {
            breaking.build(size, &[]).expect(0);
        });
        breaking.assert_went_on(&asks);
    }
}

#[test]
fn an_unfinished_file_gives_volumes_what_it_has() {
    let breaking = Breaking::start();
    let asks = breaking.break_then("", || {
        breaking.build(SIZE.0, &[]).expect(0);
    });
    breaking.assert_went_on(&asks);
}

#[test]
fn a_run_that_ended_while_volumes_took_their_names_is_finished() {
    let Some(volumes) = Volumes::built() else { return };
    let (names, whole) = (volumes.names(), volumes.joined());
    let part = |name: &str| volumes.path(&format!("{name}.part"));
    // As it is when a run is killed there: the first have their names, the others and the manifest don't.
    for had in 0..=names.len() {
        let unnamed = names[had..].iter().map(String::as_str).chain(["b.tar.volumes.json"]);
        unnamed.for_each(|name| fs::rename(volumes.path(name), part(name)).expect("it is there"));
        volumes.run(&["verify", "b.tar"]).expect(4);
        let built = volumes.build(&[]).expect(0).json("airlift.build/v1");
        assert_eq!(built["downloaded"], 0, "with {had} named");
        assert!(volumes.joined() == whole, "with {had} named");
        assert_eq!(volumes.pair.airlift.files().len(), names.len() + 1);
    }
    // A file that isn't what the manifest says gets its old name back from no one.
    fs::rename(volumes.path("b.tar.volumes.json"), part("b.tar.volumes.json")).expect("it is there");
    fs::write(volumes.path("b.tar.002"), "precious").expect("it can be written");
    volumes.build(&[]).expect(5).says("b.tar.002 is there already");
    assert_eq!(volumes.pair.airlift.read("b.tar.002"), b"precious");
}

/// Unfinished volumes of another plan get other names one by one, from the last, and go away one by one, from
/// the last.
#[test]
fn a_run_that_ended_while_other_volumes_were_set_aside_leaves_nothing_behind() {
    let Some(volumes) = Volumes::start() else { return };
    let other = image(100);
    volumes.pair.source.endpoint().push(&[Sample { tag: "2".to_owned(), ..other }]);
    let whole = volumes.whole();
    let reference = volumes.reference.replace(":1", ":2");
    volumes.run(&["build", &reference, "-o", "b.tar", "--volume-size", SIZE.0]).expect(0);
    let others: Vec<_> =
        volumes.names().iter().map(|name| (name.clone(), volumes.pair.airlift.read(name))).collect();
    let clean = || {
        let files = volumes.pair.airlift.files();
        files.iter().for_each(|name| fs::remove_file(volumes.path(name)).expect("it is there"));
    };
    for count in 0..=others.len() {
        for is_removal in [false, true] {
            clean();
            for (index, (name, bytes)) in others.iter().enumerate() {
                let suffix = match (index < count, is_removal) {
                    (true, false) => ".part",
                    (false, true) => continue,
                    _ => ".part.1",
                };
                fs::write(volumes.path(&format!("{name}{suffix}")), bytes).expect("its folder takes files");
            }
            fs::write(volumes.path("b.tar.volumes.json.part"), "").expect("its folder takes files");
            volumes.build(&[]).expect(0);
            assert!(volumes.joined() == whole);
            assert_eq!(volumes.pair.airlift.files().len(), volumes.names().len() + 1, "{count} {is_removal}");
        }
    }
}

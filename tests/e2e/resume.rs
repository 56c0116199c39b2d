//! An interrupted build continues where it was: within a layer, with the same plan or another one.

use std::fs::OpenOptions;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use airlift_server::samples::{self, Child, Content, ImageSpec, IndexSpec, Layer, Sample};
use airlift_testkit::scripted::{Answer, Request, Script, ScriptedRegistry};
use airlift_testkit::tamper::{Tampered, listing};

use crate::airlift::{Airlift, Ran};

/// Where the large layer breaks off, in bytes.
const CUT: usize = 3 << 20;

/// An image of two platforms: each has a layer of its own, that of linux/amd64 with 4 MiB.
fn image() -> Sample {
    let made = |platform: &str, seed, size| {
        let layers = vec![Layer::Files { seed, size }];
        samples::image(&ImageSpec { platform: platform.to_owned(), layers, ..ImageSpec::default() })
    };
    let images = vec![made("linux/amd64", 1, 4 << 20), made("linux/arm64", 2, 100_000)];
    let children = images.iter().map(Child::from).collect();
    let root = samples::index(&IndexSpec { children, ..IndexSpec::default() });
    Sample::of_index("team/large", "1", root, Vec::new(), images)
}

fn largest(sample: &Sample) -> &Content {
    sample.blobs.iter().max_by_key(|blob| blob.bytes.len()).expect("it has layers")
}

/// A registry whose connection breaks within the large layer until the test repairs it.
struct Breaking {
    registry: ScriptedRegistry,
    mended: Arc<AtomicBool>,
    sample: Sample,
    airlift: Airlift,
}

impl Breaking {
    fn start() -> Self {
        let sample = image();
        let layer = largest(&sample).clone();
        let path = format!("/blobs/{}", layer.digest);
        let mended = Arc::new(AtomicBool::new(false));
        let is_mended = Arc::clone(&mended);
        let registry = Script::serving(vec![sample.clone()])
            .rule(move |request| {
                let breaks =
                    request.is_blob() && request.path().ends_with(&path) && !is_mended.load(Ordering::SeqCst);
                breaks.then(|| Answer::ok("application/octet-stream", layer.bytes.to_vec()).cut_at(CUT))
            })
            .start();
        Breaking { registry, mended, sample, airlift: Airlift::new() }
    }

    fn build(&self, output: &str, more: &[&str]) -> Ran {
        let reference = format!("{}/team/large:1", self.registry.authority());
        let mut arguments =
            vec!["--json", "build", &reference, "-o", output, "--retries", "0", "--jobs", "1"];
        arguments.extend(more);
        self.airlift.run(&arguments)
    }

    /// Builds until the connection breaks, repairs it, and returns the requests that came after.
    fn break_then(&self, then: impl FnOnce()) -> Vec<Request> {
        self.build("b.tar", &[]).expect(3).says("what arrived is kept");
        assert_eq!(self.airlift.files(), ["b.tar.part"]);
        self.mended.store(true, Ordering::SeqCst);
        let before = self.registry.requests().len();
        then();
        self.registry.requests().split_off(before)
    }

    /// What a build from nothing gives.
    fn reference(&self, more: &[&str]) -> Vec<u8> {
        self.build("reference.tar", more).expect(0);
        self.airlift.read("reference.tar")
    }

    fn asks_for_the_layer<'a>(&self, requests: &'a [Request]) -> Vec<&'a Request> {
        let end = largest(&self.sample).digest.to_string();
        requests.iter().filter(|request| request.is_blob() && request.path().ends_with(&end)).collect()
    }
}

fn number(document: &serde_json::Value, member: &str) -> u64 {
    document[member].as_u64().expect("a number")
}

#[test]
fn a_layer_goes_on_where_it_broke_off() {
    let breaking = Breaking::start();
    let mut built = None;
    let requests = breaking.break_then(|| built = Some(breaking.build("b.tar", &[]).expect(0)));
    let asks = breaking.asks_for_the_layer(&requests);
    assert_eq!(asks.len(), 1);
    let start = asks[0].range_start().expect("the start is there already");
    assert!(start >= (CUT as u64) / 2 && start <= CUT as u64, "{start}");
    assert_eq!(requests.iter().filter(|request| request.is_manifest()).count(), 0, "{requests:?}");
    let built = built.map(|ran| ran.json("airlift.build/v1")).expect("it was built");
    let size = largest(&breaking.sample).bytes.len() as u64;
    assert!(number(&built, "reused") >= start, "{built}");
    assert!(number(&built, "downloaded") >= size - start && number(&built, "downloaded") < size, "{built}");
    assert!(breaking.airlift.read("b.tar") == breaking.reference(&[]), "another archive");
}

/// Rate and time left are those of what is fetched.
#[test]
fn what_was_there_is_not_called_fetched() {
    let breaking = Breaking::start();
    let mut said = String::new();
    breaking.break_then(|| said = breaking.build("b.tar", &["--progress", "plain"]).expect(0).stderr);
    let line = said.lines().find(|line| line.starts_with("fetch")).expect("there is such a line");
    assert!(line.contains("were there already"), "{line}");
    let size = largest(&breaking.sample).bytes.len() as f64;
    let mib =
        line.trim_start_matches("fetch ").split(' ').next().and_then(|number| number.parse::<f64>().ok());
    let mib = mib.expect("a number comes first");
    assert!(mib * 1048576.0 < size, "{line}");
}

#[test]
fn a_start_that_was_altered_is_found_out_and_fetched_again() {
    let breaking = Breaking::start();
    let requests = breaking.break_then(|| {
        let part = Tampered::copy_of(&breaking.airlift.path("b.tar.part"));
        let entries = listing_of_started(&part, largest(&breaking.sample));
        part.flip_bit(entries + 70_000, 0);
        std::fs::copy(part.path(), breaking.airlift.path("b.tar.part")).expect("it can be replaced");
        breaking.build("b.tar", &[]).expect(0);
    });
    let starts: Vec<_> =
        breaking.asks_for_the_layer(&requests).iter().map(|request| request.range_start()).collect();
    assert!(matches!(starts[..], [Some(_), None]), "{starts:?}");
    assert!(breaking.airlift.read("b.tar") == breaking.reference(&[]), "another archive");
}

/// Where the content of a blob begins in a `.part`: right behind its header.
fn listing_of_started(part: &Tampered, blob: &Content) -> u64 {
    let bytes = std::fs::read(part.path()).expect("it can be read");
    let name = format!("blobs/sha256/{}", blob.digest.hex());
    let header = bytes.chunks(512).position(|block| block.starts_with(name.as_bytes()));
    (header.expect("its header is there") as u64 + 1) * 512
}

#[test]
fn a_part_of_another_plan_gives_what_it_has() {
    let breaking = Breaking::start();
    let requests = breaking.break_then(|| {
        breaking.build("b.tar", &["--platform", "linux/amd64"]).expect(0);
    });
    let asks = breaking.asks_for_the_layer(&requests);
    assert_eq!(asks.len(), 1);
    assert!(asks[0].range_start().is_some_and(|start| start >= (CUT as u64) / 2), "{asks:?}");
    assert_eq!(breaking.airlift.files(), ["b.tar"]);
    let reference = breaking.reference(&["--platform", "linux/amd64"]);
    assert!(breaking.airlift.read("b.tar") == reference, "another archive");
}

#[test]
fn what_was_set_aside_stays_until_it_was_of_use() {
    let breaking = Breaking::start();
    breaking.build("b.tar", &[]).expect(3);
    // Another plan: it copies the start of the layer, breaks as well, and leaves one file.
    breaking.build("b.tar", &["--platform", "linux/amd64"]).expect(3);
    assert_eq!(breaking.airlift.files(), ["b.tar.part"]);
    breaking.mended.store(true, Ordering::SeqCst);
    // As if that run had been killed before it came to copying: the first plan's file lies beside the
    // second's.
    std::fs::rename(breaking.airlift.path("b.tar.part"), breaking.airlift.path("b.tar.part.3"))
        .expect("it moves");
    let before = breaking.registry.requests().len();
    breaking.build("b.tar", &[]).expect(0);
    let requests = breaking.registry.requests().split_off(before);
    assert!(breaking.asks_for_the_layer(&requests)[0].range_start().is_some(), "{requests:?}");
    assert_eq!(breaking.airlift.files(), ["b.tar"]);
    assert!(breaking.airlift.read("b.tar") == breaking.reference(&[]), "another archive");
}

#[test]
fn the_old_bundle_is_there_until_the_new_one_is() {
    let breaking = Breaking::start();
    std::fs::write(breaking.airlift.path("b.tar"), "an old bundle").expect("its folder takes files");
    breaking.build("b.tar", &["--force"]).expect(3);
    assert_eq!(breaking.airlift.read("b.tar"), b"an old bundle");
    breaking.mended.store(true, Ordering::SeqCst);
    breaking.build("b.tar", &["--force"]).expect(0);
    assert_eq!(breaking.airlift.files(), ["b.tar"]);
    assert!(!listing(&breaking.airlift.path("b.tar")).is_empty());
}

#[test]
fn the_second_build_of_an_output_is_told_who_writes_it() {
    let breaking = Breaking::start();
    breaking.mended.store(true, Ordering::SeqCst);
    let part = breaking.airlift.path("b.tar.part");
    let file = OpenOptions::new().write(true).create_new(true).open(&part).expect("its folder takes files");
    file.lock().expect("it can be locked");
    let holder = format!("process {}", std::process::id());
    let ran = breaking.build("b.tar", &[]).expect(4).says("b.tar.part is being written by");
    if cfg!(target_os = "linux") {
        ran.says(&holder);
    }
    assert_eq!(breaking.registry.requests().len(), 0, "nothing is asked for in vain");
    drop(file);
    breaking.build("b.tar", &[]).expect(0);
}

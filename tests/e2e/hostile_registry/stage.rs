//! What all faults have in common: an image, its bundle, secret credentials, and limits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use airlift_server::samples::{Content, Sample};
use airlift_testkit::scripted::{Request, Script, ScriptedRegistry};
use base64::Engine as _;

use crate::airlift::{Airlift, Ran};
use crate::made::{image, two_platforms};

/// Part of every secret.
pub(crate) const CANARY: &str = "c4nary";

/// No fault may take longer. Most take less than a second; the slowest wait for timeouts of one second, some
/// times.
const LONGEST: Duration = Duration::from_secs(40);

/// No fault may need more memory, in a debug build.
const MOST: u64 = 128 << 20;

/// The image, and what a scripted registry has to know of it.
pub(crate) struct Stage {
    pub(crate) sample: Sample,
    /// Another image of the same name.
    pub(crate) other: Sample,
    /// Its bundle, built of a registry that behaves; the name of the source's host is part of it.
    pub(crate) bundle: Airlift,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let sample = two_platforms("team/app", 1);
        let registry = Script::serving(vec![sample.clone()]).start();
        let bundle = Airlift::new();
        bundle.run(&["build", &reference(&registry), "-o", "b.tar"]).expect(0);
        Stage { sample, other: two_platforms("team/app", 50), bundle }
    }

    /// What an error may name, with `|` between: the image, or one of the parts that the faults are about.
    pub(crate) fn names(&self, reference: &str) -> String {
        let root = &self.sample.root.digest;
        format!("{reference}|{}|{}|{root}", self.layer().digest, self.child().digest)
    }

    /// The blob that most faults are about: a layer of the first platform.
    pub(crate) fn layer(&self) -> &Content {
        self.sample.blobs.iter().max_by_key(|blob| blob.bytes.len()).expect("it has layers")
    }

    /// The manifest of the first platform.
    pub(crate) fn child(&self) -> &Content {
        &self.sample.manifests[0]
    }

    /// Another image, for answers that no request asked for.
    pub(crate) fn stranger() -> Content {
        image("linux/s390x", 99).manifest
    }
}

/// The reference.
pub(crate) fn reference(registry: &ScriptedRegistry) -> String {
    format!("{}/team/app:1", registry.authority())
}

/// Whether a request is for that content, by its digest.
pub(crate) fn is_for(request: &Request, content: &Content) -> bool {
    let places = ["/manifests/", "/blobs/"].map(|place| format!("{place}{}", content.digest));
    request.method == "GET" && places.iter().any(|place| request.path().ends_with(place))
}

/// Credentials for a registry, in a file of that name.
pub(crate) fn write_credentials(airlift: &Airlift, authority: &str) {
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("user:{CANARY}-password"));
    let text = format!(r#"{{"auths":{{"{authority}":{{"auth":"{auth}"}}}}}}"#);
    std::fs::write(airlift.path("auth.json"), text).unwrap();
}

/// Runs it within the limits, and searches its output for secrets.
pub(crate) fn run_bounded(airlift: &Airlift, arguments: &[&str]) -> Ran {
    let started = Instant::now();
    let (ran, peak) = airlift.run_measured(arguments);
    let took = started.elapsed();
    assert!(took < LONGEST, "it took {took:?}: {ran}");
    assert!(peak < MOST, "it needed {peak} bytes of memory: {ran}");
    assert!(ran.stderr.len() < 20_000, "it said {} bytes", ran.stderr.len());
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("user:{CANARY}-password"));
    for secret in [CANARY, &encoded] {
        assert!(!ran.stderr.contains(secret) && !ran.text().contains(secret), "it tells a secret: {ran}");
    }
    let controls = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
    assert!(!controls(&ran.stderr), "{:?}", ran.stderr);
    ran
}

/// Panics unless the texts were said.
pub(crate) fn assert_says(ran: &Ran, texts: &[&str]) {
    for text in texts {
        let alternatives = text.split('|');
        let found =
            alternatives.into_iter().any(|text| ran.stderr.contains(text) || ran.text().contains(text));
        assert!(found, "{text:?} is missing in\n{ran}");
    }
}

/// Tests all faults, some at a time, and reports everything that went wrong.
pub(crate) fn walk<F: Sync + std::fmt::Display>(faults: &[F], play: impl Fn(&F) + Sync) {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| play(fault))) {
                        let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                        wrong.lock().unwrap().push(format!("=== {fault}\n{text}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} faults:\n{}", wrong.len(), faults.len(), wrong.join("\n"));
}

//! Faults of a target.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use airlift_server::Options;
use airlift_testkit::scripted::{Answer, Gate, Request, Script};

use super::pull::Rule;
use super::stage::{CANARY, Stage, assert_says, run_bounded, write_credentials};
use crate::airlift::Airlift;
use crate::made::Embedded;

/// One fault.
pub(crate) struct Fault {
    pub(crate) number: u32,
    pub(crate) does: &'static str,
    /// What the target at that authority answers.
    pub(crate) rule: fn(&Stage, String) -> Rule,
    pub(crate) end: End,
}

/// How the run has to end.
pub(crate) enum End {
    /// With all of it there.
    Arrives,
    /// With exit 3, an error that has all these texts (`a|b` is one of both), and no tag that a client
    /// can follow.
    NoTag(&'static [&'static str]),
    /// The same, but the registry took the tag before it lied about it.
    Tagged(&'static [&'static str]),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.does)
    }
}

/// Tests one fault, and panics if the run doesn't end as it should.
pub(crate) fn play(fault: &Fault, stage: &Stage) {
    let airlift = Airlift::new();
    let behind = Embedded::start(Options::default());
    let gate = Arc::new(OnceLock::<Rule>::new());
    let (late, early) = (gate.clone(), gate.clone());
    let acknowledged = Arc::new(Mutex::new(HashMap::<usize, Answer>::new()));
    let waiting = acknowledged.clone();
    let target = Script::forwarding(behind.authority())
        // Refusals of uploads come before the body, as they do where a proxy has a limit. What is
        // acknowledged was read.
        .rule_before_body(move |request| {
            let is_early = request.method == "PUT" || request.method == "PATCH";
            let answer = is_early.then(|| early.get().and_then(|rule| rule(request))).flatten()?;
            if !answer.is_success() {
                return Some(answer);
            }
            waiting.lock().unwrap().insert(request.number, answer);
            None
        })
        .rule(move |request| {
            let answer = acknowledged.lock().unwrap().remove(&request.number);
            answer.or_else(|| late.get().and_then(|rule| rule(request)))
        })
        .start();
    assert!(gate.set((fault.rule)(stage, target.authority())).is_ok());
    write_credentials(&airlift, &target.authority());
    let bundle = stage.bundle.path("b.tar");
    let authority = target.authority();
    let arguments = [
        "push",
        bundle.to_str().unwrap(),
        &authority,
        "--auth-file",
        "auth.json",
        "--retries",
        "1",
        "--timeout",
        "1",
    ];
    let ran = run_bounded(&airlift, &arguments);
    let tag = behind.endpoint().try_manifest("team/app", "1");
    match &fault.end {
        End::Arrives => {
            ran.expect(0);
            behind.endpoint().assert_holds(&stage.sample, "team/app");
        }
        End::NoTag(texts) => {
            let ran = ran.expect(3);
            assert_says(&ran, texts);
            assert_says(&ran, &["team/app"]);
            assert_eq!(tag.status, 404, "there is a tag: {ran}");
        }
        End::Tagged(texts) => {
            let ran = ran.expect(3);
            assert_says(&ran, texts);
            behind.endpoint().assert_holds(&stage.sample, "team/app");
        }
    }
}

macro_rules! faults {
    ($($number:literal $does:literal => $end:expr, $rule:expr;)*) => {
        &[$(Fault { number: $number, does: $does, rule: $rule, end: $end }),*]
    };
}

fn is_upload(request: &Request) -> bool {
    request.path().contains("/blobs/uploads/")
}

/// The end of an upload.
fn is_blob_put(request: &Request) -> bool {
    request.method == "PUT" && is_upload(request)
}

fn is_manifest_put(request: &Request) -> bool {
    request.method == "PUT" && request.path().contains("/manifests/")
}

fn is_tag(request: &Request) -> bool {
    request.path().ends_with("/manifests/1")
}

/// A rule for some requests.
fn on(which: fn(&Request) -> bool, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Rule {
    Box::new(move |request| which(request).then(|| answer(request)))
}

/// The same, only the first time.
fn once(which: fn(&Request) -> bool, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Rule {
    let done = AtomicBool::new(false);
    Box::new(move |request| {
        let first = which(request) && !done.swap(true, Ordering::SeqCst);
        first.then(|| answer(request))
    })
}

fn is_post(request: &Request) -> bool {
    request.method == "POST"
}

fn created(request: &Request) -> Answer {
    Answer::status(201).header("Location", request.path())
}

fn html() -> Answer {
    Answer::ok("text/html", "<html><body>Please log in</body></html>")
}

/// What GETs are answered when a manifest was put: before that, a push looks for what stands there.
fn once_put(
    put: fn(&Request) -> bool,
    is_it: impl Fn(&Request) -> bool + Send + Sync + 'static,
    answer: impl Fn() -> Answer + Send + Sync + 'static,
) -> Rule {
    let was_put = AtomicBool::new(false);
    Box::new(move |request| {
        was_put.fetch_or(put(request), Ordering::SeqCst);
        (was_put.load(Ordering::SeqCst) && request.method == "GET" && is_it(request)).then(&answer)
    })
}

/// What a GET or HEAD of a manifest, by digest or tag, is answered when it is read back.
fn read_back(stage: &Stage, answer: impl Fn(&str, Vec<u8>) -> Answer + Send + Sync + 'static) -> Rule {
    let root = stage.sample.root.clone();
    let path = root.digest.to_string();
    let is_it = move |request: &Request| is_tag(request) || request.path().ends_with(&path);
    once_put(is_manifest_put, is_it, move || answer(&root.media_type, root.bytes.to_vec()))
}

pub(crate) const FAULTS: &[Fault] = faults! {
    62 "blobs are acknowledged and not kept" => End::NoTag(&["unknown|UNKNOWN|refused|not there"]), |_, _| on(is_blob_put, created);
    62 "one blob is acknowledged and not kept, once" => End::Arrives, |_, _| once(is_blob_put, created);
    62 "manifests are acknowledged and not kept" => End::NoTag(&["not there|404|read back|doesn't have"]), |_, _| on(is_manifest_put, created);
    62 "the index is altered on the way back" => End::NoTag(&["hash to|altered|other bytes|differ"]), |stage, _| {
        read_back(stage, |media_type, mut bytes| {
            bytes.push(b'\n');
            Answer::ok(media_type, bytes)
        })
    };
    62 "the index comes back as something else" => End::NoTag(&["application/json"]), |stage, _| {
        read_back(stage, |_, bytes| Answer::ok("application/json", bytes))
    };
    62 "the index comes back as a login page" => End::NoTag(&["HTML"]), |stage, _| read_back(stage, |_, _| html());
    62 "the index comes back without end" => End::NoTag(&["larger than"]), |stage, _| {
        read_back(stage, |media_type, bytes| Answer::ok(media_type, bytes).endless([b' '; 9000]))
    };
    62 "the tag stands for something else" => End::Tagged(&["stands for sha256:"]), |stage, _| {
        let child = stage.sample.manifests[0].clone();
        let put = |request: &Request| is_manifest_put(request) && is_tag(request);
        once_put(put, is_tag, move || Answer::ok(&child.media_type, child.bytes.to_vec()))
    };
    62 "the tag is acknowledged and not kept" => End::NoTag(&["has no 1"]), |_, _| {
        on(|request| is_manifest_put(request) && is_tag(request), created)
    };
    62 "manifests show a second late" => End::Arrives, |_, _| {
        let late = |request: &Request| request.method == "GET" && request.path().contains("/manifests/") && request.nth <= usize::from(is_tag(request));
        on(late, |_| Answer::error(404, "MANIFEST_UNKNOWN", "not yet"))
    };
    62 "a child shows late to its index" => End::Arrives, |stage, _| {
        let (root, child) = (stage.sample.root.digest.to_string(), stage.sample.manifests[0].digest);
        Box::new(move |request| {
            let is_index = is_manifest_put(request) && request.path().ends_with(&root) && request.nth == 0;
            is_index.then(|| Answer::error(400, "MANIFEST_BLOB_UNKNOWN", &format!("unknown: {child}")))
        })
    };
    63 "blobs are said to be there, and are not" => End::Arrives, |stage, _| {
        let digests: Vec<_> = stage.sample.blobs.iter().map(|blob| blob.digest.to_string()).collect();
        Box::new(move |request| {
            let lies = request.method == "HEAD" && request.nth == 0;
            let lies = lies && digests.iter().any(|digest| request.path().ends_with(digest));
            lies.then(|| Answer::status(200).header("Content-Length", "1"))
        })
    };
    59 "an upload goes on at a file" => End::NoTag(&["Location|sent on|refused"]), |_, _| {
        on(is_post, |_| Answer::status(202).header("Location", "file:///tmp/upload"))
    };
    59 "an upload without a place" => End::NoTag(&["Location"]), |_, _| on(is_post, |_| Answer::status(202));
    59 "an upload that is sent round in circles" => End::NoTag(&["sent on|redirect|Location"]), |_, _| {
        on(is_blob_put, |request| Answer::redirect(&format!("{}&sig={CANARY}", request.target)))
    };
    62 "uploads that never end" => End::NoTag(&["202"]), |_, _| {
        on(is_blob_put, |request| Answer::status(202).header("Location", request.path()).header("Range", "0-0"))
    };
    62 "an upload that is acknowledged as something else" => End::NoTag(&["acknowledged before all of it was sent|the registry says that this is"]), |_, _| {
        on(is_blob_put, |request| created(request).header("Docker-Content-Digest", format!("sha256:{:064x}", 7)))
    };
    62 "a manifest that is acknowledged as something else" => End::NoTag(&["the registry says that this is|altered"]), |_, _| {
        on(is_manifest_put, |request| created(request).header("Docker-Content-Digest", format!("sha256:{:064x}", 7)))
    };
    65 "413 for a blob" => End::NoTag(&["413"]), |_, _| on(is_blob_put, |_| Answer::status(413));
    65 "413 for a manifest" => End::NoTag(&["413"]), |_, _| on(is_manifest_put, |_| Answer::status(413));
    65 "415 for a manifest" => End::NoTag(&["415"]), |_, _| on(is_manifest_put, |_| Answer::error(415, "UNSUPPORTED", "no such type"));
    65 "a quota" => End::NoTag(&["quota exceeded"]), |_, _| on(is_post, |_| Answer::error(403, "DENIED", "quota exceeded"));
    65 "a tag that may not be moved" => End::NoTag(&["immutable"]), |_, _| {
        on(|request| is_manifest_put(request) && is_tag(request), |_| Answer::error(412, "TAG_IMMUTABLE", "the tag is immutable"))
    };
    65 "a registry that is read-only" => End::NoTag(&["405"]), |_, _| on(is_post, |_| Answer::error(405, "UNSUPPORTED", "read-only"));
    49 "500 for uploads, once" => End::Arrives, |_, _| once(is_post, |_| Answer::error(500, "UNKNOWN", "oh"));
    49 "500 for manifests, once" => End::Arrives, |_, _| once(is_manifest_put, |_| Answer::error(500, "UNKNOWN", "oh"));
    62 "an upload session that is forgotten, once" => End::Arrives, |_, _| {
        once(is_blob_put, |_| Answer::error(404, "BLOB_UPLOAD_UNKNOWN", "no such session"))
    };
    49 "500 for manifests" => End::NoTag(&["500"]), |_, _| on(is_manifest_put, |_| Answer::error(500, "UNKNOWN", "oh"));
    49 "401 for uploads" => End::NoTag(&["401|unauthorised|log in"]), |_, _| on(is_post, |_| Answer::error(401, "UNAUTHORIZED", "no"));
    49 "403 for manifests" => End::NoTag(&["403|denied"]), |_, _| on(is_manifest_put, |_| Answer::error(403, "DENIED", "no"));
    48 "429, once" => End::Arrives, |_, _| once(is_post, |_| Answer::too_many_requests("1"));
    48 "429, always" => End::NoTag(&["429"]), |_, _| on(is_upload, |_| Answer::too_many_requests("0"));
    52 "a login page for uploads" => End::NoTag(&["HTML|status 200"]), |_, _| on(is_post, |_| html());
    52 "a login page for the end of an upload" => End::NoTag(&["HTML"]), |_, _| on(is_blob_put, |_| html());
    52 "a login page for manifests" => End::NoTag(&["HTML"]), |_, _| on(is_manifest_put, |_| html());
    52 "a login page for what is there" => End::NoTag(&["HTML"]), |_, _| on(|request| request.method != "POST", |_| html());
    41 "a break in an upload, once" => End::Arrives, |_, _| once(is_blob_put, |_| Answer::reset());
    41 "breaks in all uploads" => End::NoTag(&["broke|can't connect"]), |_, _| on(is_blob_put, |_| Answer::hang_up());
    41 "breaks before manifests are acknowledged" => End::NoTag(&["broke|can't connect"]), |_, _| on(is_manifest_put, |_| Answer::reset());
    41 "hanging up on everything" => End::NoTag(&["broke|can't connect"]), |_, _| on(|_| true, |_| Answer::hang_up());
    41 "no HTTP" => End::NoTag(&["http"]), |_, _| on(|_| true, |_| Answer::raw("220 ESMTP\r\n"));
    47 "no acknowledgement" => End::NoTag(&["no answer|acknowledge"]), |_, _| {
        let gate = Gate::new();
        on(is_manifest_put, move |_| Answer::status(201).after(&gate))
    };
    43 "endless headers for what is there" => End::NoTag(&["http"]), |_, _| {
        on(|request| request.method == "HEAD", |_| Answer::flood("HTTP/1.1 404 No\r\n", "X-More: and more\r\n"))
    };
    43 "endless provisional answers" => End::NoTag(&["http"]), |_, _| {
        on(is_post, |_| Answer::drip("HTTP/1.1 102 Processing

".repeat(100), Duration::from_millis(2)))
    };
    43 "an endless refusal" => End::NoTag(&["400|refused"]), |_, _| {
        on(is_manifest_put, |_| Answer::flood("HTTP/1.1 400 No\r\n\r\n", "{\"errors\":[{\"code\":\"MANIFEST_INVALID\"}]}"))
    };
};

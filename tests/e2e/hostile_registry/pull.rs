//! Faults of a source.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use airlift_testkit::scripted::{Answer, Gate, Request, Script};

use super::stage::{CANARY, Stage, assert_says, is_for, reference, run_bounded, write_credentials};
use crate::airlift::Airlift;

/// What a scripted registry answers; `None` where it behaves.
pub(crate) type Rule = Box<dyn Fn(&Request) -> Option<Answer> + Send + Sync>;

/// One fault.
pub(crate) struct Fault {
    /// Its number in the list of faults, as in the registry crate's table.
    pub(crate) number: u32,
    pub(crate) does: &'static str,
    /// What the registry at that authority answers.
    pub(crate) rule: fn(&Stage, String) -> Rule,
    pub(crate) end: End,
    /// Options instead of one retry.
    pub(crate) options: &'static [&'static str],
}

/// How the run has to end.
pub(crate) enum End {
    /// With the very same bundle.
    Same,
    /// With exit 3 and an error that has all these texts; `a|b` is one of both.
    Error(&'static [&'static str]),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.does)
    }
}

/// Tests one fault, and panics if the run doesn't end as it should.
pub(crate) fn play(fault: &Fault, stage: &Stage) {
    let airlift = Airlift::new();
    let gate = Arc::new(OnceLock::<Rule>::new());
    let late = gate.clone();
    let registry = Script::serving(vec![stage.sample.clone()])
        .rule(move |request| late.get().and_then(|rule| rule(request)))
        .start();
    // The rule may name the registry, whose address is known only now.
    assert!(gate.set((fault.rule)(stage, registry.authority())).is_ok());
    write_credentials(&airlift, &registry.authority());
    let reference = reference(&registry);
    let mut arguments = vec!["build", &reference, "-o", "b.tar", "--auth-file", "auth.json"];
    let usual: &[&str] = if fault.options.is_empty() { &["--retries", "1"] } else { fault.options };
    arguments.extend(["--timeout", "1"]);
    arguments.extend(usual);
    let ran = run_bounded(&airlift, &arguments);
    match &fault.end {
        End::Same => {
            let ran = ran.expect(0);
            airlift.run(&["verify", "b.tar"]).expect(0);
            // The index, which stands first, has the registry's address in it; all behind it is the same.
            let (built, bundle) = (airlift.read("b.tar"), stage.bundle.read("b.tar"));
            assert_eq!(built.len(), bundle.len(), "{ran}");
            let content =
                stage.sample.blobs.iter().chain(&stage.sample.manifests).chain([&stage.sample.root]);
            for content in content {
                let found = built.windows(content.bytes.len()).any(|window| window == content.bytes);
                assert!(found, "{} is not in the bundle", content.digest);
            }
        }
        End::Error(texts) => {
            let ran = ran.expect(3);
            assert_says(&ran, texts);
            assert_says(&ran, &[&stage.names(&reference)]);
            assert!(!airlift.path("b.tar").exists(), "{ran}");
        }
    }
}

/// Builds the table.
macro_rules! faults {
    ($($number:literal $does:literal => $end:expr, $rule:expr $(, $option:literal)*;)*) => {
        &[$(Fault { number: $number, does: $does, rule: $rule, end: $end, options: &[$($option),*] }),*]
    };
}

/// A rule about the layer.
fn on_layer(
    stage: &Stage,
    answer: impl Fn(&Request, Vec<u8>) -> Option<Answer> + Send + Sync + 'static,
) -> Rule {
    let layer = stage.layer().clone();
    Box::new(move |request| is_for(request, &layer).then(|| answer(request, layer.bytes.to_vec())).flatten())
}

/// The same, always.
fn layer(stage: &Stage, answer: impl Fn(Vec<u8>) -> Answer + Send + Sync + 'static) -> Rule {
    on_layer(stage, move |_, bytes| Some(answer(bytes)))
}

/// The same, the first time.
fn layer_once(stage: &Stage, answer: impl Fn(Vec<u8>) -> Answer + Send + Sync + 'static) -> Rule {
    on_layer(stage, move |request, bytes| (request.nth == 0).then(|| answer(bytes)))
}

/// A rule about the tag: GETs and HEADs of it.
fn on_tag(answer: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Rule {
    Box::new(move |request| request.path().ends_with("/manifests/1").then(|| answer(request)).flatten())
}

fn tag(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Rule {
    on_tag(move |_| Some(answer()))
}

/// A rule about the first platform's manifest.
fn child(stage: &Stage, answer: impl Fn(&str, Vec<u8>) -> Answer + Send + Sync + 'static) -> Rule {
    let child = stage.child().clone();
    Box::new(move |request| is_for(request, &child).then(|| answer(&child.media_type, child.bytes.to_vec())))
}

/// A rule for everything.
fn all(answer: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Rule {
    Box::new(answer)
}

fn blob(bytes: impl Into<Vec<u8>>) -> Answer {
    Answer::ok("application/octet-stream", bytes)
}

/// A root of the index's type.
fn index(bytes: impl Into<Vec<u8>>) -> Answer {
    Answer::ok("application/vnd.oci.image.index.v1+json", bytes)
}

fn html() -> Answer {
    Answer::ok("text/html; charset=utf-8", "<!DOCTYPE html><html><body>Please log in</body></html>")
}

fn part(bytes: &[u8], range: &str, from: u64) -> Answer {
    Answer::status(206).header("Content-Range", range).body(&bytes[usize::try_from(from).unwrap()..])
}

fn challenge(authority: &str, path: &str) -> Answer {
    let value = format!(
        "Bearer realm=\"http://{authority}{path}\",service=\"here\",scope=\"repository:team/app:pull\""
    );
    Answer::error(401, "UNAUTHORIZED", "log in").header("WWW-Authenticate", value)
}

/// Wants a token, and answers the request for one with `answer`.
fn with_token(authority: String, token: impl Fn() -> Answer + Send + Sync + 'static) -> Rule {
    all(move |request| match request.path() {
        "/token" => Some(token()),
        _ => request.header("authorization").is_none().then(|| challenge(&authority, "/token")),
    })
}

fn token_of(text: &str) -> Answer {
    Answer::ok("application/json", format!("{{\"token\":\"{text}\",\"expires_in\":300}}"))
}

/// A list of referrers with a next page.
fn page(request: &Request, listed: &str) -> Answer {
    let link = format!("<{}?page={}>; rel=\"next\"", request.path(), request.number);
    let body = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[{listed}]}}"
    );
    index(body).header("Link", link)
}

const NINES: &str = "99999999999999999999";

pub(crate) const FAULTS: &[Fault] = faults! {
    40 "other bytes for a blob" => End::Error(&["they hash to"]), |stage, _| layer(stage, |mut bytes| {
        bytes[0] ^= 1;
        blob(bytes)
    });
    40 "other bytes for a manifest" => End::Error(&["they hash to|bytes are announced"]), |stage, _| {
        child(stage, |media_type, _| Answer::ok(media_type, Stage::stranger().bytes.to_vec()))
    };
    40 "an empty blob" => End::Error(&["0 bytes are announced"]), |stage, _| layer(stage, |_| blob(""));
    40 "an empty manifest" => End::Error(&["manifest"]), |_, _| tag(|| index(""));
    41 "a reset in a blob, once" => End::Same, |stage, _| layer_once(stage, |bytes| blob(bytes).reset_at(700));
    41 "a cut in a blob, once" => End::Same, |stage, _| layer_once(stage, |bytes| blob(bytes).cut_at(700));
    41 "a cut in a manifest, once" => End::Same, |stage, _| {
        let root = stage.sample.root.bytes.to_vec();
        on_tag(move |request| (request.nth == 0 && request.method == "GET").then(|| index(root.clone()).cut_at(40)))
    };
    41 "resets before any byte" => End::Error(&["broke|can't connect"]), |stage, _| layer(stage, |_| Answer::reset());
    41 "hanging up on everything" => End::Error(&["broke|can't connect"]), |_, _| all(|_| Some(Answer::hang_up()));
    42 "a short body without length, once" => End::Same, |stage, _| {
        layer_once(stage, |bytes| blob(&bytes[..700]).without_length())
    };
    42 "no body without length, always" => End::Error(&["0 of|ended"]), |stage, _| {
        layer(stage, |_| blob("").without_length())
    };
    43 "a body that is longer than announced" => End::Same, |stage, _| layer(stage, |bytes| blob(bytes).overlong("more"));
    43 "a body without length that is too long" => End::Error(&["more than the"]), |stage, _| {
        layer(stage, |mut bytes| {
            bytes.push(0);
            blob(bytes).without_length()
        })
    };
    43 "an endless blob" => End::Error(&["more than the"]), |stage, _| layer(stage, |bytes| blob(bytes).endless([0; 9000]));
    43 "an endless manifest" => End::Error(&["larger than"]), |_, _| tag(|| index("{").endless([b' '; 9000]));
    43 "a manifest of many gigabytes" => End::Error(&["larger than"]), |_, _| {
        tag(|| Answer::flood("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{", [b' '; 9000]))
    };
    43 "an endless error" => End::Error(&["500"]), |_, _| {
        tag(|| Answer::flood("HTTP/1.1 500 Oh\r\n\r\n{\"errors\":[", [b' '; 9000]))
    };
    43 "an endless refusal" => End::Error(&["403|denied"]), |_, _| {
        tag(|| Answer::flood("HTTP/1.1 403 No\r\n\r\n", "{\"errors\":[{\"code\":\"DENIED\"}]}"))
    };
    43 "endless headers" => End::Error(&["manifests/1"]), |_, _| tag(|| Answer::flood("HTTP/1.1 200 OK\r\n", "X-More: and more\r\n"));
    43 "a header without end" => End::Error(&["manifests/1"]), |_, _| tag(|| Answer::flood("HTTP/1.1 200 OK\r\nX-Long: ", [b'x'; 9000]));
    43 "a status line without end" => End::Error(&["manifests/1"]), |_, _| tag(|| Answer::flood("HTTP/1.1 200 ", [b'x'; 9000]));
    43 "endless provisional answers" => End::Error(&["manifests/1"]), |_, _| tag(|| Answer::drip("HTTP/1.1 103 Early Hints

".repeat(100), Duration::from_millis(2)));
    43 "trailers without end" => End::Error(&["blobs/"]), |stage, _| layer(stage, |bytes| {
        let mut start = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", bytes.len() + 1).into_bytes();
        start.extend(&bytes);
        start.extend(b"x\r\n0\r\n");
        Answer::flood(start, "X-Trailer: more\r\n")
    });
    44 "no range, but the whole" => End::Same, |stage, _| on_layer(stage, |request, bytes| Some(match request.range_start() {
        None if request.nth == 0 => blob(bytes).reset_at(700),
        _ => blob(bytes),
    }));
    44 "another range" => End::Same, |stage, _| on_layer(stage, |request, bytes| Some(match request.range_start() {
        None if request.nth == 0 => blob(bytes).reset_at(700),
        None => blob(bytes),
        Some(from) => part(&bytes, &format!("bytes {}-{}/{}", from - 1, bytes.len() - 2, bytes.len()), from),
    }));
    44 "a range of something larger" => End::Same, |stage, _| on_layer(stage, |request, bytes| Some(match request.range_start() {
        None if request.nth == 0 => blob(bytes).reset_at(700),
        None => blob(bytes),
        Some(from) => part(&bytes, &format!("bytes {from}-{}/{NINES}", bytes.len() - 1), from),
    }));
    45 "a wrong beginning, then the right rest" => End::Same, |stage, _| layer_once(stage, |mut bytes| {
        bytes[0] ^= 1;
        blob(bytes).reset_at(700)
    });
    46 "a blob that is said to be compressed" => End::Same, |stage, _| layer(stage, |bytes| blob(bytes).header("Content-Encoding", "gzip"));
    46 "a compressed blob" => End::Error(&["Content-Encoding"]), |stage, _| layer(stage, |bytes| blob(bytes[1..].to_vec()).header("Content-Encoding", "gzip"));
    46 "a compressed manifest" => End::Error(&["Content-Encoding"]), |_, _| tag(|| index("\u{1f}\u{8b}").header("Content-Encoding", "gzip"));
    47 "a stall in a blob, once" => End::Same, |stage, _| {
        let gate = Gate::new();
        layer_once(stage, move |bytes| blob(bytes).pause_at(700, &gate))
    };
    47 "a stall in a blob, always" => End::Error(&["no byte came"]), |stage, _| {
        let gate = Gate::new();
        layer(stage, move |bytes| blob(bytes).pause_at(0, &gate))
    };
    47 "no answer" => End::Error(&["no answer"]), |_, _| {
        let gate = Gate::new();
        tag(move || Answer::status(200).after(&gate))
    };
    47 "a blob at a byte a tenth of a second" => End::Error(&["are the least"]), |stage, _| layer(stage, |bytes| {
        let mut start = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len()).into_bytes();
        start.extend(bytes);
        Answer::drip(start, Duration::from_millis(20))
    });
    47 "headers at a byte a tenth of a second" => End::Error(&["manifests/1"]), |_, _| {
        tag(|| Answer::drip(format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(9000)), Duration::from_millis(100)))
    };
    48 "429 with seconds" => End::Same, |_, _| on_tag(|request| (request.nth == 0).then(|| Answer::too_many_requests("1")));
    48 "429 with a date" => End::Same, |_, _| {
        on_tag(|request| (request.nth == 0).then(|| Answer::too_many_requests("Sun, 06 Nov 1994 08:49:37 GMT")))
    };
    48 "429 with nonsense" => End::Same, |_, _| on_tag(|request| (request.nth == 0).then(|| Answer::too_many_requests("-1;DROP")));
    48 "429, always" => End::Error(&["429"]), |_, _| tag(|| Answer::too_many_requests("0"));
    48 "429 for an age" => End::Error(&["429", "come back in"]), |_, _| tag(|| Answer::too_many_requests(NINES));
    49 "503, once" => End::Same, |stage, _| layer_once(stage, |_| Answer::error(503, "UNAVAILABLE", "later"));
    49 "500, always" => End::Error(&["500"]), |stage, _| layer(stage, |_| Answer::error(500, "UNKNOWN", "oh"));
    49 "401" => End::Error(&["401|unauthorised|log in"]), |stage, _| layer(stage, |_| Answer::error(401, "UNAUTHORIZED", "no"));
    49 "403" => End::Error(&["403|denied"]), |stage, _| layer(stage, |_| Answer::error(403, "DENIED", "no"));
    49 "404 for a blob" => End::Error(&["404|not found|is not there"]), |stage, _| layer(stage, |_| Answer::error(404, "BLOB_UNKNOWN", "gone"));
    49 "404 for a child" => End::Error(&["is not|not found|404|missing"]), |stage, _| child(stage, |_, _| Answer::error(404, "MANIFEST_UNKNOWN", "gone"));
    50 "a tag that moves after the first request" => End::Same, |stage, _| {
        let other = stage.other.root.clone();
        let asked = AtomicUsize::new(0);
        on_tag(move |_| (asked.fetch_add(1, Ordering::SeqCst) > 0).then(|| index(other.bytes.to_vec())))
    };
    51 "a token that expires in the middle" => End::Same, |stage, authority| {
        let layer = stage.layer().clone();
        let next = AtomicUsize::new(0);
        all(move |request| match (request.path(), request.header("authorization")) {
            ("/token", _) => Some(token_of(&format!("{CANARY}-{}", next.fetch_add(1, Ordering::SeqCst)))),
            (_, None) => Some(challenge(&authority, "/token")),
            (_, Some(value)) if !is_for(request, &layer) => {
                (!value.contains(CANARY)).then(|| challenge(&authority, "/token"))
            }
            (_, Some(value)) if value.ends_with("-0") => Some(match request.range_start() {
                None => blob(layer.bytes.to_vec()).reset_at(700),
                Some(_) => challenge(&authority, "/token"),
            }),
            _ => None,
        })
    };
    51 "a token that is never good" => End::Error(&["401|unauthorised|log in"]), |_, authority| all(move |request| Some(match request.path() {
        "/token" => token_of(CANARY),
        _ => challenge(&authority, "/token"),
    }));
    51 "a token answer of many megabytes" => End::Error(&["larger than"]), |_, authority| {
        with_token(authority, || Answer::ok("application/json", format!("{{\"token\":\"{}\"}}", "x".repeat(20 << 20))))
    };
    51 "an endless token answer" => End::Error(&["larger than"]), |_, authority| {
        with_token(authority, || Answer::ok("application/json", "{\"token\":\"").endless([b'x'; 9000]))
    };
    51 "a token answer without token" => End::Error(&["token"]), |_, authority| with_token(authority, || Answer::ok("application/json", "{}"));
    51 "a token that would be two headers" => End::Error(&["token"]), |_, authority| with_token(authority, || token_of("a\\r\\nX-Evil: 1"));
    52 "a login page for a blob" => End::Error(&["HTML"]), |stage, _| layer(stage, |_| html());
    52 "a login page for a tag" => End::Error(&["HTML"]), |_, _| tag(html);
    52 "a login page for everything" => End::Error(&["HTML"]), |_, _| all(|_| Some(html()));
    52 "a login page for a token" => End::Error(&["HTML|token"]), |_, authority| with_token(authority, html);
    53 "a referrer that is another" => End::Error(&["they hash to|bytes are announced"]), |_, _| all(|request| {
        let listed = Stage::stranger();
        if request.path().contains("/referrers/") {
            let descriptor = format!("{{\"mediaType\":\"{}\",\"digest\":\"{}\",\"size\":{}}}", listed.media_type, listed.digest, listed.bytes.len());
            return Some(index(format!("{{\"schemaVersion\":2,\"manifests\":[{descriptor}]}}")));
        }
        let mut wrong = listed.bytes.to_vec();
        wrong[10] ^= 1;
        is_for(request, &listed).then(|| Answer::ok(&listed.media_type, wrong))
    });
    36 "pages of referrers without end" => End::Error(&["referrers"]), |_, _| {
        all(|request| request.path().contains("/referrers/").then(|| page(request, "")))
    };
    36 "referrers without end" => End::Error(&["referrers"]), |_, _| all(|request| {
        let digest = format!("sha256:{:064x}", request.number);
        let listed = format!("{{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"{digest}\",\"size\":7}}");
        request.path().contains("/referrers/").then(|| page(request, &listed))
    });
    36 "a page that is its own next page" => End::Error(&["referrers"]), |_, _| all(|request| {
        let path = request.path().to_owned();
        path.contains("/referrers/").then(|| page(request, "").header("Link", format!("<{path}>; rel=\"next\"")))
    });
    54 "a realm that is a file" => End::Error(&["realm|login"]), |_, _| tag(|| {
        Answer::error(401, "UNAUTHORIZED", "no").header("WWW-Authenticate", "Bearer realm=\"file:///etc/passwd\"")
    });
    55 "a realm of link-local addresses" => End::Error(&["realm|login"]), |_, _| tag(|| {
        let value = "Bearer realm=\"http://169.254.169.254/latest/meta-data\",service=\"x\"";
        Answer::error(401, "UNAUTHORIZED", "no").header("WWW-Authenticate", value)
    });
    57 "a redirect to a file" => End::Error(&["sent on to", "refused"]), |stage, _| layer(stage, |_| Answer::redirect("file:///etc/passwd"));
    57 "a redirect of a manifest to a file" => End::Error(&["sent on to", "refused"]), |_, _| tag(|| Answer::redirect("file:///etc/passwd"));
    57 "a redirect to nowhere" => End::Error(&["blobs/"]), |stage, _| layer(stage, |_| Answer::status(307));
    57 "a redirect to itself" => End::Error(&["sent on|redirect"]), |stage, _| {
        let layer = stage.layer().clone();
        all(move |request| is_for(request, &layer).then(|| Answer::redirect(&request.target)))
    };
    57 "redirects without end" => End::Error(&["sent on|redirect"]), |stage, _| {
        let layer = stage.layer().clone();
        all(move |request| {
            let hops = is_for(request, &layer) || request.path() == "/hop";
            hops.then(|| Answer::redirect(&format!("/hop?sig={CANARY}{}", request.number)))
        })
    };
    25 "a digest header that lies about a tag" => End::Error(&["the registry says that this is"]), |stage, _| {
        let (root, other) = (stage.sample.root.clone(), stage.other.root.digest.to_string());
        tag(move || Answer::ok(&root.media_type, root.bytes.to_vec()).header("Docker-Content-Digest", other.clone()))
    };
    28 "a manifest that is called text, which says nothing" => End::Same, |stage, _| {
        child(stage, |_, bytes| Answer::ok("text/plain", bytes))
    };
    28 "a manifest that is called a layer" => End::Error(&["image.layer"]), |stage, _| {
        child(stage, |_, bytes| Answer::ok("application/vnd.oci.image.layer.v1.tar+gzip", bytes))
    };
    28 "a manifest that is called an index" => End::Error(&["media type|mediaType|index.v1"]), |stage, _| child(stage, |_, bytes| index(bytes));
    27 "manifests together with layers" => End::Error(&["manifests"]), |_, _| {
        tag(|| index("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[],\"layers\":[]}"))
    };
    31 "JSON that nests for ever" => End::Error(&["nest|levels|deep"]), |_, _| tag(|| index("[".repeat(1 << 20)));
    32 "JSON with something behind it" => End::Error(&["JSON|trailing"]), |stage, _| {
        let mut root = stage.sample.root.bytes.to_vec();
        root.extend(b"{}");
        tag(move || index(root.clone()))
    };
    39 "schema 1" => End::Error(&["schema 1"]), |_, _| tag(|| {
        Answer::ok("application/vnd.docker.distribution.manifest.v1+prettyjws", "{\"schemaVersion\":1,\"name\":\"x\",\"tag\":\"1\",\"fsLayers\":[]}")
    });
    41 "chunks that are none" => End::Error(&["blobs/"]), |stage, _| {
        layer(stage, |_| Answer::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"))
    };
    41 "no HTTP" => End::Error(&["manifests/1"]), |_, _| tag(|| Answer::raw("SSH-2.0-OpenSSH_9.2p1\r\n"));
    41 "two lengths" => End::Error(&["blobs/"]), |stage, _| layer(stage, |bytes| {
        let mut raw = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nContent-Length: 5\r\n\r\n", bytes.len()).into_bytes();
        raw.extend(bytes);
        Answer::raw(raw)
    });
    41 "a length that is no number" => End::Error(&["blobs/"]), |stage, _| layer(stage, |_| Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc"));
    41 "a length beyond all numbers" => End::Error(&["blobs/"]), |stage, _| {
        layer(stage, |_| Answer::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {NINES}\r\n\r\nabc")))
    };
    43 "an announced length that is too large" => End::Error(&["bytes are announced"]), |stage, _| {
        layer(stage, |bytes| blob(bytes).header("Content-Length", "9999999999"))
    };
    42 "a blob without length" => End::Same, |stage, _| layer(stage, |bytes| blob(bytes).without_length());
    42 "HTTP/1.0" => End::Same, |stage, _| layer(stage, |bytes| {
        let mut raw = b"HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n".to_vec();
        raw.extend(bytes);
        Answer::raw(raw)
    });
    49 "204 for a manifest" => End::Error(&["204"]), |_, _| tag(|| Answer::status(204));
    49 "304 for a manifest" => End::Error(&["304"]), |_, _| tag(|| Answer::status(304));
    44 "206 for a manifest" => End::Error(&["206"]), |stage, _| {
        let root = stage.sample.root.bytes.to_vec();
        tag(move || part(&root, &format!("bytes 0-{}/{}", root.len() - 1, root.len()), 0))
    };
    49 "a status that is none" => End::Error(&["manifests/1"]), |_, _| tag(|| Answer::raw("HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n"));
};

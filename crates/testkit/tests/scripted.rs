//! The scripted registry does on the wire what its script says.
#![allow(clippy::expect_used, reason = "a test that can't be set up has to fail")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use airlift_server::samples::{self, Sample};
use airlift_testkit::http::Endpoint;
use airlift_testkit::real::RealRegistry;
use airlift_testkit::scripted::{Answer, Gate, Script, ScriptedRegistry};

fn web() -> Sample {
    samples::all().swap_remove(0)
}

fn blob_path(sample: &Sample) -> String {
    format!("/v2/{}/blobs/{}", sample.repository, sample.blobs[0].digest)
}

/// A registry that answers every GET the same way.
fn always(answer: Answer) -> ScriptedRegistry {
    Script::empty().rule(move |_| Some(answer.clone())).start()
}

/// Everything that a plain GET brings, and how it ends.
fn raw_get(registry: &ScriptedRegistry) -> (Vec<u8>, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(registry.authority()).expect("it listens");
    stream.write_all(b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).err().map(|error| error.kind());
    (bytes, end)
}

#[test]
fn serves_samples_with_ranges() {
    let web = web();
    let registry = Script::serving(vec![web.clone()]).start();
    let endpoint = registry.endpoint();
    endpoint.assert_holds(&web, &web.repository);

    let blob = &web.blobs[0];
    let size = blob.bytes.len();
    let piece = endpoint.request("GET", &blob_path(&web), &[("Range", "bytes=3-")], b"").expect_status(206);
    assert!(piece.body == blob.bytes[3..]);
    assert_eq!(piece.header("content-range"), Some(format!("bytes 3-{}/{size}", size - 1).as_str()));
    let past = format!("bytes={size}-");
    endpoint.request("GET", &blob_path(&web), &[("Range", &past)], b"").expect_status(416);

    let head = endpoint.request("HEAD", &blob_path(&web), &[], b"").expect_status(200);
    assert_eq!(head.header("content-length"), Some(size.to_string().as_str()));
    endpoint.request("GET", "/v2/other/manifests/1", &[], b"").expect_status(404);
    endpoint.request("POST", "/v2/team/web/blobs/uploads/", &[], b"").expect_status(405);
}

#[test]
fn rules_come_first_and_know_how_often_they_were_asked() {
    let web = web();
    let path = blob_path(&web);
    let registry = Script::serving(vec![web.clone()])
        .rule(|request| (request.is_blob() && request.nth == 0).then(|| Answer::too_many_requests("7")))
        .on("GET", "/v2/team/web/manifests/1.27", |_| Answer::ok("text/html", "<html>log in</html>"))
        .start();
    let endpoint = registry.endpoint();
    let refused = endpoint.request("GET", &path, &[("X-Probe", "yes")], b"").expect_status(429);
    assert_eq!(refused.header("retry-after"), Some("7"));
    assert!(endpoint.request("GET", &path, &[], b"").expect_status(200).body == web.blobs[0].bytes);
    assert_eq!(endpoint.manifest("team/web", "1.27"), b"<html>log in</html>");

    let requests = registry.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!((requests[0].nth, requests[1].nth, requests[2].number), (0, 1, 2));
    assert_eq!((requests[0].method.as_str(), requests[0].target.as_str()), ("GET", path.as_str()));
    assert_eq!(requests[0].header("x-probe"), Some("yes"));
    assert_eq!(registry.count("GET", "/blobs/"), 2);
}

#[test]
fn breaks_answers_in_every_way_it_names() {
    let whole = || Answer::ok("text/plain", "0123456789");
    let ends_with = |answer: Answer, tail: &str, end: Option<ErrorKind>| {
        let (bytes, ended) = raw_get(&always(answer));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(text.ends_with(tail), "{text:?} does not end with {tail:?}");
        assert_eq!(ended, end, "{text:?}");
        text
    };
    ends_with(whole(), "\r\nContent-Length: 10\r\n\r\n0123456789", None);
    let cut = ends_with(whole().cut_at(4), "\r\n\r\n0123", None);
    assert!(cut.contains("Content-Length: 10\r\n"), "{cut}");
    let overlong = ends_with(whole().overlong("abc"), "0123456789abc", None);
    assert!(overlong.contains("Content-Length: 10\r\n"), "{overlong}");
    let unframed = ends_with(whole().without_length(), "0123456789", None);
    assert!(!unframed.contains("Content-Length"), "{unframed}");
    let lying = ends_with(whole().header("Content-Length", "11"), "\r\n\r\n0123456789", None);
    assert_eq!(lying.matches("Content-Length").count(), 1, "{lying}");
    ends_with(Answer::raw("SSH-2.0-nonsense\r\n"), "SSH-2.0-nonsense\r\n", None);
    ends_with(Answer::hang_up(), "", None);
    ends_with(Answer::reset(), "", Some(ErrorKind::ConnectionReset));
    // What was sent before a reset may be lost with it, but the reset is seen.
    assert_eq!(raw_get(&always(whole().reset_at(4))).1, Some(ErrorKind::ConnectionReset));
}

#[test]
fn an_endless_body_ends_with_its_reader() {
    let registry = always(Answer::status(200).endless("again "));
    let mut stream = TcpStream::connect(registry.authority()).expect("it listens");
    stream.write_all(b"GET /x HTTP/1.1\r\n\r\n").expect("it reads");
    let mut bytes = vec![0; 1 << 20];
    stream.read_exact(&mut bytes).expect("there is always more");
    assert!(bytes.ends_with(b"again ") || bytes.windows(6).any(|window| window == b"again "));
    drop(stream);
    // Dropping the registry joins its threads: it hangs here if one of them still writes.
    drop(registry);
}

#[test]
fn waits_for_the_gate_and_no_longer_than_the_registry_lives() {
    let (gate, never) = (Gate::new(), Gate::new());
    let answer = Answer::ok("text/plain", "0123456789").pause_at(4, &gate);
    let (registry, silent) = (always(answer), always(Answer::status(200).after(&never)));

    let mut stream = TcpStream::connect(registry.authority()).expect("it listens");
    stream.write_all(b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n0123") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the first part comes by itself");
        seen.push(byte[0]);
    }
    gate.open();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("the rest comes when the gate is open");
    assert_eq!(rest, "456789");

    let mut stream = TcpStream::connect(silent.authority()).expect("it listens");
    stream.write_all(b"GET /x HTTP/1.1\r\n\r\n").expect("it reads");
    drop(silent);
    let mut nothing = Vec::new();
    let _ = stream.read_to_end(&mut nothing);
    assert!(nothing.is_empty());
}

#[test]
fn counts_requests_until_the_last_byte_of_their_answers() {
    let gate = Gate::new();
    let registry = Script::empty()
        .on("GET", "/slow", {
            let gate = gate.clone();
            move |_| Answer::ok("text/plain", "0123456789").pause_at(4, &gate)
        })
        .on("GET", "/next", |_| Answer::ok("text/plain", "0123456789"))
        .start();
    let endpoint = registry.endpoint();
    let get = |path: &str| endpoint.request("GET", path, &[], b"").expect_status(200);
    (0..100).for_each(|_| drop(get("/next")));
    assert_eq!(registry.most_under_way(), 1);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| get("/slow"));
        while registry.count("GET", "/slow") == 0 {
            std::thread::yield_now();
        }
        get("/next");
        gate.open();
        slow.join().expect("it is answered");
    });
    assert_eq!(registry.most_under_way(), 2);
}

#[test]
fn refuses_an_upload_before_its_body() {
    let registry = Script::empty()
        .rule_before_body(|request| {
            (request.method == "PUT").then(|| Answer::error(413, "DENIED", "too large"))
        })
        .start();
    let mut stream = TcpStream::connect(registry.authority()).expect("it listens");
    stream.write_all(b"PUT /x HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n").expect("it reads");
    let mut first = [0; 12];
    stream.read_exact(&mut first).expect("the answer doesn't wait for the body");
    assert_eq!(&first, b"HTTP/1.1 413");
}

#[test]
fn forwards_to_another_registry_with_faults_in_between() {
    let Some(real) = RealRegistry::debian().start() else { return };
    let web = web();
    let faulty = Script::forwarding(real.authority())
        .rule(|request| (request.method == "PUT" && request.number == 1).then(|| Answer::status(503)))
        .start();
    let endpoint = Endpoint::new(faulty.authority());
    let begun = endpoint.request("POST", "/v2/team/web/blobs/uploads/", &[], b"").expect_status(202);
    let location = begun.header("location").expect("an upload has a location");
    assert!(location.starts_with('/') || location.contains(&faulty.authority()), "{location}");
    endpoint.request("PUT", "/v2/team/web/blobs/uploads/x", &[], b"").expect_status(503);

    endpoint.push(std::slice::from_ref(&web));
    real.endpoint().assert_holds(&web, &web.repository);
    let put =
        faulty.requests().into_iter().rfind(|request| request.method == "PUT").expect("there were PUTs");
    assert!(put.body == web.root.bytes, "the last PUT is the tag's");
}

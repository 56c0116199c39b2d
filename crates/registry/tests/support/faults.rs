//! What registries do wrong on the way to us, as data: who walks it sees that each fault comes to its end,
//! and what was accepted.

use std::net::SocketAddr;

use airlift_oci::graph::fallback_tag;
use airlift_oci::{Descriptor, Digest, Observer, Selector};
use airlift_registry::{Access, ContentFault, Error, HeadTrust, Options, ReferrersAnswer, Transport};

use super::script::{Reply, Request, Script, Then};
use super::{Bytes, Memory, content, descriptor, repository};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Blob,
    /// A manifest by its tag.
    Tag,
    /// A manifest by the digest that a HEAD of the tag gave before.
    Pinned,
    /// The list of what is attached, and the first of it.
    Referrers,
    Upload,
}

/// One fault.
pub(crate) struct Fault {
    /// Its number in the list of faults.
    pub(crate) number: u32,
    pub(crate) does: &'static str,
    pub(crate) wish: Wish,
    pub(crate) serve: fn(&Request, &Stage) -> Reply,
    /// "arrives", or the kind of the error.
    pub(crate) out: &'static str,
    /// Requests that are made.
    pub(crate) asked: usize,
}

/// What a script knows.
pub(crate) struct Stage {
    /// Storage at another origin, which has the blob and takes uploads.
    pub(crate) elsewhere: SocketAddr,
}

pub(crate) const SIZE: usize = 1000;
pub(crate) const MANIFEST: &[u8] = b"{ \"schemaVersion\":2,  \"manifests\" : [] }\n";

pub(crate) fn blob() -> Vec<u8> {
    content(SIZE)
}

/// What came of one fault.
pub(crate) struct Outcome {
    pub(crate) result: Result<Vec<u8>, Error>,
    /// What a sink had at the end, proven or not.
    pub(crate) written: usize,
    pub(crate) asked: Vec<Request>,
    pub(crate) elsewhere: Vec<Request>,
}

/// Storage that does as it should.
async fn storage() -> Script {
    Script::all(|request| match request.method.as_str() {
        "PUT" => Reply::new(201, &[], ""),
        _ => Reply::new(200, &[], blob()),
    })
    .await
}

/// Plays one fault. `guard` answers before the fault does, where it has an answer.
pub(crate) async fn play(
    fault: &Fault,
    guard: fn(&Request) -> Option<Reply>,
    options: impl FnOnce(SocketAddr) -> Options,
    observer: std::sync::Arc<dyn Observer>,
) -> Outcome {
    let elsewhere = storage().await;
    let stage = Stage { elsewhere: elsewhere.address };
    let serve = fault.serve;
    let script = Script::all(move |request| match guard(request) {
        Some(reply) => reply,
        None if request.target == "/v2/" => Reply::new(200, &[], "{}"),
        None => serve(request, &stage),
    })
    .await;
    let transport = Transport::new(options(script.address), observer).unwrap();
    let mut sink = Memory::default();
    let result = ask(fault.wish, &transport, &script, &elsewhere, &mut sink).await;
    Outcome { result, written: sink.bytes.len(), asked: script.requests(), elsewhere: elsewhere.requests() }
}

async fn ask(
    wish: Wish,
    transport: &Transport,
    script: &Script,
    elsewhere: &Script,
    sink: &mut Memory,
) -> Result<Vec<u8>, Error> {
    let from = repository(script.address, "a");
    let tag = Selector::Tag("1".parse().unwrap());
    let manifest = async |selector: Selector| {
        let found = transport.get_manifest(&from, &selector, Access::Pull).await?;
        Ok(found.map_or_else(Vec::new, |found| found.bytes.to_vec()))
    };
    match wish {
        Wish::Blob => {
            let urls = vec![format!("http://{}/foreign", elsewhere.address)];
            let wanted = Descriptor { urls, ..descriptor(&blob()) };
            transport.fetch_blob(&from, &wanted, sink).await?;
            Ok(sink.bytes.clone())
        }
        Wish::Tag => manifest(tag).await,
        Wish::Pinned => {
            let head = transport.look_up(&from, &tag, Access::Pull, HeadTrust::IfDigestGiven).await?.there();
            manifest(Selector::Digest(head.unwrap().digest.unwrap())).await
        }
        Wish::Referrers => {
            let subject = Digest::sha256(b"subject");
            match transport.referrers(&from, &subject, Access::Pull).await? {
                ReferrersAnswer::Listed(found) => match found.first() {
                    Some(first) => manifest(Selector::Digest(first.digest)).await,
                    None => Ok(Vec::new()),
                },
                ReferrersAnswer::NoApi | ReferrersAnswer::Withheld(_) => {
                    manifest(Selector::Tag(fallback_tag(&subject).parse().unwrap())).await
                }
            }
        }
        Wish::Upload => {
            let blob = blob();
            transport.put_blob(&from, &Digest::sha256(&blob), SIZE as u64, &Bytes(blob.clone())).await?;
            Ok(blob)
        }
    }
}

/// The kind of an outcome, as the table names it.
pub(crate) fn kind(result: &Result<Vec<u8>, Error>) -> &'static str {
    match result {
        Ok(_) => "arrives",
        Err(Error::NotFound(_)) => "not found",
        Err(Error::Unauthorised(_)) => "unauthorised",
        Err(Error::Denied(_)) => "denied",
        Err(Error::RateLimited(_)) => "limited",
        Err(Error::Refused(_)) => "refused",
        Err(Error::Server(_)) => "server",
        Err(Error::Unreachable { .. }) => "unreachable",
        Err(Error::TimedOut { .. }) => "timed out",
        Err(Error::TooSlow { .. }) => "too slow",
        Err(Error::Redirect { .. }) => "redirect",
        Err(Error::Realm { .. }) => "realm",
        Err(Error::Content { fault, .. }) => match **fault {
            ContentFault::Digest { .. } => "digest",
            ContentFault::Header { .. } => "header",
            ContentFault::Size { .. } => "size",
            ContentFault::Overlong { .. } => "overlong",
            ContentFault::Short { .. } => "short",
            ContentFault::TooLarge { .. } => "too large",
            ContentFault::Encoding(_) => "encoding",
            ContentFault::Html => "html",
            ContentFault::Range { .. } => "range",
            ContentFault::Status(_) => "status",
            ContentFault::Referrers(_) => "referrers",
            ContentFault::Token => "token",
            _ => "another fault",
        },
        Err(_) => "another error",
    }
}

/// `bytes=N-` of a request.
fn range(request: &Request) -> Option<usize> {
    request.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

fn whole() -> Reply {
    Reply::new(200, &[], blob())
}

/// What is left of the blob from `start` on.
fn rest(start: usize) -> Reply {
    let range = format!("bytes {start}-{}/{SIZE}", SIZE - 1);
    Reply::new(206, &[("Content-Range", &range)], &blob()[start..])
}

/// Breaks off the first time.
fn first_broken(request: &Request) -> Reply {
    if request.before == 0 { broken(Then::Reset) } else { whole() }
}

/// Announces all of the blob and sends 400 bytes.
fn broken(then: Then) -> Reply {
    Reply::raw(200, &[("Content-Length", "1000")], &blob()[..400]).then(then)
}

/// What was asked for, ranges and all.
fn sound(request: &Request) -> Reply {
    range(request).map_or_else(whole, rest)
}

/// `broken` at first, then sound.
fn once(request: &Request, broken: Reply) -> Reply {
    if request.before == 0 { broken } else { sound(request) }
}

fn other() -> Vec<u8> {
    blob().into_iter().rev().collect()
}

fn challenged(request: &Request) -> Reply {
    let host = request.header("host").unwrap_or_default();
    let challenge = format!(r#"Bearer realm="http://{host}/token",service="s""#);
    Reply::new(401, &[("WWW-Authenticate", &challenge)], "")
}

fn token(request: &Request) -> Reply {
    Reply::new(200, &[], format!(r#"{{"token":"c4nary-{}","expires_in":300}}"#, request.before))
}

fn realm(realm: &str) -> Reply {
    Reply::new(401, &[("WWW-Authenticate", &format!(r#"Bearer realm="{realm}""#))], "")
}

/// A refusal in the registry's words.
fn refused(status: u16) -> Reply {
    Reply::new(status, &[("Content-Type", "application/json")], r#"{"errors":[{"code":"X","message":"no"}]}"#)
}

const PAGE: &str = "<!DOCTYPE html><title>Sign in</title>";

macro_rules! faults {
    ($($number:literal $wish:ident $does:literal => $out:literal, $asked:literal: $serve:expr;)*) => {
        &[$(Fault { number: $number, does: $does, wish: Wish::$wish, serve: $serve, out: $out, asked: $asked }),*]
    };
}

/// The faults. Their secrets all have `c4nary` in them. Retries are three, and time-outs short.
pub(crate) const FAULTS: &[Fault] = faults! {
    40 Blob "other bytes of the same length" => "digest", 1: |_, _| Reply::new(200, &[], other());
    40 Pinned "another manifest for a digest" => "digest", 2: |request, _| match request.method.as_str() {
        "HEAD" => Reply::raw(200, &[("Docker-Content-Digest", &Digest::sha256(b"x").to_string())], ""),
        _ => Reply::new(200, &[], MANIFEST),
    };
    40 Tag "a digest header of another manifest" => "header", 1: |_, _| {
        Reply::new(200, &[("Docker-Content-Digest", &Digest::sha256(b"x").to_string())], MANIFEST)
    };
    41 Blob "a reset in the body" => "arrives", 2: |request, _| once(request, broken(Then::Reset));
    41 Blob "an end in the body" => "arrives", 2: |request, _| once(request, broken(Then::Close));
    41 Blob "a reset in each body" => "unreachable", 4: |_, _| broken(Then::Reset);
    41 Tag "a reset before the answer" => "unreachable", 4: |_, _| Reply::bytes("", "").then(Then::Reset);
    41 Tag "an end in the body" => "unreachable", 4: |_, _| Reply::raw(200, &[("Content-Length", "99")], MANIFEST);
    42 Blob "a short body without a length" => "short", 4: |request, _| match range(request) {
        None => Reply::raw(200, &[], &blob()[..400]),
        Some(start) => Reply::raw(206, &[("Content-Range", &format!("bytes {start}-999/1000"))], ""),
    };
    42 Blob "a short body without a length, once" => "arrives", 2: |request, _| {
        once(request, Reply::raw(200, &[], &blob()[..400]))
    };
    43 Blob "a longer body" => "size", 1: |_, _| Reply::new(200, &[], content(5000));
    43 Blob "a longer body without a length" => "overlong", 1: |_, _| Reply::raw(200, &[], content(5000));
    43 Blob "an endless body" => "overlong", 1: |_, _| Reply::raw(200, &[], blob()).then(Then::Endless);
    43 Tag "an endless manifest" => "too large", 1: |_, _| {
        Reply::raw(200, &[], vec![b' '; 65536]).then(Then::Endless)
    };
    43 Tag "a manifest that claims to be endless" => "too large", 1: |_, _| {
        Reply::raw(200, &[("Content-Length", "9223372036854775806")], "{").then(Then::Hang)
    };
    44 Blob "all of it where a part was asked for" => "arrives", 2: |request, _| {
        if request.before == 0 { broken(Then::Reset) } else { whole() }
    };
    44 Blob "another part" => "arrives", 3: |request, _| match range(request) {
        None => first_broken(request),
        Some(_) => Reply::new(206, &[("Content-Range", "bytes 399-998/1000")], &blob()[399..999]),
    };
    44 Blob "a part without saying which" => "arrives", 3: |request, _| match range(request) {
        None => first_broken(request),
        Some(start) => Reply::new(206, &[], &blob()[start..]),
    };
    44 Blob "a part of another blob" => "arrives", 3: |request, _| match range(request) {
        None => first_broken(request),
        Some(start) => Reply::new(206, &[("Content-Range", "bytes 400-999/2000")], &blob()[start..]),
    };
    44 Blob "a part is refused" => "arrives", 3: |request, _| match range(request) {
        None => first_broken(request),
        Some(_) => Reply::new(501, &[], ""),
    };
    44 Blob "a part that nobody asked for" => "status", 1: |_, _| rest(0);
    45 Blob "a corrupt beginning, then the right rest" => "arrives", 3: |request, _| match request.before {
        0 => Reply::raw(200, &[("Content-Length", "1000")], &other()[..400]),
        _ => sound(request),
    };
    45 Blob "a corrupt beginning, always" => "digest", 3: |request, _| match range(request) {
        None if request.before == 0 => Reply::raw(200, &[("Content-Length", "1000")], &other()[..400]),
        None => Reply::new(200, &[], other()),
        Some(start) => rest(start),
    };
    46 Blob "a blob that is said to be compressed" => "arrives", 1: |_, _| {
        Reply::new(200, &[("Content-Encoding", "gzip")], blob())
    };
    46 Blob "a blob that was compressed" => "size", 1: |_, _| {
        Reply::new(200, &[("Content-Encoding", "gzip")], &blob()[..400])
    };
    46 Tag "a compressed manifest" => "encoding", 1: |_, _| {
        Reply::new(200, &[("Content-Encoding", "br")], MANIFEST)
    };
    47 Blob "a stall" => "arrives", 2: |request, _| once(request, broken(Then::Hang));
    47 Blob "a stall, always" => "timed out", 4: |_, _| broken(Then::Hang);
    47 Blob "a slow drip" => "too slow", 4: |_, _| whole().then(Then::Drip(400));
    47 Tag "no answer" => "timed out", 4: |_, _| Reply::bytes("", "").then(Then::Hang);
    48 Tag "429 with seconds" => "arrives", 2: |request, _| match request.before {
        0 => Reply::new(429, &[("Retry-After", "0")], ""),
        _ => Reply::new(200, &[], MANIFEST),
    };
    48 Tag "429 with a date" => "arrives", 2: |request, _| match request.before {
        0 => Reply::new(429, &[("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")], ""),
        _ => Reply::new(200, &[], MANIFEST),
    };
    48 Tag "429 for an age" => "limited", 1: |_, _| {
        Reply::new(429, &[("Retry-After", "99999999999999999999")], "")
    };
    48 Tag "429, always" => "limited", 4: |_, _| refused(429);
    49 Blob "503, once" => "arrives", 2: |request, _| once(request, refused(503));
    49 Blob "500" => "server", 4: |_, _| refused(500);
    49 Blob "502" => "server", 4: |_, _| refused(502);
    49 Blob "504" => "server", 4: |_, _| refused(504);
    49 Blob "401" => "unauthorised", 1: |_, _| refused(401);
    49 Blob "403" => "denied", 1: |_, _| refused(403);
    49 Blob "404" => "not found", 1: |_, _| refused(404);
    50 Pinned "a tag that moves" => "digest", 2: |request, _| match request.method.as_str() {
        "HEAD" => Reply::raw(200, &[("Docker-Content-Digest", &Digest::sha256(b"old").to_string())], ""),
        _ => Reply::new(200, &[], MANIFEST),
    };
    51 Blob "a token that expires in the middle" => "arrives", 6: |request, _| {
        match (request.path(), request.header("authorization")) {
            ("/token", _) => token(request),
            (_, Some("Bearer c4nary-0")) if range(request).is_none() => broken(Then::Reset),
            (_, Some("Bearer c4nary-1")) => sound(request),
            _ => challenged(request),
        }
    };
    51 Blob "a token that is never good" => "unauthorised", 3: |request, _| match request.path() {
        "/token" => token(request),
        _ => challenged(request),
    };
    52 Blob "a login page" => "html", 1: |_, _| Reply::new(200, &[("Content-Type", "text/html")], PAGE);
    52 Tag "a login page" => "html", 1: |_, _| Reply::new(200, &[("Content-Type", "text/html; x=y")], PAGE);
    52 Tag "a login page that says it is JSON" => "html", 1: |_, _| {
        Reply::new(200, &[("Content-Type", "application/json")], PAGE)
    };
    52 Upload "a login page" => "html", 2: |request, _| match request.method.as_str() {
        "POST" => Reply::new(202, &[("Location", "/v2/up")], ""),
        _ => Reply::new(200, &[("Content-Type", "text/html")], PAGE),
    };
    52 Referrers "a login page" => "html", 2: |_, _| Reply::new(200, &[("Content-Type", "text/html")], PAGE);
    53 Referrers "a referrer that is another" => "digest", 2: |request, _| {
        let listed = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"x/y","digest":"{}","size":1}}]}}"#,
            Digest::sha256(b"x")
        );
        let body = if request.path().contains("/referrers/") { listed.into_bytes() } else { MANIFEST.to_vec() };
        Reply::new(200, &[], body)
    };
    53 Referrers "no list, so there is no such API" => "arrives", 2: |request, _| {
        let body = if request.path().contains("/referrers/") { b"{}" } else { MANIFEST };
        Reply::new(200, &[], body)
    };
    53 Referrers "a list that breaks off" => "referrers", 1: |_, _| {
        Reply::new(200, &[("Content-Type", "application/vnd.oci.image.index.v1+json")], "{\"manifests\":[")
    };
    54 Blob "a realm with a user" => "realm", 1: |_, _| realm("http://us:c4nary@127.0.0.1:9/token");
    54 Blob "a realm that is a file" => "realm", 1: |_, _| realm("file:///etc/passwd");
    55 Blob "a realm that is nothing" => "realm", 1: |_, _| realm("nonsense");
    56 Blob "a redirect to another origin" => "arrives", 1: |_, stage| {
        Reply::new(307, &[("Location", &format!("http://{}/store?sig=c4nary", stage.elsewhere))], "")
    };
    57 Blob "a redirect to something else than http" => "redirect", 1: |_, _| {
        Reply::new(302, &[("Location", "ftp://127.0.0.1/x")], "")
    };
    57 Blob "a redirect with a password" => "redirect", 1: |_, _| {
        Reply::new(302, &[("Location", "http://us:c4nary@127.0.0.1:9/x")], "")
    };
    58 Blob "a blob that only its urls have" => "not found", 1: |_, _| refused(404);
    59 Upload "a location at another origin" => "arrives", 1: |_, stage| {
        Reply::new(202, &[("Location", &format!("http://{}/up?state=c4nary", stage.elsewhere))], "")
    };
    59 Referrers "a next page at another origin" => "redirect", 1: |_, stage| {
        let link = format!("<http://{}/next>; rel=\"next\"", stage.elsewhere);
        Reply::new(200, &[("Link", &link)], r#"{"schemaVersion":2,"manifests":[]}"#)
    };
};

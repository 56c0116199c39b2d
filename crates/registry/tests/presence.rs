//! Whether something is there, at registries whose HEADs say something else than their GETs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use airlift_oci::{Digest, Selector, Tag, media_type};
use airlift_registry::{Access, Error, FoundManifest, HeadTrust, Lookup, Transport};
use support::script::{Reply, Request, Script, Then};
use support::{options, repository, transport};

const MANIFEST: &[u8] = b"{ \"schemaVersion\":2,  \"manifests\" : [] }\n";
const BLOB: &[u8] = b"a blob of some bytes";

fn tag() -> Selector {
    Selector::Tag("1".parse().unwrap())
}

fn digest() -> Digest {
    Digest::sha256(MANIFEST)
}

/// Serves the manifest and the blob to GETs, ranges and all.
fn served(request: &Request) -> Reply {
    let is_blob = request.path().contains("/blobs/");
    match request.header("range") {
        Some("bytes=0-0") if is_blob => {
            let range = format!("bytes 0-0/{}", BLOB.len());
            Reply::new(206, &[("Content-Range", &range)], &BLOB[..1])
        }
        _ if is_blob => Reply::new(200, &[], BLOB),
        _ => Reply::new(200, &[("Content-Type", media_type::OCI_INDEX)], MANIFEST),
    }
}

/// A registry that answers HEADs like this, and GETs as it should.
async fn heads(answer: impl Fn() -> Reply + Send + Sync + 'static) -> Script {
    Script::new(move |request| match request.method.as_str() {
        "HEAD" => answer(),
        _ => served(request),
    })
    .await
}

async fn manifest(
    script: &Script,
    selector: &Selector,
    settles: HeadTrust,
) -> Result<Lookup<FoundManifest>, Error> {
    let (transport, _) = transport(options());
    transport.look_up(&repository(script.address, "a"), selector, Access::Push, settles).await
}

async fn blob(script: &Script, settles: HeadTrust) -> Result<Lookup<()>, Error> {
    let (transport, _) = transport(options());
    let blob = (Digest::sha256(BLOB), BLOB.len() as u64);
    transport.look_up_blob(&repository(script.address, "a"), blob, Access::Push, settles).await
}

fn methods(script: &Script) -> Vec<String> {
    script.requests().into_iter().map(|request| request.method).collect()
}

#[tokio::test]
async fn a_get_decides_where_a_head_says_no() {
    for status in [400, 401, 403, 404, 405, 406, 410, 416, 500, 501, 502, 503, 504] {
        for settles in [HeadTrust::IfFound, HeadTrust::IfDigestGiven, HeadTrust::IfDigestIs(digest())] {
            for selector in [tag(), Selector::Digest(digest())] {
                let script = heads(move || Reply::new(status, &[], "")).await;
                let found = manifest(&script, &selector, settles).await.unwrap().there().unwrap();
                assert_eq!(found.digest, Some(digest()), "{status}");
                assert_eq!(found.fetched.unwrap().bytes, MANIFEST);
                assert_eq!(methods(&script), ["HEAD", "GET"], "{status}");
            }
        }
        let script = heads(move || Reply::new(status, &[], "")).await;
        assert_eq!(blob(&script, HeadTrust::IfFound).await.unwrap(), Lookup::There(()), "{status}");
        assert_eq!(methods(&script).last().map(String::as_str), Some("GET"), "{status}");
    }
}

#[tokio::test]
async fn a_get_decides_where_a_head_says_too_little() {
    let other = Digest::sha256(b"other").to_string();
    let length = MANIFEST.len().to_string();
    let answers: [Vec<(&str, &str)>; 6] = [
        vec![],
        vec![("Content-Length", "0")],
        vec![("Content-Length", &length)],
        vec![("Docker-Content-Digest", "nonsense")],
        vec![("Docker-Content-Digest", &other)],
        vec![("Content-Type", "text/html"), ("Docker-Content-Digest", &other)],
    ];
    for headers in answers {
        let headers: Vec<(String, String)> =
            headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let said = headers.clone();
        let script = heads(move || {
            let headers: Vec<(&str, &str)> = said.iter().map(|(name, value)| (&**name, &**value)).collect();
            Reply::raw(200, &headers, "")
        })
        .await;
        let found =
            manifest(&script, &tag(), HeadTrust::IfDigestIs(digest())).await.unwrap().there().unwrap();
        assert_eq!(found.digest, Some(digest()), "{headers:?}");
        assert_eq!(methods(&script), ["HEAD", "GET"], "{headers:?}");
    }
    // Of a blob, another length than its own.
    for length in ["0", "7"] {
        let script = heads(move || Reply::raw(200, &[("Content-Length", length)], "")).await;
        assert_eq!(blob(&script, HeadTrust::Always).await.unwrap(), Lookup::There(()), "{length}");
        assert_eq!(methods(&script), ["HEAD", "GET"], "{length}");
    }
}

#[tokio::test]
async fn a_head_is_enough_where_it_settles_the_question() {
    let named = || {
        let (digest, length) = (digest().to_string(), MANIFEST.len().to_string());
        Reply::raw(200, &[("Docker-Content-Digest", &digest), ("Content-Length", &length)], "")
    };
    for settles in
        [HeadTrust::Always, HeadTrust::IfFound, HeadTrust::IfDigestGiven, HeadTrust::IfDigestIs(digest())]
    {
        let script = heads(named).await;
        let found = manifest(&script, &tag(), settles).await.unwrap().there().unwrap();
        assert_eq!((found.digest, found.fetched), (Some(digest()), None));
        assert_eq!(methods(&script), ["HEAD"]);
    }
    let script = heads(|| Reply::new(404, &[], "")).await;
    let selector = Selector::Digest(digest());
    assert_eq!(manifest(&script, &selector, HeadTrust::Always).await.unwrap(), Lookup::Absent);
    assert_eq!(blob(&script, HeadTrust::Always).await.unwrap(), Lookup::Absent);
    assert_eq!(methods(&script), ["HEAD", "HEAD"]);
    let length = BLOB.len().to_string();
    let script = heads(move || Reply::raw(200, &[("Content-Length", &length)], "")).await;
    assert_eq!(blob(&script, HeadTrust::IfFound).await.unwrap(), Lookup::There(()));
    assert_eq!(methods(&script), ["HEAD"]);
}

/// Where HEADs have named a manifest, their 404 is believed of the tags of signatures, which are mostly
/// absent; never where a tag might move.
#[tokio::test]
async fn a_repository_whose_heads_were_right_is_believed_about_attachments() {
    let script = Script::new(|request| match (request.method.as_str(), request.path()) {
        ("HEAD", "/v2/a/manifests/1") => {
            Reply::raw(200, &[("Docker-Content-Digest", &digest().to_string())], "")
        }
        ("HEAD", _) => Reply::new(404, &[], ""),
        _ => served(request),
    })
    .await;
    let (transport, _) = transport(options());
    let look = async |repository_path: &str, tag: &str, settles| {
        let selector = Selector::Tag(tag.parse().unwrap());
        let repository = repository(script.address, repository_path);
        transport.look_up(&repository, &selector, Access::Pull, settles).await.unwrap().there().is_some()
    };
    assert!(look("a", "sig", HeadTrust::IfDigestGiven).await, "nothing is known yet");
    assert!(look("a", "1", HeadTrust::IfDigestGiven).await);
    assert!(!look("a", "sig", HeadTrust::IfDigestGiven).await);
    assert!(look("b", "sig", HeadTrust::IfDigestGiven).await, "another repository");
    assert!(
        look("a", "sig", HeadTrust::IfFound).await && look("a", "sig", HeadTrust::IfDigestIs(digest())).await
    );
}

#[tokio::test]
async fn a_blob_is_asked_for_by_its_first_byte_and_no_more_is_read() {
    for (reply, there) in [
        (Reply::new(206, &[("Content-Range", "bytes 0-0/20")], "a"), true),
        (Reply::new(206, &[("Content-Range", "bytes 0-0/*")], "a"), true),
        (Reply::new(206, &[("Content-Range", "bytes 0-0/21")], "a"), false),
        (Reply::raw(200, &[("Content-Length", "20")], "a").then(Then::Hang), true),
        (Reply::raw(200, &[], vec![0; 65536]).then(Then::Endless), true),
        (Reply::new(206, &[("Content-Range", "bytes 0-0/20")], ""), false),
        (Reply::new(206, &[], "a"), false),
        (Reply::new(206, &[("Content-Range", "bytes 19-19/20")], "a"), false),
        (Reply::new(416, &[("Content-Range", "bytes */0")], ""), false),
        (Reply::new(416, &[("Content-Range", "bytes */20")], ""), false),
        (Reply::new(416, &[], ""), false),
        (Reply::new(404, &[], ""), false),
        (Reply::new(410, &[], ""), false),
    ] {
        let script = Script::new(move |request| match request.method.as_str() {
            "HEAD" => Reply::new(403, &[], ""),
            _ => reply.clone(),
        })
        .await;
        let found = blob(&script, HeadTrust::Always).await.unwrap();
        assert_eq!(found.there().is_some(), there, "{:?}", script.requests());
        let requests = script.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[1].header("range"), Some("bytes=0-0"));
    }
}

#[tokio::test]
async fn what_a_get_may_not_see_is_hidden_and_not_absent() {
    for status in [400, 401, 403, 405] {
        let script = Script::new(move |_| Reply::new(status, &[], "")).await;
        for settles in [HeadTrust::Always, HeadTrust::IfDigestIs(digest())] {
            let found = manifest(&script, &tag(), settles).await.unwrap();
            assert!(matches!(&found, Lookup::Hidden(refusal) if refusal.status == status), "{found:?}");
            assert!(matches!(blob(&script, settles).await.unwrap(), Lookup::Hidden(_)), "{status}");
        }
    }
    // What isn't an answer stays an error.
    for (status, asked) in [(500, 5), (503, 5), (429, 4)] {
        let script = Script::new(move |_| Reply::new(status, &[], "")).await;
        let error = manifest(&script, &tag(), HeadTrust::Always).await.unwrap_err();
        assert_eq!((error.refusal().unwrap().status, script.requests().len()), (status, asked), "{error}");
        assert!(blob(&script, HeadTrust::Always).await.is_err(), "{status}");
    }
    let page = || Reply::new(200, &[("Content-Type", "text/html")], "<html>log in</html>");
    let script = Script::new(move |_| page()).await;
    assert!(matches!(manifest(&script, &tag(), HeadTrust::IfFound).await, Err(Error::Content { .. })));
    assert!(matches!(blob(&script, HeadTrust::IfFound).await, Err(Error::Content { .. })));
}

#[tokio::test]
async fn a_list_of_tags_is_read_to_its_end() {
    let ask = async |pages: fn(&Request) -> Reply, tag: &str| {
        let script = Script::new(pages).await;
        let (transport, _): (Transport, _) = transport(options());
        let tag: Tag = tag.parse().unwrap();
        let listed = transport.lists_tag(&repository(script.address, "a/b"), &tag, Access::Push).await;
        (listed.map_err(|error| error.to_string()), script.lines())
    };
    let pages = |request: &Request| match request.target.as_str() {
        "/v2/a/b/tags/list" => {
            let link = ("Link", "</v2/a/b/tags/list?last=2>; rel=\"next\"");
            Reply::new(200, &[link], r#"{"name":"a/b","tags":["1","2"]}"#)
        }
        _ => Reply::new(200, &[], r#"{"name":"a/b","tags":["3"]}"#),
    };
    assert_eq!(ask(pages, "3").await.0, Ok(true));
    assert_eq!(ask(pages, "1").await.1.len(), 1, "no page is read in vain");
    assert_eq!(ask(pages, "4").await.0, Ok(false));
    assert_eq!(ask(|_| Reply::new(200, &[], r#"{"tags":null}"#), "1").await.0, Ok(false));
    let unknown = |_: &Request| Reply::new(404, &[], r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#);
    assert_eq!(ask(unknown, "1").await.0, Ok(false));
    // There may be no lists at all, or this one is hidden: that says nothing of the tag.
    assert!(ask(|_| Reply::new(404, &[], ""), "1").await.0.is_err());
    assert!(ask(|_| Reply::new(404, &[], "<html>"), "1").await.0.is_err());
    assert!(ask(|_| Reply::new(200, &[], "{}"), "1").await.0.is_err());
    assert!(ask(|_| Reply::new(200, &[], r#"{"errors":[{"code":"DENIED"}]}"#), "1").await.0.is_err());
    for status in [401, 403, 405] {
        // Each status of a refusal is as little an answer as the next.
        let refused: fn(&Request) -> Reply = match status {
            401 => |_| Reply::new(401, &[], ""),
            403 => |_| Reply::new(403, &[], ""),
            _ => |_| Reply::new(405, &[], ""),
        };
        assert!(ask(refused, "1").await.0.is_err(), "{status}");
    }
    let circle =
        |_: &Request| Reply::new(200, &[("Link", "</v2/a/b/tags/list?x>; rel=next")], r#"{"tags":["1"]}"#);
    let (listed, lines) = ask(circle, "2").await;
    assert!(listed.unwrap_err().contains("don't end") && lines.len() == 2);
    assert!(ask(|_| Reply::new(200, &[], "<html>"), "1").await.0.is_err());
}

#[tokio::test]
async fn all_tags_of_a_repository_come_page_by_page() {
    let ask = async |pages: fn(&Request) -> Reply| {
        let script = Script::new(pages).await;
        let (transport, _): (Transport, _) = transport(options());
        let listed = transport.tags(&repository(script.address, "a/b"), Access::Pull).await;
        let texts = |tags: Vec<Tag>| tags.iter().map(Tag::to_string).collect::<Vec<_>>().join(" ");
        listed.map(texts).map_err(|error| error.to_string())
    };
    let pages = |request: &Request| match request.target.as_str() {
        "/v2/a/b/tags/list" => {
            let link = ("Link", "</v2/a/b/tags/list?last=1.9>; rel=\"next\"");
            Reply::new(200, &[link], r#"{"name":"a/b","tags":["1.10","not a tag",".x","1.9"]}"#)
        }
        _ => Reply::new(200, &[], r#"{"name":"a/b","tags":["latest"]}"#),
    };
    assert_eq!(ask(pages).await.unwrap(), "1.10 1.9 latest");
    assert_eq!(ask(|_| Reply::new(200, &[], r#"{"tags":null}"#)).await.unwrap(), "");
    // A repository that isn't there is an error here, and so is all that isn't a list.
    let unknown = |_: &Request| Reply::new(404, &[], r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#);
    assert!(ask(unknown).await.unwrap_err().contains("NAME_UNKNOWN"));
    assert!(ask(|_| Reply::new(200, &[], "<html>")).await.unwrap_err().contains("is an HTML page"));
    let page = |_: &Request| Reply::new(200, &[("Content-Type", "text/html")], "log in");
    assert!(ask(page).await.unwrap_err().contains("is an HTML page"));
    assert!(ask(|_| Reply::new(200, &[], "{}")).await.is_err());
    let circle =
        |_: &Request| Reply::new(200, &[("Link", "</v2/a/b/tags/list?x>; rel=next")], r#"{"tags":["1"]}"#);
    assert!(ask(circle).await.unwrap_err().contains("don't end"));
    let many = |request: &Request| {
        let tags: Vec<String> = (0..60_000).map(|number| format!("\"{number}\"")).collect();
        let link = ("Link", "</v2/a/b/tags/list?more>; rel=next");
        let links: &[(&str, &str)] = if request.target.contains("more") { &[] } else { &[link] };
        Reply::new(200, links, format!(r#"{{"tags":[{}]}}"#, tags.join(",")))
    };
    assert!(ask(many).await.unwrap_err().contains("more than 100000 tags"));
}

/// A list that always has one more page, of this many bytes for a tag and as many tags.
async fn endless(tags: usize, width: usize) -> (String, usize) {
    let script = Script::new(move |request| {
        let last: usize = request.target.rsplit('=').next().and_then(|last| last.parse().ok()).unwrap_or(0);
        let tags: Vec<String> = (0..tags).map(|tag| format!("\"{:01$}\"", last + tag, width)).collect();
        tag_page(&format!("/v2/a/b/tags/list?last={}", last + 1), &format!("[{}]", tags.join(",")))
    })
    .await;
    let (transport, _) = transport(options());
    let tag: Tag = "none".parse().unwrap();
    let listed = transport.lists_tag(&repository(script.address, "a/b"), &tag, Access::Pull).await;
    (listed.unwrap_err().to_string(), script.lines().len())
}

#[tokio::test]
async fn a_list_of_tags_without_end_ends_soon() {
    for tags in [0, 1, 9] {
        let (error, pages) = endless(tags, 1).await;
        assert!(error.contains("its pages don't end") && pages == 101, "{pages}: {error}");
    }
    let (error, pages) = endless(100, 30_000).await;
    assert!(error.contains("larger than 67108864 bytes") && pages == 23, "{pages}: {error}");
}

/// An answer with tags, and a link to what follows.
fn tag_page(next: &str, tags: &str) -> Reply {
    let link = format!("<{next}>; rel=\"next\"");
    Reply::new(200, &[("Link", &link)], format!(r#"{{"tags":{tags}}}"#))
}

#[tokio::test]
async fn a_list_of_tags_that_breaks_off_is_none() {
    let unknown = || Reply::new(404, &[], r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#);
    let script = Script::new(move |request| match request.target.as_str() {
        "/v2/a/b/tags/list" => tag_page("/v2/a/b/tags/list?last=1", r#"["1"]"#),
        _ => unknown(),
    })
    .await;
    let (transport, _) = transport(options());
    let repository = repository(script.address, "a/b");
    let error = transport.tags(&repository, Access::Push).await.unwrap_err();
    assert!(error.refusal().is_none() && error.to_string().contains("its next page is not there"), "{error}");
    assert!(transport.lists_tag(&repository, &"2".parse().unwrap(), Access::Push).await.is_err());
}

#[tokio::test]
async fn the_next_page_is_of_the_same_repository() {
    for (next, is_followed) in [
        ("/v2/a/b/tags/list?last=1", true),
        ("/v2/a%2Fb/tags/list?last=1", true),
        ("list?last=1", true),
        ("/repository/docker/v2/a/b/tags/list?last=1", true),
        ("/v2/b/tags/list?last=1", false),
        ("/v2/a/c/tags/list?last=1", false),
        ("/v2/_catalog?last=1", false),
        ("/", false),
    ] {
        let script = Script::new(move |request| match request.target.as_str() {
            "/v2/a/b/tags/list" => tag_page(next, r#"["1"]"#),
            _ => Reply::new(200, &[], r#"{"tags":["2"]}"#),
        })
        .await;
        let (transport, _) = transport(options());
        let tags = transport.tags(&repository(script.address, "a/b"), Access::Push).await;
        let is_of_another = |error: Error| error.to_string().contains("of another list");
        assert_eq!(tags.map_or_else(|error| !is_of_another(error), |_| true), is_followed, "{next}");
        assert_eq!(script.requests().len(), 1 + usize::from(is_followed), "{next}");
    }
}

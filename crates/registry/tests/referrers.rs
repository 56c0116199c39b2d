//! Which answers to "what is attached?" mean that there is no referrers API, which are lists, and which are
//! errors.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use airlift_oci::{Digest, media_type};
use airlift_registry::{Access, Error, Options, ReferrersAnswer};
use support::script::{Reply, Script};
use support::{options, repository, transport};

const SUBJECT: &[u8] = br#"{"schemaVersion":2,"manifests":[]}"#;
const PAGE: &str = "<!DOCTYPE html><html>sign in</html>";

/// What comes of asking a registry that answers so.
async fn asked(reply: Reply, options: Options) -> Result<ReferrersAnswer, Error> {
    let script = Script::new(move |_| reply.clone()).await;
    let (transport, _) = transport(options);
    let subject = Digest::sha256(SUBJECT);
    transport.referrers(&repository(script.address, "a"), &subject, Access::Pull).await
}

fn typed(content_type: &str, body: &str) -> Reply {
    Reply::new(200, &[("Content-Type", content_type)], body)
}

#[tokio::test]
async fn many_answers_mean_that_there_is_no_api() {
    for status in [400, 402, 404, 405, 406, 409, 410, 415, 421, 451, 501, 201, 204, 301, 304] {
        let answer = asked(Reply::new(status, &[], ""), options()).await;
        assert!(matches!(answer, Ok(ReferrersAnswer::NoApi)), "{status}: {answer:?}");
    }
    let unsupported = r#"{"errors":[{"code":"UNSUPPORTED","message":"no"}]}"#;
    for reply in [
        Reply::new(400, &[("Content-Type", "application/json")], unsupported),
        typed("text/html; charset=utf-8", PAGE),
        typed("application/json", PAGE),
        Reply::new(200, &[], PAGE),
        Reply::new(200, &[], ""),
        typed("application/json", r#"{"name":"a","tags":[]}"#),
        typed("application/json", "[]"),
        typed("application/json", "{"),
        typed("application/xml", "<x/>"),
        typed(media_type::OCI_MANIFEST, r#"{"schemaVersion":2}"#),
        // The subject itself is no list of what is attached to it.
        typed(media_type::OCI_INDEX, std::str::from_utf8(SUBJECT).unwrap()),
        // Sent away: to a place that may not be followed, and for ever.
        Reply::new(302, &[("Location", "ftp://127.0.0.1/login")], ""),
        Reply::new(307, &[("Location", "/v2/a/referrers/x")], ""),
    ] {
        let shown = format!("{reply:?}");
        let answer = asked(reply, options()).await;
        assert!(matches!(answer, Ok(ReferrersAnswer::NoApi)), "{shown}: {answer:?}");
    }
}

#[tokio::test]
async fn an_index_of_any_type_is_a_list() {
    let entry = format!(r#"{{"mediaType":"x/y","digest":"{}","size":1}}"#, Digest::sha256(b"x"));
    let list = format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#);
    for content_type in [
        media_type::OCI_INDEX,
        "APPLICATION/JSON",
        "application/octet-stream",
        "text/html; charset=utf-8",
        "",
    ] {
        let answer = asked(typed(content_type, &list), options()).await.unwrap();
        assert!(matches!(&answer, ReferrersAnswer::Listed(found) if found.len() == 1), "{answer:?}");
    }
    let null = format!(r#"{{"mediaType":"{}","manifests":null}}"#, media_type::OCI_INDEX);
    let answer = asked(typed(media_type::OCI_INDEX, &null), options()).await.unwrap();
    assert!(matches!(&answer, ReferrersAnswer::Listed(found) if found.is_empty()), "{answer:?}");
}

#[tokio::test]
async fn what_leaves_open_whether_there_is_a_list_is_an_error() {
    let impatient = || Options { retries: 0, ..options() };
    for status in [408, 425, 429, 500, 502, 503, 504, 507, 511] {
        asked(Reply::new(status, &[], ""), impatient()).await.expect_err(&status.to_string());
    }
    for reply in [
        typed(media_type::OCI_INDEX, "{"),
        typed(media_type::OCI_INDEX, ""),
        typed(media_type::OCI_INDEX, "{}"),
        typed(media_type::OCI_INDEX, PAGE),
        typed("application/vnd.oci.image.index.v1+json; charset=utf-8", "nothing"),
        // Meant as a list, and one that readers disagree on.
        typed("application/json", r#"{"manifests":[],"manifests":[]}"#),
        typed("application/json", r#"{"manifests":7}"#),
    ] {
        let shown = format!("{reply:?}");
        asked(reply, impatient()).await.expect_err(&shown);
    }
}

/// A page that is overlooked is a signature that is lost.
#[tokio::test]
async fn every_page_is_found() {
    let entry = format!(r#"{{"mediaType":"x/y","digest":"{}","size":1}}"#, Digest::sha256(b"x"));
    let list = format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#);
    for links in [
        vec![r#"</v2/a/referrers/x?last=1>; rel="next""#],
        vec![r#"</v2/a/referrers/x?last=1,2>; rel="next""#],
        vec![r#"</v2/a/referrers/x?last=1>; rel="last next""#],
        vec!["</docs>; rel=\"describedby\"", "<?last=1>; rel=next"],
        vec![r#"</docs>; title="a, <b"; rel="help", </v2/a/referrers/x?last=1>; rel=next"#],
        vec![r#"/v2/a/referrers/x?last=1; rel="next""#],
    ] {
        let (list, shown) = (list.clone(), format!("{links:?}"));
        let script = Script::new(move |request| {
            let headers: Vec<_> = links.iter().map(|link| ("Link", *link)).collect();
            match request.target.contains("last=") {
                true => typed(media_type::OCI_INDEX, &list),
                false => Reply::new(200, &headers, r#"{"manifests":[]}"#),
            }
        })
        .await;
        let (transport, _) = transport(options());
        let subject = Digest::sha256(SUBJECT);
        let answer = transport.referrers(&repository(script.address, "a"), &subject, Access::Pull).await;
        assert!(
            matches!(&answer, Ok(ReferrersAnswer::Listed(found)) if found.len() == 1),
            "{shown}: {answer:?}"
        );
    }
}

/// Behind a first page the API is known to be there.
#[tokio::test]
async fn a_list_that_ends_in_something_else_is_an_error() {
    for status in [200, 404, 405, 501, 403] {
        let script = Script::new(move |request| match request.before {
            0 => Reply::new(200, &[("Link", "</v2/a/referrers/x?n=1>; rel=next")], r#"{"manifests":[]}"#),
            _ => Reply::new(status, &[("Content-Type", "text/html")], PAGE),
        })
        .await;
        let (transport, _) = transport(options());
        let subject = Digest::sha256(SUBJECT);
        let answer = transport.referrers(&repository(script.address, "a"), &subject, Access::Pull).await;
        answer.expect_err(&status.to_string());
    }
}

#[tokio::test]
async fn a_login_that_is_missing_is_told_from_one_that_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for status in [401, 403] {
        let answer = asked(Reply::new(status, &[], ""), options()).await.unwrap();
        assert!(matches!(answer, ReferrersAnswer::Withheld(_)), "{answer:?}");

        let script = Script::all(move |request| match (request.path(), request.header("authorization")) {
            (_, None) => Reply::new(401, &[("WWW-Authenticate", "Basic realm=\"x\"")], ""),
            ("/v2/", _) => Reply::new(200, &[], "{}"),
            _ => Reply::new(status, &[], ""),
        })
        .await;
        let auth_file = folder.path().join(format!("{status}.json"));
        let entry = r#"{"username":"pilot","password":"secret"}"#;
        std::fs::write(&auth_file, format!(r#"{{"auths":{{"{}":{entry}}}}}"#, script.address)).unwrap();
        let (transport, _) = transport(Options { auth_file: Some(auth_file), ..options() });
        let subject = Digest::sha256(SUBJECT);
        let answer = transport.referrers(&repository(script.address, "a"), &subject, Access::Pull).await;
        answer.expect_err(&status.to_string());
    }
}

/// Another host to which we are sent gets no credentials, so its refusal says nothing of ours.
#[tokio::test]
async fn where_another_host_answers_it_counts_as_no_api() {
    for status in [401, 403, 404, 200, 408, 425, 429, 500, 502, 503, 504] {
        let headers = [("Content-Type", "text/html"), ("Retry-After", "200")];
        let other = Script::all(move |_| Reply::new(status, &headers, PAGE)).await;
        for redirect in [302, 303, 307] {
            let place = format!("http://{}/-/v2/signin", other.address);
            let answer = asked(Reply::new(redirect, &[("Location", &place)], ""), options()).await;
            assert!(matches!(answer, Ok(ReferrersAnswer::NoApi)), "{status}: {answer:?}");
        }
    }
}

/// Registries have mirrors to which they send all requests. A mirror in trouble may still keep the list.
#[tokio::test]
async fn trouble_of_the_same_api_at_another_host_is_an_error() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let other = Script::all(move |_| Reply::new(status, &[], "")).await;
        let place = format!("http://{}/v2/a/referrers/x", other.address);
        let options = Options { retries: 0, ..options() };
        let answer = asked(Reply::new(307, &[("Location", &place)], ""), options).await;
        answer.expect_err(&status.to_string());
    }
}

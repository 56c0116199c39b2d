//! Logging in, and what credentials are kept from.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use std::path::PathBuf;

use airlift_oci::{Digest, Reference, Selector};
use airlift_registry::{Access, Error, HeadTrust, Lookup, Options, Product, Transport};
use support::script::{Reply, Request, Script};
use support::{Bytes, Memory, content, descriptor, options, repository, told, transport};

const PASSWORD: &str = "c0rrect-h0rse";

/// A credential file with one entry.
struct AuthFile(tempfile::TempDir);

impl AuthFile {
    fn new(host: impl std::fmt::Display, entry: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(r#"{{"auths":{{"{host}":{entry}}}}}"#);
        std::fs::write(folder.path().join("auth.json"), text).unwrap();
        AuthFile(folder)
    }

    fn login(host: impl std::fmt::Display) -> Self {
        Self::new(host, &format!(r#"{{"username":"pilot","password":"{PASSWORD}"}}"#))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("auth.json")
    }

    fn options(&self) -> Options {
        Options { auth_file: Some(self.path()), ..options() }
    }
}

/// `Basic pilot:PASSWORD`.
const BASIC: &str = "Basic cGlsb3Q6YzBycmVjdC1oMHJzZQ==";

fn tag() -> Selector {
    Selector::Tag("1".parse().unwrap())
}

async fn get(transport: &Transport, script: &Script, path: &str) -> Result<(), Error> {
    transport.get_manifest(&repository(script.address, path), &tag(), Access::Pull).await.map(|_| ())
}

/// A registry with a token service of its own. Tokens are `token-N`; `good` says which of them are accepted.
async fn with_tokens(good: impl Fn(&str, &Request) -> bool + Send + Sync + 'static) -> Script {
    Script::all(move |request| {
        let host = request.header("host").unwrap_or_default();
        let challenge = format!(r#"Bearer realm="http://{host}/token",service="the service""#);
        let refused = || Reply::new(401, &[("WWW-Authenticate", &challenge)], "{}");
        match (request.path(), request.header("authorization")) {
            ("/token", _) => {
                Reply::new(200, &[], format!(r#"{{"token":"token-{}","expires_in":300}}"#, request.before))
            }
            (_, Some(header)) if good(header, request) => Reply::new(200, &[], "{}"),
            _ => refused(),
        }
    })
    .await
}

fn tokens(script: &Script) -> Vec<Request> {
    script.requests().into_iter().filter(|request| request.path() == "/token").collect()
}

#[tokio::test]
async fn a_token_is_fetched_once_for_all_that_need_it() {
    let script = with_tokens(|header, _| header == "Bearer token-0").await;
    let file = AuthFile::login(script.address);
    let (transport, _) = transport(file.options());
    let many = (0..8).map(|_| get(&transport, &script, "a/b"));
    for result in futures::future::join_all(many).await {
        result.unwrap();
    }
    let tokens = tokens(&script);
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].target, "/token?service=the+service&scope=repository%3Aa%2Fb%3Apull");
    assert_eq!(tokens[0].header("authorization"), Some(BASIC));
    // Another access is another token.
    let found =
        transport.look_up(&repository(script.address, "a/b"), &tag(), Access::Push, HeadTrust::IfFound).await;
    assert!(matches!(found.unwrap(), Lookup::Hidden(refusal) if refusal.status == 401));
    assert!(script.requests().iter().any(|request| request.target.ends_with("a%2Fb%3Apull%2Cpush")));
}

#[tokio::test]
async fn a_token_that_expires_is_renewed_once() {
    let script = with_tokens(|header, request| match request.path() {
        "/v2/late/manifests/1" => header == "Bearer token-1",
        _ => false,
    })
    .await;
    let (transport, _) = transport(options());
    get(&transport, &script, "late").await.unwrap();
    assert_eq!(tokens(&script).len(), 2);
    // Never good: one renewal, then the answer counts.
    let error = get(&transport, &script, "never").await.unwrap_err();
    assert!(matches!(error, Error::Unauthorised(_)), "{error}");
    assert_eq!(tokens(&script).len(), 4);
    assert_eq!(script.lines().iter().filter(|line| line.contains("never")).count(), 2);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let script = Script::all(|request| {
        let host = request.header("host").unwrap_or_default();
        let challenge = format!(r#"Bearer realm="http://{host}/token""#);
        match (request.path(), request.header("authorization")) {
            ("/token", _) => Reply::new(200, &[], r#"{"token":"t","expires_in":1}"#),
            (_, Some("Bearer t")) => Reply::new(200, &[], "{}"),
            _ => Reply::new(401, &[("WWW-Authenticate", &challenge)], ""),
        }
    })
    .await;
    let (transport, _) = transport(options());
    let start = std::time::Instant::now();
    let renewed = async {
        while tokens(&script).len() < 2 {
            get(&transport, &script, "a").await.unwrap();
        }
    };
    // However busy the machine is, the second of the token is over by then.
    tokio::time::timeout(std::time::Duration::from_secs(600), renewed).await.expect("it is renewed");
    assert!(start.elapsed().as_millis() >= 700, "it is used while it lives: {:?}", start.elapsed());
    let bare = |request: &&Request| request.path() != "/token" && request.header("authorization").is_none();
    assert_eq!(script.requests().iter().filter(bare).count(), 0, "only the first contact was refused");
}

#[tokio::test]
async fn a_token_that_expires_in_the_middle_of_an_upload_is_renewed() {
    let script = Script::all(|request| {
        let host = request.header("host").unwrap_or_default();
        let challenge = format!(r#"Bearer realm="http://{host}/token""#);
        match (request.method.as_str(), request.path(), request.header("authorization")) {
            (_, "/token", _) => {
                Reply::new(200, &[], format!(r#"{{"access_token":"token-{}"}}"#, request.before))
            }
            ("POST", _, Some("Bearer token-0")) if request.before == 0 => {
                Reply::new(202, &[("Location", "/v2/up")], "")
            }
            ("POST", _, Some("Bearer token-1")) => Reply::new(202, &[("Location", "/v2/up")], ""),
            ("PUT", _, Some("Bearer token-1")) => Reply::new(201, &[], ""),
            _ => Reply::new(401, &[("WWW-Authenticate", &challenge)], ""),
        }
    })
    .await;
    let (transport, _) = transport(options());
    let bytes = content(100_000);
    let repository = repository(script.address, "a");
    transport.put_blob(&repository, &Digest::sha256(&bytes), 100_000, &Bytes(bytes)).await.unwrap();
    assert_eq!(tokens(&script).len(), 2);
}

#[tokio::test]
async fn a_registry_that_asks_late_is_answered_late() {
    let script = Script::new(|request| match request.header("authorization") {
        Some(BASIC) => Reply::new(200, &[], "{}"),
        None => Reply::new(401, &[("WWW-Authenticate", "Basic realm=x")], ""),
        Some(_) => Reply::new(400, &[], ""),
    })
    .await;
    let file = AuthFile::login(script.address);
    let (transport, _) = transport(file.options());
    get(&transport, &script, "a").await.unwrap();
    assert_eq!(script.requests().len(), 2);
    get(&transport, &script, "b").await.unwrap();
    assert_eq!(script.requests().len(), 3, "what was learned once is known for all repositories");
}

#[tokio::test]
async fn nothing_is_sent_to_a_registry_that_asks_for_nothing() {
    let script = Script::new(|_| Reply::new(200, &[], "{}")).await;
    let file = AuthFile::login(script.address);
    let (transport, _) = transport(file.options());
    get(&transport, &script, "a").await.unwrap();
    assert!(script.requests().iter().all(|request| request.header("authorization").is_none()));
}

#[tokio::test]
async fn wrong_credentials_are_told_in_the_services_words() {
    let words = r#"{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}"#;
    for status in [400, 401, 403] {
        let script = Script::all(move |request| match request.path() {
            "/token" => Reply::new(status, &[], words),
            _ => {
                let host = request.header("host").unwrap_or_default();
                let challenge = format!(r#"Bearer realm="http://{host}/token",service="s""#);
                Reply::new(401, &[("WWW-Authenticate", &challenge)], "")
            }
        })
        .await;
        let file = AuthFile::login(script.address);
        let (transport, log) = transport(file.options());
        let error = get(&transport, &script, "a").await.unwrap_err();
        let text = told(&error);
        assert!(matches!(error, Error::Unauthorised(_)), "{text}");
        assert!(
            text.contains("incorrect username or password") && text.contains("wrong credentials?"),
            "{text}"
        );
        assert!(text.contains("auth.json") && !text.contains(PASSWORD) && log.retries().is_empty(), "{text}");
    }
    let script = Script::all(move |_| Reply::new(401, &[("WWW-Authenticate", "Basic realm=x")], words)).await;
    let file = AuthFile::login(script.address);
    let (transport, _) = transport(file.options());
    let text = get(&transport, &script, "a").await.unwrap_err().to_string();
    assert!(text.contains("wrong credentials?") && text.contains("incorrect username"), "{text}");
    assert_eq!(script.requests().len(), 1, "a password that was refused is not sent again");
}

#[tokio::test]
async fn without_credentials_the_error_says_where_they_were_looked_for() {
    let script = Script::all(|_| Reply::new(401, &[("WWW-Authenticate", "Basic realm=x")], "")).await;
    let file = AuthFile::login("other.example");
    let (transport, _) = transport(file.options());
    let text = get(&transport, &script, "a").await.unwrap_err().to_string();
    let expected = format!("no credentials for {} were found (looked in ", script.address);
    assert!(text.contains(&expected) && text.contains("auth.json"), "{text}");
    assert!(script.requests().iter().all(|request| request.header("authorization").is_none()));
}

#[tokio::test]
async fn an_identity_token_is_changed_by_post() {
    let script = with_tokens(|header, _| header == "Bearer token-0").await;
    let file = AuthFile::new(script.address, r#"{"identitytoken":"r3fresh&me"}"#);
    let (transport, _) = transport(file.options());
    get(&transport, &script, "a").await.unwrap();
    let request = tokens(&script).remove(0);
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/token"));
    let form = String::from_utf8(request.body).unwrap();
    assert!(
        form.contains("grant_type=refresh_token") && form.contains("refresh_token=r3fresh%26me"),
        "{form}"
    );
    assert!(form.contains("scope=repository%3Aa%3Apull"), "{form}");
}

#[tokio::test]
async fn a_refresh_token_is_not_sent_on() {
    let elsewhere = Script::all(|_| Reply::new(200, &[], r#"{"token":"t"}"#)).await;
    let location = format!("http://{}/token", elsewhere.address);
    let script = Script::all(move |request| match request.path() {
        "/token" => Reply::new(307, &[("Location", &location)], ""),
        _ => {
            let host = request.header("host").unwrap_or_default();
            Reply::new(401, &[("WWW-Authenticate", &format!(r#"Bearer realm="http://{host}/token""#))], "")
        }
    })
    .await;
    let file = AuthFile::new(script.address, r#"{"identitytoken":"r3fresh"}"#);
    let (transport, _) = transport(file.options());
    let error = get(&transport, &script, "a").await.unwrap_err();
    assert!(matches!(error, Error::Redirect { .. }), "{error}");
    assert!(elsewhere.requests().is_empty());
}

/// The API for projects takes passwords. They go to the registry alone, and no other host's answer counts.
#[tokio::test]
async fn a_password_for_projects_is_sent_nowhere_else() {
    let elsewhere = Script::all(|_| Reply::new(201, &[], "")).await;
    let location = format!("http://{}/api/v2.0/projects", elsewhere.address);
    let script = Script::all(move |request| {
        let host = request.header("host").unwrap_or_default();
        let challenge = format!(r#"Bearer realm="http://{host}/token",service="harbor-registry""#);
        match request.path() {
            "/api/v2.0/projects" => Reply::new(307, &[("Location", &location)], ""),
            _ => Reply::new(401, &[("WWW-Authenticate", &challenge)], "{}"),
        }
    })
    .await;
    let file = AuthFile::login(script.address);
    let (transport, _) = transport(file.options());
    let error = transport.create_project(&repository(script.address, "a/b"), "a").await.unwrap_err();
    assert!(matches!(error, Error::Redirect { .. }), "{error}");
    assert!(error.to_string().contains(&elsewhere.address.to_string()), "{error}");
    let sent = script.requests();
    let sent: Vec<_> = sent.iter().filter(|request| request.path() == "/api/v2.0/projects").collect();
    assert_eq!(sent.len(), 1, "a redirect is no passing fault");
    assert_eq!(sent[0].header("authorization"), Some(BASIC));
    assert!(elsewhere.requests().is_empty());
    assert_eq!(transport.product(&script.address.to_string().parse().unwrap()).await, Some(Product::Harbor));
}

#[tokio::test]
async fn a_realm_that_may_not_have_credentials_gets_none() {
    for realm in ["http://us:pw@127.0.0.1:9/t", "file:///etc/passwd", "nonsense"] {
        let challenge = format!(r#"Bearer realm="{realm}""#);
        let script = Script::all(move |_| Reply::new(401, &[("WWW-Authenticate", &challenge)], "")).await;
        let file = AuthFile::login(script.address);
        let (transport, _) = transport(file.options());
        let error = get(&transport, &script, "a").await.unwrap_err();
        assert!(matches!(error, Error::Realm { .. }) && !error.to_string().contains("us:pw"), "{error}");
    }
}

#[tokio::test]
async fn an_endless_token_answer_is_cut_off() {
    let script = Script::all(|request| match request.path() {
        "/token" => Reply::raw(200, &[], vec![b' '; 2 * 1024 * 1024]),
        _ => {
            let host = request.header("host").unwrap_or_default();
            Reply::new(401, &[("WWW-Authenticate", &format!(r#"Bearer realm="http://{host}/token""#))], "")
        }
    })
    .await;
    let (transport, _) = transport(options());
    let text = get(&transport, &script, "a").await.unwrap_err().to_string();
    assert!(text.contains("token answer is larger than 1048576 bytes"), "{text}");
}

#[tokio::test]
async fn a_redirect_to_another_origin_gets_no_credentials_but_the_range() {
    let bytes = content(100_000);
    let expected = bytes.clone();
    let storage = Script::new(move |request| match request.header("range") {
        None => Reply::raw(200, &[("Content-Length", "100000")], &bytes[..40_000]),
        Some(_) => Reply::new(206, &[("Content-Range", "bytes 40000-99999/100000")], &bytes[40_000..]),
    })
    .await;
    let location = format!("http://{}/store?X-Signature=s3cret", storage.address);
    let script = Script::all(move |request| match (request.header("authorization"), request.path()) {
        (Some(BASIC), "/v2/a/manifests/1") => Reply::new(302, &[("Location", "/moved")], ""),
        (Some(BASIC), "/moved") => Reply::new(200, &[], "{}"),
        (Some(BASIC), _) => Reply::new(307, &[("Location", &location)], ""),
        _ => Reply::new(401, &[("WWW-Authenticate", "Basic realm=x")], ""),
    })
    .await;
    let file = AuthFile::login(script.address);
    let (transport, log) = transport(file.options());
    let mut sink = Memory::default();
    let repository = repository(script.address, "a");
    transport.fetch_blob(&repository, &descriptor(&expected), &mut sink).await.unwrap();
    assert!(sink.bytes == expected);
    let stored = storage.requests();
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[1].header("range"), Some("bytes=40000-"));
    for request in &stored {
        assert_eq!((request.header("authorization"), request.header("referer")), (None, None));
    }
    let reasons = format!("{:?}", log.retries());
    assert!(!reasons.contains("s3cret"), "{reasons}");
    // At the same origin they stay.
    get(&transport, &script, "a").await.unwrap();
}

#[tokio::test]
async fn redirects_end() {
    let script = Script::new(|request| {
        let next = format!("/v2/a/manifests/1?n={}", request.before);
        Reply::new(302, &[("Location", &next)], "")
    })
    .await;
    let (transport, _) = transport(options());
    let error = get(&transport, &script, "a").await.unwrap_err();
    assert!(matches!(error, Error::Redirect { .. }), "{error}");
    assert_eq!(script.requests().len(), 11);
    let script = Script::new(|_| Reply::new(302, &[("Location", "ftp://x/y?secret")], "")).await;
    let error = get(&transport, &script, "a").await.unwrap_err();
    assert!(matches!(error, Error::Redirect { .. }) && !error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn an_upload_location_at_another_origin_gets_no_credentials() {
    let storage = Script::new(|_| Reply::new(201, &[], "")).await;
    let location = format!("http://{}/up?s=1", storage.address);
    let script = Script::all(move |request| match request.header("authorization") {
        Some(BASIC) => Reply::new(202, &[("Location", &location)], ""),
        _ => Reply::new(401, &[("WWW-Authenticate", "Basic realm=x")], ""),
    })
    .await;
    let file = AuthFile::login(script.address);
    let (transport, _) = transport(file.options());
    let repository = repository(script.address, "a");
    transport.put_blob(&repository, &Digest::sha256(b"x"), 1, &Bytes(b"x".to_vec())).await.unwrap();
    let stored = storage.requests();
    assert_eq!((stored.len(), stored[0].header("authorization")), (1, None));
    assert_eq!(stored[0].target, format!("/up?s=1&digest={}", Digest::sha256(b"x")));
}

#[test]
fn references_name_the_registry_that_is_asked() {
    let reference: Reference = "127.0.0.1:5000/a/b:1".parse().unwrap();
    assert_eq!(reference.selector(), tag());
    assert_eq!(reference.repository().host().to_string(), "127.0.0.1:5000");
}

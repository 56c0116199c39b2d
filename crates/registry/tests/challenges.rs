//! `WWW-Authenticate` as registries send it: its scopes, its forms, and what becomes of those that can't be
//! answered.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use airlift_oci::Selector;
use airlift_registry::{Access, Error, LikelyCause, Options, Transport};
use support::script::{Reply, Request, Script};
use support::{options, repository, transport};

/// `Basic pilot:c0rrect-h0rse`.
const BASIC: &str = "Basic cGlsb3Q6YzBycmVjdC1oMHJzZQ==";

/// A folder with credentials for a registry, and the options that use them.
fn login(script: &Script) -> (tempfile::TempDir, Options) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    let entry = r#"{"username":"pilot","password":"c0rrect-h0rse"}"#;
    std::fs::write(&path, format!(r#"{{"auths":{{"{}":{entry}}}}}"#, script.address)).unwrap();
    (folder, Options { auth_file: Some(path), ..options() })
}

async fn get(transport: &Transport, script: &Script, path: &str) -> Result<(), Error> {
    let tag = Selector::Tag("1".parse().unwrap());
    transport.get_manifest(&repository(script.address, path), &tag, Access::Pull).await.map(|_| ())
}

fn scopes(request: &Request) -> Vec<String> {
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter_map(|pair| pair.strip_prefix("scope="));
    pairs
        .map(|scope| scope.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",").replace("%2A", "*"))
        .collect()
}

fn tokens(script: &Script) -> Vec<Vec<String>> {
    script.requests().iter().filter(|request| request.path() == "/token").map(scopes).collect()
}

/// A token service whose tokens name their scopes, and a registry that takes what `good` likes. `ping` and
/// `asked` are what its challenges name beside the realm.
async fn registry(
    ping: &'static str,
    asked: &'static str,
    status: u16,
    good: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> Script {
    Script::all(move |request| {
        let host = request.header("host").unwrap_or_default();
        let challenge = |more: &str| format!(r#"Bearer realm="http://{host}/token",service="s"{more}"#);
        match (request.path(), request.header("authorization")) {
            ("/token", _) => {
                let token = scopes(request).join("+");
                Reply::new(200, &[], format!(r#"{{"token":"{token}","expires_in":300}}"#))
            }
            ("/v2/", _) if ping.is_empty() => Reply::new(200, &[], ""),
            ("/v2/", _) => Reply::new(401, &[("WWW-Authenticate", &challenge(ping))], ""),
            (_, Some(token)) if good(token) => Reply::new(200, &[], "{}"),
            (_, None) => Reply::new(401, &[("WWW-Authenticate", &challenge(asked))], ""),
            _ => Reply::new(status, &[("WWW-Authenticate", &challenge(asked))], ""),
        }
    })
    .await
}

#[tokio::test]
async fn a_scope_of_the_registrys_own_is_asked_for() {
    let aws = r#",scope="aws""#;
    let good = |token: &str| token.split('+').any(|scope| scope.ends_with("aws"));
    // Whenever it is named: at the ping, or only where something is refused, by 401 or by 403.
    for (ping, asked, status, count) in [
        (aws, aws, 401, 2),
        (aws, "", 401, 2),
        ("", aws, 401, 2),
        (",x=y", aws, 401, 3),
        (",x=y", aws, 403, 3),
    ] {
        let script = registry(ping, asked, status, good).await;
        let (transport, _) = transport(options());
        get(&transport, &script, "a/b").await.unwrap();
        get(&transport, &script, "c").await.unwrap();
        let tokens = tokens(&script);
        assert_eq!(tokens.len(), count, "{ping} {asked}: {tokens:?}");
        assert_eq!(tokens.last().unwrap(), &["repository:c:pull", "aws"], "known for other repositories");
        get(&transport, &script, "a/b").await.unwrap();
        assert_eq!(self::tokens(&script).len(), count, "a token is kept for its scope");
    }
}

#[tokio::test]
async fn a_repository_that_a_challenge_names_is_asked_for_where_it_was_named() {
    // One registry pings with an example, and knows its repositories by other names than those of its paths.
    let example = r#",scope="repository:user/image:pull""#;
    let script =
        registry(example, r#",scope="repository:real/a:pull""#, 401, |token| token.contains("real")).await;
    let (transport, _) = transport(options());
    get(&transport, &script, "a").await.unwrap();
    assert_eq!(
        tokens(&script),
        [vec!["repository:a:pull"], vec!["repository:a:pull", "repository:real/a:pull"]]
    );
    // The same scope in other words is no other scope, and a wider one takes the place of ours.
    for (named, sent) in [
        ("repository:a:pull", "repository:a:pull"),
        ("repository:a:pull,push", "repository:a:pull,push"),
        ("repository:a:*", "repository:a:*"),
    ] {
        let asked: &'static str = Box::leak(format!(r#",scope="{named}""#).into_boxed_str());
        let script = registry("", asked, 401, |_| true).await;
        let (transport, _) = support::transport(options());
        get(&transport, &script, "a").await.unwrap();
        assert_eq!(tokens(&script), [[sent]]);
    }
}

/// As distribution's and Harbor's: whoever may push may not delete by that.
#[tokio::test]
async fn the_right_to_delete_is_asked_for_once_where_the_registry_names_it() {
    for (named, sent) in [
        ("repository:a:delete", &["repository:a:pull,push", "repository:a:delete"][..]),
        ("repository:a:pull,delete", &["repository:a:pull,push", "repository:a:pull,delete"]),
        ("repository:a:*", &["repository:a:*"]),
    ] {
        let script = Script::all(move |request| {
            let host = request.header("host").unwrap_or_default();
            let challenge =
                |scope: &str| format!(r#"Bearer realm="http://{host}/token",service="s",scope="{scope}""#);
            let scope = match request.method.as_str() {
                "DELETE" => named,
                _ => "repository:a:pull",
            };
            let may = |token: &str| token.contains(scope.rsplit([':', ',']).next().unwrap_or_default());
            match (request.path(), request.header("authorization")) {
                ("/token", _) => {
                    let token = scopes(request).join("+");
                    Reply::new(200, &[], format!(r#"{{"token":"{token}","expires_in":300}}"#))
                }
                ("/v2/", _) => Reply::new(200, &[], ""),
                (_, Some(token)) if may(token) => Reply::new(202, &[], ""),
                _ => Reply::new(401, &[("WWW-Authenticate", &challenge(scope))], ""),
            }
        })
        .await;
        let (transport, _) = transport(options());
        let target = repository(script.address, "a");
        for content in ["1", "2", "3"] {
            let digest = Selector::Digest(airlift_oci::Digest::sha256(content.as_bytes()));
            transport.delete_manifest(&target, &digest).await.unwrap();
        }
        assert_eq!(tokens(&script).last().unwrap(), sent, "{named}");
        assert!(tokens(&script).len() <= 2, "{named}: {:?}", tokens(&script));
        let deletions = script.requests().into_iter().filter(|request| request.method == "DELETE").count();
        assert!(deletions <= 5, "{named}: {deletions}");
    }
}

#[tokio::test]
async fn a_403_that_names_nothing_new_is_final() {
    for asked in ["", r#",scope="repository:a:pull""#] {
        let script = registry(",x=y", asked, 403, |_| false).await;
        let (transport, _) = transport(options());
        let error = get(&transport, &script, "a").await.unwrap_err();
        assert!(matches!(error, Error::Denied(_)), "{error}");
        assert_eq!(tokens(&script).len(), 1);
    }
}

#[tokio::test]
async fn each_repository_may_have_a_token_service_of_its_own() {
    let script = Script::all(|request| {
        let host = request.header("host").unwrap_or_default();
        let name = request.path().split('/').nth(2).unwrap_or_default().to_owned();
        let challenge = format!(r#"Bearer realm="http://{host}/token/{name}""#);
        match (request.path(), request.header("authorization")) {
            ("/v2/", _) => Reply::new(200, &[], ""),
            (path, _) if path.starts_with("/token/") => {
                Reply::new(200, &[], format!(r#"{{"token":"{name}"}}"#))
            }
            (_, Some(token)) if token == format!("Bearer {name}") => Reply::new(200, &[], "{}"),
            _ => Reply::new(401, &[("WWW-Authenticate", &challenge)], ""),
        }
    })
    .await;
    let (transport, _) = transport(options());
    for _ in 0..3 {
        let names = ["a", "b", "c", "d"].map(|name| get(&transport, &script, name));
        for result in futures::future::join_all(names).await {
            result.unwrap();
        }
    }
}

#[tokio::test]
async fn bent_challenges_are_answered() {
    for form in [
        "Basic realm=/",
        "Basic realm=registry.example:5000",
        "basic realm=http://{host}/",
        "Bearer realm=http://{host}/token,service=reg",
        "Bearer  realm = \"http://{host}/token\"   service=\"reg\"",
        "Bearer realm=/token",
        "Negotiate, NTLM, Bearer realm=\"http://{host}/token\"",
        "Negotiate YIIB==, Basic realm=x",
        "Bearer realm=\"ftp://elsewhere/token\", Basic realm=x",
    ] {
        let script = Script::all(move |request| {
            let host = request.header("host").unwrap_or_default();
            match (request.path(), request.header("authorization")) {
                ("/token", Some(BASIC)) => Reply::new(200, &[], r#"{"token":"t"}"#),
                ("/token", _) => Reply::new(401, &[], ""),
                (_, Some("Bearer t" | BASIC)) => Reply::new(200, &[], "{}"),
                _ => Reply::new(401, &[("WWW-Authenticate", &form.replace("{host}", host))], ""),
            }
        })
        .await;
        let (_folder, options) = login(&script);
        let (transport, _) = transport(options);
        get(&transport, &script, "a").await.unwrap_or_else(|error| panic!("{form}: {error}"));
    }
}

#[tokio::test]
async fn a_challenge_that_can_not_be_answered_is_shown() {
    for (headers, shown) in [
        (vec!["Negotiate"], "'Negotiate'"),
        (vec!["Negotiate", "NTLM"], "'Negotiate, NTLM'"),
        (vec!["Bearer service=\"s\""], "'Bearer service=\\\"s\\\"'"),
        (vec!["Bearer realm=\"http://open"], "'Bearer realm=\\\"http://open'"),
    ] {
        let script = Script::new(move |_| {
            let headers: Vec<_> = headers.iter().map(|value| ("WWW-Authenticate", *value)).collect();
            Reply::new(401, &headers, "")
        })
        .await;
        let (_folder, options) = login(&script);
        let (transport, _) = transport(options);
        let error = get(&transport, &script, "a").await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!("WWW-Authenticate is {shown}")), "{text}");
        assert_eq!(error.likely_cause(), Some(LikelyCause::UnknownLogin), "{error}");
        assert!(script.requests().iter().all(|request| request.header("authorization").is_none()));
    }
}

#[tokio::test]
async fn a_login_that_is_asked_for_late_says_where_credentials_were_looked_for() {
    let script = Script::new(|_| Reply::new(401, &[("WWW-Authenticate", "Basic realm=x")], "")).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let helper = "airlift-has-none-of-this-name";
    std::fs::write(&path, format!(r#"{{"auths":{{"{}":{{}}}},"credsStore":"{helper}"}}"#, script.address))
        .unwrap();
    let (transport, _) = transport(Options { auth_file: Some(path), ..options() });
    let text = get(&transport, &script, "a").await.unwrap_err().to_string();
    assert!(
        text.contains("config.json") && text.contains(&format!("docker-credential-{helper} can't be run")),
        "{text}"
    );
}

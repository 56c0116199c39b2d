use std::path::PathBuf;

use oci_client::secrets::RegistryAuth;
use serde_json::json;

use super::*;
use crate::auth::secret::Secret;

const US_P11: &str = "dXM6UDEx"; // us:P11

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn found(credentials: &Credentials, repository: &str) -> SearchResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(credentials.find(&repository.parse().unwrap(), Duration::from_secs(60)))
}

fn find_in(config: &Value, repository: &str) -> SearchResult {
    let folder = folder();
    let path = folder.path().join("config.json");
    std::fs::write(&path, config.to_string()).unwrap();
    found(&Credentials::new(Some(&path)).unwrap(), repository)
}

fn user(lookup: &SearchResult) -> Option<String> {
    match lookup {
        SearchResult::Found { credential: Credential::Login(RegistryAuth::Basic(user, _)), .. } => {
            Some(user.clone())
        }
        SearchResult::Found { credential: Credential::Identity(Secret(token)), .. } => {
            Some(format!("<token> {token}"))
        }
        _ => None,
    }
}

/// An entry for `user` with a password.
fn login(user: &str) -> Value {
    json!({ "username": user, "password": "P11" })
}

#[test]
fn keys_of_docker_and_podman() {
    for (key, repository, found) in [
        ("quay.io", "quay.io/a/b", true),
        ("QUAY.io", "quay.io/a/b", true),
        ("https://quay.io", "quay.io/a/b", true),
        ("https://quay.io/v1/", "quay.io/a/b", true),
        ("quay.io/v2/", "quay.io/a/b", true),
        ("quay.io/a", "quay.io/a/b", true),
        ("quay.io/a/b", "quay.io/a/b", true),
        ("quay.io/a/b/c", "quay.io/a/b", false),
        ("quay.io/ab", "quay.io/a/b", false),
        ("quay.io:443", "quay.io/a/b", false),
        ("quay.io.evil.example", "quay.io/a/b", false),
        ("localhost:5000", "localhost:5000/x", true),
        ("localhost", "localhost:5000/x", false),
        ("http://localhost:5000/v1/", "localhost:5000/x", true),
        ("[::1]:5000", "[::1]:5000/x", true),
        ("https://index.docker.io/v1/", "nginx", true),
        ("index.docker.io", "nginx", true),
        ("docker.io", "nginx", true),
        ("registry-1.docker.io", "nginx", true),
        ("docker.io/library", "nginx", true),
        ("docker.io/other", "nginx", false),
    ] {
        let config = json!({ "auths": { key: login("us") } });
        assert_eq!(user(&find_in(&config, repository)).is_some(), found, "{key} for {repository}");
    }
}

#[test]
fn the_narrowest_namespace_wins_and_empty_entries_dont_count() {
    let config = json!({ "auths": {
        "quay.io": login("all"), "quay.io/a": login("some"), "quay.io/a/b": {}, "quay.io/x": { "auth": "" },
    }});
    assert_eq!(user(&find_in(&config, "quay.io/a/b/c")).as_deref(), Some("some"));
    assert_eq!(user(&find_in(&config, "quay.io/x/y")).as_deref(), Some("all"));
}

#[test]
fn forms_of_secrets() {
    let of = |entry: Value| find_in(&json!({ "auths": { "quay.io": entry } }), "quay.io/a");
    assert_eq!(user(&of(json!({ "auth": US_P11 }))).as_deref(), Some("us"));
    assert_eq!(user(&of(json!({ "auth": US_P11, "identitytoken": "T" }))).as_deref(), Some("<token> T"));
    assert_eq!(user(&of(json!({ "auth": US_P11, "identitytoken": "" }))).as_deref(), Some("us"));
    assert_eq!(user(&of(json!({ "username": "<token>", "password": "T" }))).as_deref(), Some("<token> T"));
    for broken in [json!({ "auth": "%%%" }), json!({ "auth": "bm9jb2xvbg==" })] {
        let SearchResult::Nothing { looked } = of(broken) else { panic!("nothing is expected") };
        assert!(looked.contains("config.json: the entry quay.io can't be used"), "{looked}");
    }
}

#[test]
fn says_where_it_looked_and_shows_no_secret() {
    let SearchResult::Nothing { looked } = find_in(&json!({ "auths": {} }), "quay.io/a") else {
        panic!("nothing is expected")
    };
    assert!(looked.ends_with("config.json"), "{looked}");
    let found = find_in(&json!({ "auths": { "quay.io": { "auth": US_P11 } } }), "quay.io/a");
    let token = find_in(&json!({ "auths": { "quay.io": { "identitytoken": "T0KEN" } } }), "quay.io/a");
    let shown = format!("{found:?} {token:?}");
    assert!(!shown.contains("P11") && !shown.contains("T0KEN"), "{shown}");
}

#[test]
fn a_given_file_must_be_good() {
    let folder = folder();
    let path = folder.path().join("auth.json");
    assert!(matches!(Credentials::new(Some(&path)), Err(SetupError::AuthFile { .. })));
    for text in ["", "[]", "no json", "{"] {
        std::fs::write(&path, text).unwrap();
        assert!(matches!(Credentials::new(Some(&path)), Err(SetupError::AuthSyntax { .. })), "{text}");
    }
}

#[test]
fn the_usual_places_in_their_order() {
    let environment = |pairs: &'static [(&str, &str)]| {
        move |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
    };
    let files = |pairs| Credentials::usual(environment(pairs)).files;
    assert_eq!(
        files(&[("HOME", "/h"), ("XDG_RUNTIME_DIR", "/run/1"), ("REGISTRY_AUTH_FILE", "/a.json")]),
        [
            "/a.json",
            "/run/1/containers/auth.json",
            "/h/.config/containers/auth.json",
            "/h/.docker/config.json"
        ]
        .map(PathBuf::from)
    );
    assert_eq!(
        files(&[("HOME", "/h"), ("DOCKER_CONFIG", "/d"), ("XDG_CONFIG_HOME", "/c")]),
        ["/c/containers/auth.json", "/d/config.json"].map(PathBuf::from)
    );
    assert_eq!(files(&[]), Vec::<PathBuf>::new());
}

#[test]
fn a_broken_usual_file_is_named_and_the_next_one_looked_at() {
    let folder = folder();
    let (first, second) = (folder.path().join("1"), folder.path().join("2"));
    std::fs::write(&first, "no json").unwrap();
    std::fs::write(&second, json!({ "auths": { "quay.io": login("us") } }).to_string()).unwrap();
    let repository = "quay.io/a";
    let both = Credentials::at(vec![first.clone(), folder.path().join("absent"), second]);
    assert_eq!(user(&found(&both, repository)).as_deref(), Some("us"));
    let SearchResult::Nothing { looked } = found(&Credentials::at(vec![first]), repository) else {
        panic!("nothing is expected")
    };
    assert!(looked.ends_with("1: is not JSON"), "{looked}");
}

#[test]
fn a_helper_that_is_missing_is_told() {
    let store = json!({ "credsStore": "airlift-has-none-of-this-name", "auths": { "quay.io": {} } });
    let SearchResult::Nothing { looked } = find_in(&store, "quay.io/a") else {
        panic!("nothing is expected")
    };
    assert!(looked.contains("docker-credential-airlift-has-none-of-this-name can't be run"), "{looked}");
    let path = json!({ "credHelpers": { "quay.io": "../../bin/sh" } });
    let SearchResult::Nothing { looked } = find_in(&path, "quay.io/a") else { panic!("nothing is expected") };
    assert!(looked.contains("contains a slash"), "{looked}");
    // Another host's helper is not asked.
    let other = json!({ "credHelpers": { "ghcr.io": "none" }, "auths": { "quay.io": login("us") } });
    assert_eq!(user(&find_in(&other, "quay.io/a")).as_deref(), Some("us"));
}

use reqwest::header::HeaderValue;

use super::*;

fn headers(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn read(values: &[&str]) -> Vec<Offer> {
    offers(&headers(values))
}

fn bearer(realm: &str, service: Option<&str>, scopes: &[&str]) -> Offer {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    Offer::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned), scopes }
}

#[test]
fn reads_challenges_as_the_rfc_has_them() {
    let scoped =
        r#"Bearer realm="https://a/t",service="r",scope="repository:x:pull,push registry:catalog:*""#;
    let scopes = ["repository:x:pull,push", "registry:catalog:*"];
    assert_eq!(read(&[scoped]), [bearer("https://a/t", Some("r"), &scopes)]);
    assert_eq!(read(&[r#"bearer REALM="https://a/t",Scope="""#]), [bearer("https://a/t", None, &[])]);
    assert_eq!(
        read(&[r#"Bearer realm="https://a/t?x=\"1,2\"" , service="a\\b""#]),
        [bearer("https://a/t?x=\"1,2\"", Some("a\\b"), &[])]
    );
    assert_eq!(read(&[r#"Basic realm="x""#]), [Offer::Basic]);
    assert_eq!(read(&["Basic"]), [Offer::Basic]);
}

#[test]
fn reads_values_without_quotes() {
    for text in
        ["Basic realm=/", "Basic realm=registry.example:5000", "BASIC realm=https://r/", "basic realm"]
    {
        assert_eq!(read(&[text]), [Offer::Basic], "{text}");
    }
    for text in [
        "Bearer realm=https://a/t?x=1,service=reg",
        "Bearer realm=https://a/t?x=1 , service = reg",
        "Bearer   realm=https://a/t?x=1   service=reg",
        "Bearer\trealm = https://a/t?x=1,,service=\"reg\"",
        r#"Bearer realm="https://a/t?x=1" service="reg""#,
        r#"Bearer realm="https://a/t?x=1"service=reg, error=invalid_token"#,
    ] {
        assert_eq!(read(&[text]), [bearer("https://a/t?x=1", Some("reg"), &[])], "{text}");
    }
    let scope = "Bearer realm=https://a/t,scope=repository:x:pull,push,service=my registry";
    assert_eq!(read(&[scope]), [bearer("https://a/t", Some("my registry"), &["repository:x:pull,push"])]);
}

#[test]
fn finds_the_best_among_several() {
    let both = [bearer("https://a/t", None, &[]), Offer::Basic];
    let token = r#"Bearer realm="https://a/t""#;
    assert_eq!(read(&[r#"Basic realm="x""#, token]), both);
    assert_eq!(read(&[r#"Basic realm="x", Bearer realm="https://a/t""#]), both);
    assert_eq!(read(&["Basic realm=x, Bearer realm=https://a/t"]), both);
    assert_eq!(read(&["Basic, Bearer realm=https://a/t"]), both);
    for other in
        ["Negotiate", "NTLM", "Negotiate YIIB==", "NTLM TlRM/AAA=", r#"Digest realm="x", nonce="bearer""#]
    {
        assert_eq!(read(&[other, token]), both[..1], "{other}");
        assert_eq!(read(&[&format!("{other}, {token}")]), both[..1], "{other}");
        assert_eq!(read(&[&format!("{token}, {other}")]), both[..1], "{other}");
    }
    let two = [bearer("http://a/t", None, &[]), bearer("https://b/t", None, &[])];
    assert_eq!(read(&[r#"Bearer realm="http://a/t", Bearer realm="https://b/t""#]), two);
    assert_eq!(read(&[r#"Bearer service="no realm", Basic"#]), [Offer::Basic]);
}

#[test]
fn what_can_not_be_used_is_shown_and_never_half_of_it_used() {
    for text in [
        "Negotiate",
        "Bearer",
        r#"Bearer service="no realm""#,
        "Bearer realm=\"https://auth.exam",
        "\"",
        "=x",
    ] {
        assert_eq!(read(&[text]), [], "{text}");
        assert_eq!(unusable(&headers(&[text])).as_deref(), Some(text));
    }
    assert_eq!(read(&["Basic realm=x", "Bearer realm=\"open"]), [Offer::Basic]);
    assert_eq!(unusable(&headers(&["Basic realm=x", "Bearer realm=\"open"])), None);
    assert_eq!((read(&[]), unusable(&headers(&[]))), (vec![], None));
    assert_eq!(unusable(&headers(&["Negotiate", "NTLM"])).as_deref(), Some("Negotiate, NTLM"));
    assert!(unusable(&headers(&[&"x".repeat(9000)])).is_some_and(|text| text.len() < 1000));
    assert_eq!(read(&["Basic realm=\"caf\u{e9}\""]), [Offer::Basic], "not only ASCII");
    let scopes = "a ".repeat(1000);
    let many = read(&[&format!("Bearer realm=https://a/t, scope=\"{scopes}\"")]);
    assert!(matches!(&many[..], [Offer::Bearer { scopes, .. }] if scopes.len() == MAX_SCOPES));
}

#[test]
fn scopes_say_more_or_other_or_nothing_new() {
    let texts = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>();
    let both = "repository:a/b:pull,push";
    for (ours, named, sent) in [
        (both, "aws", vec![both, "aws"]),
        (both, "repository:a/b:push,pull", vec![both]),
        (both, "repository:a/b:pull", vec![both]),
        (both, "repository:a/b:pull,push,delete", vec!["repository:a/b:pull,push,delete"]),
        (both, "repository:a/b:*", vec!["repository:a/b:*"]),
        (both, "repository:mirror/a/b:pull", vec![both, "repository:mirror/a/b:pull"]),
        ("repository:a/b:*", both, vec!["repository:a/b:*"]),
    ] {
        assert_eq!(merged(texts(&[ours]), &texts(&[named])), sent, "{ours} {named}");
        let challenge = Challenge::Bearer {
            realm: Url::parse("https://a/t").unwrap(),
            service: None,
            scopes: texts(&[named]),
        };
        assert_eq!(challenge.names_more_than(&texts(&[ours])), sent != [ours], "{ours} {named}");
    }
    assert!(!Challenge::Basic.names_more_than(&[]));
}

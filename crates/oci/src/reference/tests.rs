use super::*;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn canonical_forms() {
    let pin = format!("@sha256:{HEX}");
    for (text, canonical) in [
        ("nginx".to_owned(), "docker.io/library/nginx:latest".to_owned()),
        ("nginx:1.27".to_owned(), "docker.io/library/nginx:1.27".to_owned()),
        ("grafana/loki:2".to_owned(), "docker.io/grafana/loki:2".to_owned()),
        (format!("nginx{pin}"), format!("docker.io/library/nginx{pin}")),
        (format!("nginx:1.27{pin}"), format!("docker.io/library/nginx:1.27{pin}")),
        ("index.docker.io/nginx".to_owned(), "docker.io/library/nginx:latest".to_owned()),
        ("docker.io/nginx".to_owned(), "docker.io/library/nginx:latest".to_owned()),
        ("localhost/x".to_owned(), "localhost/x:latest".to_owned()),
        ("localhost:5000/x".to_owned(), "localhost:5000/x:latest".to_owned()),
        ("127.0.0.1:5000/a/b/c:T".to_owned(), "127.0.0.1:5000/a/b/c:T".to_owned()),
        ("[::1]:5000/x:1".to_owned(), "[::1]:5000/x:1".to_owned()),
        (format!("[0::1]/x{pin}"), format!("[::1]/x{pin}")),
        ("Registry.Example.com/x".to_owned(), "registry.example.com/x:latest".to_owned()),
        ("REGISTRY:443/x".to_owned(), "registry:443/x:latest".to_owned()),
        ("registry/x".to_owned(), "docker.io/registry/x:latest".to_owned()),
        ("test.com:5000".to_owned(), "docker.io/library/test.com:5000".to_owned()),
        ("a--b/c__d/e.f:_x-y.z".to_owned(), "docker.io/a--b/c__d/e.f:_x-y.z".to_owned()),
    ] {
        let reference: Reference = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(reference.to_string(), canonical, "{text}");
        assert_eq!(canonical.parse::<Reference>().unwrap(), reference, "{text}");
    }
}

#[test]
fn parts() {
    let both: Reference = format!("quay.io/a/b:1@sha256:{HEX}").parse().unwrap();
    assert_eq!(both.repository().host().to_string(), "quay.io");
    assert_eq!(both.repository().path(), "a/b");
    assert_eq!(both.tag(), Some("1"));
    assert_eq!(both.selector(), Selector::Digest(format!("sha256:{HEX}").parse().unwrap()));
    let pinned: Reference = format!("quay.io/a/b@sha256:{HEX}").parse().unwrap();
    assert_eq!(pinned.tag(), None);
    let tagged: Reference = "quay.io/a/b:1".parse().unwrap();
    assert_eq!(tagged.selector(), Selector::Tag("1".parse().unwrap()));
    assert_eq!(tagged.digest(), None);
}

#[test]
fn refuses_what_is_no_reference() {
    let long = format!("localhost:5000/{}", "a/".repeat(130) + "a");
    let upper = HEX.to_uppercase();
    for text in [
        "",
        " ",
        "nginx ",
        "nginx\n",
        "Nginx",
        "nginx:",
        "nginx:.a",
        "nginx:-a",
        "nginx@",
        "nginx@sha256:00",
        "nginx@md5:d41d8cd98f00b204e9800998ecf8427e",
        &format!("nginx@sha256:{upper}"),
        "nginx:ünï",
        &format!("nginx:{}", "a".repeat(129)),
        "https://quay.io/a/b",
        "quay.io/",
        "quay.io//a",
        "/a",
        "a/",
        "a/../b",
        "../a",
        "./a",
        "quay.io/A",
        "quay.io:0/a",
        "quay.io:99999/a",
        "quay.io:x/a",
        "127.1/a",
        "user:pw@quay.io/a",
        "user@quay.io/a",
        "[::1/a",
        "[::1]x/a",
        "[fe80::1%eth0]/a",
        "a_b.io:5000/x",
        "a___b",
        "a-/b",
        "a?b",
        "a#b",
        "a%2fb",
        "host.invalid\u{0}/a",
        HEX,
        &long,
        &"a".repeat(5000),
    ] {
        let error = text.parse::<Reference>().expect_err(text);
        assert!(!error.to_string().contains(|c: char| c.is_control()), "{error}");
    }
}

#[test]
fn what_was_most_likely_meant_is_said() {
    for (text, meant) in [
        ("docker://nginx:1.27", "leave 'docker://' out: nginx:1.27"),
        ("https://quay.io/a/b", "leave 'https://' out: quay.io/a/b"),
        ("http://localhost:5000/a/b:RC1", "leave 'http://' out: localhost:5000/a/b:RC1"),
        ("oci://r.example/charts/app:1", "leave 'oci://' out: r.example/charts/app:1"),
        ("quay.io/a/b/", "leave the slash at its end out: quay.io/a/b"),
        ("nginx/", "leave the slash at its end out: nginx"),
        (" nginx\t", "leave the white space out: nginx"),
        ("Nginx:RC1", "write it in lower case: nginx:RC1"),
        ("quay.io/Team/App", "write it in lower case: quay.io/team/app"),
        (
            &format!("nginx@sha256:{}", HEX.to_uppercase()),
            &format!("write it in lower case: nginx@sha256:{HEX}"),
        ),
    ] {
        let error = text.parse::<Reference>().unwrap_err().to_string();
        assert!(error.ends_with(meant), "{error}");
        let meant = error.rsplit_once(": ").unwrap().1;
        assert!(meant.parse::<Reference>().is_ok(), "{meant}");
    }
}

#[test]
fn nothing_is_guessed() {
    let error = "Team/App:1".parse::<Reference>().unwrap_err().to_string();
    assert!(error.contains("write team/app:1 for") && error.contains("team:443/App:1 for"), "{error}");
    // Those would be images at Docker Hub.
    for text in ["https://quay.io", "https://localhost:5000/", "quay.io/", "a b"] {
        let error = text.parse::<Reference>().unwrap_err().to_string();
        assert!(!error.contains("leave ") && !error.contains("write it"), "{error}");
    }
}

#[test]
fn what_may_hold_a_password_is_not_repeated() {
    for text in ["https://user:S3cr3t@quay.io/a/b", "user:S3cr3t@quay.io/a/b", "https://user:S3cr3t@quay.io"]
    {
        let error = text.parse::<Reference>().unwrap_err().to_string();
        assert!(!error.contains("S3cr3t"), "{error}");
    }
    let error = "https://user:S3cr3t@quay.io/a/b".parse::<Reference>().unwrap_err().to_string();
    assert!(
        error.ends_with("leave user and password out, which `docker login` takes: quay.io/a/b"),
        "{error}"
    );
}

#[test]
fn repositories() {
    assert_eq!("nginx".parse::<Repository>().unwrap().to_string(), "docker.io/library/nginx");
    assert_eq!("localhost:5000/x".parse::<Repository>().unwrap().to_string(), "localhost:5000/x");
    assert!("localhost:5000/x:1".parse::<Repository>().is_err());
    assert!(format!("x@sha256:{HEX}").parse::<Repository>().is_err());
    let host: Host = "registry".parse().unwrap();
    assert_eq!(Repository::new(host.clone(), "a/b").unwrap().to_string(), "registry/a/b");
    for path in ["", "/", "a//b", "A", "a/..", "a b", "a:b", "a?b", ".", "é"] {
        assert!(Repository::new(host.clone(), path).is_err(), "{path}");
    }
}

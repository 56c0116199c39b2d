use super::*;

fn rules(texts: &[&str]) -> Vec<MirrorRule> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn mirrors(texts: &[&str]) -> Mirrors {
    Mirrors::default().or(rules(texts)).unwrap()
}

fn asked(mirrors: &Mirrors, repository: &str) -> String {
    let reference: crate::Reference = repository.parse().unwrap();
    let candidates = mirrors.candidates(reference.repository(), AskedBy::Tag).unwrap();
    candidates.iter().map(Repository::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_longest_prefix_wins_at_the_bounds_of_path_components() {
    let mirrors = mirrors(&[
        "docker.io=registry.corp/dockerhub",
        "docker.io/library/=registry.corp:5000/official/",
        "docker.io/team/app=127.0.0.1:5000/only",
        "index.docker.io/other=localhost/x",
        "[::1]:5000=mirror.corp",
    ]);
    for (repository, candidates) in [
        ("nginx", "registry.corp:5000/official/nginx"),
        ("team/app", "127.0.0.1:5000/only"),
        ("team/app/more", "127.0.0.1:5000/only/more"),
        ("team/apple", "registry.corp/dockerhub/team/apple"),
        ("other/y", "localhost/x/y"),
        ("libraryx/y", "registry.corp/dockerhub/libraryx/y"),
        ("[::1]:5000/a", "mirror.corp/a"),
        ("quay.io/a/b", "quay.io/a/b"),
        ("docker.io:443/a/b", "docker.io:443/a/b"),
    ] {
        assert_eq!(asked(&mirrors, repository), candidates, "{repository}");
    }
}

#[test]
fn the_original_is_asked_only_where_that_is_allowed() {
    let mut mirrors = mirrors(&["quay.io=registry.corp/quay"]);
    assert_eq!(asked(&mirrors, "quay.io/a/b"), "registry.corp/quay/a/b");
    mirrors.fallback = MirrorFallback::ToOriginal;
    assert_eq!(asked(&mirrors, "quay.io/a/b"), "registry.corp/quay/a/b quay.io/a/b");
    assert_eq!(asked(&mirrors, "ghcr.io/a/b"), "ghcr.io/a/b");
}

#[test]
fn an_earlier_place_goes_before_a_longer_prefix() {
    let mirrors = mirrors(&["docker.io=one.corp"])
        .or(rules(&["docker.io/library=two.corp", "quay.io=three.corp"]))
        .unwrap();
    assert_eq!(asked(&mirrors, "nginx"), "one.corp/library/nginx");
    assert_eq!(asked(&mirrors, "quay.io/a"), "three.corp/a");
    // A rule that leads to itself takes a registry out of the rules of later places.
    let mirrors = mirrors_of_itself();
    assert_eq!(asked(&mirrors, "nginx"), "docker.io/library/nginx");
}

fn mirrors_of_itself() -> Mirrors {
    mirrors(&["docker.io=docker.io"]).or(rules(&["docker.io=one.corp"])).unwrap()
}

#[test]
fn two_rules_for_one_prefix_are_a_mistake() {
    let twice = Mirrors::default().or(rules(&["docker.io=a.corp", "index.docker.io=b.corp"]));
    assert_eq!(twice, Err(MirrorError::Twice("docker.io".to_owned())));
}

#[test]
fn wildcards_locations_and_uses_are_those_of_registries_conf() {
    let always = |text: &str| (text.parse().unwrap(), MirrorUse::Always);
    let rule = MirrorRule {
        from: "*.example.com".parse().unwrap(),
        to: vec![("pinned.corp/x".parse().unwrap(), MirrorUse::DigestOnly), always("all.corp")],
        location: Some("real.example.com/y".parse().unwrap()),
        is_blocked: false,
    };
    let mut mirrors = Mirrors::default().or(vec![rule]).unwrap();
    mirrors.fallback = MirrorFallback::ToOriginal;
    assert_eq!(asked(&mirrors, "a.example.com/i"), "all.corp/i real.example.com/y/i");
    assert_eq!(asked(&mirrors, "example.com/i"), "example.com/i");
    assert_eq!(asked(&mirrors, "aexample.com/i"), "aexample.com/i");
    let repository = "a.b.example.com/i".parse::<crate::Reference>().unwrap();
    assert_eq!(mirrors.candidates(repository.repository(), AskedBy::Digest).unwrap().len(), 3);
}

#[test]
fn a_blocked_registry_is_refused_and_a_path_may_not_become_too_long() {
    let blocked = MirrorRule { is_blocked: true, ..MirrorRule::new("bad.example", "a.corp").unwrap() };
    let repository: crate::Reference = "bad.example/a".parse().unwrap();
    let mirrors = Mirrors::default().or(vec![blocked]).unwrap();
    let refused = mirrors.candidates(repository.repository(), AskedBy::Tag);
    assert!(matches!(refused, Err(MirrorError::Blocked { .. })));
    let long = format!("quay.io=a.corp/{}", "a".repeat(250));
    let repository: crate::Reference = "quay.io/longer".parse().unwrap();
    let refused = self::mirrors(&[&long]).candidates(repository.repository(), AskedBy::Tag);
    assert!(matches!(refused, Err(MirrorError::Path { .. })));
}

#[test]
fn refuses_what_is_no_rule() {
    for text in [
        "",
        "docker.io",
        "=",
        "docker.io=",
        "=registry.corp",
        "docker.io=https://registry.corp",
        "docker.io=registry.corp/UPPER",
        "docker.io=registry.corp//x",
        "docker.io=registry.corp/x:tag",
        "docker.io=*.corp",
        "library=registry.corp",
        "docker.io=mirror/x",
        "docker.io=user:pw@registry.corp",
    ] {
        let error = text.parse::<MirrorRule>().map(|rule| rule.from.to_string()).expect_err(text);
        assert!(!error.to_string().contains("pw"), "{error}");
    }
    let said = "library/nginx=registry.corp".parse::<MirrorRule>().unwrap_err().to_string();
    assert!(said.contains("is docker.io/library meant?"), "{said}");
}

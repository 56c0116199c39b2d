//! Registries that require a login, with certificates of their own.

use airlift_testkit::real::RealRegistry;
use airlift_testkit::tool::tool;
use base64::Engine as _;

use crate::pair::Pair;

/// Secrets that must not appear anywhere.
const PASSWORD: &str = "correct-horse-battery";

impl Pair {
    /// Both sides with a password and TLS.
    fn secured() -> Option<Pair> {
        let recipe = || RealRegistry::debian().with_password("ann", PASSWORD).with_tls().start();
        Pair::of(recipe()?, recipe()?)
    }

    /// Writes a file of credentials as `docker login` does.
    fn write_auth(&self, password: &str) {
        let token = base64::engine::general_purpose::STANDARD.encode(format!("ann:{password}"));
        let entry = |registry: &RealRegistry| format!("{:?}: {{\"auth\": {token:?}}}", registry.authority());
        let text = format!("{{\"auths\": {{{}, {}}}}}", entry(&self.source), entry(&self.target));
        std::fs::write(self.airlift.path("auth.json"), text).expect("its folder takes files");
    }

    fn ca(registry: &RealRegistry) -> &str {
        registry.ca_file().and_then(|path| path.to_str()).expect("it has a certificate")
    }
}

#[test]
fn a_password_and_a_certificate_are_enough() {
    let Some(pair) = Pair::secured() else { return };
    pair.write_auth(PASSWORD);
    let (web, reference) = (pair.web(), pair.reference(pair.web()));
    let auth = ["--auth-file", "auth.json", "-vvv"];
    let build = ["build", &reference, "-o", "b.tar", "--ca-file", Pair::ca(&pair.source)];
    let ca = Pair::ca(&pair.target);
    let push = ["push", "b.tar", pair.target.authority(), "--ca-file", ca, "--receipt", "r.json"];
    for arguments in [&build[..], &push] {
        let ran = pair.airlift.run(&[arguments, &auth].concat()).expect(0);
        assert!(!ran.to_string().contains(PASSWORD), "the password was shown");
    }
    pair.assert_arrived(web);
    let token = base64::engine::general_purpose::STANDARD.encode(format!("ann:{PASSWORD}"));
    for file in ["b.tar", "r.json"] {
        let bytes = pair.airlift.read(file);
        for secret in [PASSWORD, &token] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{file} holds a secret");
        }
    }
}

#[test]
fn without_them_it_is_said_what_is_missing() {
    let Some(pair) = Pair::secured() else { return };
    let reference = pair.reference(pair.web());
    let authority = pair.source.authority().to_owned();
    let build = ["build", &reference, "-o", "b.tar"];
    let ca = ["--ca-file", Pair::ca(&pair.source)];

    pair.write_auth(PASSWORD);
    let untrusted = pair.airlift.run(&[&build[..], &["--auth-file", "auth.json", "--retries", "0"]].concat());
    untrusted.expect(3).says(&authority);
    let nobody = pair.airlift.run(&[&build[..], &ca].concat()).expect(3).says(&authority);
    assert!(nobody.stderr.contains("401") || nobody.stderr.contains("credentials"), "{nobody}");
    pair.write_auth("wrong-password");
    let wrong = pair
        .airlift
        .run(&[&build[..], &ca, &["--auth-file", "auth.json"]].concat())
        .expect(3)
        .says(&authority);
    assert!(!wrong.stderr.contains("wrong-password"), "{wrong}");
    assert_eq!(pair.airlift.files(), ["auth.json"], "nothing half-made is left");
}

#[test]
fn the_tools_for_this_are_there_or_said_to_be_missing() {
    // Without htpasswd the two tests above are left out, although the registry is there.
    if tool("docker-registry").is_some() && tool("htpasswd").is_some() {
        assert!(Pair::secured().is_some());
    }
}

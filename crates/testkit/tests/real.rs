//! The real parts start, take samples, give them back byte for byte, and end with the values that stand for
//! them.

use airlift_server::samples;
use airlift_testkit::containerd::Containerd;
use airlift_testkit::http::Endpoint;
use airlift_testkit::real::{RealRegistry, RegistryBuilder};

fn takes_samples_and_gives_them_back(builder: RegistryBuilder) {
    let Some(registry) = builder.start() else { return };
    let samples = samples::all();
    registry.endpoint().push(&samples);
    for sample in &samples {
        registry.endpoint().assert_holds(sample, &sample.repository);
    }
    assert_eq!(registry.endpoint().try_manifest("team/web", "no-such-tag").status, 404);
}

#[test]
fn debians_registry_takes_samples_and_gives_them_back() {
    takes_samples_and_gives_them_back(RealRegistry::debian());
}

#[test]
fn distribution_v3_takes_samples_and_gives_them_back() {
    takes_samples_and_gives_them_back(RealRegistry::distribution_v3());
}

#[test]
fn crane_takes_samples_and_gives_them_back() {
    takes_samples_and_gives_them_back(RealRegistry::crane());
}

#[test]
fn a_password_and_a_certificate_are_asked_for() {
    let Some(registry) = RealRegistry::debian().with_password("ann", "secret").with_tls().start() else {
        return;
    };
    takes_samples_and_gives_them_back(RealRegistry::debian().with_password("ann", "secret").with_tls());

    let ca_file = registry.ca_file().expect("it has a certificate");
    let stranger = Endpoint::new(registry.authority()).with_ca(ca_file);
    assert_eq!(stranger.request("GET", "/v2/", &[], b"").status, 401);
    assert_eq!(stranger.with_password("ann", "wrong").request("GET", "/v2/", &[], b"").status, 401);

    let other = RealRegistry::debian().with_tls().start().expect("the first one started, too");
    let distrusted =
        Endpoint::new(registry.authority()).with_ca(other.ca_file().expect("it has a certificate"));
    assert!(
        distrusted.try_request("GET", "/v2/", &[], b"").is_err(),
        "a stranger's certificate was believed"
    );
}

#[test]
fn registries_share_nothing_and_go_when_they_are_dropped() {
    let (Some(one), Some(two)) = (RealRegistry::debian().start(), RealRegistry::debian().start()) else {
        return;
    };
    one.endpoint().push(&samples::all()[..1]);
    assert_eq!(two.endpoint().tags("team/web"), "");
    assert!(one.endpoint().tags("team/web").contains("1.27"));

    let (endpoint, folder) = (one.endpoint().clone(), one.folder().to_owned());
    drop(one);
    assert!(endpoint.try_request("GET", "/v2/", &[], b"").is_err());
    assert!(!folder.exists());
}

#[test]
fn distribution_v3_can_be_told_to_take_sparse_indexes() {
    let sparse = "validation: {manifests: {indexes: {platforms: none}}}";
    let Some(lenient) = RealRegistry::distribution_v3().with_config(sparse).start() else { return };
    let strict = RealRegistry::distribution_v3().start().expect("the first one started, too");
    let web = &samples::all()[0];
    assert_eq!(lenient.endpoint().push_manifest("team/web", "1", &web.root).status, 201);
    assert_eq!(strict.endpoint().push_manifest("team/web", "1", &web.root).status, 400);
}

#[test]
fn containerd_pulls_a_pinned_index() {
    let (Some(containerd), Some(registry)) = (Containerd::start(), RealRegistry::debian().start()) else {
        return;
    };
    let web = &samples::all()[0];
    registry.endpoint().push(std::slice::from_ref(web));
    let pinned = format!("{}/{}@{}", registry.authority(), web.repository, web.root.digest);
    containerd.ctr(&["content", "fetch", "--plain-http", "--all-platforms", &pinned]);
    assert!(containerd.content(&web.root.digest.to_string()) == web.root.bytes);
    assert!(!containerd.try_ctr(&["content", "get", "sha256:0"]).status.success());
}

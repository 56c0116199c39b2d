//! Against Debian's docker-registry (Distribution 2.8): anonymous, with a password, with TLS, and over lines
//! that break; and against Distribution v3, which remembers uploads that broke.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use std::net::SocketAddr;

use airlift_oci::{Algorithm, Descriptor, Digest, Repository, Selector, media_type};
use airlift_registry::{Access, Error, HeadTrust, LikelyCause, Lookup, Mount, Options, Transport};
use airlift_testkit::real::RealRegistry;
use bytes::Bytes as Body;
use support::line::{Line, Share};
use support::{Bytes, Memory, content, descriptor, options, repository, told, transport};

const PASSWORD: &str = "correct horse";

fn address(registry: &RealRegistry) -> SocketAddr {
    registry.authority().parse().unwrap()
}

/// Options with a credential file in the registry's own folder.
fn with_password(registry: &RealRegistry, password: &str) -> Options {
    let path = registry.folder().join("auth.json");
    let entry = format!(r#"{{"username":"pilot","password":"{password}"}}"#);
    std::fs::write(&path, format!(r#"{{"auths":{{"{}":{entry}}}}}"#, registry.authority())).unwrap();
    Options { auth_file: Some(path), ..options() }
}

fn tag(text: &str) -> Selector {
    Selector::Tag(text.parse().unwrap())
}

/// An image manifest with odd white space and its two blobs.
fn image() -> (Vec<Vec<u8>>, Body) {
    let (config, layer) = (b"{\"os\":\"linux\"}".to_vec(), content(700_000));
    let manifest = format!(
        "{{ \"schemaVersion\": 2,\n\t\"mediaType\": \"{}\", \"config\":  {}, \"layers\": [{}] }}\n",
        media_type::OCI_MANIFEST,
        described(media_type::OCI_CONFIG, &config),
        described("application/vnd.oci.image.layer.v1.tar", &layer)
    );
    (vec![config, layer], Body::from(manifest))
}

fn described(media_type: &str, bytes: &[u8]) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":{}}}"#, Digest::sha256(bytes), bytes.len())
}

/// Pushes the image, reads all of it back and compares.
async fn there_and_back(transport: &Transport, repository: &Repository) -> Result<(), Error> {
    let (blobs, manifest) = image();
    for blob in &blobs {
        let digest = Digest::sha256(blob);
        let wanted = (digest, blob.len() as u64);
        let found = transport.look_up_blob(repository, wanted, Access::Push, HeadTrust::IfFound).await?;
        assert_eq!(found, Lookup::Absent);
        let put = transport.put_blob(repository, &digest, blob.len() as u64, &Bytes(blob.clone())).await?;
        assert_eq!(put.uploaded, blob.len() as u64);
        for settles in [HeadTrust::Always, HeadTrust::IfFound] {
            let found = transport.look_up_blob(repository, wanted, Access::Push, settles).await?;
            assert_eq!(found, Lookup::There(()));
        }
        let other = (digest, blob.len() as u64 + 1);
        let found = transport.look_up_blob(repository, other, Access::Push, HeadTrust::IfFound).await?;
        assert_eq!(found, Lookup::Absent, "a blob of another size is another one");
        let mut sink = Memory::default();
        transport.fetch_blob(repository, &descriptor(blob), &mut sink).await?;
        assert!(sink.bytes == *blob);
    }
    let digest = Digest::sha256(&manifest);
    let found = transport.look_up(repository, &tag("1"), Access::Push, HeadTrust::IfDigestIs(digest)).await?;
    assert_eq!(found, Lookup::Absent);
    let Selector::Tag(one) = tag("1") else { unreachable!() };
    assert!(!transport.lists_tag(repository, &one, Access::Push).await?);
    let put =
        transport.put_manifest(repository, &tag("1"), media_type::OCI_MANIFEST, manifest.clone()).await?;
    assert_eq!(put.digest_header, Some(digest));
    assert!(transport.lists_tag(repository, &one, Access::Push).await?);
    let head = transport.look_up(repository, &tag("1"), Access::Pull, HeadTrust::IfDigestIs(digest)).await?;
    let head = head.there().unwrap();
    assert_eq!((head.digest, head.size), (Some(digest), Some(manifest.len() as u64)));
    for selector in [tag("1"), Selector::Digest(digest)] {
        let fetched = transport.get_manifest(repository, &selector, Access::Pull).await?.unwrap();
        assert_eq!(fetched.bytes, manifest);
        assert_eq!(fetched.content_type.as_deref(), Some(media_type::OCI_MANIFEST));
    }
    Ok(())
}

#[tokio::test]
async fn anonymous() {
    let Some(registry) = RealRegistry::debian().start() else { return };
    let (transport, log) = transport(options());
    let from = repository(address(&registry), "lib/app");
    there_and_back(&transport, &from).await.unwrap();
    assert!(log.retries().is_empty(), "{:?}", log.retries());
    // A neighbour gets the blob without an upload; one that isn't there is not mounted.
    let to = repository(address(&registry), "lib/other");
    let layer = Digest::sha256(&content(700_000));
    assert_eq!(transport.mount_blob(&to, &layer, &from).await.unwrap(), Mount::Mounted);
    let found =
        transport.look_up_blob(&to, (layer, 700_000), Access::Push, HeadTrust::IfFound).await.unwrap();
    assert_eq!(found, Lookup::There(()));
    assert_eq!(transport.mount_blob(&to, &Digest::sha256(b"?"), &from).await.unwrap(), Mount::NotMounted);
    // An index with a child that isn't there is refused in the registry's words.
    let child = described(media_type::OCI_MANIFEST, b"absent");
    let index =
        format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{child}]}}"#, media_type::OCI_INDEX);
    let put = transport.put_manifest(&to, &tag("1"), media_type::OCI_INDEX, Body::from(index)).await;
    let error = put.unwrap_err();
    assert!(error.refusal().unwrap().has("MANIFEST_BLOB_UNKNOWN"), "{error}");
    assert!(error.to_string().contains(&Digest::sha256(b"absent").to_string()), "{error}");
}

#[tokio::test]
async fn sha512_and_empty_blobs() {
    let Some(registry) = RealRegistry::debian().start() else { return };
    let (transport, _) = transport(options());
    let repository = repository(address(&registry), "a");
    for bytes in [content(5000), Vec::new()] {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = Digest::of(algorithm, &bytes);
            transport
                .put_blob(&repository, &digest, bytes.len() as u64, &Bytes(bytes.clone()))
                .await
                .unwrap();
            let mut sink = Memory::default();
            let wanted = Descriptor::new("", digest, bytes.len() as u64);
            transport.fetch_blob(&repository, &wanted, &mut sink).await.unwrap();
            assert!(sink.bytes == bytes);
        }
    }
}

#[tokio::test]
async fn with_a_password() {
    let Some(registry) = RealRegistry::debian().with_password("pilot", PASSWORD).start() else { return };
    let repository = repository(address(&registry), "a");
    let (logged_in, _) = transport(with_password(&registry, PASSWORD));
    there_and_back(&logged_in, &repository).await.unwrap();
    let (wrong, log) = transport(with_password(&registry, "wr0ng"));
    let error = wrong.get_manifest(&repository, &tag("1"), Access::Pull).await.unwrap_err();
    let text = told(&error);
    assert!(matches!(error, Error::Unauthorised(_)), "{text}");
    assert!(text.contains("UNAUTHORIZED") && text.contains("wrong credentials?"), "{text}");
    assert!(!text.contains("wr0ng") && log.retries().is_empty(), "{text}");
    let (nobody, _) = transport(options());
    let text = nobody.get_manifest(&repository, &tag("1"), Access::Pull).await.unwrap_err().to_string();
    assert!(text.contains("no credentials for"), "{text}");
}

#[tokio::test]
async fn with_a_certificate_of_its_own() {
    let Some(registry) = RealRegistry::debian().with_tls().start() else { return };
    let repository = repository(address(&registry), "a");
    let ca_file = registry.ca_file().map(ToOwned::to_owned);
    let (trusting, log) = transport(Options { ca_file, ..options() });
    there_and_back(&trusting, &repository).await.unwrap();
    assert!(log.retries().is_empty(), "{:?}", log.retries());
    // The same options reach a loopback registry that speaks http.
    let Some(plain) = RealRegistry::debian().start() else { return };
    there_and_back(&trusting, &support::repository(address(&plain), "a")).await.unwrap();
    assert!(log.retries().is_empty(), "{:?}", log.retries());
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for() {
    let Some(registry) = RealRegistry::debian().with_tls().start() else { return };
    let localhost: Repository = format!("localhost:{}/a", address(&registry).port()).parse().unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let wrong_ca = registry.folder().join("other.pem");
    std::fs::write(&wrong_ca, other.cert.pem()).unwrap();
    let (wary, log) = transport(Options { ca_file: Some(wrong_ca.clone()), ..options() });
    let error = wary.get_manifest(&localhost, &tag("1"), Access::Pull).await.unwrap_err();
    assert!(matches!(error, Error::Untrusted { .. }), "{}", told(&error));
    assert_eq!(error.likely_cause(), Some(LikelyCause::Certificate), "{error}");
    assert!(log.retries().is_empty(), "{error}");
    // Skipping the check is for the named host only.
    let named = Options { insecure_skip_tls_verify: vec!["localhost".to_owned()], ..options() };
    there_and_back(&transport(named.clone()).0, &localhost).await.unwrap();
    let same: Repository = format!("127.0.0.1:{}/a", address(&registry).port()).parse().unwrap();
    let error = transport(Options { ca_file: Some(wrong_ca), ..named })
        .0
        .get_manifest(&same, &tag("1"), Access::Pull)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Untrusted { .. }), "{}", told(&error));
}

#[tokio::test]
async fn a_blob_arrives_over_a_line_that_breaks() {
    let Some(registry) = RealRegistry::debian().start() else { return };
    let bytes = content(1_000_000);
    let digest = Digest::sha256(&bytes);
    let (direct, _) = transport(options());
    let target = repository(address(&registry), "a");
    direct.put_blob(&target, &digest, bytes.len() as u64, &Bytes(bytes.clone())).await.unwrap();
    let line = Line::to(address(&registry), |_| Share { down: 300_000, ..Share::ALL }).await;
    let (patient, log) = transport(Options { retries: 10, ..options() });
    let mut sink = Memory::default();
    let from = repository(line.address, "a");
    let fetched = patient.fetch_blob(&from, &descriptor(&bytes), &mut sink).await.unwrap();
    assert!(sink.bytes == bytes);
    assert_eq!((fetched.downloaded, sink.restarts), (1_000_000, 0), "every byte came once");
    assert!(log.retries().len() >= 3, "{:?}", log.retries());
}

/// Sends a blob over a line whose first connection breaks in the middle. Gives the bytes that were passed on.
async fn upload_over_a_break(registry: &RealRegistry, bytes: &[u8]) -> u64 {
    let line = Line::to(address(registry), |number| match number {
        0 => Share { up: 15_000_000, ..Share::ALL },
        _ => Share::ALL,
    })
    .await;
    // A moment for the registry to notice.
    let (transport, log) = transport(Options { backoff: std::time::Duration::from_millis(300), ..options() });
    let (digest, through) = (Digest::sha256(bytes), repository(line.address, "a"));
    let source = Bytes(bytes.to_vec());
    transport.put_blob(&through, &digest, bytes.len() as u64, &source).await.unwrap();
    assert_eq!((log.progress(), log.retries().len()), (bytes.len() as u64, 1));
    let mut sink = Memory::default();
    transport.fetch_blob(&repository(address(registry), "a"), &descriptor(bytes), &mut sink).await.unwrap();
    assert!(sink.bytes == bytes);
    line.up()
}

#[tokio::test]
async fn distribution_2_starts_an_upload_over() {
    let Some(registry) = RealRegistry::debian().start() else { return };
    let bytes = content(20_000_000);
    let up = upload_over_a_break(&registry, &bytes).await;
    assert!(up >= 35_000_000, "{up}");
}

#[tokio::test]
async fn distribution_3_goes_on_with_an_upload() {
    let Some(registry) = RealRegistry::distribution_v3().start() else { return };
    let bytes = content(20_000_000);
    let up = upload_over_a_break(&registry, &bytes).await;
    assert!(up < 21_000_000, "{up}");
}

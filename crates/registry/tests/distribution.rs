//! Against Debian's docker-registry (Distribution 2.8): anonymous, with a password, with TLS, and over a line that breaks.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use airlift_bundle::{Algorithm, Descriptor, Digest, media_type};
use airlift_registry::{Access, Error, Mount, Options, Repository, Selector, Transport};
use bytes::Bytes as Body;
use support::{Bytes, Memory, content, descriptor, options, repository, told, transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// `pilot` with the password `correct horse`.
const HTPASSWD: &str = "pilot:$2y$05$drutaKGga7qfp/c.opke2OefDRTjwokGBTnCHVnPHX12gwo9gTxLy\n";
const AUTH: &str = r#"{"username":"pilot","password":"correct horse"}"#;

/// A running docker-registry with a scratch folder.
struct Distribution {
    child: Child,
    folder: tempfile::TempDir,
    address: SocketAddr,
}

impl Distribution {
    fn start(extra: impl FnOnce(&std::path::Path) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path().join("storage");
        let config = format!(
            "version: 0.1\nlog: {{level: info, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}}}\n{}",
            storage.display(),
            extra(folder.path())
        );
        let file = folder.path().join("config.yml");
        std::fs::write(&file, config).unwrap();
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry is needed: apt-get install docker-registry");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("docker-registry ended before it listened").unwrap();
            if let Some((_, rest)) = line.split_once("listening on ") {
                let end = rest.find(['"', ',']).unwrap_or(rest.len());
                break rest[..end].parse().unwrap();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Distribution { child, folder, address }
    }

    fn anonymous() -> Self {
        Self::start(|_| "http: {addr: '127.0.0.1:0'}\n".to_owned())
    }

    /// Options with a credential file in the registry's own folder.
    fn with_auth(&self, entry: &str) -> Options {
        let path = self.folder.path().join("auth.json");
        std::fs::write(&path, format!(r#"{{"auths":{{"{}":{entry}}}}}"#, self.address)).unwrap();
        Options { auth_file: Some(path), ..options() }
    }
}

impl Drop for Distribution {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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
        assert_eq!(transport.blob_exists(repository, &digest, Access::Push).await?, None);
        let put = transport.put_blob(repository, &digest, blob.len() as u64, &Bytes(blob.clone())).await?;
        assert_eq!(put.uploaded, blob.len() as u64);
        let head = transport.blob_exists(repository, &digest, Access::Push).await?.unwrap();
        assert_eq!(head.size, Some(blob.len() as u64));
        let mut sink = Memory::default();
        transport.fetch_blob(repository, &descriptor(blob), &mut sink).await?;
        assert!(sink.bytes == *blob);
    }
    let digest = Digest::sha256(&manifest);
    assert_eq!(transport.head_manifest(repository, &tag("1"), Access::Push).await?, None);
    let put =
        transport.put_manifest(repository, &tag("1"), media_type::OCI_MANIFEST, manifest.clone()).await?;
    assert_eq!(put.digest_header, Some(digest));
    let head = transport.head_manifest(repository, &tag("1"), Access::Pull).await?.unwrap();
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
    let registry = Distribution::anonymous();
    let (transport, log) = transport(options());
    let from = repository(registry.address, "lib/app");
    there_and_back(&transport, &from).await.unwrap();
    assert!(log.retries().is_empty(), "{:?}", log.retries());
    // A neighbour gets the blob without an upload; one that isn't there is not mounted.
    let to = repository(registry.address, "lib/other");
    let layer = Digest::sha256(&content(700_000));
    assert_eq!(transport.mount_blob(&to, &layer, &from).await.unwrap(), Mount::Mounted);
    assert!(transport.blob_exists(&to, &layer, Access::Push).await.unwrap().is_some());
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
    let registry = Distribution::anonymous();
    let (transport, _) = transport(options());
    let repository = repository(registry.address, "a");
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
    let registry = Distribution::start(|folder| {
        std::fs::write(folder.join("htpasswd"), HTPASSWD).unwrap();
        let path = folder.join("htpasswd");
        format!(
            "http: {{addr: '127.0.0.1:0'}}\nauth: {{htpasswd: {{realm: tower, path: {}}}}}\n",
            path.display()
        )
    });
    let repository = repository(registry.address, "a");
    let (logged_in, _) = transport(registry.with_auth(AUTH));
    there_and_back(&logged_in, &repository).await.unwrap();
    let (wrong, log) = transport(registry.with_auth(r#"{"username":"pilot","password":"wr0ng"}"#));
    let error = wrong.get_manifest(&repository, &tag("1"), Access::Pull).await.unwrap_err();
    let text = told(&error);
    assert!(matches!(error, Error::Unauthorised(_)), "{text}");
    assert!(text.contains("UNAUTHORIZED") && text.contains("wrong credentials?"), "{text}");
    assert!(!text.contains("wr0ng") && log.retries().is_empty(), "{text}");
    let (nobody, _) = transport(options());
    let text = nobody.get_manifest(&repository, &tag("1"), Access::Pull).await.unwrap_err().to_string();
    assert!(text.contains("no credentials for"), "{text}");
}

/// A registry with a certificate of its own, which is in `ca.pem` of its folder.
fn with_tls() -> Distribution {
    Distribution::start(|folder| {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let own = rcgen::generate_simple_self_signed(names).unwrap();
        std::fs::write(folder.join("ca.pem"), own.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), own.signing_key.serialize_pem()).unwrap();
        let (certificate, key) = (folder.join("ca.pem"), folder.join("key.pem"));
        format!(
            "http: {{addr: '127.0.0.1:0', tls: {{certificate: {}, key: {}}}}}\n",
            certificate.display(),
            key.display()
        )
    })
}

#[tokio::test]
async fn with_a_certificate_of_its_own() {
    let registry = with_tls();
    let repository = repository(registry.address, "a");
    let ca_file = Some(registry.folder.path().join("ca.pem"));
    let (trusting, log) = transport(Options { ca_file, ..options() });
    there_and_back(&trusting, &repository).await.unwrap();
    assert!(log.retries().is_empty(), "{:?}", log.retries());
    // The same options reach a loopback registry that speaks http.
    let plain = Distribution::anonymous();
    there_and_back(&trusting, &support::repository(plain.address, "a")).await.unwrap();
    assert!(log.retries().is_empty(), "{:?}", log.retries());
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for() {
    let registry = with_tls();
    let localhost: Repository = format!("localhost:{}/a", registry.address.port()).parse().unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let wrong_ca = registry.folder.path().join("other.pem");
    std::fs::write(&wrong_ca, other.cert.pem()).unwrap();
    let (wary, log) = transport(Options { ca_file: Some(wrong_ca.clone()), ..options() });
    let error = wary.get_manifest(&localhost, &tag("1"), Access::Pull).await.unwrap_err();
    assert!(matches!(error, Error::Untrusted { .. }), "{}", told(&error));
    assert!(error.to_string().contains("--ca-file") && log.retries().is_empty(), "{error}");
    // Skipping the check is for the named host only.
    let named = Options { insecure_skip_tls_verify: vec!["localhost".to_owned()], ..options() };
    there_and_back(&transport(named.clone()).0, &localhost).await.unwrap();
    let same: Repository = format!("127.0.0.1:{}/a", registry.address.port()).parse().unwrap();
    let error = transport(Options { ca_file: Some(wrong_ca), ..named })
        .0
        .get_manifest(&same, &tag("1"), Access::Pull)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Untrusted { .. }), "{}", told(&error));
}

/// Passes connections on to `target`, and cuts each after `limit` bytes down.
async fn breaking_line(target: SocketAddr, limit: usize) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let far = tokio::net::TcpStream::connect(target).await.unwrap();
                let (mut near_in, mut near_out) = near.into_split();
                let (mut far_in, mut far_out) = far.into_split();
                let up = tokio::spawn(async move { tokio::io::copy(&mut near_in, &mut far_out).await });
                let mut left = limit;
                let mut buffer = vec![0; 16 * 1024];
                while left > 0 {
                    match far_in.read(&mut buffer[..left.min(16 * 1024)]).await {
                        Ok(bytes) if bytes > 0 && near_out.write_all(&buffer[..bytes]).await.is_ok() => {
                            left -= bytes
                        }
                        _ => break,
                    }
                }
                up.abort();
            });
        }
    });
    address
}

#[tokio::test]
async fn a_blob_arrives_over_a_line_that_breaks() {
    let registry = Distribution::anonymous();
    let bytes = content(1_000_000);
    let digest = Digest::sha256(&bytes);
    let (direct, _) = transport(options());
    let target = repository(registry.address, "a");
    direct.put_blob(&target, &digest, bytes.len() as u64, &Bytes(bytes.clone())).await.unwrap();
    let line = breaking_line(registry.address, 300_000).await;
    let (patient, log) = transport(Options { retries: 10, ..options() });
    let mut sink = Memory::default();
    let fetched = patient.fetch_blob(&repository(line, "a"), &descriptor(&bytes), &mut sink).await.unwrap();
    assert!(sink.bytes == bytes);
    assert_eq!((fetched.downloaded, sink.restarts), (1_000_000, 0), "every byte came once");
    assert!(log.retries().len() >= 3, "{:?}", log.retries());
}

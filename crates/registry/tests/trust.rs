//! Certificates of closed networks: signed by nobody else, marked as a CA, and trusted since the system or a
//! file has them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test may panic, its helpers too"
)]

mod support;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use airlift_oci::Selector;
use airlift_registry::{Access, Error, Options};
use support::child::{again, told_to_child};
use support::{options, repository, told, transport};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::{TlsAcceptor, rustls};

/// A registry that has one manifest, behind a certificate that it signed itself.
struct Secure {
    address: SocketAddr,
    folder: tempfile::TempDir,
    /// How many connections went on with the TLS session of an earlier one.
    resumed: Arc<AtomicUsize>,
}

impl Secure {
    /// `alter` makes the certificate another one than `openssl req -x509` would for 127.0.0.1.
    async fn start(alter: impl FnOnce(&mut rcgen::CertificateParams)) -> Self {
        let mut parameters = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        alter(&mut parameters);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("own.pem"), certificate.pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let resumed = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&resumed);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut inside) = acceptor.accept(stream).await else { continue };
                let is_resumed = inside.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
                counted.fetch_add(usize::from(is_resumed), Ordering::SeqCst);
                if support::script::read_head(&mut inside).await.is_some() {
                    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
                    let _ = inside.write_all(answer.as_bytes()).await;
                    let _ = inside.shutdown().await;
                }
            }
        });
        Secure { address, folder, resumed }
    }

    fn own(&self) -> PathBuf {
        self.folder.path().join("own.pem")
    }
}

async fn get(address: SocketAddr, ca_file: PathBuf) -> Result<(), Error> {
    let (transport, _) = transport(Options { ca_file: Some(ca_file), retries: 0, ..options() });
    let tag = Selector::Tag("1".parse().unwrap());
    transport.get_manifest(&repository(address, "a"), &tag, Access::Pull).await.map(|_| ())
}

/// A certificate of somebody else. A CA file is given in these tests so that https is tried on loopback.
fn other() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["other.example".to_owned()]).unwrap();
    let path = folder.path().join("other.pem");
    std::fs::write(&path, made.cert.pem()).unwrap();
    (folder, path)
}

const SYSTEM: &str = "a_certificate_of_its_own_in_the_systems_store_is_trusted";

#[tokio::test]
async fn a_certificate_of_its_own_in_the_systems_store_is_trusted() {
    if let Some(address) = told_to_child() {
        let (_folder, other) = other();
        match get(address.parse().unwrap(), other).await {
            Ok(()) => println!("it is trusted"),
            Err(error) => println!("it is not: {}", told(&error)),
        }
        return;
    }
    let good = Secure::start(|_| {}).await;
    let name = Secure::start(|parameters| parameters.subject_alt_names.truncate(0)).await;
    let old = Secure::start(|parameters| parameters.not_after = rcgen::date_time_ymd(2001, 1, 1)).await;
    let leaf = Secure::start(|parameters| parameters.is_ca = rcgen::IsCa::ExplicitNoCa).await;
    for (served, store, trusted) in [
        (&good, &good, true),
        (&leaf, &leaf, true),
        // Name and dates count, and so does which certificate it is.
        (&name, &name, false),
        (&old, &old, false),
        (&good, &leaf, false),
    ] {
        let file = store.own().display().to_string();
        let printed = again(SYSTEM, served.address.to_string(), vec![("SSL_CERT_FILE", file)]).await;
        assert_eq!(printed.contains("it is trusted"), trusted, "{printed}");
    }
}

#[tokio::test]
async fn a_certificate_of_its_own_in_the_ca_file_is_trusted() {
    let good = Secure::start(|_| {}).await;
    get(good.address, good.own()).await.unwrap();
    let (_folder, other) = other();
    let error = get(good.address, other).await.unwrap_err();
    assert!(matches!(error, Error::Untrusted { .. }), "{error}");
    let name = Secure::start(|parameters| parameters.subject_alt_names.truncate(0)).await;
    let old = Secure::start(|parameters| parameters.not_after = rcgen::date_time_ymd(2001, 1, 1)).await;
    for bad in [&name, &old] {
        let error = get(bad.address, bad.own()).await.unwrap_err();
        assert!(matches!(error, Error::Untrusted { .. }), "{error}");
    }
}

/// The first connection is the ping's, the second one the manifest's.
#[tokio::test]
async fn a_second_connection_resumes_the_tls_session() {
    let registry = Secure::start(|_| {}).await;
    get(registry.address, registry.own()).await.unwrap();
    assert_eq!(registry.resumed.load(Ordering::SeqCst), 1);
}

const FOLDER: &str = "a_certificate_in_certs_d_is_trusted_for_its_registry";

#[tokio::test]
async fn a_certificate_in_certs_d_is_trusted_for_its_registry() {
    if let Some(address) = told_to_child() {
        let (transport, _) = transport(Options { retries: 0, ..options() });
        let tag = Selector::Tag("1".parse().unwrap());
        let repository = repository(address.parse().unwrap(), "a");
        match transport.get_manifest(&repository, &tag, Access::Pull).await {
            Ok(_) => println!("it is trusted"),
            Err(error) => println!("it is not: {}", told(&error)),
        }
        return;
    }
    let (one, other) = (Secure::start(|_| {}).await, Secure::start(|_| {}).await);
    let home = tempfile::tempdir().unwrap();
    let folder = |of: &Secure| home.path().join(format!(".config/containers/certs.d/{}", of.address));
    for of in [&one, &other] {
        std::fs::create_dir_all(folder(of)).unwrap();
        std::fs::copy(one.own(), folder(of).join("ca.crt")).unwrap();
        std::fs::write(folder(of).join("client.cert"), "not looked at").unwrap();
    }
    let again = async |of: &Secure| {
        let environment =
            vec![("HOME", home.path().display().to_string()), ("XDG_CONFIG_HOME", String::new())];
        again(FOLDER, of.address.to_string(), environment).await
    };
    let printed = again(&one).await;
    assert!(printed.contains("it is trusted"), "{printed}");
    let printed = again(&other).await;
    assert!(printed.contains("its certificate is not trusted"), "{printed}");
    std::fs::write(folder(&one).join("broken.crt"), "no certificate").unwrap();
    let printed = again(&one).await;
    assert!(printed.contains("broken.crt holds no usable PEM certificate"), "{printed}");
}

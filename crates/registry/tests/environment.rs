//! What the environment decides: proxies and credential helpers. Each test runs itself again as a process
//! with an environment of its own, so that no other test sees it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test may panic, its helpers too"
)]

mod support;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airlift_oci::{Repository, Selector};
use airlift_registry::{Access, Error, LikelyCause, Options, Transport};
use support::child::{again, told_to_child};
use support::script::{Reply, Request, Script, read_head};
use support::{Memory, content, descriptor, options, told, transport};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::{TlsAcceptor, rustls};

const MANIFEST: &str = "{}";

fn tag() -> Selector {
    Selector::Tag("1".parse().unwrap())
}

/// Fetches a manifest, and shows the error as it would be told.
async fn manifest(transport: &Transport, repository: &str) -> Result<String, Error> {
    let repository: Repository = repository.parse().unwrap();
    let fetched = transport.get_manifest(&repository, &tag(), Access::Pull).await;
    let fetched = fetched.inspect_err(|error| println!("{} {error:?}", told(error)))?;
    Ok(String::from_utf8(fetched.unwrap().bytes.to_vec()).unwrap())
}

/// A proxy on loopback for made-up hosts: it answers for all that speak http, and is the registry
/// `secure.test` behind a tunnel.
struct Proxy {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    folder: tempfile::TempDir,
}

/// `Basic us:c4nary-proxy`.
const PROXY_AUTHORIZATION: &str = "Basic dXM6YzRuYXJ5LXByb3h5";

impl Proxy {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Marked as a CA, as `openssl req -x509` does it and closed networks have it; webpki alone refuses
        // such a server.
        let mut parameters = rcgen::CertificateParams::new(vec!["secure.test".to_owned()]).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let signing_key = rcgen::KeyPair::generate().unwrap();
        let cert = parameters.self_signed(&signing_key).unwrap();
        let made = rcgen::CertifiedKey { cert, signing_key };
        std::fs::write(folder.path().join("ca.pem"), made.cert.pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<Request>>>::default();
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(proxy(stream, acceptor.clone(), Arc::clone(&log)));
            }
        });
        Proxy { address, seen, folder }
    }

    fn targets(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|request| format!("{} {}", request.method, request.target)).collect()
    }

    fn url(&self, password: &str) -> String {
        format!("http://us:{password}@{}", self.address)
    }
}

async fn proxy(mut stream: TcpStream, acceptor: TlsAcceptor, log: Arc<Mutex<Vec<Request>>>) {
    let Some((request, _)) = read_head(&mut stream).await else { return };
    log.lock().unwrap().push(request.clone());
    let reply = match (request.header("proxy-authorization"), request.method.as_str()) {
        (Some(PROXY_AUTHORIZATION), "CONNECT") => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            let Ok(mut inside) = acceptor.accept(stream).await else { return };
            let Some((request, _)) = read_head(&mut inside).await else { return };
            log.lock().unwrap().push(request.clone());
            let _ = inside.write_all(&bytes(&secure(&request))).await;
            let _ = inside.shutdown().await;
            return;
        }
        (Some(PROXY_AUTHORIZATION), _) => Reply::new(200, &[], MANIFEST),
        (sent, _) => Reply::new(407, &[], format!("the proxy got {sent:?}")),
    };
    let _ = stream.write_all(&bytes(&reply)).await;
    let _ = stream.shutdown().await;
}

fn bytes(reply: &Reply) -> Vec<u8> {
    [reply.head.as_bytes(), &reply.body].concat()
}

/// The registry `secure.test`, which speaks https.
fn secure(request: &Request) -> Reply {
    let realm = |url: &str| Reply::new(401, &[("WWW-Authenticate", &format!(r#"Bearer realm="{url}""#))], "");
    let to = |url: &str| Reply::new(307, &[("Location", url)], "");
    match request.path() {
        "/v2/good/manifests/1" => Reply::new(200, &[], MANIFEST),
        "/v2/down/manifests/1" => to("http://storage.test/x"),
        "/v2/home/manifests/1" => to("https://127.0.0.1/x"),
        "/v2/cloud/manifests/1" => to("https://169.254.169.254/latest"),
        "/v2/realm-http/manifests/1" => realm("http://auth.test/token"),
        "/v2/realm-home/manifests/1" => realm("https://localhost/token"),
        "/v2/realm-cloud/manifests/1" => realm("https://169.254.169.254/token"),
        _ => Reply::new(200, &[], "{}"),
    }
}

fn through_proxy(ca_file: Option<String>) -> Transport {
    let options = Options {
        plain_http: vec!["registry.test".to_owned(), "direct.test".to_owned(), "direct2.test".to_owned()],
        ca_file: ca_file.map(Into::into),
        connect_timeout: Duration::from_secs(5),
        retries: 0,
        ..options()
    };
    transport(options).0
}

#[tokio::test]
async fn proxies_of_the_environment_are_used_for_all_but_this_machine() {
    if let Some(ca_file) = told_to_child() {
        let transport = through_proxy(Some(ca_file));
        assert_eq!(manifest(&transport, "registry.test/a").await.unwrap(), MANIFEST);
        assert_eq!(manifest(&transport, "secure.test/good").await.unwrap(), MANIFEST);
        // This machine is reached directly, whatever the environment says.
        let transport = through_proxy(None);
        let here = Script::new(|_| Reply::new(200, &[], "here")).await;
        for host in ["127.0.0.1", "localhost"] {
            let name = format!("{host}:{}/a", here.address.port());
            assert_eq!(manifest(&transport, &name).await.unwrap(), "here", "{host}");
        }
        // Nobody knows this name; that the proxy wasn't asked is seen there.
        manifest(&transport, "direct.test/a").await.unwrap_err();
        return;
    }
    let proxy = Proxy::start().await;
    let ca_file = proxy.folder.path().join("ca.pem").display().to_string();
    let name = "proxies_of_the_environment_are_used_for_all_but_this_machine";
    let url = proxy.url("c4nary-proxy");
    let environment =
        vec![("HTTP_PROXY", url.clone()), ("HTTPS_PROXY", url), ("NO_PROXY", "direct.test".to_owned())];
    let printed = again(name, ca_file, environment).await;
    assert!(!printed.contains("c4nary") && !printed.contains(&PROXY_AUTHORIZATION[6..]), "{printed}");
    let targets = proxy.targets();
    for expected in [
        "GET http://registry.test/v2/",
        "GET http://registry.test/v2/a/manifests/1",
        "CONNECT secure.test:443",
        "GET /v2/good/manifests/1",
    ] {
        assert!(targets.iter().any(|target| target == expected), "{expected} is not among {targets:?}");
    }
    assert!(targets.iter().all(|target| !target.contains("direct") && !target.contains("127.0.0.1")));
    assert!(targets.iter().all(|target| !target.contains("localhost")), "{targets:?}");
    // Behind the tunnel nobody learns the proxy's password.
    let seen = proxy.seen.lock().unwrap();
    let inside = seen.iter().filter(|request| request.target.starts_with('/'));
    assert!(inside.clone().count() > 0);
    assert!(inside.clone().all(|request| request.header("proxy-authorization").is_none()));
}

#[tokio::test]
async fn a_registry_that_speaks_https_can_lead_us_nowhere_less_safe() {
    if let Some(ca_file) = told_to_child() {
        let transport = through_proxy(Some(ca_file));
        for name in ["down", "home", "cloud"] {
            let error = manifest(&transport, &format!("secure.test/{name}")).await.unwrap_err();
            assert!(matches!(error, Error::Redirect { .. }), "{name}: {error}");
        }
        for name in ["realm-http", "realm-home", "realm-cloud"] {
            let error = manifest(&transport, &format!("secure.test/{name}")).await.unwrap_err();
            assert!(matches!(error, Error::Realm { .. }), "{name}: {error}");
        }
        return;
    }
    let proxy = Proxy::start().await;
    let ca_file = proxy.folder.path().join("ca.pem").display().to_string();
    let url = proxy.url("c4nary-proxy");
    let environment = vec![("HTTP_PROXY", url.clone()), ("HTTPS_PROXY", url)];
    again("a_registry_that_speaks_https_can_lead_us_nowhere_less_safe", ca_file, environment).await;
    let targets = proxy.targets();
    let led = ["storage.test", "auth.test", "169.254", "localhost"];
    assert!(targets.iter().all(|target| led.iter().all(|name| !target.contains(name))), "{targets:?}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_without_its_password() {
    if let Some(ca_file) = told_to_child() {
        let transport = through_proxy(Some(ca_file));
        let error = manifest(&transport, "registry.test/a").await.unwrap_err();
        assert!(error.refusal().is_some_and(|refusal| refusal.status == 407), "{error}");
        manifest(&transport, "secure.test/a").await.unwrap_err();
        return;
    }
    let proxy = Proxy::start().await;
    let ca_file = proxy.folder.path().join("ca.pem").display().to_string();
    let name = "a_proxy_that_refuses_is_told_without_its_password";
    let url = proxy.url("c4nary-wrong");
    let environment = vec![("http_proxy", url.clone()), ("https_proxy", url)];
    let printed = again(name, ca_file, environment).await;
    // What the proxy says stays; what it repeats of our password doesn't.
    assert!(printed.contains("status 407"), "{printed}");
    assert!(!printed.contains("c4nary") && !printed.contains("dXM6YzRuYXJ5LXdyb25n"), "{printed}");
    // One that isn't there.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("http://us:c4nary@{gone}");
    let environment = vec![("HTTP_PROXY", url.clone()), ("HTTPS_PROXY", url)];
    let name = "a_proxy_that_is_not_there_is_told_without_its_password";
    let printed = again(name, String::new(), environment).await;
    assert!(!printed.contains("c4nary"), "{printed}");
    let through = format!("can't connect through the proxy http://{gone}");
    assert_eq!(printed.matches(&through).count(), 2, "{printed}");
    // One whose name nobody knows, and values that name none: they are not passed over.
    let environment = vec![("HTTPS_PROXY", "http://us:c4nary@nobody.invalid:3128".to_owned())];
    let printed = again(name, "only https".to_owned(), environment).await;
    assert!(printed.contains("through the proxy http://nobody.invalid:3128"), "{printed}");
    assert!(!printed.contains("c4nary"), "{printed}");
    for bad in ["garbage", "socks5://us:c4nary@127.0.0.1:1080"] {
        let printed = again(name, String::new(), vec![("HTTPS_PROXY", bad.to_owned())]).await;
        assert!(printed.contains("the proxy in HTTPS_PROXY (") && !printed.contains("c4nary"), "{printed}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told_without_its_password() {
    // Its parent is the test above.
    let Some(which) = told_to_child() else { return };
    if let Err(error) = Transport::new(options(), Arc::new(airlift_oci::Unobserved)) {
        return println!("{error}");
    }
    let transport = through_proxy(None);
    if which.is_empty() {
        manifest(&transport, "registry.test/a").await.unwrap_err();
    }
    let error = manifest(&transport, "secure.test/a").await.unwrap_err();
    assert_eq!(error.likely_cause(), Some(LikelyCause::Proxy), "{error}");
}

#[tokio::test]
async fn a_helper_that_does_not_answer_is_ended_and_named() {
    if let Some(folder) = told_to_child() {
        let script = Script::all(|_| Reply::new(401, &[("WWW-Authenticate", "Basic realm=x")], "")).await;
        let path = std::path::Path::new(&folder).join("config.json");
        std::fs::write(&path, r#"{"credsStore":"stuck"}"#).unwrap();
        let idle_timeout = Duration::from_millis(300);
        let options = Options { auth_file: Some(path), idle_timeout, ..options() };
        let (transport, _) = transport(options);
        for name in ["a", "b", "c"] {
            manifest(&transport, &format!("{}/{name}", script.address)).await.unwrap_err();
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let helper = folder.path().join("docker-credential-stuck");
    // It leaves its number, and a process that outlives it with its standard output.
    let script =
        format!("#!/bin/sh\necho $$ >> '{path}/asked'\nsleep 1000 &\necho $! >> '{path}/left'\nwait\n");
    std::fs::write(&helper, script).unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o700)).unwrap();
    let search = format!("{path}:{}", std::env::var("PATH").unwrap_or_default());
    let name = "a_helper_that_does_not_answer_is_ended_and_named";
    let printed = again(name, path, vec![("PATH", search)]).await;
    let told = "docker-credential-stuck didn't answer within 0.3 s and was ended";
    assert_eq!(printed.lines().filter(|line| line.contains(told)).count(), 3, "{printed}");
    let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
    assert_eq!(asked.lines().count(), 1, "nobody waits for it again");
    // What has ended has no command line, if it is known at all.
    let command = std::fs::read(format!("/proc/{}/cmdline", asked.trim())).unwrap_or_default();
    assert!(command.is_empty(), "it still runs");
    let left = std::fs::read_to_string(folder.path().join("left")).unwrap();
    let _ = std::process::Command::new("kill").arg(left.trim()).status();
}

#[tokio::test]
async fn a_helper_is_told_the_host_only_and_asked_again_when_its_password_expired() {
    if let Some(folder) = told_to_child() {
        return ask_with_helper(std::path::Path::new(&folder)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let helper = folder.path().join("docker-credential-canary");
    // A password a call: secret-0, secret-1, …
    let script = format!(
        "#!/bin/sh\ncd '{path}'\necho \"$#: $*\" >> arguments\ncat >> input\necho >> input\nenv >> environment\n\
         n=$(($(wc -l < arguments) - 1))\necho \"{{\\\"Username\\\":\\\"us\\\",\\\"Secret\\\":\\\"secret-$n\\\"}}\"\n"
    );
    std::fs::write(&helper, script).unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o700)).unwrap();
    let search = format!("{path}:{}", std::env::var("PATH").unwrap_or_default());
    let name = "a_helper_is_told_the_host_only_and_asked_again_when_its_password_expired";
    again(name, path, vec![("PATH", search)]).await;
    let read = |file: &str| std::fs::read_to_string(folder.path().join(file)).unwrap();
    let host = read("host");
    assert_eq!(read("arguments"), "1: get\n".repeat(4), "its arguments name nothing");
    assert_eq!(read("input"), format!("{host}\n").repeat(4));
    assert!(!read("environment").contains("secret"), "secrets are not in the environment of processes");
}

/// A registry whose password changes in the middle of a blob, then is never good.
async fn ask_with_helper(folder: &std::path::Path) {
    let bytes = content(100_000);
    let expected = bytes.clone();
    let script = Script::all(move |request| {
        let password = |number: u32| match number {
            0 => "Basic dXM6c2VjcmV0LTA=",
            _ => "Basic dXM6c2VjcmV0LTE=",
        };
        let sent = request.header("authorization").unwrap_or_default();
        match request.header("range") {
            _ if request.path().contains("never") => Reply::new(401, &[("WWW-Authenticate", "Basic")], ""),
            None if sent == password(0) => Reply::raw(200, &[("Content-Length", "100000")], &bytes[..40_000]),
            Some(_) if sent == password(1) => {
                Reply::new(206, &[("Content-Range", "bytes 40000-99999/100000")], &bytes[40_000..])
            }
            _ => Reply::new(401, &[("WWW-Authenticate", "Basic")], ""),
        }
    })
    .await;
    let host = script.address.to_string();
    std::fs::write(folder.join("host"), &host).unwrap();
    let file = folder.join("auth.json");
    std::fs::write(&file, format!(r#"{{"credHelpers":{{"{host}":"canary"}}}}"#)).unwrap();
    let (transport, _) = transport(Options { auth_file: Some(file), ..options() });
    let mut sink = Memory::default();
    let repository = support::repository(script.address, "a");
    transport.fetch_blob(&repository, &descriptor(&expected), &mut sink).await.unwrap();
    assert!(sink.bytes == expected && sink.restarts == 0);
    // Another repository is another login, whose refusal is one more question to the helper, and no end of
    // them.
    let error = manifest(&transport, &format!("{host}/a/never")).await.unwrap_err();
    assert!(matches!(error, Error::Unauthorised(_)) && !told(&error).contains("secret"), "{error}");
}

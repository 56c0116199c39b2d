//! Just enough HTTP/1.1, blocking, to put images into a registry and to look at what it answers.
//!
//! Independent of the product's client on purpose. One connection a request; bodies are held in memory.

mod message;

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};

pub(crate) use message::{Head, read_body, read_head, reason};

/// How long a registry may keep a test waiting for its next bytes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A registry's address, and what it takes to be let in.
#[derive(Clone)]
pub struct Endpoint {
    authority: String,
    tls: Option<Arc<rustls::ClientConfig>>,
    authorization: Option<String>,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names, lower-case, and values, in their order.
    pub headers: Vec<(String, String)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

impl Endpoint {
    /// Plain HTTP to `HOST:PORT`.
    pub fn new(authority: impl Into<String>) -> Self {
        Endpoint { authority: authority.into(), tls: None, authorization: None }
    }

    /// The same with TLS, trusting the certificates in the PEM file and no others.
    pub fn with_ca(mut self, ca_file: &Path) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca_file).expect("the CA file can be read") {
            roots.add(certificate.expect("it holds certificates")).expect("the certificate is sound");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the default versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        self.tls = Some(Arc::new(config));
        self
    }

    /// The same with a user and a password on every request.
    pub fn with_password(mut self, user: &str, password: &str) -> Self {
        let token = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        self.authorization = Some(format!("Basic {token}"));
        self
    }

    /// `HOST:PORT`, as it stands before the first `/` of a reference.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Sends a request and returns the whole answer. `target` is the path with its query. Panics where there
    /// is no answer.
    pub fn request(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        self.try_request(method, target, headers, body)
            .unwrap_or_else(|error| panic!("{method} {target} at {}: {error}", self.authority))
    }

    /// The same where no answer is an answer, too.
    pub fn try_request(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Response> {
        let mut head =
            format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.authority);
        if let Some(value) = &self.authorization {
            head.push_str(&format!("Authorization: {value}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");

        let stream = TcpStream::connect(&self.authority)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => exchange(stream, method, head.as_bytes(), body),
            Some(config) => {
                let host = self.authority.rsplit_once(':').map_or(self.authority.as_str(), |(host, _)| host);
                let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
                let session = rustls::ClientConnection::new(Arc::clone(config), name);
                let session = session.map_err(std::io::Error::other)?;
                exchange(rustls::StreamOwned::new(session, stream), method, head.as_bytes(), body)
            }
        }
    }
}

impl Response {
    /// The first header of that name (in any case).
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text, for messages.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Itself, if the status is `status`; panics with the answer otherwise.
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.headers, self.text());
        self
    }
}

fn exchange(
    mut stream: impl Read + Write,
    method: &str,
    head: &[u8],
    body: &[u8],
) -> std::io::Result<Response> {
    stream.write_all(head)?;
    stream.write_all(body)?;
    stream.flush()?;
    let mut reader = BufReader::new(stream);
    loop {
        let head = read_head(&mut reader)?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let status =
            head.status().ok_or_else(|| std::io::Error::other(format!("no status in '{}'", head.line)))?;
        if (100..200).contains(&status) {
            continue;
        }
        let has_no_body = method == "HEAD" || matches!(status, 204 | 304);
        let body =
            if has_no_body { Vec::new() } else { read_body(&mut reader, &head)?.of_answer(&mut reader)? };
        return Ok(Response { status, headers: head.headers, body });
    }
}

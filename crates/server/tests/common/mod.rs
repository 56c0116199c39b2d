//! A registry, a client, and how answers are read.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test binary uses a part of it")]

use std::path::Path;
use std::time::Duration;

use airlift_oci::Digest;
use airlift_server::{Options, Server, samples};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub const PIECE: usize = 256 << 10;

pub struct Registry {
    pub server: Server,
    pub client: reqwest::Client,
    folder: tempfile::TempDir,
}

impl Registry {
    pub async fn empty() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn seeded() -> Self {
        let registry = Self::empty().await;
        registry.server.seed(&samples::all()).await.unwrap();
        registry
    }

    pub async fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), options).await.unwrap();
        // A second install in one process is refused, and just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Registry { server, client, folder }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A request for a path below `/v2/`, or for a Location as it came.
    pub fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/v2/{path}") };
        self.client.request(method, format!("http://{}{path}", self.server.address()))
    }

    pub async fn get(&self, path: &str) -> Response {
        self.ask(Method::GET, path).send().await.unwrap()
    }

    pub async fn send(&self, method: Method, path: &str) -> Response {
        self.ask(method, path).send().await.unwrap()
    }

    pub async fn put_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256(bytes);
        let path = format!("{repository}/blobs/uploads/?digest={digest}");
        let answer = self.ask(Method::POST, &path).body(bytes.to_vec()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        digest
    }

    pub async fn put_manifest(&self, path: &str, media_type: &str, bytes: impl Into<Vec<u8>>) -> Response {
        let request = self.ask(Method::PUT, path).header("content-type", media_type).body(bytes.into());
        request.send().await.unwrap()
    }

    /// Opens an upload and gives its Location.
    pub async fn upload(&self, repository: &str) -> String {
        let answer = self.send(Method::POST, &format!("{repository}/blobs/uploads/")).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        assert_eq!(header(&answer, "range"), "0-0");
        header(&answer, "location").to_owned()
    }

    /// Sends bytes as they are and reads until the connection ends.
    pub async fn raw(&self, request: &[u8]) -> String {
        let mut stream = tokio::net::TcpStream::connect(self.server.address()).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
        read.expect("the server ends the connection").unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A raw request line with a path that no client library would send.
    pub async fn raw_path(&self, method: &str, path: &str) -> String {
        self.raw(format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await
    }
}

pub fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The status and the codes of an answer that must be the specification's error JSON.
pub async fn refusal(answer: Response) -> (u16, Vec<String>) {
    let status = answer.status().as_u16();
    assert_eq!(header(&answer, "content-type"), "application/json");
    let body: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let errors = body["errors"].as_array().unwrap();
    assert!(!errors.is_empty());
    for error in errors {
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert!(error.as_object().unwrap().contains_key("detail"));
    }
    (status, errors.iter().map(|error| error["code"].as_str().unwrap().to_owned()).collect())
}

/// The same, for a refusal with one entry.
pub async fn refused(answer: Response) -> (u16, String) {
    let (status, mut codes) = refusal(answer).await;
    assert_eq!(codes.len(), 1);
    (status, codes.remove(0))
}

pub fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

//! A registry in memory that keeps what it got of an upload when the connection breaks, and breaks
//! connections as it is told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airlift_oci::Digest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::script::{Reply, Request, read_head};

/// Where a connection is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Never,
    /// When the request's head is there.
    AtOnce,
    /// When this much of the request's body has come; it is kept.
    Up(usize),
    /// When this much of the answer's body has gone.
    Down(usize),
    /// When all is done, instead of the answer.
    Unanswered,
}

/// Decides of a request, with its number, where its connection breaks.
pub(crate) type Cutting = Box<dyn Fn(&Request, usize) -> Cut + Send + Sync>;

/// Decides whether a request gets another answer than the registry's own.
pub(crate) type Instead = Box<dyn Fn(&Request) -> Option<Reply> + Send + Sync>;

/// What the registry is told: which requests are cut, and which ones get another answer than its own.
/// `before` of a request counts those of its method, pings aside.
pub(crate) struct Orders {
    pub(crate) cut: Cutting,
    pub(crate) instead: Instead,
    /// What stands before the `0-N` of an upload.
    pub(crate) unit: &'static str,
    /// Whether the answer to a question for an upload says where it goes on.
    pub(crate) locates: bool,
}

impl Default for Orders {
    fn default() -> Self {
        Orders { cut: Box::new(|_, _| Cut::Never), instead: Box::new(|_| None), unit: "", locates: true }
    }
}

/// What it holds.
#[derive(Default)]
pub(crate) struct Stock {
    pub(crate) blobs: HashMap<String, Vec<u8>>,
    pub(crate) manifests: HashMap<String, Vec<u8>>,
    pub(crate) uploads: HashMap<String, Vec<u8>>,
    requests: Vec<Request>,
    opened: usize,
}

pub(crate) struct Shop {
    pub(crate) address: SocketAddr,
    pub(crate) stock: Arc<Mutex<Stock>>,
}

impl Shop {
    pub(crate) async fn open(orders: Orders) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stock = Arc::<Mutex<Stock>>::default();
        let (shelf, orders) = (Arc::clone(&stock), Arc::new(orders));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&orders), Arc::clone(&shelf)));
            }
        });
        Shop { address, stock }
    }

    /// All requests but pings.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let requests = self.stock.lock().unwrap().requests.clone();
        requests.into_iter().filter(|request| request.target != "/v2/").collect()
    }

    pub(crate) fn methods(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.method).collect()
    }

    pub(crate) fn holds(&self, blob: &[u8]) -> bool {
        self.stock
            .lock()
            .unwrap()
            .blobs
            .get(&Digest::sha256(blob).to_string())
            .is_some_and(|held| held == blob)
    }
}

async fn serve(mut stream: TcpStream, orders: Arc<Orders>, stock: Arc<Mutex<Stock>>) {
    let Some((mut request, body)) = read_head(&mut stream).await else { return };
    let number = {
        let mut stock = stock.lock().unwrap();
        let same = |seen: &&Request| seen.method == request.method && seen.target != "/v2/";
        request.before = stock.requests.iter().filter(same).count();
        stock.requests.push(request.clone());
        stock.requests.len() - 1
    };
    let cut = (orders.cut)(&request, number);
    let whole = cut != Cut::AtOnce && take(&mut stream, &mut request, body, cut).await;
    stock.lock().unwrap().requests[number].body.clone_from(&request.body);
    let reply = match (orders.instead)(&request) {
        Some(reply) => Some(reply),
        None => stock.lock().unwrap().answer(&request, &orders, whole),
    };
    let Some(reply) = reply.filter(|_| whole && cut != Cut::Unanswered) else {
        let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        return;
    };
    let _ = stream.write_all(reply.head.as_bytes()).await;
    let body = if request.method == "HEAD" { &[][..] } else { &reply.body };
    match cut {
        Cut::Down(bytes) if bytes < body.len() => {
            let _ = stream.write_all(&body[..bytes]).await;
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        _ => {
            let _ = stream.write_all(body).await;
            let _ = stream.shutdown().await;
            let mut rest = [0; 4096];
            while stream.read(&mut rest).await.is_ok_and(|bytes| bytes > 0) {}
        }
    }
}

/// Reads the request's body, or as much of it as gets through. Whether that is all.
async fn take(stream: &mut TcpStream, request: &mut Request, early: Vec<u8>, cut: Cut) -> bool {
    let length = request.header("content-length").and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    let most = if let Cut::Up(bytes) = cut { bytes.min(length) } else { length };
    request.body = early;
    let mut buffer = vec![0; 64 * 1024];
    while request.body.len() < most {
        match stream.read(&mut buffer).await {
            Ok(bytes) if bytes > 0 => request.body.extend_from_slice(&buffer[..bytes]),
            _ => break,
        }
    }
    request.body.truncate(most);
    request.body.len() == length
}

impl Stock {
    /// Does what is asked for, as far as it came. No answer: none can be given.
    fn answer(&mut self, request: &Request, orders: &Orders, whole: bool) -> Option<Reply> {
        let path = request.path().to_owned();
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        match request.method.as_str() {
            "GET" if path == "/v2/" => Some(Reply::new(200, &[], "{}")),
            "POST" => {
                self.opened += 1;
                let place = format!("{path}{}", self.opened);
                self.uploads.insert(place.clone(), Vec::new());
                Some(Reply::new(202, &[("Location", &place)], ""))
            }
            "GET" | "PATCH" | "PUT" if path.contains("/uploads/") => {
                self.upload(request, &path, orders, whole)
            }
            "PUT" if whole => {
                let digest = Digest::sha256(&request.body).to_string();
                self.manifests.insert(path.replace(&name, &digest), request.body.clone());
                self.manifests.insert(path, request.body.clone());
                Some(Reply::new(201, &[("Docker-Content-Digest", &digest)], ""))
            }
            "GET" | "HEAD" if path.contains("/manifests/") => Some(found(self.manifests.get(&path), request)),
            "GET" | "HEAD" => Some(found(self.blobs.get(&name), request)),
            _ => None,
        }
    }

    fn upload(&mut self, request: &Request, path: &str, orders: &Orders, whole: bool) -> Option<Reply> {
        let Some(held) = self.uploads.get_mut(path) else {
            return Some(Reply::new(404, &[], r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#));
        };
        if let Some((first, _)) = request.header("content-range").and_then(|range| range.split_once('-'))
            && first != held.len().to_string()
        {
            return Some(Reply::new(416, &[], ""));
        }
        held.extend_from_slice(&request.body);
        if !whole {
            return None;
        }
        let range = format!("{}0-{}", orders.unit, held.len().saturating_sub(1));
        let mut headers = vec![("Range", &*range)];
        if orders.locates || request.method == "PATCH" {
            headers.push(("Location", path));
        }
        match request.method.as_str() {
            "GET" => Some(Reply::new(204, &headers, "")),
            "PATCH" => Some(Reply::new(202, &headers, "")),
            _ => {
                let held = self.uploads.remove(path)?;
                let digest = request.target.rsplit("digest=").next()?.to_owned();
                if Digest::sha256(&held).to_string() != digest {
                    return Some(Reply::new(400, &[], r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#));
                }
                self.blobs.insert(digest, held);
                Some(Reply::new(201, &[], ""))
            }
        }
    }
}

fn found(content: Option<&Vec<u8>>, request: &Request) -> Reply {
    let Some(content) = content else { return Reply::new(404, &[], "{}") };
    let start = request.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
    match start.and_then(|start| start.parse::<usize>().ok()).filter(|start| *start < content.len()) {
        None => Reply::new(200, &[], &**content),
        Some(start) => {
            let range = format!("bytes {start}-{}/{}", content.len() - 1, content.len());
            Reply::new(206, &[("Content-Range", &range)], &content[start..])
        }
    }
}

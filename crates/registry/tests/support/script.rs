//! A registry that does as it is told: raw TCP, one scripted reply a request, whatever it may be.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// How many requests with this method and path came before.
    pub(crate) before: usize,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Method and path.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path())
    }
}

/// What happens after the bytes of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Close,
    /// RST instead of FIN.
    Reset,
    /// Nothing more, and the connection stays.
    Hang,
    /// The body again and again, until the other side has had enough.
    Endless,
    /// All beyond this much of the body comes byte by byte, five milliseconds apart; then nothing more.
    Drip(usize),
}

/// What to answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) then: Then,
    /// Whether the request's body is read before the answer.
    pub(crate) reads: bool,
}

impl Reply {
    /// A well-formed answer with Content-Length.
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let length = format!("{}", body.len());
        let mut headers = headers.to_vec();
        headers.push(("Content-Length", &length));
        Self::raw(status, &headers, body)
    }

    /// An answer with these headers and no others.
    pub(crate) fn raw(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let mut head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        Reply { head, body: body.into(), then: Then::Close, reads: true }
    }

    /// These bytes, whatever they are.
    pub(crate) fn bytes(head: &str, body: impl Into<Vec<u8>>) -> Self {
        Reply { head: head.to_owned(), body: body.into(), then: Then::Close, reads: true }
    }

    pub(crate) fn then(self, then: Then) -> Self {
        Reply { then, ..self }
    }

    /// Answers without reading what goes up.
    pub(crate) fn without_reading(self) -> Self {
        Reply { reads: false, ..self }
    }
}

/// Bodies of up to this size are there when the handler is asked.
const SMALL: usize = 4096;

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// A running script. `/v2/` is answered with 200 unless the handler of [`Script::all`] says otherwise.
pub(crate) struct Script {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Script {
    /// Answers everything but the ping with `handler`.
    pub(crate) async fn new(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let with_ping = move |request: &Request| match request.target.as_str() {
            "/v2/" => Reply::new(200, &[], "{}"),
            _ => handler(request),
        };
        Self::all(with_ping).await
    }

    /// Answers everything with `handler`.
    pub(crate) async fn all(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (handler, log): (Arc<Handler>, _) = (Arc::new(handler), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&handler), Arc::clone(&log)));
            }
        });
        Script { address, seen }
    }

    /// All requests but pings.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|request| request.target != "/v2/").cloned().collect()
    }

    /// Method and path of all requests but pings.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Request::line).collect()
    }
}

async fn serve(mut stream: TcpStream, handler: Arc<Handler>, log: Arc<Mutex<Vec<Request>>>) {
    let Some((mut request, mut body)) = read_head(&mut stream).await else { return };
    let index = {
        let mut log = log.lock().unwrap();
        request.before = log.iter().filter(|seen| seen.line() == request.line()).count();
        log.push(request.clone());
        log.len() - 1
    };
    let length = request.header("content-length").and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    // A form is read before it is answered; of what is larger, the answer decides.
    if length <= SMALL {
        read_body(&mut stream, &mut body, length).await;
        request.body.clone_from(&body);
    }
    let reply = handler(&request);
    if reply.reads {
        read_body(&mut stream, &mut body, length).await;
        log.lock().unwrap()[index].body = body;
    }
    let at_once = if let Then::Drip(bytes) = reply.then { bytes } else { reply.body.len() };
    let (bytes, slow) = reply.body.split_at(at_once.min(reply.body.len()));
    let sent = stream.write_all(reply.head.as_bytes()).await.is_ok() && stream.write_all(bytes).await.is_ok();
    match reply.then {
        Then::Close if sent => {
            let _ = stream.shutdown().await;
            // Reads on until the other side closes: a close with unread bytes would be a reset.
            let mut buffer = [0; 4096];
            while reply.reads && stream.read(&mut buffer).await.is_ok_and(|bytes| bytes > 0) {}
        }
        Then::Close => {}
        Then::Reset => {
            let _ = stream.flush().await;
            let _ = socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO));
        }
        Then::Hang => std::future::pending().await,
        Then::Endless => while stream.write_all(&reply.body).await.is_ok() {},
        Then::Drip(_) => {
            let _ = stream.set_nodelay(true);
            for byte in slow {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                if stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
            }
            std::future::pending().await
        }
    }
}

async fn read_body(stream: &mut TcpStream, body: &mut Vec<u8>, length: usize) {
    let mut buffer = vec![0; 64 * 1024];
    while body.len() < length {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(bytes) => body.extend_from_slice(&buffer[..bytes]),
        }
    }
}

pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<(Request, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    };
    let rest = bytes.split_off(end + 4);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers = lines.filter_map(header).collect();
    Some((Request { method, target, headers, ..Request::default() }, rest))
}

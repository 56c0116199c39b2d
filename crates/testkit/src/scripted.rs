//! A registry that does what a script says: wrong bytes, resets, stalls, lies about lengths and ranges.
//!
//! It answers over raw sockets, because servers that know HTTP refuse to break it. A [`Script`] is a list of
//! rules; the first that has an [`Answer`] for a request wins, and after the rules comes well-behaved
//! content: samples that it serves itself ([`Script::serving`]) or another registry that it passes requests
//! on to ([`Script::forwarding`]). So a fault is one rule over a registry that otherwise works, in either
//! direction:
//!
//! ```
//! use airlift_server::samples;
//! use airlift_testkit::scripted::{Answer, Script};
//!
//! // The first request for any blob is reset, all others work.
//! let registry = Script::serving(samples::all())
//!     .rule(|request| (request.is_blob() && request.nth == 0).then(Answer::reset))
//!     .start();
//! assert!(registry.endpoint().try_request("GET", "/v2/", &[], b"").is_ok());
//! assert_eq!(registry.requests().len(), 1);
//! ```

mod answer;
mod content;
mod serve;

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use airlift_server::samples::Sample;

pub use answer::{Answer, Gate};

use crate::http::Endpoint;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// Names, lower-case, and values, in their order.
    pub headers: Vec<(String, String)>,
    /// The body without its framing. Empty in rules that are asked [before it](Script::rule_before_body).
    pub body: Vec<u8>,
    /// How many requests of this method and target came before it.
    pub nth: usize,
    /// How many requests of any kind came before it.
    pub number: usize,
    /// Which connection it came on, from 0.
    pub connection: usize,
}

impl Request {
    /// The first header of that name (in any case).
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether it is a GET of a blob.
    pub fn is_blob(&self) -> bool {
        self.method == "GET" && self.path().contains("/blobs/")
    }

    /// Whether it is a GET of a manifest or index.
    pub fn is_manifest(&self) -> bool {
        self.method == "GET" && self.path().contains("/manifests/")
    }

    /// The first byte that a `Range: bytes=FIRST-` asks for.
    pub fn range_start(&self) -> Option<u64> {
        content::range_of(self).map(|(first, _)| first)
    }
}

type Rule = Box<dyn Fn(&Request) -> Option<Answer> + Send + Sync>;

/// What a scripted registry is to do.
pub struct Script {
    before_body: Vec<Rule>,
    rules: Vec<Rule>,
    fallback: Rule,
}

impl Script {
    /// Answers 404 to everything that no rule answers.
    pub fn empty() -> Self {
        Self::over(|request| Some(content::not_found(request)))
    }

    /// Serves samples to readers, ranges and all. Writes are answered with 405.
    pub fn serving(samples: Vec<Sample>) -> Self {
        let shelf = content::Shelf::new(&samples);
        Self::over(move |request| Some(shelf.answer(request)))
    }

    /// Passes requests on to the registry at `authority`, and its answers back, for reading and writing.
    pub fn forwarding(authority: &str) -> Self {
        let upstream = Endpoint::new(authority);
        Self::over(move |request| Some(content::forward(&upstream, request)))
    }

    fn over(fallback: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Script { before_body: Vec::new(), rules: Vec::new(), fallback: Box::new(fallback) }
    }

    /// Adds a rule behind those there are. `None` passes the request on.
    pub fn rule(mut self, rule: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Self {
        self.rules.push(Box::new(rule));
        self
    }

    /// Adds a rule that is asked when the headers are there and the body is not: for uploads that are refused
    /// or broken off. The connection ends after its answer.
    pub fn rule_before_body(
        mut self,
        rule: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        self.before_body.push(Box::new(rule));
        self
    }

    /// A rule for one method and exactly one path.
    pub fn on(
        self,
        method: &str,
        path: &str,
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        self.rule(move |request| {
            (request.method == method && request.path() == path).then(|| answer(request))
        })
    }

    /// Starts it on a loopback port that the system chooses.
    pub fn start(self) -> ScriptedRegistry {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::new(self));
        let serving = Arc::clone(&shared);
        let acceptor = thread::spawn(move || serve::accept(&listener, &serving));
        ScriptedRegistry { address, shared, acceptor: Some(acceptor) }
    }
}

/// A running scripted registry. Dropping it breaks its connections and ends its threads.
pub struct ScriptedRegistry {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl ScriptedRegistry {
    /// `127.0.0.1:PORT`, as it stands before the first `/` of a reference.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// How to talk to it.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::new(self.authority())
    }

    /// The requests so far, in the order in which their headers were complete.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How many requests of that method there were whose target contains `part`.
    pub fn count(&self, method: &str, part: &str) -> usize {
        let requests = self.shared.requests.lock().unwrap();
        requests.iter().filter(|request| request.method == method && request.target.contains(part)).count()
    }
}

impl Drop for ScriptedRegistry {
    fn drop(&mut self) {
        self.shared.stop();
        // Wakes the acceptor, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// What the threads share.
struct Shared {
    script: Script,
    requests: Mutex<Vec<Request>>,
    seen: Mutex<HashMap<(String, String), usize>>,
    open: Mutex<HashMap<usize, TcpStream>>,
    stopped: AtomicBool,
}

impl Shared {
    fn new(script: Script) -> Self {
        Shared {
            script,
            requests: Mutex::default(),
            seen: Mutex::default(),
            open: Mutex::default(),
            stopped: AtomicBool::new(false),
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        for stream in self.open.lock().unwrap().values() {
            // Whoever reads or writes there gets an error and ends.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Numbers a request and keeps it; its body comes later.
    fn record(&self, mut request: Request) -> Request {
        let mut seen = self.seen.lock().unwrap();
        let count = seen.entry((request.method.clone(), request.target.clone())).or_default();
        request.nth = *count;
        *count += 1;
        let mut requests = self.requests.lock().unwrap();
        request.number = requests.len();
        requests.push(request.clone());
        request
    }

    fn record_body(&self, request: &Request) {
        if let Some(kept) = self.requests.lock().unwrap().get_mut(request.number) {
            kept.body.clone_from(&request.body);
        }
    }

    fn answer_before_body(&self, request: &Request) -> Option<Answer> {
        self.script.before_body.iter().find_map(|rule| rule(request))
    }

    fn answer(&self, request: &Request) -> Answer {
        let rules = self.script.rules.iter().chain([&self.script.fallback]);
        rules.into_iter().find_map(|rule| rule(request)).unwrap_or_else(|| content::not_found(request))
    }
}

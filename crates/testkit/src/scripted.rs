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
mod request;
mod script;
mod serve;
mod shared;
mod under_way;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

pub use answer::{Answer, Gate};
pub use request::Request;
pub use script::Script;
use shared::Shared;

use crate::http::Endpoint;

impl Script {
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

    /// The most requests that were under way at a time. One is under way from the end of its headers until
    /// the last byte of its answer, or the first byte of a refusal.
    pub fn most_under_way(&self) -> usize {
        self.shared.under_way.most()
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

//! What the threads of a scripted registry share: the script, and the requests so far.

use std::collections::HashMap;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::answer::Answer;
use super::content;
use super::request::Request;
use super::script::Script;
use super::under_way::UnderWay;

/// What the threads share.
pub(super) struct Shared {
    script: Script,
    pub(super) requests: Mutex<Vec<Request>>,
    pub(super) under_way: UnderWay,
    seen: Mutex<HashMap<(String, String), usize>>,
    pub(super) open: Mutex<HashMap<usize, TcpStream>>,
    stopped: AtomicBool,
}

impl Shared {
    pub(super) fn new(script: Script) -> Self {
        Shared {
            script,
            requests: Mutex::default(),
            under_way: UnderWay::default(),
            seen: Mutex::default(),
            open: Mutex::default(),
            stopped: AtomicBool::new(false),
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        for stream in self.open.lock().unwrap().values() {
            // A thread that reads or writes there gets an error and ends.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Numbers a request and keeps it; its body comes later.
    pub(super) fn record(&self, mut request: Request) -> Request {
        let mut seen = self.seen.lock().unwrap();
        let count = seen.entry((request.method.clone(), request.target.clone())).or_default();
        request.nth = *count;
        *count += 1;
        let mut requests = self.requests.lock().unwrap();
        request.number = requests.len();
        requests.push(request.clone());
        request
    }

    pub(super) fn record_body(&self, request: &Request) {
        if let Some(kept) = self.requests.lock().unwrap().get_mut(request.number) {
            kept.body.clone_from(&request.body);
        }
    }

    pub(super) fn answer_before_body(&self, request: &Request) -> Option<Answer> {
        self.script.before_body.iter().find_map(|rule| rule(request))
    }

    pub(super) fn answer(&self, request: &Request) -> Answer {
        let rules = self.script.rules.iter().chain([&self.script.fallback]);
        rules.into_iter().find_map(|rule| rule(request)).unwrap_or_else(|| content::not_found(request))
    }
}

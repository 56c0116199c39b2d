//! What is sent for a request, right or wrong.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::http::{Response, reason};

/// What a connection does for an answer, step by step.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes again and again, until the other side has had enough.
    Endless(Vec<u8>),
    /// Sends these bytes, one at a time, with pauses between them.
    Drip(Vec<u8>, Duration),
    /// Waits until the gate is open.
    Wait(Gate),
    /// Breaks the connection so that the other side sees a reset.
    Reset,
    /// Ends the connection properly.
    Close,
}

/// Something that a test opens when an answer may go on.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// A gate that is closed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens it for good.
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open, or until `give_up`.
    pub(super) fn wait(&self, give_up: impl Fn() -> bool) {
        let mut open = self.0.0.lock().unwrap();
        while !*open && !give_up() {
            // The end of the registry wakes no one, so it is checked now and then.
            open = self.0.1.wait_timeout(open, Duration::from_millis(10)).unwrap().0;
        }
    }
}

/// An answer: a sound one made by [`Answer::status`], then bent; or anything at all.
///
/// What is done to the body counts in bytes of it as given to [`body`](Answer::body).
#[derive(Clone, Debug)]
pub struct Answer {
    status_line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    before: Vec<Step>,
    /// What happens within the body or after it: at this byte of it, in this order.
    within: Vec<(usize, Step)>,
    /// Replaces head and body.
    raw: Option<Vec<Step>>,
}

impl Answer {
    /// An answer with that status, no headers and no body.
    pub fn status(status: u16) -> Self {
        Answer {
            status_line: format!("HTTP/1.1 {status} {}", reason(status)),
            headers: Vec::new(),
            body: Vec::new(),
            before: Vec::new(),
            within: Vec::new(),
            raw: None,
        }
    }

    /// Whether it says that all went well (2xx).
    pub fn is_success(&self) -> bool {
        self.status_line.starts_with("HTTP/1.1 2")
    }

    /// 200 with a body of a media type.
    pub fn ok(media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::status(200).header("Content-Type", media_type).body(body)
    }

    /// A refusal in the distribution specification's JSON.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = format!("{{\"errors\":[{{\"code\":{code:?},\"message\":{message:?}}}]}}");
        Self::status(status).header("Content-Type", "application/json").body(body)
    }

    /// 429 with `Retry-After`: seconds, a date, or nonsense.
    pub fn too_many_requests(retry_after: &str) -> Self {
        Self::error(429, "TOOMANYREQUESTS", "slow down").header("Retry-After", retry_after)
    }

    /// A redirect.
    pub fn redirect(location: &str) -> Self {
        Self::status(307).header("Location", location)
    }

    /// Exactly these bytes and the end of the connection: no HTTP unless they are.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Answer { raw: Some(vec![Step::Send(bytes.into()), Step::Close]), ..Self::status(200) }
    }

    /// Exactly these bytes, and then `piece` again and again until the other side has had enough.
    pub fn flood(start: impl Into<Vec<u8>>, piece: impl Into<Vec<u8>>) -> Self {
        let steps = vec![Step::Send(start.into()), Step::Endless(piece.into()), Step::Close];
        Answer { raw: Some(steps), ..Self::status(200) }
    }

    /// Exactly these bytes, one at a time with a pause after each.
    pub fn drip(bytes: impl Into<Vec<u8>>, pause: Duration) -> Self {
        Answer { raw: Some(vec![Step::Drip(bytes.into(), pause), Step::Close]), ..Self::status(200) }
    }

    /// A reset instead of an answer.
    pub fn reset() -> Self {
        Answer { raw: Some(vec![Step::Reset]), ..Self::status(200) }
    }

    /// The end of the connection instead of an answer.
    pub fn hang_up() -> Self {
        Answer { raw: Some(vec![Step::Close]), ..Self::status(200) }
    }

    /// Adds a header. Its `Content-Length` is the body's, unless it is given here or left out by
    /// [`without_length`](Answer::without_length).
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends no `Content-Length`: the body ends with the connection.
    pub fn without_length(mut self) -> Self {
        self.within.push((usize::MAX, Step::Close));
        self.header("Connection", "close")
    }

    /// Sends nothing at all until the gate is open.
    pub fn after(mut self, gate: &Gate) -> Self {
        self.before.push(Step::Wait(gate.clone()));
        self
    }

    /// Stops in the body after `at` bytes until the gate is open.
    pub fn pause_at(self, at: usize, gate: &Gate) -> Self {
        self.step(at, Step::Wait(gate.clone()))
    }

    /// Announces the whole body, sends `at` bytes of it, and ends the connection properly.
    pub fn cut_at(self, at: usize) -> Self {
        self.step(at, Step::Close)
    }

    /// Announces the whole body, sends `at` bytes of it, and resets the connection.
    pub fn reset_at(self, at: usize) -> Self {
        self.step(at, Step::Reset)
    }

    /// Sends `bytes` after the body, which are not announced, and ends the connection.
    pub fn overlong(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.step(usize::MAX, Step::Send(bytes.into())).step(usize::MAX, Step::Close)
    }

    /// Goes on with `piece` again and again after the body, without a length.
    pub fn endless(mut self, piece: impl Into<Vec<u8>>) -> Self {
        self.within.push((usize::MAX, Step::Endless(piece.into())));
        self.without_length()
    }

    fn step(mut self, at: usize, step: Step) -> Self {
        self.within.push((at, step));
        self
    }

    /// An answer that another registry gave.
    pub(super) fn of(response: Response) -> Self {
        let mut answer = Self::status(response.status).body(response.body);
        let framing = ["connection", "transfer-encoding", "keep-alive"];
        // The length stays: a HEAD's says what its body would have been.
        answer.headers =
            response.headers.into_iter().filter(|(name, _)| !framing.contains(&name.as_str())).collect();
        answer
    }

    /// What a connection is to do for it. `is_head`: the request was a HEAD, so no body follows.
    pub(super) fn steps(mut self, is_head: bool) -> Vec<Step> {
        let mut steps = std::mem::take(&mut self.before);
        if let Some(raw) = self.raw {
            steps.extend(raw);
            return steps;
        }
        steps.push(Step::Send(self.head()));
        let body = if is_head { Vec::new() } else { self.body };
        // Stable: what is at the same place happens in the order in which it was asked for.
        self.within.sort_by_key(|(at, _)| *at);
        let mut sent = 0;
        for (at, step) in self.within {
            let at = at.clamp(sent, body.len());
            steps.push(Step::Send(body[sent..at].to_vec()));
            steps.push(step);
            sent = at;
        }
        steps.push(Step::Send(body[sent..].to_vec()));
        steps
    }

    fn head(&self) -> Vec<u8> {
        let mut head = self.status_line.clone();
        let has = |wanted: &str| self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
        for (name, value) in &self.headers {
            head.push_str(&format!("\r\n{name}: {value}"));
        }
        if !has("content-length") && !has("connection") {
            head.push_str(&format!("\r\nContent-Length: {}", self.body.len()));
        }
        head.push_str("\r\n\r\n");
        head.into_bytes()
    }
}

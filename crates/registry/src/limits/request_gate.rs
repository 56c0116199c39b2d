//! How many small requests one registry gets at a time: as many as it bears.
//!
//! A small request is nearly all waiting, so on a long line many of them run side by side. A registry that
//! answers 429 or 503 gets half as many; each window of good answers then adds one (additive increase,
//! multiplicative decrease, as TCP has it). Until the first such answer, each good answer adds one. The gate
//! opens wider only while it is used to the full.
//!
//! A permit is held by one attempt of a request, until its answer was read: never by a pause before a retry,
//! and never while another permit is waited for. Large bodies need none: callers bound them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use airlift_oci::Host;
use reqwest::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::concurrency::{MOST_SMALL_REQUESTS, SMALL_REQUEST};

/// Requests at a time before anything is known of the registry.
const FIRST: usize = 16;

/// Whether a request's bodies are small enough that the wait for the answer is most of its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestSize {
    Small,
    Large,
}

impl RequestSize {
    /// The size of a request that moves so many bytes.
    pub(crate) fn of(bytes: u64) -> Self {
        if bytes < SMALL_REQUEST { RequestSize::Small } else { RequestSize::Large }
    }
}

/// The gates of all registries of a run.
#[derive(Default)]
pub(crate) struct RequestGates(Mutex<HashMap<Host, Arc<RequestGate>>>);

impl RequestGates {
    /// The gate of `host`.
    pub(crate) fn of(&self, host: &Host) -> Arc<RequestGate> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(host.clone()).or_default())
    }
}

/// The gate of one registry.
pub(crate) struct RequestGate {
    permits: Arc<Semaphore>,
    window: Mutex<Window>,
}

/// How wide the gate is open.
struct Window {
    limit: usize,
    /// Permits above the limit that are still held. They are not given out again.
    excess: usize,
    /// Good answers since the limit changed.
    successes: usize,
    halvings: u64,
}

impl Default for RequestGate {
    fn default() -> Self {
        let window = Window { limit: FIRST, excess: 0, successes: 0, halvings: 0 };
        RequestGate { permits: Arc::new(Semaphore::new(FIRST)), window: Mutex::new(window) }
    }
}

impl RequestGate {
    /// Waits until a request may be sent. A large one needs not wait.
    pub(crate) async fn enter(self: Arc<Self>, size: RequestSize) -> GatePermit {
        let permit = match size {
            // The semaphore is never closed.
            RequestSize::Small => Arc::clone(&self.permits).acquire_owned().await.ok(),
            RequestSize::Large => None,
        };
        let halvings = self.window().halvings;
        GatePermit { gate: self, permit, halvings }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Halves the limit after a refusal of a request that was sent after so many halvings. Of the requests
    /// that were in flight together, the first refusal counts.
    fn halve(&self, halvings: u64) {
        let mut window = self.window();
        if window.halvings == halvings {
            let limit = (window.limit / 2).max(1);
            window.excess += window.limit - limit;
            window.excess -= self.permits.forget_permits(window.excess);
            (window.limit, window.successes, window.halvings) = (limit, 0, halvings + 1);
        }
    }

    fn widen(&self) {
        let mut window = self.window();
        let is_full = self.permits.available_permits() == 0;
        if !is_full || window.limit >= MOST_SMALL_REQUESTS {
            return;
        }
        window.successes += 1;
        let needed = if window.halvings == 0 { 1 } else { window.limit };
        if window.successes < needed {
            return;
        }
        (window.limit, window.successes) = (window.limit + 1, 0);
        match window.excess.checked_sub(1) {
            Some(excess) => window.excess = excess,
            None => self.permits.add_permits(1),
        }
    }
}

/// Leave to send one request. It ends when this is dropped.
pub(crate) struct GatePermit {
    gate: Arc<RequestGate>,
    permit: Option<OwnedSemaphorePermit>,
    /// How often the gate had been halved when the request was sent.
    halvings: u64,
}

impl GatePermit {
    /// Learns from the answer's status.
    pub(crate) fn answered(&self, status: StatusCode) {
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => self.gate.halve(self.halvings),
            _ if self.permit.is_some() && !status.is_server_error() => self.gate.widen(),
            _ => {}
        }
    }
}

impl Drop for GatePermit {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let mut window = self.gate.window();
        if let Some(excess) = window.excess.checked_sub(1) {
            window.excess = excess;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// As many permits as there are.
    fn all(gate: &Arc<RequestGate>) -> Vec<GatePermit> {
        let next = || Arc::clone(gate).enter(RequestSize::Small).now_or_never();
        std::iter::from_fn(next).collect()
    }

    fn answer(permits: &[GatePermit], status: StatusCode) {
        permits.iter().for_each(|permit| permit.answered(status));
    }

    #[test]
    fn good_answers_open_it_up_to_a_limit() {
        let gate = Arc::<RequestGate>::default();
        let permits = all(&gate);
        assert_eq!(permits.len(), FIRST);
        answer(&permits[..1], StatusCode::NOT_FOUND);
        let one_more = all(&gate);
        assert_eq!(one_more.len(), 1);
        drop((permits, one_more));
        for _ in 0..10 {
            answer(&all(&gate), StatusCode::OK);
        }
        assert!(all(&gate).len() <= MOST_SMALL_REQUESTS);
        (0..MOST_SMALL_REQUESTS).for_each(|_| answer(&all(&gate), StatusCode::OK));
        assert_eq!(all(&gate).len(), MOST_SMALL_REQUESTS);
    }

    #[test]
    fn it_opens_only_while_it_is_full() {
        let gate = Arc::<RequestGate>::default();
        let mut permits = all(&gate);
        permits.truncate(FIRST / 2);
        answer(&permits, StatusCode::OK);
        drop(permits);
        assert_eq!(all(&gate).len(), FIRST);
    }

    #[test]
    fn refusals_halve_it_once_for_all_that_were_in_flight() {
        for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
            let gate = Arc::<RequestGate>::default();
            let permits = all(&gate);
            answer(&permits, status);
            assert!(all(&gate).is_empty());
            drop(permits);
            for left in [FIRST / 2, FIRST / 4, FIRST / 8, 1, 1] {
                let permits = all(&gate);
                assert_eq!(permits.len(), left.max(1));
                answer(&permits, status);
            }
        }
    }

    #[test]
    fn it_recovers_by_one_a_window() {
        let gate = Arc::<RequestGate>::default();
        answer(&all(&gate), StatusCode::TOO_MANY_REQUESTS);
        for limit in FIRST / 2..FIRST {
            let permits = all(&gate);
            assert_eq!(permits.len(), limit);
            answer(&permits, StatusCode::OK);
        }
        assert_eq!(all(&gate).len(), FIRST);
    }

    #[test]
    fn other_failures_change_nothing() {
        let gate = Arc::<RequestGate>::default();
        answer(&all(&gate), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(all(&gate).len(), FIRST);
    }

    #[test]
    fn large_requests_need_no_permit_and_are_learned_from() {
        let gate = Arc::<RequestGate>::default();
        let small = all(&gate);
        let large = Arc::clone(&gate).enter(RequestSize::of(SMALL_REQUEST)).now_or_never().unwrap();
        large.answered(StatusCode::OK);
        assert!(all(&gate).is_empty());
        large.answered(StatusCode::TOO_MANY_REQUESTS);
        drop(small);
        assert_eq!(all(&gate).len(), FIRST / 2);
    }
}

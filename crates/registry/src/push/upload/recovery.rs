//! What follows a failed attempt: another one, smaller, anew or behind what the registry has; or the end.

use crate::error::refusal::Refusal;
use crate::error::{Error, Obstacle};
use crate::limits::body_size::CAUTIOUS;
use crate::push::upload::{SmallRequests, Upload};
use crate::retry::policy::MUCH;
use crate::retry::rules::Failed;

/// After so many uploads that broke off without an answer, smaller requests are tried.
const BREAKS_BEFORE_CAUTION: u32 = 2;

impl Upload<'_> {
    /// Prepares for what follows a failure.
    pub(super) fn failed(&mut self, error: Error) -> Failed {
        let progressed = self.offset >= self.peak + MUCH;
        if progressed {
            self.peak = self.offset;
        }
        self.prepare(error).after(progressed)
    }

    fn prepare(&mut self, error: Error) -> Failed {
        if self.may_be_smaller(&error) {
            return Failed::other_way(error);
        }
        // The authorization was good for the session: it expired while the blob went up. The next request
        // renews it.
        let sent = self.broken.as_ref().is_some_and(|session| session.sent > 0);
        let expired = matches!(error, Error::Unauthorised(_)) && sent && !self.renewed;
        self.renewed |= expired;
        let passing = expired || error.is_transient();
        self.doubtful = error.outcome_is_unknown();
        if !passing && self.may_start_over(&error) {
            self.started_over = true;
            self.broken = None;
            return Failed::other_way(error);
        }
        let is_forgotten = refusal_of_upload(&error).is_some_and(says_forgotten);
        let is_futile = !passing && self.small_requests == SmallRequests::Tried && !error.is_local();
        if is_forgotten || is_futile {
            self.broken = None;
        }
        if is_futile {
            self.small_requests = SmallRequests::Futile;
        }
        self.note_break(&error);
        let error = self.explained(error);
        match passing || is_forgotten || is_futile {
            true => Failed::worth_a_retry(error),
            false => Failed::for_good(error),
        }
    }

    /// Whether a request was too large for a proxy on the way, and a smaller one may do.
    fn may_be_smaller(&mut self, error: &Error) -> bool {
        let is_too_large = refusal_of_upload(error).is_some_and(|refusal| refusal.status == 413);
        let may = is_too_large && self.limit.refuse(self.body, self.least);
        if may && self.offset == 0 {
            self.broken = None;
        }
        may
    }

    /// A proxy may close the connection in the middle of a body that is too large for it, so that its answer
    /// gets lost.
    fn note_break(&mut self, error: &Error) {
        let is_break = matches!(error, Error::Unreachable { call, what: Obstacle::Broken, .. } if is_upload(call.method()));
        if is_break
            && self.offset == 0
            && self.body > CAUTIOUS
            && self.small_requests == SmallRequests::NotYet
        {
            self.breaks += 1;
            if self.breaks >= BREAKS_BEFORE_CAUTION {
                self.small_requests = SmallRequests::Tried;
            }
        }
    }

    /// The failure, with what is known of a limit that it may come from.
    fn explained(&self, error: Error) -> Error {
        let is_refused = refusal_of_upload(&error)
            .is_some_and(|refusal| refusal.status < 500 && !matches!(refusal.status, 401 | 403 | 408 | 429));
        match self.limit.explanation().filter(|_| is_refused) {
            Some(limit) if self.limit.fits() < self.size => {
                error.noted(&format!("{limit}; sending the blob in pieces (PATCH) did not work either"))
            }
            Some(limit) => error.noted(&limit),
            None => error,
        }
    }

    /// Whether the fault may lie in how the parts were put together: then the whole blob is sent once more.
    fn may_start_over(&self, error: &Error) -> bool {
        self.offset > 0 && !self.started_over && !matches!(error, Error::Source { .. } | Error::Denied(_))
    }
}

/// The refusal of a request that carried content, or ended an upload.
fn refusal_of_upload(error: &Error) -> Option<&Refusal> {
    error.refusal().filter(|refusal| is_upload(refusal.call.method()))
}

fn is_upload(method: &str) -> bool {
    matches!(method, "PUT" | "PATCH")
}

/// Whether a registry has no such upload session, or not as far as we think: it was purged, or another
/// replica opened it. Registries have codes of their own for that; what lacks may also be the repository, and
/// then a new session is of no use.
fn says_forgotten(refusal: &Refusal) -> bool {
    let has_any = |codes: &[&str]| codes.iter().any(|code| refusal.has(code));
    let names_it = has_any(&["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"]);
    let names_other = has_any(&["NAME_UNKNOWN", "NAME_INVALID", "DENIED", "UNAUTHORIZED"]);
    names_it || (matches!(refusal.status, 404 | 410 | 416) && !names_other)
}

//! Hosts that are down are not asked again for every image.
//!
//! The first request to a host goes alone, with all its retries, and the others wait for it. If it fails for
//! a reason that concerns the host, none of the others is made. Once a host has answered, only several
//! failures in a row count as that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use airlift_oci::{Host, Repository};
use airlift_registry::{Error, Transport};

use crate::error::CheckError;

/// So many requests in a row fail at a host that has answered before it counts as down.
const FAILURES_IN_A_ROW: u32 = 3;

/// The way to all registries.
pub(crate) struct Hosts {
    pub(crate) transport: Transport,
    known: Mutex<HashMap<Host, Arc<HostState>>>,
}

#[derive(Default)]
struct HostState {
    /// Held by the first request.
    first: tokio::sync::Mutex<()>,
    contact: Mutex<Contact>,
}

#[derive(Default)]
struct Contact {
    has_answered: bool,
    failures: u32,
    down: Option<CheckError>,
}

impl Hosts {
    pub(crate) fn new(transport: Transport) -> Self {
        Hosts { transport, known: Mutex::default() }
    }

    /// Makes a request at the repository's host, unless that is down.
    pub(crate) async fn ask<T>(
        &self,
        repository: &Repository,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, CheckError> {
        let host = self.state(repository.host());
        let first = if host.has_answered() { None } else { Some(host.first.lock().await) };
        if let Some(error) = host.down() {
            return Err(error);
        }
        // The host has answered while this request waited: so it need not go alone.
        let _alone = first.filter(|_| !host.has_answered());
        match request.await {
            Ok(answer) => {
                host.answered();
                Ok(answer)
            }
            Err(error) if concerns_host(&error) => Err(host.failed(error.into())),
            Err(error) => Err(self.without_answer(repository.host(), &host, error).await),
        }
    }

    /// Why the host is no registry, if it isn't. Asks nothing that wasn't asked before.
    pub(crate) async fn why_no_registry(&self, host: &Host) -> Option<CheckError> {
        let source = Arc::new(self.transport.why_no_registry(host).await?);
        Some(CheckError::NoRegistry { host: host.clone(), source })
    }

    /// The error of a request that was answered by something else than what was asked for.
    async fn without_answer(&self, name: &Host, host: &HostState, error: Error) -> CheckError {
        let may_be_none = matches!(error, Error::Server(_) | Error::Content { .. });
        match self.why_no_registry(name).await.filter(|_| may_be_none && !host.has_answered()) {
            Some(no_registry) => host.failed(no_registry),
            None => {
                host.answered();
                error.into()
            }
        }
    }

    fn state(&self, host: &Host) -> Arc<HostState> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(host.clone()).or_default())
    }
}

impl HostState {
    fn contact(&self) -> std::sync::MutexGuard<'_, Contact> {
        self.contact.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_answered(&self) -> bool {
        self.contact().has_answered
    }

    fn down(&self) -> Option<CheckError> {
        self.contact().down.clone()
    }

    fn answered(&self) {
        let mut contact = self.contact();
        contact.has_answered = true;
        contact.failures = 0;
    }

    /// Notes a failure of the host, and gives it back.
    fn failed(&self, error: CheckError) -> CheckError {
        let mut contact = self.contact();
        contact.failures += 1;
        if !contact.has_answered || contact.failures >= FAILURES_IN_A_ROW {
            contact.down.get_or_insert(error.clone());
        }
        error
    }
}

/// Whether other requests to the host would fail in the same way.
fn concerns_host(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable { .. }
            | Error::Untrusted { .. }
            | Error::TimedOut { .. }
            | Error::RateLimited(_)
            | Error::Realm { .. }
            | Error::NoTrust { .. }
            | Error::Certificates { .. }
    )
}

//! How many requests have arrived.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::Method;

/// How many requests have arrived, by method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// GET.
    pub get: u64,
    /// HEAD.
    pub head: u64,
    /// POST.
    pub post: u64,
    /// PATCH.
    pub patch: u64,
    /// PUT.
    pub put: u64,
    /// DELETE.
    pub delete: u64,
    /// Every other method.
    pub other: u64,
}

impl Requests {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.get + self.head + self.post + self.patch + self.put + self.delete + self.other
    }
}

/// Counts requests as they arrive.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    get: AtomicU64,
    head: AtomicU64,
    post: AtomicU64,
    patch: AtomicU64,
    put: AtomicU64,
    delete: AtomicU64,
    other: AtomicU64,
}

impl Counters {
    pub(crate) fn count(&self, method: &Method) {
        let counter = match *method {
            Method::GET => &self.get,
            Method::HEAD => &self.head,
            Method::POST => &self.post,
            Method::PATCH => &self.patch,
            Method::PUT => &self.put,
            Method::DELETE => &self.delete,
            _ => &self.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Requests {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Requests {
            get: read(&self.get),
            head: read(&self.head),
            post: read(&self.post),
            patch: read(&self.patch),
            put: read(&self.put),
            delete: read(&self.delete),
            other: read(&self.other),
        }
    }
}

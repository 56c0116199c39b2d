//! How long the manifests of one image may take: the time in which at least one of its requests runs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The time that each image has left.
#[derive(Debug, Default)]
pub(crate) struct ImageClock {
    limit: Option<Duration>,
    images: Mutex<HashMap<String, Spent>>,
}

/// The time of one image is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeUp {
    pub(crate) limit: Duration,
}

/// The time that one image took.
#[derive(Debug)]
struct Spent {
    /// Requests that run.
    running: usize,
    /// When the first of these began.
    since: Instant,
    /// The time before.
    before: Duration,
}

impl ImageClock {
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        ImageClock { limit, images: Mutex::default() }
    }

    /// Runs a request of an image, as long as the image has time.
    pub(crate) async fn within<T>(&self, image: &str, request: impl Future<Output = T>) -> Result<T, TimeUp> {
        let Some(limit) = self.limit else { return Ok(request.await) };
        let left = limit.saturating_sub(self.begin(image));
        let _running = Running { clock: self, image };
        tokio::time::timeout(left, request).await.map_err(|_| TimeUp { limit })
    }

    /// Begins a request, and says how much time the image took until now.
    fn begin(&self, image: &str) -> Duration {
        let mut images = self.images();
        let fresh = || Spent { running: 0, since: Instant::now(), before: Duration::ZERO };
        let spent = images.entry(image.to_owned()).or_insert_with(fresh);
        if spent.running == 0 {
            spent.since = Instant::now();
        }
        spent.running += 1;
        spent.before + spent.since.elapsed()
    }

    fn end(&self, image: &str) {
        if let Some(spent) = self.images().get_mut(image) {
            spent.running -= 1;
            if spent.running == 0 {
                spent.before += spent.since.elapsed();
            }
        }
    }

    fn images(&self) -> MutexGuard<'_, HashMap<String, Spent>> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that runs; dropped, it has ended.
struct Running<'a> {
    clock: &'a ImageClock,
    image: &'a str,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.clock.end(self.image);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_image_has_its_time_and_others_theirs() {
        let clock = ImageClock::new(Some(Duration::from_secs(3600)));
        assert_eq!(clock.within("a", async { 1 }).await, Ok(1));
        let limit = Duration::ZERO;
        let none = ImageClock::new(Some(limit));
        assert_eq!(none.within("a", std::future::pending::<()>()).await, Err(TimeUp { limit }));
        assert_eq!(none.images()["a"].running, 0);
        assert_eq!(ImageClock::default().within("a", async { 2 }).await, Ok(2));
    }
}

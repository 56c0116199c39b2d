//! What observers see of downloads.

use std::sync::Arc;

use airlift_oci::{Event, Observer};

/// An observer of downloads that passes all on but bytes: a byte that is copied counts when it is sent.
pub fn download_observer(observer: Arc<dyn Observer>) -> Arc<dyn Observer> {
    Arc::new(WithoutBytes(observer))
}

struct WithoutBytes(Arc<dyn Observer>);

impl Observer for WithoutBytes {
    fn notice(&self, event: Event) {
        if !matches!(event, Event::Advanced { .. } | Event::Found { .. } | Event::Rewound { .. }) {
            self.0.notice(event);
        }
    }
}

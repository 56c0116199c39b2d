//! The room that a blob takes among those that are fetched side by side.

use tokio::sync::OwnedSemaphorePermit;

const MIB: u64 = 1024 * 1024;

/// The room of one blob on its way. Bytes that have arrived give their room to other blobs, so that the line
/// stays full; the last share is kept to the end.
pub(crate) struct Room {
    shares: OwnedSemaphorePermit,
    /// Bytes that have arrived since the last share was given away.
    arrived: u64,
}

impl Room {
    pub(crate) fn new(shares: OwnedSemaphorePermit) -> Self {
        Room { shares, arrived: 0 }
    }

    /// Counts bytes that have arrived.
    pub(crate) fn arrived(&mut self, bytes: usize) {
        self.arrived += bytes as u64;
        while self.arrived >= MIB && self.shares.num_permits() > 1 {
            self.arrived -= MIB;
            drop(self.shares.split(1));
        }
    }
}

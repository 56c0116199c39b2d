//! The one progress interface: libraries tell what happens, whoever watches decides what to show.

use crate::Digest;

/// Something that a person, or a log, may want to know while work goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A reference is being looked up.
    Resolving {
        /// The reference as it was understood.
        reference: String,
    },
    /// A reference was looked up.
    Resolved {
        /// The reference as it was understood.
        reference: String,
        /// What it stands for now.
        digest: Digest,
    },
    /// A phase whose length is known begins.
    PhaseStarted {
        /// What is done: "fetch", "verify", "push".
        phase: &'static str,
        /// Bytes to go through in all.
        bytes: u64,
    },
    /// The phase is over, well or badly.
    PhaseEnded {
        /// The phase's name.
        phase: &'static str,
    },
    /// Work on one piece of content begins.
    Started {
        /// The content.
        digest: Digest,
        /// Its place in words: "nginx:1.27 linux/amd64 layer 3".
        label: String,
        /// Its size in bytes.
        size: u64,
    },
    /// Bytes of one piece of content went by. `bytes` counts towards the phase.
    Advanced {
        /// The content.
        digest: Digest,
        /// How many more bytes.
        bytes: u64,
    },
    /// Bytes of one piece of content are there already, and need not be moved. They count towards the phase,
    /// but say nothing of its speed.
    Found {
        /// The content.
        digest: Digest,
        /// How many bytes.
        bytes: u64,
    },
    /// The phase is shorter than it was said to be: so many bytes are not gone through, because nothing can
    /// come of them.
    Shortened {
        /// How many bytes.
        bytes: u64,
    },
    /// The piece starts over: `bytes` that were counted, as advanced or found, are taken back.
    Rewound {
        /// The content.
        digest: Digest,
        /// How many bytes no longer count.
        bytes: u64,
    },
    /// Work on one piece of content is over.
    Finished {
        /// The content.
        digest: Digest,
    },
    /// A request failed and will be made again.
    Retrying {
        /// What was asked for.
        what: String,
        /// Why it failed.
        reason: String,
        /// Which attempt comes next, counted from 1.
        attempt: u32,
        /// How long until then, in milliseconds.
        delay_ms: u64,
    },
    /// Something that is not wrong enough to stop for.
    Warning {
        /// The whole sentence.
        message: String,
    },
}

/// Whoever wants to know. Called from many threads, often: it must return at once.
pub trait Observer: Send + Sync {
    /// Takes notice of one event.
    fn notice(&self, event: Event);
}

/// An observer that looks away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn notice(&self, _: Event) {}
}

//! The one progress interface: libraries report what happens, and an [`Observer`] decides what to show.

use std::fmt;

use crate::{Digest, Host, Repository, Selector};

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
    /// A phase begins. [`Phase::start`] sends this, and the event of its end.
    PhaseStarted {
        /// What is done.
        phase: Phase,
        /// Bytes to go through in all.
        bytes: u64,
    },
    /// The phase is over: it succeeded, failed or was given up.
    PhaseEnded {
        /// What was done.
        phase: Phase,
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
    /// The phase is longer than announced: so many more bytes turned out to be wanted.
    Lengthened {
        /// How many bytes.
        bytes: u64,
    },
    /// The phase is shorter than announced: so many bytes are not processed, because that would be of no use.
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
    /// A manifest was brought to a registry: it was read back under this tag or digest as it was sent.
    Arrived {
        /// The repository.
        repository: Repository,
        /// The tag, or the manifest's digest.
        selector: Selector,
        /// The manifest's digest.
        digest: Digest,
        /// Its media type.
        media_type: String,
        /// What the tag stood for before, if it was there and the registry showed it.
        before: Option<Digest>,
    },
    /// A project that was missing at a registry was created there.
    ProjectCreated {
        /// The registry.
        host: Host,
        /// The project's name.
        project: String,
    },
    /// Something that is not wrong enough to stop for.
    Warning {
        /// The sentence, without what would avoid it.
        message: String,
        /// What would have avoided it, if the caller could have done that.
        remedy: Option<Remedy>,
    },
}

/// What would avoid a warning. The caller knows what its option for that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// To fetch foreign layers from the addresses that their descriptors name.
    FetchForeignLayers,
    /// To log in, or to name a bundle that holds the content.
    ReuseBundle,
    /// Not to ask a registry whether it takes indexes with absent children.
    SkipProbe,
}

/// Work of a known length, during which one command shows one progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Hashes what is there, to find out whether it is what is wanted.
    Check,
    /// Hashes what an earlier, interrupted run wrote.
    Resume,
    /// Copies content from other bundles and archives.
    Reuse,
    /// Downloads content.
    Fetch,
    /// Computes the digests of the volumes that were written.
    Digest,
    /// Hashes what a bundle holds, and compares.
    Verify,
    /// Hashes volumes to find out which of them were altered.
    Volumes,
    /// Uploads content.
    Push,
}

impl Phase {
    /// The phase's name as progress shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Phase::Check => "check",
            Phase::Resume => "resume",
            Phase::Reuse => "reuse",
            Phase::Fetch => "fetch",
            Phase::Digest => "digest",
            Phase::Verify => "verify",
            Phase::Volumes => "volumes",
            Phase::Push => "push",
        }
    }

    /// Starts a phase that processes `bytes` in all. The phase ends when the value is dropped.
    pub fn start(self, observer: &dyn Observer, bytes: u64) -> RunningPhase<'_> {
        observer.notice(Event::PhaseStarted { phase: self, bytes });
        RunningPhase { phase: self, observer }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A phase that goes on for as long as this value lives, and ends on every way out.
#[must_use = "the phase ends when this is dropped"]
pub struct RunningPhase<'a> {
    phase: Phase,
    observer: &'a dyn Observer,
}

impl Drop for RunningPhase<'_> {
    fn drop(&mut self) {
        self.observer.notice(Event::PhaseEnded { phase: self.phase });
    }
}

/// Receives events. They come from many threads, and often: `notice` must return at once.
pub trait Observer: Send + Sync {
    /// Takes notice of one event.
    fn notice(&self, event: Event);
}

/// An observer that ignores every event.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn notice(&self, _: Event) {}
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Recorded(Mutex<Vec<Event>>);

    impl Observer for Recorded {
        fn notice(&self, event: Event) {
            self.0.lock().unwrap().push(event);
        }
    }

    #[test]
    fn a_phase_ends_on_every_way_out() {
        let recorded = Recorded::default();
        let fails = || -> Result<(), ()> {
            let _phase = Phase::Check.start(&recorded, 7);
            Err(())
        };
        assert!(fails().is_err());
        assert_eq!(
            *recorded.0.lock().unwrap(),
            [
                Event::PhaseStarted { phase: Phase::Check, bytes: 7 },
                Event::PhaseEnded { phase: Phase::Check }
            ]
        );
    }
}

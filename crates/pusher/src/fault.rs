//! The cause of an image's failure: which side it is on, and which advice fits it.

use airlift_registry::LikelyCause;

/// Why an image is not there, where there is an obvious next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownCause {
    /// A registry that can't be reached, or doesn't let this client in.
    Registry(LikelyCause),
    /// An index some of whose children the bundle leaves out, and a registry that wants all of them.
    Sparse,
    /// A tag that stands for something else at the target.
    TagTaken,
    /// A tag that may stand for something else: the registry doesn't show it, for that reason.
    TagHidden(Option<LikelyCause>),
}

/// Which side has caused that an image is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The registry's, or the network's.
    Registry,
    /// The bundle's: content that doesn't match its digest.
    Bundle,
    /// This machine's: the bundle could not be read.
    Local,
    /// None: a tag stands for something else, and was left alone.
    Policy,
}

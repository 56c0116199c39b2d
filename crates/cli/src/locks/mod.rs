//! Locks as files, and what commands say and ask about them. What a lock is stands in the crate `lists`.

pub(crate) mod answers;
pub(crate) mod changes;
pub(crate) mod file;
pub(crate) mod names;
pub(crate) mod time;

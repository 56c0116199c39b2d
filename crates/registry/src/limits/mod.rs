//! Limits of rates, counts and sizes, each of another party.
//!
//! | file | whose limit | of what |
//! |---|---|---|
//! | `bandwidth` | the user's | bytes per second of all blobs together |
//! | `minimum_rate` | ours | the least bytes per second that a response may come with |
//! | `pull_limit` | the registry's | pulls in some hours |
//! | `request_gate` | ours, by what the registry bears | small requests at a time |
//! | `concurrency` | the user's | transfers at a time |
//! | `body_size` | a proxy's before the registry | bytes in one request |
//!
//! How long we wait when nothing moves at all is in `http::time_limits` and `push::stall_timer`.

pub(crate) mod bandwidth;
pub(crate) mod body_size;
pub(crate) mod concurrency;
pub(crate) mod minimum_rate;
pub(crate) mod pull_limit;
pub(crate) mod request_gate;

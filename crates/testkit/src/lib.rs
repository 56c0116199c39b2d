//! For tests only: real registries and containerd, images put into them, a scripted registry that misbehaves
//! on demand, and archives tampered with.
//!
//! Nothing but dev-dependencies may name this crate; `tests/workspace` holds that. It knows nothing of what
//! it helps to test: its HTTP, its tar listing and its comparisons share no code with the product, so that
//! one mistake can't hide in both.
//!
//! Everything here panics when a test can't be set up, and ends what it started when it is dropped. Don't
//! keep any of it in a `static`: those are never dropped.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that can't be set up has to fail, and says why it was left out"
)]

pub mod containerd;
#[cfg(target_os = "linux")]
pub mod failing_calls;
pub mod http;
#[cfg(target_os = "linux")]
pub mod kills;
pub mod line;
pub mod process;
pub mod real;
pub mod scripted;
pub mod seed;
pub mod strace;
pub mod tamper;
pub mod tool;
#[cfg(target_os = "linux")]
pub mod tracer;

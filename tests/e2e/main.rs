//! The whole way, end to end: the `airlift` binary between real registries, read by real clients.
//!
//! A test here starts what it needs ([`pair::Pair`], `airlift_testkit`), runs the binary ([`airlift::Airlift`]) as a person
//! would, and looks at the outcome with code that is not Airlift's. Where a real part isn't installed, the test says
//! so and passes; `tests/run` installs them.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

mod airlift;
mod archive;
mod attached;
mod bad_input;
mod consumers;
mod cosign;
mod external;
mod made;
mod matrix;
mod memory;
mod pair;
mod pinned;
mod platforms;
mod republish;
mod secured;
mod sparse;
mod whole_way;

//! End to end: the `airlift` binary between real registries, with real clients.
//!
//! A test here starts what it needs ([`pair::Pair`], `airlift_testkit`), runs the binary
//! ([`airlift::Airlift`]) as a user would, and checks the result with code that is not Airlift's. If a tool
//! isn't installed, the test says so and passes; `tests/run` installs them.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

mod airlift;
mod answers;
mod archive;
mod arrivals;
mod attached;
mod bad_input;
mod built_locks;
mod check;
mod compressed;
mod configs;
mod consumers;
mod copy;
mod cosign;
mod create_repos;
mod diff;
#[cfg(target_os = "linux")]
mod durability;
mod external;
mod hostile_registry;
mod image_timeout;
mod inspected;
mod keep_going;
mod layouts;
mod layouts_of_builders;
mod lock_files;
mod locked_layouts;
mod locking;
mod locking_errors;
mod locks;
mod logins;
#[cfg(target_os = "linux")]
mod machine;
mod made;
mod manifests;
mod matrix;
mod memory;
mod mirrors;
mod one_at_a_time;
mod own_files;
mod own_reports;
mod pair;
mod pinned;
mod pins;
mod platforms;
mod prune;
mod republish;
mod resume;
mod reuse;
mod secured;
mod sparse;
mod sparse_source;
mod terminal;
mod tutorials;
mod volumes;
mod whole_way;
mod write_access;

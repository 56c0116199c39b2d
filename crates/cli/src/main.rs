//! The airlift command.
fn main() {}

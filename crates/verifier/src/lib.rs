//! Bundle to report: every byte re-read and hashed, with no network.

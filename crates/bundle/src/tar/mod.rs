//! POSIX tar, as bundles use it: paths, headers, pax records, and the scanner that refuses everything else.

pub mod header;
pub mod path;
mod pax;
pub mod scan;
pub(crate) mod zeros;

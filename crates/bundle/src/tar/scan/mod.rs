//! The strict tar reader: where the entries of an archive lie, and every reason not to trust it.
//!
//! An archive is only ever parsed in place; nothing is extracted, so no entry can write anywhere. The reader
//! answers the attacks in which two parsers see two different archives in the same bytes, or one parser is
//! led astray:
//!
//! - cut off: at an entry's boundary, inside data, without the closing blocks, or an empty file;
//! - anything but zeros behind the end, where a second archive could hide;
//! - the same name twice, of which one parser takes the first and another the last;
//! - a pax size that differs from the header's (CVE-2025-62518), global pax headers, pax paths that rename an
//!   entry;
//! - GNU sparse maps (CVE-2025-58183), symbolic links, devices and unknown types;
//! - hard links to anything but a regular file that stands before them in the archive;
//! - absolute names, `..`, `//`, NUL and control characters;
//! - sizes beyond what is there, negative base-256, header records of megabytes;
//! - flipped bits in headers, by their checksum.
//!
//! Another order of entries, directory entries, hard links to an earlier file, and long names in pax or GNU
//! form are legal.
//!
//! [`scan`] goes from header to header. `fields` reads one header block, `extended` what pax and GNU headers
//! say about the next entry, and `names` keeps the names so far.

mod extended;
mod fields;
mod names;
mod scanner;

pub use scanner::{ScannedEntry, scan};

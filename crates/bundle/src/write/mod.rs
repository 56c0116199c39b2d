//! Writing: the plain archive, zstd frames and volumes, resumed from an unfinished file, and published once
//! they are whole.

pub(crate) mod appender;
pub mod error;
pub mod locks;
pub mod part;
pub mod volume_parts;
pub(crate) mod volumes;
pub mod writer;
pub mod zst;
mod zst_resume;

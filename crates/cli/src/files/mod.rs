//! Files that people name: what they are, which may not be written over, and how small ones are replaced.

pub(crate) mod documents;
pub(crate) mod keep_apart;
pub(crate) mod kind;
pub(crate) mod manifests;
pub(crate) mod on_all;
pub(crate) mod replaced;
pub(crate) mod report_file;
pub(crate) mod standard_stream;
pub(crate) mod together;
pub(crate) mod unread;

//! Writing a bundle, in each of its forms: a plain archive, zstd frames, volumes, a stream.
//!
//! [`form`] has the list of forms, [`output`] what every form has to do. What an earlier run left unfinished
//! is gone on with; the output takes its name once it is complete and durable.

mod appender;
mod at_offsets;
pub mod error;
mod exclusive;
mod file;
mod file_names;
pub mod form;
mod frame_output;
pub mod frames;
mod frames_resume;
pub mod kept_manifests;
pub mod locks;
pub mod output;
mod publish;
mod stream;
mod tar;
mod unfinished_file;
pub mod unfinished_names;
mod unfinished_volumes;
mod volume_files;
mod volumes;
mod zst;

//! Values of options that name files to write.

use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};

use crate::files::standard_stream::StandardStream;

/// A file to write, where `-` is standard output, and so is every other name of it.
pub(crate) fn file_or_stdout() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(|path| match StandardStream::of(&path) {
        Some(StandardStream::Out) => PathBuf::from("-"),
        _ => path,
    })
}

/// A file to write, where `-` is refused: it would be the name of a file, and is meant otherwise.
pub(crate) fn file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.as_os_str() == "-" {
        true => Err("a file's name is expected; /dev/stdout is standard output, and ./- a file"),
        false => Ok(path),
    })
}

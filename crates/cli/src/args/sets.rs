//! The options that name lists, images files and locks.

use std::path::PathBuf;

/// Where images are asked for beside the command line.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SetArgs {
    /// A list of references, an images file, a lock, or - (repeatable)
    ///
    /// A text file has one reference a line, and '#' starts a comment; - is standard input. A .yaml file is
    /// an images file, with groups, and platforms for each image: see docs/lists.md. Of a lock, the digests
    /// are taken, and no tag is asked for: see docs/locks.md.
    #[arg(short, long = "file", value_name = "SET")]
    pub(crate) file: Vec<PathBuf>,
    /// Take only these groups of images files and locks (repeatable, commas)
    ///
    /// Images on the command line and in text files have no groups, and are taken in any case.
    #[arg(long = "group", value_name = "GROUP", value_delimiter = ',', requires = "file")]
    pub(crate) groups: Vec<String>,
}

//! What is done with the new content of files.

use std::path::PathBuf;

use crate::usage_error::UsageError;

/// What is done with the new content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The one file is printed.
    Print,
    /// The files are replaced.
    Write,
    /// Nothing: whether there is something to do is the answer.
    Check,
    /// What would change is printed as a diff.
    Diff,
    /// What would change is printed as a document.
    Report,
}

/// The options that choose it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ModeArgs {
    /// Files, folders, or - for standard input
    ///
    /// Of a folder, all *.yaml, *.yml and *.json files below it, without .git. Links to folders are not
    /// followed.
    #[arg(value_name = "FILE|DIR|-", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Replace the files: all of them, or none
    ///
    /// Modes and owners stay. A link stays, too, and the file that it leads to is replaced.
    #[arg(short, long)]
    write: bool,
    /// Change nothing; exit with code 1 if there is something to do
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Change nothing, and print what would change as a unified diff
    #[arg(long, conflicts_with_all = ["write", "check"])]
    diff: bool,
    /// Look there in objects of this kind, too (repeatable), see `airlift images --help`
    #[arg(long = "path", value_name = "KIND:PATH")]
    pub(crate) rules: Vec<String>,
}

impl ModeArgs {
    /// What is done.
    ///
    /// # Errors
    /// If it can't be done with these files.
    pub(crate) fn mode(&self, is_json: bool) -> Result<Mode, UsageError> {
        let streams = self.paths.iter().filter(|path| path.as_os_str() == "-").count();
        if streams > 1 {
            return Err(UsageError::Combination("standard input can be read once"));
        }
        Ok(match (self.write, self.check, self.diff) {
            (true, ..) if streams > 0 => {
                return Err(UsageError::Combination("--write replaces files, and standard input is none"));
            }
            (_, _, true) if is_json => {
                return Err(UsageError::Combination(
                    "--diff prints a diff, and --json a document: choose one",
                ));
            }
            (true, ..) => Mode::Write,
            (_, true, _) => Mode::Check,
            (_, _, true) => Mode::Diff,
            _ if is_json => Mode::Report,
            _ if self.paths.len() > 1 || self.paths.iter().any(|path| path.is_dir()) => {
                return Err(UsageError::Combination(
                    "several files can't be printed as one: choose --write, --check or --diff",
                ));
            }
            _ => Mode::Print,
        })
    }
}

//! The rules of `--path`, of all commands that look through manifests.

use std::path::{Path, PathBuf};

use airlift_workloads::Rule;

use crate::failure::Failure;
use crate::usage_error::UsageError;

/// What a file with rules begins with on the command line.
const FILE: char = '@';

/// Reads rules, and files of them. In a file, `#` begins a line that is a comment.
///
/// # Errors
/// If a rule is none, or a file of rules can't be read.
pub(crate) fn read(given: &[String]) -> Result<Vec<Rule>, Failure> {
    let mut rules = Vec::new();
    for text in given {
        match text.strip_prefix(FILE) {
            None => rules.push(text.parse().map_err(UsageError::Rule)?),
            Some(file) => rules.append(&mut of_file(Path::new(file))?),
        }
    }
    Ok(rules)
}

fn of_file(file: &Path) -> Result<Vec<Rule>, Failure> {
    let failed = |source| Failure::File { doing: "read", path: PathBuf::from(file), source };
    let text = std::fs::read_to_string(file).map_err(failed)?;
    let lines = text.lines().map(str::trim).enumerate();
    let rules = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).map(|(number, line)| {
        let rule = line.parse();
        rule.map_err(|source| {
            UsageError::RuleInFile { file: file.to_owned(), line: number + 1, source }.into()
        })
    });
    rules.collect()
}

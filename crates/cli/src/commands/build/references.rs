//! The references of a build: from the command line and from lists.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use airlift_oci::Reference;
use airlift_packager::Several;

use crate::failure::{BadReference, Failure, UsageError};

/// A list of references is never this large.
const MAX_LIST: u64 = 16 << 20;

/// All references, in the order in which they were given.
pub(crate) fn gather(arguments: &[String], lists: &[PathBuf]) -> Result<Vec<Reference>, Failure> {
    let mut parsed: Vec<Result<Reference, BadReference>> =
        arguments.iter().map(|text| text.parse().map_err(BadReference::Argument)).collect();
    for list in lists {
        parsed.extend(parse(list, &read(list)?)?);
    }
    let references = all_of(parsed)?;
    if references.is_empty() { Err(UsageError::NoReferences.into()) } else { Ok(references) }
}

/// All references, or all that can't be read.
fn all_of(parsed: Vec<Result<Reference, BadReference>>) -> Result<Vec<Reference>, UsageError> {
    let (mut references, mut errors) = (Vec::new(), Vec::new());
    for reference in parsed {
        match reference {
            Ok(reference) => references.push(reference),
            Err(error) => errors.push(error),
        }
    }
    Several::check(errors)?;
    Ok(references)
}

fn read(list: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |source| Failure::File { doing: "read", path: shown(list), source };
    let mut bytes = Vec::new();
    if list == Path::new("-") {
        std::io::stdin().lock().take(MAX_LIST + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        refuse_other_kinds(list)?;
        if list.is_dir() {
            let why = "it is a folder; name a text file";
            return Err(failed(io::Error::new(io::ErrorKind::IsADirectory, why)));
        }
        File::open(list).and_then(|file| file.take(MAX_LIST + 1).read_to_end(&mut bytes)).map_err(failed)?;
    }
    if bytes.len() as u64 > MAX_LIST {
        return Err(UsageError::List { file: shown(list), why: "it has more than 16 MiB" }.into());
    }
    Ok(bytes)
}

/// Files that mean something else by their name must not be taken for lists.
fn refuse_other_kinds(list: &Path) -> Result<(), UsageError> {
    let extension = list.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    match extension {
        Some(extension) if matches!(extension.as_str(), "yaml" | "yml" | "lock" | "json" | "tar") => {
            Err(UsageError::ListKind { file: list.to_owned(), extension })
        }
        _ => Ok(()),
    }
}

/// One reference a line; `#` starts a comment at a line's start or behind white space, for references have
/// none.
fn parse(list: &Path, bytes: &[u8]) -> Result<Vec<Result<Reference, BadReference>>, UsageError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| UsageError::List { file: shown(list), why: "it is not UTF-8 text" })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut references = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let entry = without_comment(line).trim();
        if entry.is_empty() {
            continue;
        }
        let bad = |source| BadReference::Line { file: shown(list), line: number + 1, source };
        references.push(entry.parse().map_err(bad));
    }
    Ok(references)
}

fn without_comment(line: &str) -> &str {
    let starts =
        |(position, _): &(usize, &str)| line[..*position].chars().next_back().is_none_or(char::is_whitespace);
    line.match_indices('#').find(starts).map_or(line, |(position, _)| &line[..position])
}

fn shown(list: &Path) -> PathBuf {
    if list == Path::new("-") { PathBuf::from("standard input") } else { list.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<String>, UsageError> {
        let parsed = all_of(parse(Path::new("images.txt"), text.as_bytes())?)?;
        Ok(parsed.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn comments_and_blank_lines_are_passed_over() {
        let text = "\u{feff}# the web\nnginx:1.27   # pinned\r\n\n  quay.io/a/b:1\t#x\n   # end";
        assert_eq!(names(text).unwrap(), ["docker.io/library/nginx:1.27", "quay.io/a/b:1"]);
        assert_eq!(without_comment("a#b"), "a#b");
        assert_eq!(names("# nothing\n").unwrap(), [""; 0]);
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = names("nginx\n\nNot A Reference\n").unwrap_err();
        assert_eq!(error.to_string(), "images.txt, line 3");
        let reason = std::error::Error::source(&error).unwrap().to_string();
        assert!(reason.contains("'Not A Reference'"), "{reason}");
        assert!(matches!(parse(Path::new("-"), b"\xff\xfe"), Err(UsageError::List { .. })));
    }

    #[test]
    fn all_bad_lines_are_named() {
        let UsageError::References(errors) = names("A\nnginx\nB\n").unwrap_err() else { panic!("not these") };
        let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(all, ["images.txt, line 1", "images.txt, line 3"]);
        assert_eq!(errors.to_string(), "2 references can't be read");
    }

    #[test]
    fn other_kinds_of_files_are_refused_by_name() {
        for name in ["images.yaml", "IMAGES.YML", "images.lock"] {
            let refused = refuse_other_kinds(Path::new(name));
            assert!(matches!(refused, Err(UsageError::ListKind { .. })), "{name}");
        }
        assert!(refuse_other_kinds(Path::new("images.txt")).is_ok());
        assert!(refuse_other_kinds(Path::new("images")).is_ok());
    }
}

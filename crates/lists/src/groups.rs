//! The choice of groups.

use std::collections::BTreeSet;
use std::fmt;

use crate::suggest::closest;

/// Groups that no file has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownGroups {
    unknown: Vec<String>,
    known: BTreeSet<String>,
}

/// Checks that all chosen groups are there.
///
/// # Errors
/// If there is no group of one of the names.
pub fn check_groups(chosen: &[String], known: &BTreeSet<String>) -> Result<(), UnknownGroups> {
    let unknown: Vec<String> = chosen.iter().filter(|group| !known.contains(*group)).cloned().collect();
    if unknown.is_empty() { Ok(()) } else { Err(UnknownGroups { unknown, known: known.clone() }) }
}

/// `there is no group 'bas' (did you mean 'base'?)`
impl fmt::Display for UnknownGroups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |name: &String| format!("'{}'", name.escape_debug());
        let unknown: Vec<String> = self.unknown.iter().map(quoted).collect();
        write!(f, "there is no group {} ", unknown.join(", "))?;
        let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
        match self.unknown.first().and_then(|name| closest(name, &known)) {
            _ if known.is_empty() => f.write_str("(there are no groups)"),
            Some(meant) => write!(f, "(did you mean '{meant}'?)"),
            None => write!(f, "(there is {})", known.join(", ")),
        }
    }
}

impl std::error::Error for UnknownGroups {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_groups_are_named_with_those_that_there_are() {
        let known: BTreeSet<String> = ["base", "monitoring"].map(str::to_owned).into();
        let said = |chosen: &str| check_groups(&[chosen.to_owned()], &known).unwrap_err().to_string();
        assert_eq!(said("bas"), "there is no group 'bas' (did you mean 'base'?)");
        assert_eq!(said("x\u{1b}"), "there is no group 'x\\u{1b}' (there is base, monitoring)");
        assert!(check_groups(&["base".to_owned()], &known).is_ok());
        let none = check_groups(&["a".to_owned()], &BTreeSet::new()).unwrap_err();
        assert_eq!(none.to_string(), "there is no group 'a' (there are no groups)");
    }
}

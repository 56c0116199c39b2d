//! The user's own configuration: `airlift/config.toml` in the XDG folder.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use airlift_disk::{Links, open_regular};
use airlift_oci::reference::MirrorRule;
use serde::Deserialize;
use toml::{Spanned, Table, Value};

use crate::config::toml_text::TomlText;
use crate::failure::Failure;

/// The members of the file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    /// By the original, the mirror, which is a text.
    #[serde(default)]
    mirrors: BTreeMap<Spanned<String>, Spanned<Value>>,
}

/// Where the file is, whether it is there or not; `None` if the environment names no folder for it.
pub(crate) fn config_path() -> Option<PathBuf> {
    path_by(|name| std::env::var_os(name))
}

fn path_by(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(folder.join("airlift/config.toml"))
}

/// The rules for mirrors in the user's configuration; none if there is no such file.
pub(crate) fn user_mirrors(file: Option<&Path>) -> Result<Vec<MirrorRule>, Failure> {
    // Every run reads it, so none may wait for a pipe in its place.
    let open = |file: &Path| TomlText::open(file, |path| open_regular(path, Links::Follow));
    let Some(text) = file.map(open).transpose()?.flatten() else { return Ok(Vec::new()) };
    let config: ConfigFile = text.parse()?;
    let mut entries: Vec<_> = config.mirrors.iter().collect();
    entries.sort_by_key(|(from, _)| from.span().start);
    let mut rules: Vec<MirrorRule> = Vec::new();
    for (from, to) in entries {
        let refuse = |why: &dyn Display| text.error(from.span().start, why);
        let to = match to.get_ref() {
            Value::String(to) => to,
            Value::Table(table) => return Err(refuse(&unquoted(from.get_ref(), table)).into()),
            other => {
                let why = format!("invalid type: {}, expected a string", other.type_str());
                return Err(text.error(to.span().start, why).into());
            }
        };
        let rule = MirrorRule::new(from.get_ref(), to).map_err(|error| refuse(&error))?;
        if rules.iter().any(|earlier| earlier.from == rule.from) {
            return Err(refuse(&format!("{} has a mirror already: keep one of them", rule.from)).into());
        }
        rules.push(rule);
    }
    Ok(rules)
}

/// What is wrong with a table in the place of a mirror: TOML takes points outside of quotes for the borders
/// of tables.
fn unquoted(first: &str, table: &Table) -> String {
    let (mut name, mut table) = (first.to_owned(), Some(table));
    while let Some((key, value)) = table.and_then(|table| table.iter().next()) {
        name = format!("{name}.{key}");
        table = value.as_table();
    }
    format!("quote the name, because it has points: \"{name}\" = \"…\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<MirrorRule>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, text).unwrap();
        user_mirrors(Some(&file)).map_err(|failure| failure.to_string().replace(file.to_str().unwrap(), "F"))
    }

    #[test]
    fn the_file_is_in_the_xdg_folder() {
        let environment = |config: Option<&'static str>, home: Option<&'static str>| {
            path_by(move |name| match name {
                "XDG_CONFIG_HOME" => config.map(OsString::from),
                "HOME" => home.map(OsString::from),
                _ => None,
            })
        };
        let expected = Some(PathBuf::from("/h/.config/airlift/config.toml"));
        assert_eq!(environment(None, Some("/h")), expected);
        assert_eq!(environment(Some(""), Some("/h")), expected);
        assert_eq!(environment(Some("/x"), Some("/h")), Some(PathBuf::from("/x/airlift/config.toml")));
        assert_eq!(environment(None, None), None);
    }

    #[test]
    fn mirrors_are_read_and_all_else_is_an_error_with_its_place() {
        assert_eq!(user_mirrors(None).unwrap(), []);
        assert_eq!(user_mirrors(Some(Path::new("/no/such/file"))).unwrap(), []);
        assert_eq!(read("").unwrap(), []);
        let text = "\u{feff}# mine\r\n[mirrors]\r\n\"docker.io\" = \"registry.corp/dockerhub\"\r\n";
        assert_eq!(read(text).unwrap(), ["docker.io=registry.corp/dockerhub".parse().unwrap()]);
        for (text, said) in [
            ("[mirrors]\n\"docker.io\" = 7\n", "F:2:15: invalid type"),
            ("[mirrors]\n\"docker.io\" = \"a.corp\"\n\"docker.io\" = \"b.corp\"\n", "F:3:1: duplicate key"),
            ("\n[mirror]\n\"docker.io\" = \"a.corp\"\n", "F:2:2: unknown field `mirror`"),
            ("[mirrors]\n\"ö\" = \"a.corp\"\n", "F:2:1: 'ö'"),
            ("[mirrors]\n\"quay.io\" = \"https://a.corp\"\n", "F:2:1: "),
            ("[mirrors", "F:1:9: "),
            ("[mirrors]\nh.corp:5000 = \"x.y\"\n", "F:2:7: invalid unquoted key"),
            (
                "[mirrors]\ndocker.io = \"x.y\"\n",
                "F:2:1: quote the name, because it has points: \"docker.io\" = ",
            ),
            (
                "[mirrors]\na.b.corp = \"x.y\"\n",
                "F:2:1: quote the name, because it has points: \"a.b.corp\" = ",
            ),
            (
                "[mirrors]\n\"quay.io\" = \"a.corp\"\n\"quay.io/\" = \"b.corp\"\n",
                "F:3:1: quay.io has a mirror already",
            ),
            (
                "[mirrors]\n\"quay.io/\" = \"a.corp\"\n\"quay.io\" = \"b.corp\"\n",
                "F:3:1: quay.io has a mirror already",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(said), "{error}");
            assert_eq!(error.contains("unquoted key"), error.ends_with("put it in quotes"), "{error}");
        }
    }

    #[test]
    fn a_pipe_in_its_place_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("config.toml");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let Err(Failure::File { source, .. }) = user_mirrors(Some(&pipe)) else { panic!("it was read") };
        assert!(source.to_string().contains("not a regular file"), "{source}");
    }
}

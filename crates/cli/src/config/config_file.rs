//! The user's own configuration: `airlift/config.toml` in the XDG folder.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use airlift_oci::reference::MirrorRule;
use serde::Deserialize;
use toml::Spanned;

use crate::config::toml_text::TomlText;
use crate::failure::Failure;

/// The members of the file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    /// By the original, the mirror.
    #[serde(default)]
    mirrors: BTreeMap<Spanned<String>, Spanned<String>>,
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
    let Some(text) = file.map(TomlText::open).transpose()?.flatten() else { return Ok(Vec::new()) };
    let config: ConfigFile = text.parse()?;
    let rules = config.mirrors.iter().map(|(from, to)| {
        MirrorRule::new(from.get_ref(), to.get_ref())
            .map_err(|error| text.error(from.span().start, error).into())
    });
    rules.collect()
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
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
    }
}

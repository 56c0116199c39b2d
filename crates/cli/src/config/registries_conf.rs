//! `registries.conf` of Podman, Buildah, Skopeo and CRI-O, version 2: what it says of mirrors. All else that
//! it may have is for other tools, and is passed over. See containers-registries.conf(5).

use std::fs::File;
use std::path::Path;

use airlift_oci::reference::{MirrorError, MirrorRule, MirrorUse, RepositoryPrefix};
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use crate::config::toml_text::TomlText;
use crate::failure::Failure;
use crate::usage_error::UsageError;

#[derive(Deserialize)]
struct RegistriesConf {
    #[serde(default)]
    registry: Vec<Spanned<RegistryTable>>,
    /// The whole of the old format, version 1.
    registries: Option<Spanned<IgnoredAny>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RegistryTable {
    prefix: Option<Spanned<String>>,
    location: Option<Spanned<String>>,
    #[serde(default)]
    blocked: bool,
    #[serde(default)]
    mirror_by_digest_only: bool,
    #[serde(default)]
    mirror: Vec<MirrorTable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct MirrorTable {
    location: Spanned<String>,
    pull_from_mirror: Option<PullFromMirror>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PullFromMirror {
    All,
    DigestOnly,
    TagOnly,
}

/// The rules for mirrors in a `registries.conf`.
pub(crate) fn registries_conf_mirrors(file: &Path) -> Result<Vec<MirrorRule>, Failure> {
    let Some(text) = TomlText::open(file, |path| File::open(path))? else {
        let source = std::io::ErrorKind::NotFound.into();
        return Err(Failure::File { doing: "read", path: file.to_owned(), source });
    };
    let conf: RegistriesConf = text.parse()?;
    if let Some(old) = conf.registries {
        let why = "this is the old format, version 1: write [[registry]] tables in its place";
        return Err(text.error(old.span().start, why).into());
    }
    let mut rules: Vec<MirrorRule> = Vec::new();
    for table in &conf.registry {
        let rule = rule_of(table, &text)?;
        if rules.iter().any(|earlier| earlier.from == rule.from) {
            let why = format!("{} has a table already: keep one of them", rule.from);
            return Err(text.error(table.span().start, why).into());
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn rule_of(table: &Spanned<RegistryTable>, text: &TomlText) -> Result<MirrorRule, UsageError> {
    let RegistryTable { prefix, location, blocked, mirror_by_digest_only, mirror } = table.get_ref();
    let at = |value: &Spanned<String>, error: MirrorError| text.error(value.span().start, error);
    let filled = |value: &Option<Spanned<String>>| value.clone().filter(|value| !value.get_ref().is_empty());
    let (prefix, location) = (filled(prefix), filled(location));
    let Some(from) = prefix.as_ref().or(location.as_ref()) else {
        return Err(text.error(table.span().start, "this registry has neither a prefix nor a location"));
    };
    let to = mirror.iter().map(|mirror| {
        let mirror_use = match mirror.pull_from_mirror {
            _ if *mirror_by_digest_only => MirrorUse::DigestOnly,
            None | Some(PullFromMirror::All) => MirrorUse::Always,
            Some(PullFromMirror::DigestOnly) => MirrorUse::DigestOnly,
            Some(PullFromMirror::TagOnly) => MirrorUse::TagOnly,
        };
        let to = RepositoryPrefix::of_one_registry(mirror.location.get_ref());
        to.map(|to| (to, mirror_use)).map_err(|error| at(&mirror.location, error))
    });
    let location = location.as_ref().map(|location| {
        RepositoryPrefix::of_one_registry(location.get_ref()).map_err(|error| at(location, error))
    });
    Ok(MirrorRule {
        from: from.get_ref().parse().map_err(|error| at(from, error))?,
        to: to.collect::<Result<_, _>>()?,
        location: location.transpose()?,
        is_blocked: *blocked,
    })
}

#[cfg(test)]
mod tests {
    use airlift_oci::Reference;
    use airlift_oci::reference::{AskedBy, Mirrors};

    use super::*;

    fn read(text: &str) -> Result<Vec<MirrorRule>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("registries.conf");
        std::fs::write(&file, text).unwrap();
        registries_conf_mirrors(&file)
            .map_err(|failure| failure.to_string().replace(file.to_str().unwrap(), "F"))
    }

    const CONF: &str = r#"
unqualified-search-registries = ["docker.io"]
short-name-mode = "enforcing"
credential-helpers = ["containers-auth.json"]

[aliases]
"nginx" = "docker.io/library/nginx"

[[registry]]
location = "docker.io"
insecure = false
[[registry.mirror]]
location = "registry.corp/dockerhub"
insecure = true
[[registry.mirror]]
location = "second.corp"
pull-from-mirror = "digest-only"

[[registry]]
prefix = "*.old.example"
location = "new.example/old"

[[registry]]
prefix = "quay.io/team"
location = "quay.io/team"
mirror-by-digest-only = true
[[registry.mirror]]
location = "registry.corp/team"

[[registry]]
prefix = "bad.example"
blocked = true
"#;

    #[test]
    fn tables_of_registries_become_rules() {
        let mirrors = Mirrors::default().or(read(CONF).unwrap()).unwrap();
        let asked = |repository: &str, by| {
            let reference: Reference = repository.parse().unwrap();
            let candidates = mirrors.candidates(reference.repository(), by);
            candidates.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(asked("nginx", AskedBy::Tag).unwrap(), "registry.corp/dockerhub/library/nginx");
        let both = "registry.corp/dockerhub/library/nginx second.corp/library/nginx";
        assert_eq!(asked("nginx", AskedBy::Digest).unwrap(), both);
        assert_eq!(asked("a.old.example/i", AskedBy::Tag).unwrap(), "new.example/old/i");
        assert_eq!(asked("quay.io/team/app", AskedBy::Tag).unwrap(), "quay.io/team/app");
        assert_eq!(asked("quay.io/team/app", AskedBy::Digest).unwrap(), "registry.corp/team/app");
        assert!(matches!(asked("bad.example/i", AskedBy::Tag), Err(MirrorError::Blocked { .. })));
        assert_eq!(asked("quay.io/other/app", AskedBy::Digest).unwrap(), "quay.io/other/app");
    }

    #[test]
    fn errors_name_their_place() {
        for (text, said) in [
            ("[registries.search]\nregistries = ['docker.io']\n", "F:1:"),
            ("[[registry]]\nblocked = true\n", "F:1:1: this registry has neither"),
            ("[[registry]]\nlocation = \"docker.io\"\n[[registry.mirror]]\nlocation = \"\"\n", "F:4:12: "),
            (
                "[[registry]]\nlocation = \"docker.io\"\n[[registry.mirror]]\nlocation = \"*.corp\"\n",
                "F:4:12: ",
            ),
            ("[[registry]]\nlocation = \"docker.io/UPPER\"\n", "F:2:12: "),
            ("[[registry]]\nlocation = [\n", "F:"),
            (
                "[[registry]]\nlocation = \"quay.io\"\n[[registry]]\nlocation = \"quay.io\"\n",
                "F:3:1: quay.io has a table already",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
        assert!(registries_conf_mirrors(Path::new("/no/such/file")).is_err());
    }
}

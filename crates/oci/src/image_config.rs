//! A read view of an image's configuration, for people: what the image starts, and how it was made.
//!
//! [`oci_spec::image::ImageConfiguration`] reads the JSON. Nothing is ever written from it: configs are
//! blobs, and their bytes travel unchanged. Texts are as they stand in the config: escape them before you
//! print them.
//!
//! Specification: OCI image-spec 1.1, `config.md`.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use oci_spec::image::{Config, History, ImageConfiguration};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::Platform;
use crate::document::{parse_with, read_members};

/// A config larger than this is not read.
pub const MAX_CONFIG: u64 = 4 << 20;

/// What an image's configuration says. Members that are missing or empty there are `None` or empty here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// When the image was made, as RFC 3339 writes it.
    pub created: Option<String>,
    /// The name of the person or organisation that made it.
    pub author: Option<String>,
    /// What the image runs on, as the config spells it.
    pub platform: Platform,
    /// The user that the process runs as: a name or number, with `:group` or without.
    pub user: Option<String>,
    /// The ports that the image exposes (`80/tcp`), sorted.
    pub exposed_ports: Vec<String>,
    /// The names of the environment variables, in the config's order. The values may be secrets and are left
    /// out.
    pub env_names: Vec<String>,
    /// The program that the container starts.
    pub entrypoint: Vec<String>,
    /// The program's arguments, or the program where there is no entrypoint.
    pub cmd: Vec<String>,
    /// The folder in which the program starts.
    pub working_dir: Option<String>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The signal that stops the container.
    pub stop_signal: Option<String>,
    /// The build's steps, the first one first.
    pub history: Vec<BuildStep>,
}

/// One step of an image's build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildStep {
    /// When the step ran, as RFC 3339 writes it.
    pub created: Option<String>,
    /// The instruction. Values of variables and of build arguments, which may be secrets, are replaced by
    /// `…`.
    pub created_by: Option<String>,
    /// Whether the step added no layer.
    pub empty_layer: bool,
}

impl ImageConfig {
    /// Reads a config. `None` for what is no image's config: artifacts have anything at all in that place.
    /// `None`, too, for a config of more than [`MAX_CONFIG`] bytes, and for one that readers disagree on:
    /// with a member that is there twice, or in another case.
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        if bytes.len() as u64 > MAX_CONFIG || parse_with(bytes, Members::OfImage).is_err() {
            return None;
        }
        let config = parse_with(bytes, PhantomData::<ImageConfiguration>).ok()?;
        let runtime = config.config().clone().unwrap_or_default();
        let platform = Platform {
            os: config.os().to_string(),
            architecture: config.architecture().to_string(),
            variant: text(config.variant()),
            os_version: text(config.os_version()),
            os_features: config.os_features().clone().unwrap_or_default(),
        };
        Some(ImageConfig {
            created: text(config.created()),
            author: text(config.author()),
            platform,
            history: config.history().iter().flatten().map(build_step).collect(),
            ..of_runtime(&runtime)
        })
    }
}

/// What the config's own `config` member says: how a container is started.
fn of_runtime(runtime: &Config) -> ImageConfig {
    let mut exposed_ports = runtime.exposed_ports().clone().unwrap_or_default();
    exposed_ports.sort();
    let name = |variable: &String| variable.split('=').next().unwrap_or_default().to_owned();
    ImageConfig {
        user: text(runtime.user()),
        exposed_ports,
        env_names: runtime.env().iter().flatten().map(name).collect(),
        entrypoint: runtime.entrypoint().clone().unwrap_or_default(),
        cmd: runtime.cmd().clone().unwrap_or_default(),
        working_dir: text(runtime.working_dir()),
        labels: runtime.labels().clone().unwrap_or_default().into_iter().collect(),
        stop_signal: text(runtime.stop_signal()),
        ..ImageConfig::default()
    }
}

fn text(value: &Option<String>) -> Option<String> {
    value.clone().filter(|text| !text.is_empty())
}

fn build_step(step: &History) -> BuildStep {
    BuildStep {
        created: text(step.created()),
        created_by: text(step.created_by()).map(|instruction| without_values(&instruction)),
        empty_layer: step.empty_layer().unwrap_or_default(),
    }
}

/// What stands behind a keyword in any case, and white space of any kind.
fn split_keyword<'a>(instruction: &'a str, keyword: &str) -> Option<&'a str> {
    let start = instruction.get(..keyword.len())?;
    let behind = instruction.get(keyword.len()..)?;
    let is_it = start.eq_ignore_ascii_case(keyword) && behind.starts_with(char::is_whitespace);
    is_it.then(|| behind.trim_start())
}

/// An instruction without the values of variables and build arguments. Where a value ends can't be seen if it
/// has spaces, so that too much is left out rather than too little.
fn without_values(instruction: &str) -> String {
    /// Docker's old builder writes the shell and this before all that adds no layer.
    const NO_LAYER: &str = "#(nop)";
    /// What builders write behind the build arguments of a step that runs a command.
    const SHELL: &str = "/bin/sh -c ";

    let bare = instruction.split_once(NO_LAYER).map_or(instruction, |(_, behind)| behind).trim_start();
    let (before, variable) = match split_keyword(bare, "ONBUILD") {
        Some(deferred) => ("ONBUILD ", deferred),
        None => ("", bare),
    };
    for keyword in ["ENV", "ARG"] {
        if let Some(variable) = split_keyword(variable, keyword) {
            let end = variable.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(variable.len());
            let hidden = if end < variable.len() { "=…" } else { "" };
            return format!("{before}{keyword} {}{hidden}", &variable[..end]);
        }
    }
    // `|2 VERSION=1 TOKEN=abc /bin/sh -c make`: two build arguments and the command.
    let arguments = bare.strip_prefix("RUN ").unwrap_or(bare).strip_prefix('|');
    match arguments.map(|arguments| arguments.rsplit_once(SHELL)) {
        Some(Some((_, command))) => format!("RUN … {SHELL}{command}"),
        Some(None) => "RUN …".to_owned(),
        None => instruction.to_owned(),
    }
}

/// Goes through the members that the view reads, and refuses those that readers disagree on.
#[derive(Clone, Copy)]
enum Members {
    /// The config's own.
    OfImage,
    /// Those of its member `config`.
    OfRuntime,
}

impl<'de> DeserializeSeed<'de> for Members {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an image config (a JSON object)")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        const OF_IMAGE: [&str; 9] = [
            "created",
            "author",
            "os",
            "architecture",
            "variant",
            "os.version",
            "os.features",
            "config",
            "history",
        ];
        const OF_RUNTIME: [&str; 8] =
            ["User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "WorkingDir", "Labels", "StopSignal"];
        let known: &[&'static str] = match self {
            Members::OfImage => &OF_IMAGE,
            Members::OfRuntime => &OF_RUNTIME,
        };
        read_members(&mut map, known, |name, map| match (self, name) {
            (Members::OfImage, "config") => map.next_value_seed(Members::OfRuntime),
            _ => map.next_value::<IgnoredAny>().map(|_| ()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NGINX: &str = r#"{
        "created": "2026-01-02T03:04:05Z", "author": "", "architecture": "arm64", "os": "linux", "variant": "v8",
        "config": {
            "User": "101:101", "ExposedPorts": {"443/tcp": {}, "80/tcp": {}},
            "Env": ["PATH=/usr/bin", "TOKEN=S3cr3t=", "BARE"], "Entrypoint": ["/entry.sh"], "Cmd": ["nginx", "-g"],
            "WorkingDir": "/srv", "Labels": {"b": "2", "a": "1"}, "StopSignal": "SIGQUIT", "OnBuild": null
        },
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [
            {"created": "2026-01-01T00:00:00Z", "created_by": "COPY . / # buildkit"},
            {"created_by": "ENV TOKEN=S3cr3t=", "empty_layer": true},
            {"comment": "nothing else"}
        ]
    }"#;

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_image_says_what_it_starts_and_how_it_was_made() {
        let config = ImageConfig::from_json(NGINX.as_bytes()).unwrap();
        assert_eq!(config.created.as_deref(), Some("2026-01-02T03:04:05Z"));
        assert_eq!((config.author, config.platform.to_string().as_str()), (None, "linux/arm64/v8"));
        assert_eq!(config.user.as_deref(), Some("101:101"));
        assert_eq!(config.exposed_ports, strings(&["443/tcp", "80/tcp"]));
        assert_eq!(config.env_names, strings(&["PATH", "TOKEN", "BARE"]));
        assert_eq!((config.entrypoint, config.cmd), (strings(&["/entry.sh"]), strings(&["nginx", "-g"])));
        assert_eq!(config.working_dir.as_deref(), Some("/srv"));
        assert_eq!(config.labels.into_iter().collect::<Vec<_>>().len(), 2);
        assert_eq!(config.stop_signal.as_deref(), Some("SIGQUIT"));
        let steps: Vec<_> =
            config.history.iter().map(|step| (step.created_by.as_deref(), step.empty_layer)).collect();
        assert_eq!(steps, [(Some("COPY . / # buildkit"), false), (Some("ENV TOKEN=…"), true), (None, false)]);
    }

    #[test]
    fn values_of_variables_and_build_arguments_are_left_out() {
        for (instruction, shown) in [
            ("ENV TOKEN=S3cr3t", "ENV TOKEN=…"),
            ("ENV TOKEN S3cr3t", "ENV TOKEN=…"),
            ("ARG TOKEN", "ARG TOKEN"),
            ("ARG TOKEN=S3cr3t # buildkit", "ARG TOKEN=…"),
            ("/bin/sh -c #(nop)  ENV TOKEN=S3cr3t", "ENV TOKEN=…"),
            ("/bin/bash -o pipefail -c #(nop)  ENV TOKEN=S3cr3t", "ENV TOKEN=…"),
            ("cmd /S /C #(nop)  ARG TOKEN=S3cr3t", "ARG TOKEN=…"),
            ("/bin/sh -c #(nop)  ONBUILD ENV TOKEN=S3cr3t", "ONBUILD ENV TOKEN=…"),
            ("env\tTOKEN=S3cr3t", "ENV TOKEN=…"),
            ("/bin/sh -c #(nop)  CMD [\"nginx\"]", "/bin/sh -c #(nop)  CMD [\"nginx\"]"),
            ("|1 TOKEN=S3cr3t more /bin/sh -c make all", "RUN … /bin/sh -c make all"),
            ("RUN |2 A=1 TOKEN=S3cr3t /bin/sh -c make # buildkit", "RUN … /bin/sh -c make # buildkit"),
            ("RUN |1 TOKEN=S3cr3t /bin/bash -c make", "RUN …"),
            ("RUN /bin/sh -c apt-get update", "RUN /bin/sh -c apt-get update"),
        ] {
            assert_eq!(without_values(instruction), shown);
        }
    }

    #[test]
    fn what_is_no_config_or_an_ambiguous_one_has_no_view() {
        let fine =
            r#"{"os":"linux","architecture":"amd64","config":null,"rootfs":{"type":"layers","diff_ids":[]}}"#;
        assert!(ImageConfig::from_json(fine.as_bytes()).is_some());
        for text in ["", "{}", "[]", "null", "\u{feff}{}", r#"{"os":"linux"}"#, &"[".repeat(1_000)] {
            assert_eq!(ImageConfig::from_json(text.as_bytes()), None, "{text}");
        }
        for (member, other) in [
            (r#""Entrypoint""#, r#""Entrypoint": ["/other"], "Entrypoint""#),
            (r#""Entrypoint""#, r#""entrypoint": ["/other"], "Entrypoint""#),
            (r#""created": "2026-01-02"#, r#""Created": "2027", "created": "2026-01-02"#),
        ] {
            let twice = NGINX.replacen(member, other, 1);
            assert_ne!(twice, NGINX);
            assert_eq!(ImageConfig::from_json(twice.as_bytes()), None, "{other}");
        }
        let large = fine.replacen("linux", &"l".repeat(MAX_CONFIG as usize), 1);
        assert_eq!(ImageConfig::from_json(large.as_bytes()), None);
    }
}

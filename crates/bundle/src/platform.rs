//! Platforms, as image indexes and image configs name them.

use std::fmt;

/// An operating system, an architecture and what narrows them down.
///
/// The text form is containerd's: `os/arch[/variant]`, with `(os.version)` behind the system where one is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// `linux`, `windows`, …
    pub os: String,
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// `v7`, `v8`, …
    pub variant: Option<String>,
    /// The system's version, which Windows images need.
    pub os_version: Option<String>,
    /// Features that the system must have.
    pub os_features: Vec<String>,
}

impl Platform {
    /// Whether this is the marker under which BuildKit files attestations: no platform at all.
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" || self.architecture == "unknown" || self.os.is_empty()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.os)?;
        if let Some(version) = &self.os_version {
            write!(f, "({version})")?;
        }
        write!(f, "/{}", self.architecture)?;
        if let Some(variant) = &self.variant {
            write!(f, "/{variant}")?;
        }
        Ok(())
    }
}

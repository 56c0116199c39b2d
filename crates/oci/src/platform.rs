//! Platforms, as image indexes and image configs name them, and as people ask for them.
//!
//! Spelling and normalisation are containerd's (`platforms` package): `os[(os.version)]/arch[/variant]`,
//! `x86_64` is `amd64`, `aarch64` and `arm64/v8` are `arm64`, `arm` without a variant is `arm/v7`, `amd64/v1`
//! is `amd64`.

use std::fmt;
use std::str::FromStr;

/// Why a text is not a platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is not a platform: OS/ARCH[/VARIANT] is, such as linux/amd64 or linux/arm/v7", .0.escape_debug())]
pub struct PlatformError(String);

/// An operating system, an architecture and what narrows them down.
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
    /// Whether this is the marker that BuildKit gives to attestations, and no platform at all.
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" || self.architecture == "unknown" || self.os.is_empty()
    }

    /// The one spelling of a platform that has several.
    pub fn normalised(&self) -> Self {
        let os = match self.os.to_ascii_lowercase().as_str() {
            "macos" => "darwin".to_owned(),
            other => other.to_owned(),
        };
        let written = self.architecture.to_ascii_lowercase();
        let variant = self.variant.as_deref().unwrap_or_default().to_ascii_lowercase();
        let (architecture, variant) = match (written.as_str(), variant.as_str()) {
            ("i386", _) => ("386", ""),
            ("x86_64" | "x86-64" | "amd64", "" | "v1") => ("amd64", ""),
            ("x86_64" | "x86-64", other) => ("amd64", other),
            ("aarch64" | "arm64", "" | "8" | "v8" | "v8.0") => ("arm64", ""),
            ("aarch64", other) => ("arm64", other),
            ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
            ("armel", _) | ("arm", "6") => ("arm", "v6"),
            ("arm", "5") => ("arm", "v5"),
            ("arm", "8") => ("arm", "v8"),
            (architecture, variant) => (architecture, variant),
        };
        Platform {
            os,
            architecture: architecture.to_owned(),
            variant: Some(variant.to_owned()).filter(|variant| !variant.is_empty()),
            os_version: self.os_version.clone(),
            os_features: self.os_features.clone(),
        }
    }

    /// The platform's name for people: normalised, control characters escaped.
    pub fn shown(&self) -> String {
        self.normalised().to_string().escape_debug().to_string()
    }

    /// Whether an image for `self` fits a request for `wanted`. A version of the system counts only where it
    /// was asked for, up to the precision that was given: `10.0.17763` takes `10.0.17763.5329`.
    pub fn satisfies(&self, wanted: &Platform) -> bool {
        let (have, want) = (self.normalised(), wanted.normalised());
        let version_fits = match (&want.os_version, &have.os_version) {
            (None, _) => true,
            (Some(want), Some(have)) => {
                have.strip_prefix(want.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
            (Some(_), None) => false,
        };
        have.os == want.os
            && have.architecture == want.architecture
            && have.variant == want.variant
            && version_fits
            && want.os_features.iter().all(|feature| have.os_features.contains(feature))
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let refuse = || PlatformError(text.to_owned());
        let word = |part: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            !part.is_empty() && part.chars().all(plain)
        };
        let mut parts = text.split('/');
        let (system, architecture) = (parts.next().unwrap_or_default(), parts.next().ok_or_else(refuse)?);
        let variant = parts.next().map(str::to_owned);
        let (os, os_version) = match system.split_once('(') {
            None => (system, None),
            Some((os, rest)) => (os, Some(rest.strip_suffix(')').ok_or_else(refuse)?.to_owned())),
        };
        let words = [Some(os), Some(architecture), variant.as_deref(), os_version.as_deref()];
        if parts.next().is_some() || !words.into_iter().flatten().all(word) {
            return Err(refuse());
        }
        let (os, architecture) = (os.to_owned(), architecture.to_owned());
        Ok(Platform { os, architecture, variant, os_version, os_features: Vec::new() }.normalised())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().unwrap()
    }

    #[test]
    fn spellings_meet_in_one() {
        for (written, meant) in [
            ("linux/x86_64", "linux/amd64"),
            ("Linux/AMD64/v1", "linux/amd64"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/armhf", "linux/arm/v7"),
            ("linux/arm/6", "linux/arm/v6"),
            ("linux/i386", "linux/386"),
            ("macos/arm64", "darwin/arm64"),
            ("windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64"),
            ("linux/riscv64", "linux/riscv64"),
        ] {
            assert_eq!(platform(written).to_string(), meant, "{written}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "linux",
            "linux/",
            "/amd64",
            "linux/amd64/v1/x",
            "linux/am d64",
            "windows(10/amd64",
            "a,b/c",
            "linux/\u{1b}",
        ] {
            assert!(text.parse::<Platform>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn versions_count_where_they_were_asked_for() {
        let image = platform("windows(10.0.17763.5329)/amd64");
        assert!(image.satisfies(&platform("windows/amd64")));
        assert!(image.satisfies(&platform("windows(10.0.17763)/amd64")));
        assert!(!image.satisfies(&platform("windows(10.0.1776)/amd64")));
        assert!(!platform("windows/amd64").satisfies(&platform("windows(10.0.17763)/amd64")));
        assert!(!platform("linux/arm/v6").satisfies(&platform("linux/arm")));
        assert!(!platform("linux/amd64/v3").satisfies(&platform("linux/amd64")));
    }
}

//! The options of all commands that fetch images by way of mirrors.

use std::path::PathBuf;

use airlift_oci::reference::{MirrorFallback, MirrorRule, Mirrors};

use crate::config::{config_path, registries_conf_mirrors, user_mirrors};
use crate::failure::Failure;
use crate::files::keep_apart::Input;
use crate::usage_error::UsageError;

/// The help section of these options.
const MIRRORS: &str = "Mirrors";

/// From where images are fetched in the place of their own registries.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct MirrorArgs {
    /// Fetch what is below FROM from TO (repeatable)
    ///
    /// FROM and TO are registries, or paths at one, such as docker.io=registry.corp/dockerhub. The bundle
    /// names the images as if they came from FROM. The longest FROM wins. Mirrors can also stand in
    /// ~/.config/airlift/config.toml, see docs/mirrors.md.
    #[arg(long = "mirror", value_name = "FROM=TO", help_heading = MIRRORS)]
    rules: Vec<MirrorRule>,
    /// Ask the original registry if a mirror fails
    ///
    /// That is if the mirror lacks something, can't be reached, or sends something else than the digest
    /// says. Without this, each of these is an error.
    #[arg(long, help_heading = MIRRORS, hide_short_help = true)]
    mirror_fallback: bool,
    /// Use the mirrors of this registries.conf, too
    ///
    /// The file of Podman, Buildah, Skopeo and CRI-O, version 2. Its mirrors count where no other rule does.
    #[arg(long, value_name = "FILE", help_heading = MIRRORS, hide_short_help = true)]
    registries_conf: Option<PathBuf>,
}

impl MirrorArgs {
    /// The files with rules that are read.
    pub(crate) fn inputs(&self) -> Vec<Input> {
        self.registries_conf.iter().cloned().chain(config_path()).map(Input::Mirrors).collect()
    }

    /// All rules: those of the command line come first, then those of the lists, of the user's configuration
    /// and of `registries.conf`.
    pub(crate) fn mirrors(&self, of_lists: Vec<MirrorRule>) -> Result<Mirrors, Failure> {
        let of_conf = self.registries_conf.as_deref().map(registries_conf_mirrors).transpose()?;
        let places = [self.rules.clone(), of_lists, user_mirrors(config_path().as_deref())?];
        let places = places.into_iter().chain(of_conf);
        let mirrors = places.into_iter().try_fold(Mirrors::default(), Mirrors::or);
        let mut mirrors = mirrors.map_err(UsageError::Mirrors)?;
        if self.mirror_fallback {
            mirrors.fallback = MirrorFallback::ToOriginal;
        }
        Ok(mirrors)
    }
}

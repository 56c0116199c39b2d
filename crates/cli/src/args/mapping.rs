//! The options of all commands that give images names at a target.

use airlift_pusher::{HostInPath, MapRule, Options, Untagged};

/// Which images, and where each goes at the target.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct MappingArgs {
    /// Take only images that match, * is any text (repeatable)
    ///
    /// A pattern must match the whole name. The host may be left out, and so may the tag:
    /// registry.example/team/app:1 is found by 'team/app*', 'team/app', '*/app:1' and 'registry.example/*';
    /// nginx:1.27 also by 'nginx', and any image by its digest or its first 6 digits.
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    #[command(flatten)]
    naming: NamingArgs,
    /// Images without a tag go by digest only
    ///
    /// Otherwise they get the tag airlift-<12 hex digits>, because some registries delete images without one.
    #[arg(long)]
    no_tag: bool,
}

/// How the path of an image at the target comes from its name.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct NamingArgs {
    /// Put the source's host first in the path
    #[arg(long)]
    keep_host: bool,
    /// Names that start with FROM go to TO instead (repeatable)
    ///
    /// If several fit, the longest FROM counts: --map docker.io/library/=base/ makes docker.io/library/nginx
    /// base/nginx.
    #[arg(long, value_name = "FROM=TO")]
    map: Vec<MapRule>,
}

impl NamingArgs {
    /// Whether any of them is given.
    pub(crate) fn is_given(&self) -> bool {
        self.keep_host || !self.map.is_empty()
    }

    /// Whether the source's host is in the path.
    pub(crate) fn host_in_path(&self) -> HostInPath {
        if self.keep_host { HostInPath::Keep } else { HostInPath::Drop }
    }

    /// The rules for names.
    pub(crate) fn rules(&self) -> &[MapRule] {
        &self.map
    }
}

impl MappingArgs {
    /// Whether any of them is given.
    pub(crate) fn is_given(&self) -> bool {
        self.naming.is_given() || self.no_tag || !self.only.is_empty()
    }

    /// Whether a part is chosen.
    pub(crate) fn has_only(&self) -> bool {
        !self.only.is_empty()
    }

    /// What they say; all else is the default.
    pub(crate) fn options(&self) -> Options {
        Options {
            only: self.only.clone(),
            keep_host: self.naming.host_in_path(),
            rules: self.naming.map.clone(),
            untagged: if self.no_tag { Untagged::DigestOnly } else { Untagged::Tag },
            ..Options::default()
        }
    }
}

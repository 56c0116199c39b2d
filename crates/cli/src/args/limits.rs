//! The options of all commands that walk the images of a bundle: what is taken for an attack.

use airlift_oci::Limits;

use crate::ui::size;

/// The help section of these options.
const LIMITS: &str = "Limits";

/// How much is too much.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct LimitArgs {
    /// Refuse indexes that nest deeper than this
    #[arg(long, value_name = "N", default_value_t = Limits::default().depth, hide_short_help = true)]
    #[arg(help_heading = LIMITS, value_parser = limit)]
    max_depth: usize,
    /// Refuse images with more manifests than this
    #[arg(long, value_name = "N", default_value_t = Limits::default().manifests_per_root, hide_short_help = true)]
    #[arg(help_heading = LIMITS, value_parser = limit)]
    max_manifests: usize,
    /// Refuse bundles with more manifests and blobs than this
    #[arg(long, value_name = "N", default_value_t = Limits::default().entries, hide_short_help = true)]
    #[arg(help_heading = LIMITS, value_parser = limit)]
    max_entries: usize,
    /// Refuse bundles with more images and artifacts than this
    #[arg(long, value_name = "N", default_value_t = Limits::default().images, hide_short_help = true)]
    #[arg(help_heading = LIMITS, value_parser = limit)]
    max_images: usize,
    /// Refuse bundles whose manifests have more bytes than this together
    ///
    /// They are held in memory, where they take two to four times as much. K, M and G are powers of 1024, kB,
    /// MB and GB of 1000.
    #[arg(long, value_name = "SIZE", default_value = "64M", hide_short_help = true)]
    #[arg(help_heading = LIMITS, value_parser = size::parse)]
    max_manifest_bytes: u64,
    /// Refuse bundles whose images name more descriptors than this, counted per image
    #[arg(long, value_name = "N", default_value_t = Limits::default().descriptors, hide_short_help = true)]
    #[arg(help_heading = LIMITS, value_parser = limit)]
    max_descriptors: usize,
}

/// Larger numbers would not fit the memory of any machine.
fn limit(text: &str) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|_| "a number is wanted".to_owned())?;
    if (1..=1 << 32).contains(&number) { Ok(number) } else { Err("from 1 to 4294967296".to_owned()) }
}

impl LimitArgs {
    pub(crate) fn limits(self) -> Limits {
        Limits {
            depth: self.max_depth,
            manifests_per_root: self.max_manifests,
            entries: self.max_entries,
            images: self.max_images,
            manifest_bytes: self.max_manifest_bytes,
            descriptors: self.max_descriptors,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        limits: LimitArgs,
    }

    #[test]
    fn what_is_not_given_is_the_default() {
        assert_eq!(Only::parse_from(["x"]).limits.limits(), Limits::default());
    }
}

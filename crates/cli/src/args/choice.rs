//! The options that say what to carry of images.

use airlift_lists::Choice;
use airlift_oci::platform::PlatformError;
use airlift_oci::{Platform, Referrers};

/// What to carry of images whose entries don't say it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ChoiceArgs {
    /// Carry only these platforms (repeatable, commas)
    ///
    /// The index and its digest stay as they are. OS/ARCH[/VARIANT], such as linux/amd64, linux/arm/v7 or
    /// windows(10.0.17763)/amd64; linux/arm64 means v8, as Docker has it. Attestations of the chosen
    /// platforms come along. Artifacts without platforms are carried whole.
    #[arg(long = "platform", value_name = "PLATFORM", value_delimiter = ',', value_parser = platform)]
    platforms: Vec<Platform>,
    /// Signatures, SBOMs, …: all or none
    ///
    /// Whether what is attached to the images comes along: referrers, and cosign's tags. All, unless
    /// the list says otherwise.
    #[arg(long, value_name = "WHICH", hide_possible_values = true)]
    referrers: Option<ReferrersArg>,
}

/// What is carried with the images.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ReferrersArg {
    /// Referrers by the API or the fallback tag, and cosign's tags, recursively
    All,
    /// Nothing but the images
    None,
}

impl ChoiceArgs {
    /// What the options say.
    pub(crate) fn choice(&self) -> Choice {
        let referrers = self.referrers.map(|which| match which {
            ReferrersArg::All => Referrers::All,
            ReferrersArg::None => Referrers::None,
        });
        Choice { platforms: self.platforms.clone(), referrers }
    }
}

/// Behind a comma many write a space.
fn platform(text: &str) -> Result<Platform, PlatformError> {
    text.trim().parse()
}

//! The time that an image may take.

use std::time::Duration;

/// How long an image may take.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct ImageTimeoutArgs {
    /// Give up on an image whose manifests take longer than this
    ///
    /// It bounds the time in which manifests of the image are asked for, all retries and waits included. An
    /// image that takes longer fails like any other that can't be had. What is attached to it and its blobs
    /// are not counted: --timeout bounds each of their requests. Without it, an image has as much time as its
    /// registry takes.
    #[arg(long = "image-timeout", value_name = "SECONDS", hide_short_help = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: Option<u32>,
}

impl ImageTimeoutArgs {
    /// The limit, where there is one.
    pub(crate) fn limit(self) -> Option<Duration> {
        self.seconds.map(|seconds| Duration::from_secs(seconds.into()))
    }
}

//! The option that avoids a warning.

use airlift_oci::Remedy;

/// The end of a warning's sentence.
pub(crate) fn of_remedy(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::FetchForeignLayers => "--fetch-external fetches it from there",
        Remedy::ReuseBundle => {
            "log in where that gives more, or name a bundle that has them with --reuse; if it ends before, what was fetched is kept for the next run"
        }
        Remedy::SkipProbe => "with --no-probe nothing is asked",
    }
}

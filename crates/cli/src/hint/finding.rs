//! The option, of this command or another, that helps with one finding.

use airlift_bundle::{Detail, Finding};
use airlift_oci::graph::Limit;

/// Adds the option that helps to the end of each sentence.
pub(crate) fn add_to_findings(findings: &mut [Finding]) {
    for finding in findings {
        if let Some(detail) = finding.detail {
            finding.message.push_str(&match detail {
                Detail::Limit(limit) => format!(" ({})", option_of(limit)),
                _ => format!("; {}", of_detail(detail)),
            });
        }
    }
}

/// The next step for one finding.
pub(super) fn of_detail(detail: Detail) -> String {
    let way = match detail {
        Detail::Limit(limit) => {
            let option = option_of(limit);
            return format!("if you trust the source of these images, raise that limit with {option}");
        }
        Detail::SymbolicLink => "tar -h, which puts the files themselves there",
        Detail::HardLink => "tar --hard-dereference",
        Detail::LongLinkName => "tar -h --hard-dereference",
        Detail::SparseFile => "tar without -S",
    };
    format!("pack it again with {way}")
}

/// The option that sets a limit.
fn option_of(limit: Limit) -> &'static str {
    match limit {
        Limit::Depth => "--max-depth",
        Limit::ManifestsPerRoot => "--max-manifests",
        Limit::Entries => "--max-entries",
        Limit::Images => "--max-images",
        Limit::ManifestBytes => "--max-manifest-bytes",
        Limit::Descriptors => "--max-descriptors",
    }
}

#[cfg(test)]
mod tests {
    use airlift_bundle::Rule;
    use airlift_oci::Limits;
    use clap::Parser;

    use super::*;
    use crate::args::limits::LimitArgs;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        limits: LimitArgs,
    }

    /// Each limit that can be met has an option, and the message says which.
    #[test]
    fn messages_name_options_that_exist() {
        for limit in [
            Limit::Depth,
            Limit::ManifestsPerRoot,
            Limit::Entries,
            Limit::Images,
            Limit::ManifestBytes,
            Limit::Descriptors,
        ] {
            let mut findings = [Finding::new(Rule::GraphLimit, "too many").with(Detail::Limit(limit))];
            add_to_findings(&mut findings);
            let message = &findings[0].message;
            let option =
                message.split(['(', ')']).find(|part| part.starts_with("--max-")).unwrap_or_default();
            let given = Only::try_parse_from(["x", option, "7"]);
            let given = given.unwrap_or_else(|_| panic!("{message}: {option}")).limits.limits();
            assert_ne!(given, Limits::default(), "{option}");
        }
    }

    #[test]
    fn ways_to_pack_without_links_follow_the_sentence() {
        for (detail, option) in [
            (Detail::SymbolicLink, "tar -h,"),
            (Detail::HardLink, "tar --hard-dereference"),
            (Detail::LongLinkName, "tar -h --hard-dereference"),
            (Detail::SparseFile, "without -S"),
        ] {
            let mut findings = [Finding::new(Rule::TarType, "it is odd").with(detail)];
            add_to_findings(&mut findings);
            assert!(findings[0].message.starts_with("it is odd; pack it again"), "{}", findings[0].message);
            assert!(findings[0].message.contains(option), "{}", findings[0].message);
        }
    }
}

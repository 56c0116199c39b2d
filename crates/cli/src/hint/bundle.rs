//! Advice on a bundle: what it is, and what is wrong with it.

use std::path::Path;

use airlift_bundle::{Detail, OpenError};
use airlift_verifier::{Report, Rule, State};

use super::finding;
use crate::ui::term::shown;

const LISTED: &str = "`airlift verify BUNDLE` lists everything that is wrong; nothing was done";

const UNFINISHED: &str =
    "the same `airlift build` goes on from there, and gives the bundle its name when it is complete";

const NOT_AS_LOCKED: &str = "use the bundle that was built from this lock, or the lock that this bundle was built from; `airlift inspect BUNDLE --lock FILE` writes what is in it, to compare both";

const PACKED_AGAIN: &str = "take the original file; or unpack this one and name the folder, as another tool's layout; or make the original anew out of it: airlift build REF… --reuse BUNDLE -o NEW";

/// The next step where a bundle can't be opened.
pub(super) fn of_open(error: &OpenError) -> Option<String> {
    match error {
        OpenError::NotALayout { path } => {
            Some(of_folder(path).unwrap_or("`airlift build REF… -o BUNDLE` makes bundles".to_owned()))
        }
        OpenError::Unfinished { .. } => Some(UNFINISHED.to_owned()),
        _ => None,
    }
}

/// The next step for a folder that is no image layout, where it holds the volumes of a bundle.
pub(super) fn of_folder(path: &Path) -> Option<String> {
    let sets = std::fs::read_dir(path).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let set = sets.filter(|path| path.to_string_lossy().ends_with(".volumes.json")).min()?;
    Some(format!("this folder holds a bundle in volumes: name {}", shown(&set)))
}

/// The next step where a whole bundle is needed, and this was found.
pub(crate) fn of_state(report: &Report, bundle: &Path) -> String {
    let detail = report.findings.iter().find(|finding| finding.is_error()).and_then(|first| first.detail);
    match (report.state, detail) {
        (State::Unfinished, _) => UNFINISHED.to_owned(),
        (State::PackedAgain, _) => PACKED_AGAIN.to_owned(),
        // To see more of a damaged bundle is no help.
        (State::Damaged, Some(Detail::Limit(_))) => LISTED.to_owned(),
        (State::OverLimit | State::Damaged, Some(detail)) => finding::of_detail(detail),
        (State::NoLayout, _) => of_folder(bundle).unwrap_or(LISTED.to_owned()),
        _ => LISTED.to_owned(),
    }
}

/// What to do with an archive of `docker save` that holds some platforms of an image.
const PARTIAL: &str = "push asks the registry whether it takes an image without some of its platforms; --selected-children pushes those that are there, each under a tag of its own. For all platforms build the bundle from a registry (airlift build); for one of them, `docker save --platform` makes an image of its own of it";

/// The next step after a verification, where there is an obvious one.
pub(crate) fn of_report(report: &Report, bundle: &Path) -> Option<String> {
    if report.state == State::Partial {
        return Some(PARTIAL.to_owned());
    }
    let first = report.findings.iter().find(|finding| finding.is_error())?;
    match report.state {
        State::OverLimit if first.rule == Rule::GraphLimit => Some(of_state(report, bundle)),
        State::NotAsLocked => Some(NOT_AS_LOCKED.to_owned()),
        State::Unfinished | State::PackedAgain => Some(of_state(report, bundle)),
        State::NoLayout => of_folder(bundle),
        State::Damaged => of_rule(first.rule).map(str::to_owned),
        _ => None,
    }
}

fn of_rule(rule: Rule) -> Option<&'static str> {
    match rule {
        Rule::TarTruncated | Rule::TarEnd | Rule::ZstTable => Some(
            "copy it again; where it was built, the same `airlift build` with --force makes it anew and takes what is here",
        ),
        Rule::VolumeMissing
        | Rule::VolumeSwapped
        | Rule::VolumeSize
        | Rule::VolumeDigest
        | Rule::VolumeStart => Some(
            "carry the volumes that are named across again, or give them their places; each can be verified by itself (airlift verify VOLUME)",
        ),
        Rule::BlobDigest
        | Rule::ManifestDigest
        | Rule::TarHeader
        | Rule::TarShifted
        | Rule::TarPadding
        | Rule::TarChecksum
        | Rule::ZstFrame => {
            Some("copy it again; if a second copy is damaged as well, verify it where it was built")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use airlift_oci::graph::Limit;
    use airlift_verifier::Finding;

    use super::*;

    fn report(state: State, detail: Detail) -> Report {
        let findings = vec![Finding::new(Rule::GraphLimit, "it is odd").with(detail)];
        Report {
            schema: "",
            ok: false,
            state,
            id: None,
            size: 0,
            hashed: 0,
            images: Vec::new(),
            referrers: Vec::new(),
            unknown: Vec::new(),
            findings,
        }
    }

    #[test]
    fn a_limit_is_raised_for_sound_bundles_only() {
        let hint = |state, detail| of_state(&report(state, detail), Path::new("b.tar"));
        assert!(hint(State::OverLimit, Detail::Limit(Limit::Depth)).contains("--max-depth"));
        assert_eq!(hint(State::Damaged, Detail::Limit(Limit::Depth)), LISTED);
        assert!(hint(State::Damaged, Detail::HardLink).contains("tar --hard-dereference"));
    }
}

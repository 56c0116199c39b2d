//! Hints on what manifests leave open.

use airlift_workloads::{Fault, NoteKind};

/// What to do about a problem with a file.
pub(crate) fn of_fault(fault: &Fault) -> Option<&'static str> {
    match fault {
        Fault::Template => Some("render templates first: helm template CHART | airlift images -"),
        Fault::Variable(_) => {
            Some("give variables their values first: docker compose config | airlift images -")
        }
        _ => None,
    }
}

/// What to do about images that can't have a digest: some are not known, some have another one.
pub(crate) fn of_pins(lacks: bool, differs: bool) -> Vec<&'static str> {
    let lacking =
        lacks.then_some("add them to the lock first: airlift images DIR | airlift lock -f - -o images.lock");
    let differing =
        differs.then_some("take the old digests off first, if those of the lock are right: airlift unpin");
    lacking.into_iter().chain(differing).collect()
}

/// What to do about a note.
pub(crate) fn of_note(note: &NoteKind) -> Option<&'static str> {
    match note {
        NoteKind::Chart { .. } => {
            Some("render such charts: helm template CHART --values FILE | airlift images -")
        }
        NoteKind::KeepsTag(_) => Some("build the overlay: kustomize build DIR | airlift images -"),
        NoteKind::Injected => None,
    }
}

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

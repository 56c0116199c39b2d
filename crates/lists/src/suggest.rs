//! What was perhaps meant by a name that is not known.

/// How much of a name has to fit for it to count as close, from 0 to 1.
const CLOSE: f64 = 0.6;

/// The known name that is closest to the one that was written, if any is close.
pub(crate) fn closest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = written.to_lowercase();
    let likeness =
        |name: &&'a str| (strsim::normalized_damerau_levenshtein(&lower, &name.to_lowercase()), *name);
    let close = known.iter().map(likeness).filter(|(likeness, _)| *likeness >= CLOSE);
    close.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, name)| name)
}

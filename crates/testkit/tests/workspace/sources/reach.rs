//! What the sources of a crate may not use, although it needs no package.

use super::Sources;

/// Crates, and what their sources may not name. `oci` has the field's types, which are made of bytes and
/// values: it needs no reader and no path either.
const FORBIDDEN: [(&str, &[&str]); 6] = [
    ("oci", SYSTEM),
    ("lists", SYSTEM),
    ("workloads", SYSTEM),
    ("disk", NETWORK),
    ("bundle", NETWORK),
    ("verifier", NETWORK),
];

const SYSTEM: &[&str] =
    &["std::env", "std::fs", "std::io", "std::net", "std::os", "std::path", "std::process", "std::time"];

const NETWORK: &[&str] = &["std::net", "std::os::unix::net", "rustix::net"];

pub(crate) fn forbidden(sources: &Sources) -> Vec<String> {
    FORBIDDEN.iter().flat_map(|(name, forbidden)| forbidden_in(sources, name, forbidden)).collect()
}

/// Looks at tests, too: what a test of `oci` needs a file for belongs somewhere else.
fn forbidden_in(sources: &Sources, crate_name: &str, forbidden: &[&str]) -> Vec<String> {
    let folder = format!("crates/{crate_name}/src/");
    let mut broken = Vec::new();
    let mut files = 0;
    for (path, file) in sources.files.iter().filter(|(path, _)| path.starts_with(&folder)) {
        files += 1;
        let found =
            file.named.iter().filter(|named| forbidden.iter().any(|prefix| leads_into(named, prefix)));
        broken.extend(found.map(|named| format!("{path} uses {named}")));
    }
    // A renamed crate must not slip out of the rule.
    broken.extend((files == 0).then(|| format!("there is no {crate_name} any more")));
    broken
}

/// Whether `path` is `prefix`, or something in it.
fn leads_into(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

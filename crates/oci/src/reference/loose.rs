//! Names as they stand in layouts, of whatever tool: texts that are often references, and sometimes bare
//! tags.

/// A reference without its tag or digest. `None`: a bare tag, as many tools write, which names no repository.
pub fn repository_of(reference: &str) -> Option<&str> {
    if !reference.contains(['/', ':', '@']) {
        return None;
    }
    let name = reference.split_once('@').map_or(reference, |(name, _)| name);
    let start_of_last = name.rfind('/').map_or(0, |slash| slash + 1);
    let end = name[start_of_last..].find(':').map_or(name.len(), |colon| start_of_last + colon);
    Some(&name[..end])
}

/// The tag of a reference, or the whole of a bare tag. `None`: it has none.
pub fn tag_of(reference: &str) -> Option<&str> {
    let Some(repository) = repository_of(reference) else { return Some(reference) };
    let name = reference.split_once('@').map_or(reference, |(name, _)| name);
    name[repository.len()..].strip_prefix(':')
}

/// A reference as Docker shows it: without `docker.io/library/` or `docker.io/`.
pub fn familiar(reference: &str) -> &str {
    match reference.strip_prefix("docker.io/") {
        Some(rest) => rest.strip_prefix("library/").unwrap_or(rest),
        None => reference,
    }
}

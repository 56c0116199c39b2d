//! Errors name the mirror that they come from.

use airlift_oci::Repository;

/// Behind what can't be had: the mirror that was asked for it.
pub fn from_mirror(mirror: Option<&Repository>) -> String {
    mirror.map(|mirror| format!(" from the mirror {mirror}")).unwrap_or_default()
}

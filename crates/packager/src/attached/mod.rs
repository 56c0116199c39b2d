//! What is attached to an image: signatures, SBOMs, attestations, by whichever of three ways they were
//! attached.
//!
//! 1. The referrers API (OCI distribution-spec 1.1): manifests whose `subject` is the image.
//! 2. The fallback tag `sha256-<hex>` of registries without that API: an index of the same manifests.
//! 3. Cosign's tags `sha256-<hex>.sig`, `.att` and `.sbom`.
//!
//! They are looked for on every manifest that is carried, and on what is found, because a signature may sign
//! an SBOM. A registry that answers with an error is an error: "it has no signatures" is never guessed. How
//! the lists of the first two are read is in `lists`.

pub(crate) mod error;
pub(crate) mod gather;
mod lists;
pub(crate) mod lookup;

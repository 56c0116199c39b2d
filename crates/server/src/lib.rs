//! A small, correct OCI registry on loopback, over a scratch folder.

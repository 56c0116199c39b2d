//! Verified bundle to registry: raw bytes, children first, tags last, read back.

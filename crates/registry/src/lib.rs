//! The transport: references, credentials, retries, raw manifests and blobs, byte for byte.

//! For tests only: seeded images, a scripted registry, tampering helpers.

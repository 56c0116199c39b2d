//! Locks: which digest each reference of a list stood for, and when.

//! References to bundle: resolve, plan, fetch, publish.

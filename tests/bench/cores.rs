//! Which cores run the registries and which the tools, where both are to have their own.

use std::process::{Command, Stdio};

/// Moves this process, and with it the registries and relays that it will start, to the first half of the
/// machine's cores; gives the others, as `taskset` wants them.
pub(crate) fn split() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    assert!(cores >= 2, "one core can't be split");
    let half = cores / 2;
    let process = std::process::id().to_string();
    let ours = format!("0-{}", half - 1);
    let moved = Command::new("taskset").args(["-acp", &ours, &process]).stdout(Stdio::null()).status();
    assert!(moved.is_ok_and(|status| status.success()), "taskset can move this process");
    format!("{half}-{}", cores - 1)
}

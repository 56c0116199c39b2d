//! The faults of registries and of the way to them, one after the other.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use airlift_registry::Options;
use support::faults::{FAULTS, Fault, MANIFEST, SIZE, Wish, blob, kind, play};
use support::{Log, options};

fn quick() -> Options {
    Options {
        idle_timeout: Duration::from_millis(300),
        answer_timeout: Duration::from_secs(1),
        connect_timeout: Duration::from_millis(300),
        ..options()
    }
}

/// What is wrong with how a fault came out.
async fn complaint(fault: &Fault) -> Option<String> {
    let log = Arc::new(Log::default());
    let played = play(fault, |_| None, |_| quick(), Arc::clone(&log) as _).await;
    let mut wrong = Vec::new();
    let out = kind(&played.result);
    if out != fault.out {
        wrong.push(format!("it is {out}, not {}: {:?}", fault.out, played.result.as_ref().err()));
    }
    if played.asked.len() != fault.asked {
        let lines: Vec<_> = played.asked.iter().map(support::script::Request::line).collect();
        wrong.push(format!("{} requests, not {}: {lines:?}", lines.len(), fault.asked));
    }
    // Whatever arrives is what it should be; of all else nothing counts, and never is there more than belongs
    // there.
    let accepted = match fault.wish {
        Wish::Blob | Wish::Upload => blob(),
        Wish::Tag | Wish::Pinned | Wish::Referrers => MANIFEST.to_vec(),
    };
    if played.result.as_ref().is_ok_and(|bytes| *bytes != accepted) {
        wrong.push("other bytes were accepted".to_owned());
    }
    let counted = match fault.wish {
        Wish::Blob | Wish::Upload if played.result.is_ok() => SIZE as u64,
        _ => 0,
    };
    if log.progress() != counted {
        wrong.push(format!("{} bytes are told as done", log.progress()));
    }
    if played.written > SIZE {
        wrong.push(format!("{} bytes were written", played.written));
    }
    if played.elsewhere.iter().any(|request| request.header("authorization").is_some()) {
        wrong.push("credentials went elsewhere".to_owned());
    }
    if fault.out != "arrives" && !played.elsewhere.is_empty() {
        wrong.push("somebody else was asked".to_owned());
    }
    let place = format!("{} {:?}, {}", fault.number, fault.wish, fault.does);
    (!wrong.is_empty()).then(|| format!("{place}: {}", wrong.join("; ")))
}

#[tokio::test]
async fn each_fault_comes_to_its_end() {
    let all = futures::future::join_all(FAULTS.iter().map(complaint)).await;
    let wrong: Vec<String> = all.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_is_complete() {
    let numbers: BTreeSet<u32> = FAULTS.iter().map(|fault| fault.number).collect();
    // Secrets (60) have a test of their own, which plays all of these.
    assert_eq!(numbers, (40..60).collect());
}

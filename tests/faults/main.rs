//! The long walks behind `tests/faults/kill` and `tests/faults/inject`: too long for each run of the tests,
//! which take samples of them by the same code.
//!
//! Run through the scripts beside this file, which say what there is.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a walk that can't be set up has to fail")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is for people")]

#[cfg(target_os = "linux")]
mod inject;
#[cfg(target_os = "linux")]
mod kill;
#[cfg(target_os = "linux")]
mod stage;

fn main() {
    #[cfg(target_os = "linux")]
    {
        let mut arguments = std::env::args().skip(1);
        let well = match arguments.next().as_deref() {
            Some("kill") => kill::run(arguments),
            Some("inject") => inject::run(arguments),
            _ => stage::usage("kill or inject?"),
        };
        std::process::exit(i32::from(!well));
    }
    #[cfg(not(target_os = "linux"))]
    eprintln!("these walks need Linux's ptrace");
}

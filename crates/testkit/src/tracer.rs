//! Kills a process at one of its system calls, in any of its threads.
//!
//! `strace` can do that, too, but counts each thread's calls by themselves, so that "the 17th" is one of
//! several. Here there is one count for the whole process, and so every call of a run has its turn.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// The call before which the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// None: it runs to its end.
    Never,
    /// The one of this number, from 1, over all threads. The `execve` that starts the program is before the
    /// first.
    At(usize),
    /// The one of this number among those of this kind.
    AtKind(i64, usize),
}

/// How a traced run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// As it was about to make this call.
    Killed(i64),
    /// By a signal that this process did not send.
    Signalled(i32),
}

/// What came of a traced run.
#[derive(Clone, Debug)]
pub struct Traced {
    /// How it ended.
    pub ended: Ended,
    /// How many calls there were, of all threads.
    pub calls: usize,
    /// The same by the calls' numbers; only of runs that are killed at a kind, or never.
    pub kinds: BTreeMap<i64, usize>,
    /// What it wrote to standard error.
    pub stderr: String,
}

macro_rules! names {
    ($($call:ident)*) => {
        &[$((libc::$call, stringify!($call))),*]
    };
}

/// Those that Linux has on every kind of machine and a run may make.
const NAMES: &[(i64, &str)] = names! {
    SYS_read SYS_write SYS_close SYS_fstat SYS_lseek SYS_mmap SYS_mprotect SYS_munmap SYS_brk
    SYS_rt_sigaction SYS_rt_sigprocmask SYS_ioctl SYS_pread64 SYS_pwrite64 SYS_preadv2 SYS_writev
    SYS_sched_yield SYS_madvise SYS_socket SYS_connect SYS_accept4 SYS_bind SYS_listen SYS_shutdown
    SYS_sendto SYS_recvfrom SYS_sendmsg SYS_recvmsg SYS_getsockname SYS_getpeername SYS_setsockopt
    SYS_getsockopt SYS_socketpair SYS_clone SYS_clone3 SYS_exit SYS_exit_group SYS_futex
    SYS_sched_getaffinity SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_eventfd2 SYS_pipe2 SYS_dup
    SYS_dup3 SYS_prlimit64 SYS_getrandom SYS_statx SYS_newfstatat SYS_faccessat SYS_readlinkat
    SYS_openat SYS_getdents64 SYS_fcntl SYS_flock SYS_ftruncate SYS_fallocate SYS_fsync SYS_fdatasync
    SYS_renameat2 SYS_linkat SYS_unlinkat SYS_mkdirat SYS_getcwd SYS_sigaltstack SYS_set_robust_list
    SYS_set_tid_address SYS_rseq SYS_uname SYS_gettid SYS_getpid SYS_sysinfo SYS_tgkill
    SYS_clock_nanosleep SYS_prctl SYS_membarrier
};

/// A call's name, or its number where it has none here.
pub fn name_of(call: i64) -> String {
    let known = NAMES.iter().find(|(number, _)| *number == call);
    known.map_or_else(|| format!("call {call}"), |(_, name)| name.trim_start_matches("SYS_").to_owned())
}

/// The number of the call of that name.
///
/// # Panics
/// If it has none here.
pub fn call_named(name: &str) -> i64 {
    let known = NAMES.iter().find(|(_, known)| known.trim_start_matches("SYS_") == name);
    known.unwrap_or_else(|| panic!("no system call is called {name} here")).0
}

/// Runs `command` without input and kills it where `at` says. Its output is thrown away, its complaints are
/// kept.
///
/// # Panics
/// If the system doesn't let one process trace another.
#[allow(clippy::zombie_processes, reason = "the tracer waits for it, by its number")]
pub fn run(command: &Command, at: Kill) -> Traced {
    let mut stderr = tempfile::tempfile().expect("a temporary file can be made");
    // Tracing can only start when there is a process, and must have started when the program does: so a shell
    // waits for a line and then becomes the program. It says first that it runs: a process may be there while
    // it is still becoming the shell, and then that `execve` would be taken for the program's.
    let mut waiting = Command::new("sh");
    waiting
        .args(["-c", "echo here; read -r go && exec \"$0\" \"$@\" >/dev/null"])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => waiting.env(name, value),
            None => waiting.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        waiting.current_dir(folder);
    }
    let copy = stderr.try_clone().expect("a descriptor can be doubled");
    waiting.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(copy);
    // The thread that starts it is the only one that may trace it and wait for it.
    let mut child = waiting.spawn().expect("a shell starts");
    let mut said = child.stdout.take().expect("stdout was asked for");
    said.read_exact(&mut [0; 5]).expect("the shell says that it runs");
    let leader = Pid::from_raw(i32::try_from(child.id()).expect("process ids are small"));
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(leader, options).expect("a child can be traced");
    child.stdin.take().expect("stdin was asked for").write_all(b"\n").expect("the shell waits for a line");
    let mut tracer =
        Tracer { leader, at, inside: HashMap::new(), calls: 0, kinds: BTreeMap::new(), victim: None };
    let ended = tracer.follow();
    Traced { ended, calls: tracer.calls, kinds: tracer.kinds, stderr: text_of(&mut stderr) }
}

fn text_of(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_end(&mut bytes))
        .expect("a file of ours can be read");
    String::from_utf8_lossy(&bytes).into_owned()
}

struct Tracer {
    leader: Pid,
    at: Kill,
    /// Whether a thread is within a call, so that its next stop is the call's end. Threads start outside.
    inside: HashMap<Pid, bool>,
    calls: usize,
    kinds: BTreeMap<i64, usize>,
    victim: Option<i64>,
}

impl Tracer {
    fn follow(&mut self) -> Ended {
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            let status = match waitpid(Pid::from_raw(-1), Some(flags)) {
                Ok(status) => status,
                Err(Errno::EINTR) => continue,
                Err(error) => panic!("the traced process got lost: {error}"),
            };
            match status {
                WaitStatus::Exited(pid, code) if pid == self.leader => return Ended::Exited(code),
                WaitStatus::Signaled(pid, signal, _) if pid == self.leader => {
                    return match self.victim {
                        Some(call) if signal == Signal::SIGKILL => Ended::Killed(call),
                        _ => Ended::Signalled(signal as i32),
                    };
                }
                WaitStatus::PtraceSyscall(thread) => self.stopped(thread),
                WaitStatus::PtraceEvent(thread, _, event) => {
                    if event == libc::PTRACE_EVENT_EXEC {
                        // The end of this very call comes next.
                        self.inside.insert(thread, true);
                    }
                    go_on(thread, None);
                }
                WaitStatus::Stopped(thread, signal) => go_on(thread, Some(signal)),
                _ => {}
            }
        }
    }

    fn stopped(&mut self, thread: Pid) {
        let inside = self.inside.entry(thread).or_default();
        *inside = !*inside;
        if *inside && self.victim.is_none() {
            self.calls += 1;
            if self.is_it(thread) {
                self.victim = Some(number_of(self.leader, thread).unwrap_or(-1));
                kill(self.leader, Signal::SIGKILL).expect("a process that is stopped is there");
                return;
            }
        }
        go_on(thread, None);
    }

    fn is_it(&mut self, thread: Pid) -> bool {
        if let Kill::At(number) = self.at {
            return self.calls == number;
        }
        let Some(call) = number_of(self.leader, thread) else { return false };
        let count = self.kinds.entry(call).or_default();
        *count += 1;
        self.at == Kill::AtKind(call, *count)
    }
}

/// A thread that is gone by now needs nothing.
fn go_on(thread: Pid, signal: Option<Signal>) {
    let _ = ptrace::syscall(thread, signal);
}

/// The number of the call at which a thread is stopped.
fn number_of(leader: Pid, thread: Pid) -> Option<i64> {
    let text = std::fs::read_to_string(format!("/proc/{leader}/task/{thread}/syscall")).ok()?;
    text.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("GREETING", "hello");
        command
    }

    #[test]
    fn a_run_is_the_same_as_without_a_tracer() {
        let traced = run(&shell("echo $GREETING >&2; (exit 3); exit $?"), Kill::Never);
        assert_eq!((&traced.ended, traced.stderr.as_str()), (&Ended::Exited(3), "hello\n"));
        assert_eq!(traced.kinds.values().sum::<usize>(), traced.calls);
        assert!(traced.calls > 10, "{traced:?}");
    }

    #[test]
    fn every_call_can_be_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = shell("echo x > made");
        command.current_dir(folder.path());
        let made = folder.path().join("made");
        let (mut without, mut with) = (0, 0);
        for number in 1.. {
            let _ = std::fs::remove_file(&made);
            let traced = run(&command, Kill::At(number));
            if traced.ended == Ended::Exited(0) {
                break;
            }
            assert!(matches!(traced.ended, Ended::Killed(_)), "{traced:?}");
            assert_eq!(traced.calls, number);
            *if made.exists() { &mut with } else { &mut without } += 1;
        }
        assert!(without > 5 && with > 1, "{without} {with}");
        let first = run(&command, Kill::AtKind(call_named("write"), 1));
        assert_eq!(first.ended, Ended::Killed(call_named("write")));
        assert_eq!(std::fs::read(&made).unwrap(), b"");
    }
}

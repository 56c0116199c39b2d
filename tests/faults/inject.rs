//! Lets each system call about the output fail, and fills a small disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::Instant;

use airlift_testkit::failing_calls::{CALLS, ERRORS, Outcome, fail};
use airlift_testkit::kills::{Before, Build, Form, Scenario};

use crate::stage::{Stage, usage};

const FORMS: [Form; 3] = [Form::Tar, Form::Zst, Form::Volumes];

/// Walks the scenarios that were asked for, or all; returns whether all went well.
pub(crate) fn run(arguments: impl Iterator<Item = String>) -> bool {
    let wanted: Vec<String> = arguments.collect();
    let stage = Stage::new();
    let befores = [Before::Nothing, Before::Part, Before::OtherPart, Before::OtherBundle];
    let samples = (&stage.new, &stage.old);
    let builds = FORMS.iter().flat_map(|form| befores.map(|before| (*form, before)));
    let builds: Vec<Build> = builds
        .map(|(form, before)| Build::new(&stage.program, stage.source.authority(), samples, form, before))
        .collect();
    let names: Vec<_> = builds.iter().map(Build::name).collect();
    if let Some(unknown) = wanted.iter().find(|wanted| !names.contains(wanted)) {
        usage(&format!("there is no scenario '{unknown}', but {}", names.join(", ")));
    }
    let is_wanted = |build: &&Build| wanted.is_empty() || wanted.contains(&build.name());
    let mut well = true;
    for build in builds.iter().filter(is_wanted) {
        well &= walk(build);
    }
    well & (!wanted.is_empty() || small_disk(&stage))
}

fn walk(build: &Build) -> bool {
    let started = Instant::now();
    let (mut held, mut failures) = (Vec::new(), Vec::new());
    for call in CALLS {
        let mut count = 0;
        for error in ERRORS {
            for number in 1.. {
                match catch_unwind(AssertUnwindSafe(|| fail(build, call, error, number))) {
                    Ok(Some(Outcome::Held | Outcome::GotOver)) => count += 1,
                    Ok(_) => break,
                    Err(_) => failures.push(format!("{call} {number} {error}")),
                }
            }
        }
        if count > 0 {
            held.push((call, count));
        }
    }
    let all: usize = held.iter().map(|(_, count)| count).sum();
    let seconds = started.elapsed().as_secs_f64();
    println!("{}: {all} failing calls got over, {} not, {seconds:.0} s", build.name(), failures.len());
    let kinds: Vec<_> = held.iter().map(|(call, count)| format!("{call} {count}")).collect();
    println!("  {}", kinds.join(", "));
    for failure in &failures {
        println!("  FAILED: {failure} (its words are on standard error)");
    }
    failures.is_empty() && all > 0
}

/// On a file system of one megabyte, which then grows: an error first, the very bundle afterwards.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=1m none "$1" || exit 100
cd "$1" && echo old > b.tar
"$2" build "$3" -o b.tar --force >/dev/null 2>said; code=$?
cat said >&2
[ "$code" = 4 ] || { echo "exit $code, not 4" >&2; exit 1; }
[ "$(cat b.tar)" = old ] || { echo "the old file is gone" >&2; exit 1; }
mount -o remount,size=32m "$1" || exit 1
"$2" build "$3" -o b.tar --force >/dev/null || exit 1
cmp b.tar "$4" || exit 1
"#;

/// Without the permission to mount, the tests have other ways to a full disk: `ulimit -f` and injected
/// errors.
fn small_disk(stage: &Stage) -> bool {
    let mounted = tempfile::tempdir().expect("a temporary folder can be made");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"]).arg(mounted.path());
    command.arg(&stage.program.0).arg(stage.reference()).arg(stage.bundle()).env("HOME", mounted.path());
    let output = command.output();
    let code = output.as_ref().ok().and_then(|output| output.status.code());
    let said = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default();
    match code {
        Some(0) => println!("small-disk: refused at 1 MiB, complete at 32 MiB"),
        Some(1) => println!("small-disk: FAILED\n{said}"),
        _ => println!("small-disk: nobody may mount anything here; the tests have `ulimit -f` for it"),
    }
    code != Some(1)
}

//! The commands of `docs/tutorials`, typed as they stand there.
//!
//! Each file that a page shows is written, each command is run, and what it prints has to be what the page
//! says. Only the names of the two registries are replaced: by addresses on loopback, which are as long.

use std::process::Command;

use airlift_oci::Digest;
use airlift_server::Options;
use airlift_server::samples::Sample;
use airlift_testkit::tool::{tool, workspace_root};

use crate::airlift::Airlift;
use crate::made::{Embedded, put, referrer, two_platforms};

/// What separates the output of one command from that of the next.
const MARK: &str = "=== end of a command ===\n";

/// The two registries of a page, and the user's folder.
struct Story {
    /// What the page calls them: the one from which images come, and the one to which they go.
    names: [&'static str; 2],
    registries: [Embedded; 2],
    airlift: Airlift,
    /// The time in which the story is, in seconds since 1970.
    time: u64,
    /// Lets happen what happens before a chapter.
    turn_to: fn(&mut Story, &str),
}

impl Story {
    fn start(names: [&'static str; 2], turn_to: fn(&mut Story, &str)) -> Self {
        let registries = [(), ()].map(|()| Embedded::start(Options::default()));
        Story { names, registries, airlift: Airlift::new(), time: 0, turn_to }
    }

    /// Gives a tag at the first registry an image that follows from `seed`.
    fn put(&self, (repository, tag): (&str, &str), seed: u64) -> Sample {
        let sample = Sample { tag: tag.to_owned(), ..two_platforms(repository, seed) };
        self.registries[0].endpoint().push(std::slice::from_ref(&sample));
        sample
    }

    /// Takes something out of a repository of the second registry.
    fn lose(&self, repository: &str, kind: &str, digest: &Digest) {
        let target = format!("/v2/{repository}/{kind}/{digest}");
        self.registries[1].endpoint().request("DELETE", &target, &[], b"").expect_status(202);
    }

    fn with_addresses(&self, text: &str) -> String {
        let registries = self.names.iter().zip(&self.registries);
        registries.fold(text.to_owned(), |text, (name, one)| text.replace(name, one.authority()))
    }

    fn with_names(&self, text: &str) -> String {
        let registries = self.names.iter().zip(&self.registries);
        registries.fold(text.to_owned(), |text, (name, one)| text.replace(one.authority(), name))
    }

    /// Writes a file that the page shows, if its first line names it.
    fn write(&self, lines: &[&str]) {
        let Some(name) = lines.first().and_then(|line| line.strip_prefix("# ")) else { return };
        let path = self.airlift.path(name.trim_start_matches("~/"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, self.with_addresses(&(lines.join("\n") + "\n"))).unwrap();
    }

    /// Runs the commands among these lines, and returns the lines as they should be.
    fn run(&self, lines: &[&str]) -> Vec<String> {
        let commands: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("$ ")).collect();
        let then = format!("\ncode=$?; printf '{MARK}'; (exit $code)\n");
        let script: String = commands.iter().map(|command| self.with_addresses(command) + &then).collect();
        let output = self.shell(&script);
        let outputs = output.split_terminator(MARK);
        let shown = commands.iter().zip(outputs).flat_map(|(command, output)| {
            let output =
                output.lines().filter(|line| !is_timing(line)).map(|line| line.trim_end().to_owned());
            std::iter::once(format!("$ {command}")).chain(output).collect::<Vec<String>>()
        });
        shown.collect()
    }

    /// What a script prints, errors and output as they come.
    fn shell(&self, script: &str) -> String {
        let folder = self.airlift.path("");
        let binary = std::path::Path::new(env!("CARGO_BIN_EXE_airlift")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let as_user = self.airlift.command(&[]);
        let mut shell = Command::new("bash");
        for (name, value) in as_user.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.args(["-c", &format!("exec 2>&1\n{script}")]).current_dir(folder);
        shell.env("PATH", format!("{}:{path}", binary.display()));
        shell.env("SOURCE_DATE_EPOCH", self.time.to_string());
        shell.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            shell
                .env(format!("GIT_{role}_NAME"), "Team")
                .env(format!("GIT_{role}_EMAIL"), "team@corp.example");
        }
        let output = shell.stdin(std::process::Stdio::null()).output().expect("there is a bash");
        self.with_names(&String::from_utf8(output.stdout).unwrap())
    }

    /// The page with what its commands print now.
    fn replay(&mut self, page: &str) -> String {
        let mut shown = Vec::new();
        let mut lines = page.lines();
        while let Some(line) = lines.next() {
            shown.push(line.to_owned());
            if let Some(chapter) = line.strip_prefix("## ") {
                (self.turn_to)(self, chapter);
            }
            let Some(language) = line.strip_prefix("```") else { continue };
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if language == "console" {
                shown.extend(self.run(&block));
            } else {
                self.write(&block);
                shown.extend(block.into_iter().map(str::to_owned));
            }
            shown.push("```".to_owned());
        }
        shown.join("\n") + "\n"
    }
}

/// Whether a line says how long a transfer took, such as `fetch 30.2 KiB in 7 ms, 3.9 MiB/s`.
fn is_timing(line: &str) -> bool {
    ["fetch ", "verify ", "push ", "check "].iter().any(|start| line.starts_with(start))
        && line.contains(" in ")
}

/// Without what another address changes: the widths of a table's columns, and Git's ids of a lock.
fn comparable(page: &str) -> Vec<String> {
    let lines = page.lines().filter(|line| !line.starts_with("index "));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Runs the commands of a page, which have to print what it shows.
fn assert_shown(mut story: Story, name: &str) {
    if ["bash", "git", "jq"].map(tool).iter().any(Option::is_none) {
        return;
    }
    let page = std::fs::read_to_string(workspace_root().join("docs/tutorials").join(name)).unwrap();
    let now = story.replay(&page);
    if comparable(&page) != comparable(&now) {
        let proposal = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&proposal, &now).unwrap();
        let (old, new) = (comparable(&page), comparable(&now));
        let first = old.iter().zip(&new).find(|(old, new)| old != new);
        panic!("the page is not what its commands print, see {}: {first:#?}", proposal.display());
    }
}

#[test]
fn the_commands_of_the_monthly_bundle_print_what_its_page_shows() {
    let story = Story::start(["mirror.corp.lan", "inside.corp.lan"], |story, chapter| match chapter {
        "May: a list and its lock" => story.time = 1_777_888_800,
        "June: the list changes" => story.time = 1_780_567_200,
        "June: what has moved?" => {
            story.time += 3600;
            story.put(("hub/library/nginx", "1.27"), 300);
            story.put(("quay/team/app", "latest"), 310);
            story.put(("k8s/pause", "3.10"), 320);
        }
        _ => {}
    });
    let images = [("hub/library/nginx", "1.27"), ("quay/team/app", "latest")];
    let tags = ["3.7", "3.8", "3.9", "latest"].map(|tag| ("k8s/pause", tag));
    for (number, image) in (1..).zip(images.iter().chain(&tags)) {
        story.put(*image, 10 * number);
    }
    story.put(("quay/prometheus/node-exporter", "v1.8.2"), 200);
    assert_shown(story, "monthly-bundle.md");
}

#[test]
fn the_commands_of_the_promotion_print_what_its_page_shows() {
    let story = Story::start(["test-1.corp.lan", "prod-1.corp.lan"], |story, chapter| match chapter {
        "Decide what goes" => story.time = 1_777_888_800,
        "Somebody pushes to the tag" => {
            story.put(("team/shop", "2.1"), 50);
        }
        _ => {}
    });
    let shop = story.put(("team/shop", "2.1"), 10);
    story.put(("team/cart", "1.4"), 20);
    let signature = referrer(&shop.root, "application/vnd.dev.sigstore.bundle.v0.3+json", "a signature");
    put(story.registries[0].endpoint(), "team/shop", &signature, None);
    assert_shown(story, "promotion.md");
}

#[test]
fn the_commands_of_the_check_a_year_later_print_what_their_page_shows() {
    let story = Story::start(["mirror.corp.lan", "inside.corp.lan"], |story, chapter| match chapter {
        "May: what is approved, and is it there?" => story.time = 1_777_888_800,
        "June: a tag moved" => {
            story.time = 1_780_567_200;
            story.put(("quay/team/app", "latest"), 310);
        }
        "Another year later: is it still there?" => {
            // As they were when the bundle was built.
            let [nginx, app] = [10, 20].map(|seed| two_platforms("", seed));
            story.lose("library/nginx", "blobs", &nginx.blobs[1].digest);
            story.lose("team/app", "manifests", &app.root.digest);
        }
        _ => {}
    });
    for (number, image) in (1..).zip([("hub/library/nginx", "1.27"), ("quay/team/app", "latest")]) {
        story.put(image, 10 * number);
    }
    assert_shown(story, "still-there.md");
}

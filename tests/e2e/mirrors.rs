//! Mirrors: what is fetched from them is recorded as if it came from the original.

use airlift_oci::Digest;
use airlift_server::samples::Sample;
use airlift_testkit::scripted::{Answer, Gate, Request, Script, ScriptedRegistry};

use crate::airlift::{Airlift, Ran};
use crate::made;

const REPOSITORY: &str = "team/web";

/// An original registry, a mirror below `hub/`, and the bundle as it is without the mirror.
struct Mirrored {
    original: ScriptedRegistry,
    sample: Sample,
    airlift: Airlift,
}

impl Mirrored {
    fn start() -> Self {
        let sample = made::two_platforms(REPOSITORY, 1);
        let original = Script::serving(vec![sample.clone()]).start();
        let airlift = Airlift::new();
        airlift.run(&["build", &named(&original, "1"), "-o", "direct.tar"]).expect(0);
        Mirrored { original, sample, airlift }
    }

    /// The sample as the mirror has it.
    fn at_mirror(&self) -> Sample {
        Sample { repository: format!("hub/{REPOSITORY}"), ..self.sample.clone() }
    }

    fn rule(&self, mirror: &ScriptedRegistry) -> String {
        format!("{}={}/hub", self.original.authority(), mirror.authority())
    }

    fn build(&self, more: &[&str]) -> Ran {
        let reference = named(&self.original, "1");
        let arguments = ["build", &reference, "-o", "b.tar", "--force", "--retries", "0"];
        self.airlift.run(&[&arguments, more].concat())
    }

    /// Panics unless `b.tar` is what it is without a mirror; says how often the original was asked for it.
    fn assert_same(&self) {
        assert!(self.airlift.read("b.tar") == self.airlift.read("direct.tar"), "the bundle differs");
        std::fs::remove_file(self.airlift.path("b.tar")).unwrap();
    }
}

fn named(registry: &ScriptedRegistry, tag: &str) -> String {
    format!("{}/{REPOSITORY}:{tag}", registry.authority())
}

#[test]
fn a_mirror_is_asked_and_the_bundle_is_the_same() {
    let mirrored = Mirrored::start();
    let mirror = Script::serving(vec![mirrored.at_mirror()]).start();
    let before = mirrored.original.requests().len();
    mirrored.build(&["--mirror", &mirrored.rule(&mirror)]).expect(0);
    mirrored.assert_same();
    // The same by the user's configuration, and by a registries.conf.
    let folder = mirrored.airlift.path(".config/airlift");
    std::fs::create_dir_all(&folder).unwrap();
    let (from, to) = (mirrored.original.authority(), format!("{}/hub", mirror.authority()));
    std::fs::write(folder.join("config.toml"), format!("[mirrors]\n\"{from}\" = \"{to}\"\n")).unwrap();
    mirrored.build(&[]).expect(0);
    mirrored.assert_same();
    std::fs::write(folder.join("config.toml"), "[mirror]\n").unwrap();
    mirrored.build(&[]).expect(2).says("config.toml:1:2: unknown field `mirror`");
    std::fs::remove_file(folder.join("config.toml")).unwrap();
    let conf = format!("[[registry]]\nlocation = \"{from}\"\n[[registry.mirror]]\nlocation = \"{to}\"\n");
    std::fs::write(mirrored.airlift.path("registries.conf"), conf).unwrap();
    mirrored.build(&["--registries-conf", "registries.conf"]).expect(0);
    mirrored.assert_same();
    assert_eq!(mirrored.original.requests().len(), before, "the original is not asked");

    let conf = format!("[[registry]]\nlocation = \"{from}\"\nblocked = true\n");
    std::fs::write(mirrored.airlift.path("registries.conf"), conf).unwrap();
    mirrored.build(&["--registries-conf", "registries.conf"]).expect(5).says("is blocked");
}

#[test]
fn a_mirror_that_fails_is_an_error_unless_the_original_may_be_asked() {
    let mirrored = Mirrored::start();
    let root = mirrored.sample.root.digest;
    let other = made::two_platforms(&format!("hub/{REPOSITORY}"), 2);
    let lies = move || {
        let (other, wrong) = (other.clone(), other.root.bytes.clone());
        Script::serving(vec![other]).rule(move |request| {
            let is_root = request.path().ends_with(&format!("/manifests/{root}"));
            is_root.then(|| Answer::ok("application/vnd.oci.image.index.v1+json", wrong.clone()))
        })
    };
    let page = || Script::empty().rule(|_| Some(Answer::ok("text/html", "<html>log in</html>")));
    let down = Script::empty().start().authority();
    let pinned = format!("{}@{root}", named(&mirrored.original, "1"));
    let no_blobs = |sample: Sample| {
        let rule = |request: &Request| request.path().contains("/blobs/").then(|| Answer::status(404));
        Script::serving(vec![sample]).rule(rule)
    };
    let (lies, page, empty) = (lies().start(), page().start(), Script::empty().start());
    let no_blobs = no_blobs(mirrored.at_mirror()).start();
    for (what, mirror) in [
        ("another digest", lies.authority()),
        ("a web page", page.authority()),
        ("nothing", empty.authority()),
        ("manifests without blobs", no_blobs.authority()),
        ("no answer", down),
    ] {
        let rule = format!("{}={mirror}/hub", mirrored.original.authority());
        let arguments = ["build", &pinned, "-o", "b.tar", "--retries", "0", "--mirror", &rule];
        let before = mirrored.original.requests().len();
        let refused = mirrored.airlift.run(&arguments).expect(3);
        assert_eq!(mirrored.original.requests().len(), before, "{what}: the original is not asked");
        let refused = refused.says(&mirror);
        assert!(refused.to_string().contains(&mirrored.original.authority()), "{what}: {refused}");
        let built = mirrored.airlift.run(&[&arguments[..], &["--mirror-fallback"]].concat()).expect(0);
        mirrored.assert_same();
        // What a mirror just doesn't have is no failure of it.
        let lacks = ["nothing", "manifests without blobs"].contains(&what);
        assert_eq!(built.stderr.contains(&mirror), !lacks, "{what}: {built}");
    }
    assert_eq!(Digest::sha256(&mirrored.sample.root.bytes), root);
}

/// What a mirror lacks, refuses or doesn't send in time is said of the mirror.
#[test]
fn an_error_names_the_mirror_that_it_comes_from() {
    let mirrored = Mirrored::start();
    let child = mirrored.sample.manifests[0].digest.to_string();
    let blob = mirrored.sample.blobs.last().unwrap().digest.to_string();
    let gate = Gate::new();
    let failing = |what: &'static str, answer: Answer| {
        let ends = [child.clone(), blob.clone()];
        let rule = move |request: &Request| {
            let is_meant = match what {
                "root" => request.path().ends_with("/manifests/1"),
                "child" => request.path().ends_with(&format!("/manifests/{}", ends[0])),
                "referrers" => request.path().contains("/referrers/"),
                _ => request.path().ends_with(&ends[1]),
            };
            is_meant.then(|| answer.clone())
        };
        Script::serving(vec![mirrored.at_mirror()]).rule(rule).start()
    };
    let gone = || Answer::error(404, "MANIFEST_UNKNOWN", "gone");
    let login = || {
        let challenge = "Bearer realm=\"http://127.0.0.1:1/token\",service=\"s\"";
        Answer::error(401, "UNAUTHORIZED", "no").header("WWW-Authenticate", challenge)
    };
    let odd = || Answer::ok("application/vnd.oci.image.index.v1+json", "no JSON");
    let fallback = "--mirror-fallback";
    for (what, answer, says) in [
        ("child", gone(), "is missing at the mirror: MIRROR has no manifest"),
        ("child", login(), "from the mirror MIRROR"),
        ("child", odd(), "from the mirror MIRROR"),
        ("root", gone(), "its mirror MIRROR knows no such tag"),
        ("root", login(), "from the mirror MIRROR"),
        ("root", odd(), "can't use what the mirror MIRROR sent for"),
        ("referrers", login(), "from the mirror MIRROR"),
        ("child", gone().after(&gate), "did not come from the mirror MIRROR within 1 s"),
        ("root", gone().after(&gate), "did not come from the mirror MIRROR within 1 s"),
        // Last: what arrived until then is not asked for again.
        ("blob", gone(), "from the mirror MIRROR"),
    ] {
        let mirror = failing(what, answer);
        let name = format!("{}/hub/{REPOSITORY}", mirror.authority());
        let is_late = says.contains("within");
        let more: &[&str] = if is_late { &["--image-timeout", "1"] } else { &[] };
        let ran = mirrored.build(&[&["--mirror", &mirrored.rule(&mirror)], more].concat()).expect(3);
        let ran =
            ran.says(&says.replace("MIRROR", &name)).says(if is_late { "--image-timeout" } else { fallback });
        assert!(!ran.stderr.contains(&format!(" {}/{REPOSITORY} has no", mirrored.original.authority())));
    }
    gate.open();
}

/// A web server in the place of a mirror: it says nothing of the original.
#[test]
fn a_web_page_in_the_place_of_a_mirror_is_said_of_the_mirror() {
    let mirrored = Mirrored::start();
    for page in [Answer::ok("text/html", "<html>log in</html>"), Answer::status(404)] {
        let mirror = Script::empty().rule(move |_| Some(page.clone())).start();
        let rule = mirrored.rule(&mirror);
        let name = named(&mirrored.original, "1");
        let ran = mirrored.airlift.run(&["lock", &name, "-o", "i.lock", "--retries", "0", "--mirror", &rule]);
        let ran = ran.expect(3).says("is no registry").says("--mirror-fallback");
        ran.says(&format!("from the mirror {}/hub/{REPOSITORY}", mirror.authority()));
    }
}

#[test]
fn a_locked_digest_that_only_the_mirror_had_is_said_to_be_there() {
    let mirrored = Mirrored::start();
    let other = made::two_platforms(&format!("hub/{REPOSITORY}"), 2);
    let mirror = Script::serving(vec![other]).start();
    let rule = mirrored.rule(&mirror);
    mirrored
        .airlift
        .run(&["lock", &named(&mirrored.original, "1"), "-o", "i.lock", "--mirror", &rule])
        .expect(0);
    let ran = mirrored.airlift.run(&["build", "-f", "i.lock", "-o", "b.tar", "--retries", "0"]).expect(3);
    let ran = ran.says(&format!("locked from the mirror {}/hub/{REPOSITORY}", mirror.authority()));
    assert!(!ran.says("--mirror FROM=TO").says("i.lock:").stderr.contains("any more"));
}

/// The same of tags: those that the original has are not known.
#[test]
fn tags_that_a_mirror_lacks_or_refuses_are_said_of_the_mirror() {
    let mirrored = Mirrored::start();
    let original = format!("{}/{REPOSITORY}", mirrored.original.authority());
    let selector = format!("{{repo: {original}, tags: {{semver: '>=2'}}}}");
    let list = format!("version: 1\ngroups:\n  all:\n    - {selector}\n");
    std::fs::write(mirrored.airlift.path("images.yaml"), list).unwrap();
    let old = Answer::ok("application/json", format!(r#"{{"name":"hub/{REPOSITORY}","tags":["1"]}}"#));
    let denied = Answer::error(403, "DENIED", "not for you");
    for (answer, says) in [(old, "none of 1 tags matches"), (denied, "can't list the tags of")] {
        let tags = move |request: &Request| request.path().ends_with("/tags/list").then(|| answer.clone());
        let mirror = Script::serving(vec![mirrored.at_mirror()]).rule(tags).start();
        let rule = mirrored.rule(&mirror);
        let lock = ["lock", "-f", "images.yaml", "-o", "images.lock", "--retries", "0", "--mirror", &rule];
        let ran = mirrored.airlift.run(&lock).expect(3).says(says).says("--mirror-fallback");
        ran.says(&format!("from the mirror {}/hub/{REPOSITORY}", mirror.authority()));
    }
}

#[test]
fn what_is_no_rule_is_an_error_of_usage() {
    let airlift = Airlift::new();
    for rule in ["docker.io", "library=registry.corp", "docker.io=https://registry.corp"] {
        airlift.run(&["build", "nginx", "-o", "b.tar", "--mirror", rule]).expect(2);
    }
    let twice = ["--mirror", "docker.io=a.corp", "--mirror", "docker.io=b.corp"];
    airlift
        .run(&[&["build", "nginx", "-o", "b.tar"], &twice[..]].concat())
        .expect(2)
        .says("two mirror rules");
    airlift.run(&["build", "nginx", "-o", "b.tar", "--registries-conf", "none"]).expect(4);
}

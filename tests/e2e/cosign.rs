//! Real signatures, made by cosign at the source and checked by cosign at the target.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use airlift_testkit::real::RealRegistry;
use airlift_testkit::tool::tool;

use crate::airlift::Airlift;
use crate::made;

/// The trusted root that cosign would otherwise fetch from the internet: nothing is trusted beside the key.
const TRUSTED_ROOT: &str = r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#;

/// How cosign attaches a signature.
const FORMS: [&str; 2] = ["--new-bundle-format=true", "--new-bundle-format=false"];

/// Cosign with a key pair of its own.
struct Cosign {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Cosign {
    fn new() -> Option<Self> {
        let program = tool("cosign")?;
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        std::fs::write(folder.path().join("root.json"), TRUSTED_ROOT).expect("its folder takes files");
        let cosign = Cosign { program, folder };
        assert!(cosign.run(&["generate-key-pair"]).status.success());
        Some(cosign)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let folder: &Path = self.folder.path();
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(folder).env("HOME", folder).env("COSIGN_PASSWORD", "");
        command.output().expect("cosign runs")
    }

    fn sign(&self, form: &str, image: &str) {
        let offline =
            ["--tlog-upload=false", "--use-signing-config=false", "--allow-insecure-registry", "--yes"];
        let output = self.run(&[&["sign", "--key", "cosign.key", form], &offline[..], &[image]].concat());
        assert!(output.status.success(), "{form}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn verifies(&self, form: &str, image: &str) -> bool {
        let offline = ["--insecure-ignore-tlog", "--private-infrastructure", "--allow-insecure-registry"];
        let mut arguments = vec!["verify", "--key", "cosign.pub", form];
        if form == FORMS[0] {
            arguments.extend(["--trusted-root", "root.json"]);
        }
        let output = self.run(&[&arguments[..], &offline, &[image]].concat());
        output.status.success()
    }
}

/// From each kind of registry to each, both forms; an index, and one platform of it.
#[test]
fn signatures_hold_on_the_other_side() {
    let (Some(cosign), Some(api), Some(tags)) =
        (Cosign::new(), RealRegistry::with_referrers().start(), RealRegistry::debian().start())
    else {
        return;
    };
    let airlift = Airlift::new();
    for (number, source) in [&api, &tags].into_iter().enumerate() {
        let sample = made::two_platforms("team/signed", 10 + number as u64);
        source.endpoint().push(std::slice::from_ref(&sample));
        let [amd64, arm64, index] = &sample.manifests[..] else { panic!("two images and an index") };
        let at = |registry: &RealRegistry, digest| format!("{}/team/signed@{digest}", registry.authority());
        for form in FORMS {
            cosign.sign(form, &at(source, index.digest));
            cosign.sign(form, &at(source, amd64.digest));
        }
        let reference = format!("{}/team/signed:1", source.authority());
        let built = airlift.run(&["build", &reference, "-o", "b.tar", "--force", "--json"]).expect(0);
        let built = built.json("airlift.build/v1");
        assert_eq!(built["images"][0]["referrers"].as_array().map(Vec::len), Some(4), "{built}");
        airlift.run(&["verify", "b.tar"]).expect(0);
        for target in [RealRegistry::with_referrers(), RealRegistry::debian()] {
            let target = target.start().expect("the first one started, too");
            let pushed = airlift.run(&["push", "b.tar", target.authority(), "--json"]).expect(0);
            let receipt = pushed.json("airlift.receipt/v1");
            for form in FORMS {
                assert!(cosign.verifies(form, &at(&target, index.digest)), "{form}\n{receipt}");
                assert!(cosign.verifies(form, &at(&target, amd64.digest)), "{form}\n{receipt}");
                assert!(!cosign.verifies(form, &at(&target, arm64.digest)), "nobody signed this one");
            }
            // Again: everything is there, and nothing is said to be new.
            let again = airlift.run(&["push", "b.tar", target.authority(), "--json"]).expect(0);
            let again = again.json("airlift.receipt/v1");
            assert_eq!(again["images"][0]["status"], "present", "{again}");
            assert_eq!(again["images"][0].get("fallbackTags"), None, "{again}");
        }
        // Without referrers, none of it is carried.
        airlift.run(&["build", &reference, "-o", "n.tar", "--force", "--referrers", "none"]).expect(0);
        let target = RealRegistry::debian().start().expect("the first one started, too");
        airlift.run(&["push", "n.tar", target.authority()]).expect(0);
        assert!(!cosign.verifies(FORMS[1], &at(&target, index.digest)));
    }
}

//! Bundles in volumes: the archive's bytes in files of one size, read where they are, each verified by
//! itself.

mod broken_off;

use std::fs;
use std::os::unix::fs::symlink;

use airlift_server::samples::{self, Child, ImageSpec, IndexSpec, Layer, Sample};
use airlift_testkit::real::RealRegistry;
use serde_json::Value;

use crate::airlift::{Airlift, Ran};
use crate::pair::Pair;

/// The size of the volumes, as it is typed, and as it is.
const SIZE: (&str, u64) = ("100kB", 99_840);

/// An image of two platforms with layers larger than a volume, and small ones.
fn image(seed: u64) -> Sample {
    image_with(seed, 300_000)
}

/// The same with a layer of `largest` bytes.
fn image_with(seed: u64, largest: usize) -> Sample {
    let layer = |seed, size| Layer::Files { seed, size };
    let made = |platform: &str, layers| {
        samples::image(&ImageSpec { platform: platform.to_owned(), layers, ..ImageSpec::default() })
    };
    let images = vec![
        made("linux/amd64", vec![layer(seed, largest), layer(seed + 1, 1_000)]),
        made("linux/arm64", vec![layer(seed + 2, 70_000), layer(seed + 3, 150_000)]),
    ];
    let children = images.iter().map(Child::from).collect();
    let root = samples::index(&IndexSpec { children, ..IndexSpec::default() });
    Sample::of_index("team/large", "1", root, Vec::new(), images)
}

/// A pair with [`image`], and `b.tar` in volumes between them.
struct Volumes {
    pair: Pair,
    reference: String,
}

impl Volumes {
    fn start() -> Option<Self> {
        let (source, target) = (RealRegistry::debian().start()?, RealRegistry::debian().start()?);
        let samples = vec![image(1)];
        source.endpoint().push(&samples);
        let pair = Pair { source, target, airlift: Airlift::new(), samples };
        let reference = pair.reference(&pair.samples[0]);
        Some(Volumes { pair, reference })
    }

    /// The same with the volumes built.
    fn built() -> Option<Self> {
        let volumes = Self::start()?;
        volumes.build(&[]).expect(0);
        Some(volumes)
    }

    fn build(&self, more: &[&str]) -> Ran {
        let arguments = ["--json", "build", &self.reference, "-o", "b.tar", "--volume-size", SIZE.0];
        self.run(&[&arguments, more].concat())
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.pair.airlift.run(arguments)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.pair.airlift.path(name)
    }

    fn manifest(&self) -> Value {
        serde_json::from_slice(&self.pair.airlift.read("b.tar.volumes.json")).expect("it is JSON")
    }

    fn names(&self) -> Vec<String> {
        let manifest = self.manifest();
        let volumes = manifest["volumes"].as_array().expect("a list");
        volumes.iter().map(|volume| volume["name"].as_str().expect("a name").to_owned()).collect()
    }

    fn joined(&self) -> Vec<u8> {
        self.names().iter().flat_map(|name| self.pair.airlift.read(name)).collect()
    }

    /// What a build into one file gives.
    fn whole(&self) -> Vec<u8> {
        self.run(&["build", &self.reference, "-o", "whole.tar"]).expect(0);
        let whole = self.pair.airlift.read("whole.tar");
        fs::remove_file(self.path("whole.tar")).expect("it is there");
        whole
    }

    fn flip(&self, name: &str, offset: u64) {
        let path = self.path(name);
        let mut bytes = fs::read(&path).expect("it is there");
        bytes[offset as usize] ^= 0x10;
        fs::write(path, bytes).expect("it can be written");
    }

    fn report(&self, code: i32) -> Value {
        self.run(&["--json", "verify", "b.tar"]).expect(code).json("airlift.report/v1")
    }
}

fn messages(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("a list");
    findings.iter().map(|finding| finding["message"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn volumes_one_behind_the_other_are_the_archive() {
    let Some(volumes) = Volumes::start() else { return };
    let planned = volumes.build(&["--dry-run"]).expect(0).json("airlift.plan/v1");
    assert!(volumes.pair.airlift.files().is_empty());
    let built = volumes.build(&[]).expect(0).json("airlift.build/v1");
    let names = volumes.names();
    assert!(names.len() >= 5, "{names:?}");
    let mut files = names.clone();
    files.push("b.tar.volumes.json".to_owned());
    assert_eq!(volumes.pair.airlift.files(), files);

    let whole = volumes.whole();
    assert!(volumes.joined() == whole, "another archive");
    let manifest = volumes.manifest();
    assert_eq!(
        (&manifest["size"], &manifest["volumeSize"]),
        (&Value::from(whole.len()), &Value::from(SIZE.1))
    );
    assert_eq!((&built["volumes"], &built["id"]), (&manifest["volumes"], &manifest["bundle"]));
    assert_eq!(built["bundle"], "b.tar.volumes.json");
    let sizes = |document: &Value| -> Vec<u64> {
        let volumes = document["volumes"].as_array().expect("a list");
        volumes.iter().map(|volume| volume["size"].as_u64().expect("a number")).collect()
    };
    assert_eq!(sizes(&planned), sizes(&built));
    let expected: Vec<u64> = whole.chunks(SIZE.1 as usize).map(|volume| volume.len() as u64).collect();
    assert_eq!(sizes(&built), expected);
    volumes
        .run(&["build", &volumes.reference, "--dry-run", "--volume-size", SIZE.0])
        .expect(0)
        .says(&format!("in {} volumes", names.len()));
}

#[test]
fn other_tools_can_check_a_volume() {
    let Some(volumes) = Volumes::built() else { return };
    let manifest = volumes.manifest();
    let all = manifest["volumes"].as_array().expect("a list").iter();
    let sums: String = all
        .map(|volume| {
            format!(
                "{}  {}\n",
                volume["sha256"].as_str().expect("hex"),
                volume["name"].as_str().expect("text")
            )
        })
        .collect();
    fs::write(volumes.path("sums"), sums).expect("its folder takes files");
    let checked = std::process::Command::new("sha256sum")
        .args(["-c", "--strict", "sums"])
        .current_dir(volumes.path("."))
        .output()
        .expect("coreutils are there");
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn a_set_is_read_in_place() {
    let Some(volumes) = Volumes::built() else { return };
    let files = volumes.pair.airlift.files();
    let whole = volumes.whole();
    fs::write(volumes.path("whole.tar"), &whole).expect("its folder takes files");
    let of_whole = volumes.run(&["--json", "verify", "whole.tar"]).expect(0).json("airlift.report/v1");
    let inspected = volumes.run(&["inspect", "whole.tar"]).expect(0).text();
    fs::remove_file(volumes.path("whole.tar")).expect("it is there");
    for name in ["b.tar", "b.tar.volumes.json"] {
        let report = volumes.run(&["--json", "verify", name]).expect(0).json("airlift.report/v1");
        assert_eq!(report, of_whole);
        assert_eq!(volumes.run(&["inspect", name]).expect(0).text(), inspected.replace("whole.tar", name));
        volumes.run(&["verify", name, "--expect", report["id"].as_str().expect("an id")]).expect(0);
    }
    volumes.pair.push("b.tar").expect(0);
    volumes.pair.assert_arrived(&volumes.pair.samples[0]);
    assert_eq!(volumes.pair.airlift.files(), files, "nothing was joined or unpacked");
}

#[test]
fn volumes_may_be_links_to_where_they_are() {
    let Some(volumes) = Volumes::built() else { return };
    fs::create_dir(volumes.path("disc")).expect("its folder takes folders");
    for name in volumes.names() {
        fs::rename(volumes.path(&name), volumes.path(&format!("disc/{name}"))).expect("it can be moved");
        symlink(format!("disc/{name}"), volumes.path(&name)).expect("links can be made");
    }
    volumes.report(0);
}

#[test]
fn one_volume_is_verified_alone() {
    let Some(volumes) = Volumes::built() else { return };
    let names = volumes.names();
    let id = volumes.manifest()["bundle"].as_str().expect("an id").to_owned();
    for name in names.iter().filter(|name| *name != "b.tar.002") {
        fs::remove_file(volumes.path(name)).expect("it is there");
    }
    let place = format!("volume 2 of {} of bundle {id}: intact", names.len());
    volumes.run(&["verify", "b.tar.002"]).expect(0).says(&place).says("one volume only, not the bundle");
    volumes.run(&["verify", "b.tar.002", "--expect", &id]).expect(0);
    let other = format!("sha256:{}", "0".repeat(64));
    volumes.run(&["verify", "b.tar.002", "--expect", &other]).expect(1).says("NOT OF THE EXPECTED BUNDLE");
    let verify = || volumes.run(&["--json", "verify", "b.tar.002"]);
    let report = verify().expect(0).json("airlift.volume/v1");
    assert_eq!((&report["number"], &report["of"]), (&Value::from(2), &Value::from(names.len())));
    assert_eq!((&report["hashed"], &report["bundle"]), (&Value::from(SIZE.1), &Value::from(id)));

    volumes.flip("b.tar.002", 5_000);
    assert_eq!(verify().expect(1).json("airlift.volume/v1")["findings"][0]["rule"], "volume-digest");
    volumes.flip("b.tar.002", 5_000);
    verify().expect(0);
    volumes.run(&["verify", "b.tar.003"]).expect(1).says("b.tar.003 is missing: volume 3 of");
    fs::write(volumes.path("b.tar.001"), volumes.pair.airlift.read("b.tar.002")).expect("it can be written");
    volumes.run(&["verify", "b.tar.001"]).expect(1).says("b.tar.001 holds volume 2");
    let manifest = volumes.pair.airlift.read("b.tar.volumes.json");
    for position in (0..manifest.len()).step_by(211) {
        volumes.flip("b.tar.volumes.json", position as u64);
        verify().expect(1).says("volume-manifest");
        volumes.flip("b.tar.volumes.json", position as u64);
    }
    for command in ["inspect", "push"] {
        let destination = volumes.pair.target.authority();
        let all = [command, "b.tar.002", destination];
        let arguments = if command == "push" { &all[..] } else { &all[..2] };
        volumes.run(arguments).expect(4).says("is one volume of a bundle").says("b.tar.volumes.json");
    }
    fs::remove_file(volumes.path("b.tar.volumes.json")).expect("it is there");
    volumes.run(&["verify", "b.tar.002"]).expect(4).says("b.tar.volumes.json is not there");
    let first = &volumes.whole()[..SIZE.1 as usize];
    fs::write(volumes.path("b.tar.001"), first).expect("it can be written");
    volumes.run(&["verify", "b.tar.001"]).expect(4).says("b.tar.volumes.json is not there");
    volumes.run(&["verify", "b.tar"]).expect(4).says("b.tar.volumes.json is not there");
}

#[test]
fn missing_swapped_and_cut_volumes_are_named_at_once() {
    let Some(volumes) = Volumes::built() else { return };
    let count = volumes.names().len();
    let swap = |a: &str, b: &str| {
        fs::rename(volumes.path(a), volumes.path("x")).expect("it is there");
        fs::rename(volumes.path(b), volumes.path(a)).expect("it is there");
        fs::rename(volumes.path("x"), volumes.path(b)).expect("it is there");
    };
    let refused = |expected: &[String]| {
        let report = volumes.report(1);
        assert_eq!(messages(&report), expected);
        assert_eq!(report["hashed"], 0, "nothing was read for nothing: {report}");
        volumes.pair.push("b.tar").expect(1).says(&expected[0]);
        volumes.run(&["inspect", "b.tar"]).expect(1).says(&expected[0]);
    };
    swap("b.tar.002", "b.tar.004");
    refused(&[
        format!("b.tar.002 holds volume 4: it should hold volume 2 of {count}"),
        format!("b.tar.004 holds volume 2: it should hold volume 4 of {count}"),
    ]);
    swap("b.tar.002", "b.tar.004");
    let third = volumes.pair.airlift.read("b.tar.003");
    fs::remove_file(volumes.path("b.tar.003")).expect("it is there");
    fs::remove_file(volumes.path("b.tar.001")).expect("it is there");
    refused(&[
        format!("b.tar.001 is missing: volume 1 of {count}"),
        format!("b.tar.003 is missing: volume 3 of {count}"),
    ]);
    let first: Vec<u8> = volumes.whole()[..SIZE.1 as usize].to_vec();
    fs::write(volumes.path("b.tar.001"), first).expect("it can be written");
    for wrong in [&third[..third.len() - 1], &[&third[..], b"x"].concat()] {
        fs::write(volumes.path("b.tar.003"), wrong).expect("it can be written");
        let is = wrong.len();
        refused(&[format!("b.tar.003 has {is} bytes, but volume 3 of {count} has {}", SIZE.1)]);
    }
    fs::write(volumes.path("b.tar.003"), third).expect("it can be written");
    volumes.report(0);
}

#[test]
fn a_flipped_bit_is_named_with_its_volume() {
    let Some(volumes) = Volumes::built() else { return };
    for (index, name) in volumes.names().iter().enumerate() {
        let size = volumes.path(name).metadata().expect("it is there").len();
        for offset in [0, 4_096, size / 2, size - 1] {
            volumes.flip(name, offset);
            let report = volumes.report(1);
            let named =
                messages(&report).iter().any(|message| message.starts_with(&format!("{name} (volume")));
            assert!(named, "byte {offset} of {name}: {report:#}");
            let findings = report["findings"].as_array().expect("a list");
            for finding in findings.iter().filter(|finding| finding["offset"].is_number()) {
                let place = &finding["volume"];
                let start = (place["number"].as_u64().expect("a number") - 1) * SIZE.1;
                assert_eq!(
                    finding["offset"],
                    start + place["offset"].as_u64().expect("a number"),
                    "{finding}"
                );
            }
            let altered: Vec<&Value> =
                findings.iter().filter(|finding| finding["rule"] == "volume-digest").collect();
            assert_eq!(altered.len(), 1, "{report:#}");
            assert_eq!(altered[0]["volume"]["number"], index + 1);
            volumes.flip(name, offset);
        }
    }
    volumes.flip("b.tar.002", 70_000);
    volumes.run(&["verify", "b.tar"]).expect(1).says(" of b.tar.002)").says("DAMAGED");
    assert_ne!(volumes.pair.push("b.tar").code, 0);
    assert_eq!(volumes.pair.target.endpoint().try_manifest("team/large", "1").status, 404);
    volumes.flip("b.tar.002", 70_000);
    let manifest = volumes.pair.airlift.read("b.tar.volumes.json");
    for position in (0..manifest.len()).step_by(331) {
        volumes.flip("b.tar.volumes.json", position as u64);
        volumes.run(&["verify", "b.tar"]).expect(1).says("b.tar.volumes.json is damaged");
        volumes.flip("b.tar.volumes.json", position as u64);
    }
    volumes.report(0);
}

#[test]
fn what_is_there_is_kept_unless_it_may_be_replaced() {
    let Some(volumes) = Volumes::start() else { return };
    let other = image(100);
    volumes.pair.source.endpoint().push(&[Sample { tag: "2".to_owned(), ..other }]);
    let other = volumes.reference.replace(":1", ":2");
    for taken in ["b.tar.003", "b.tar.volumes.json"] {
        fs::write(volumes.path(taken), "precious").expect("its folder takes files");
        volumes.build(&[]).expect(5).says(&format!("{taken} is there already")).says("--force");
        assert_eq!(volumes.pair.airlift.files(), [taken]);
        assert_eq!(volumes.pair.airlift.read(taken), b"precious");
        fs::remove_file(volumes.path(taken)).expect("it is there");
    }
    // A user who joins all numbered files would include it.
    volumes.build(&[]).expect(0);
    let behind = format!("b.tar.{:03}", volumes.names().len() + 1);
    let others = volumes.pair.airlift.files();
    others.iter().for_each(|name| fs::remove_file(volumes.path(name)).expect("it is there"));
    fs::write(volumes.path(&behind), "precious").expect("its folder takes files");
    volumes.build(&[]).expect(5).says(&format!("{behind} is there already"));
    fs::remove_file(volumes.path(&behind)).expect("it is there");
    volumes.build(&[]).expect(0);
    let again = volumes.build(&[]).expect(0).json("airlift.build/v1");
    assert_eq!((&again["downloaded"], &again["volumes"]), (&Value::from(0), &volumes.manifest()["volumes"]));
    let count = volumes.names().len();
    let before = volumes.joined();
    let build = |more: &[&str]| {
        let arguments = ["--json", "build", &other, "-o", "b.tar", "--volume-size"];
        volumes.run(&[&arguments, more].concat())
    };
    build(&[SIZE.0]).expect(5).says("--force");
    assert!(volumes.joined() == before);
    fs::write(volumes.path("b.tar.notes"), "precious").expect("its folder takes files");
    build(&["200kB", "--force"]).expect(0);
    let names = volumes.names();
    assert!(names.len() < count);
    assert_eq!(volumes.pair.airlift.files().len(), names.len() + 2, "volumes of the old set are left");
    volumes.report(0);
    fs::write(volumes.path("b.tar"), "precious").expect("its folder takes files");
    build(&["200kB"]).expect(0).json("airlift.build/v1");
    assert_eq!(volumes.pair.airlift.read("b.tar"), b"precious");
}

#[test]
fn a_whole_bundle_is_cut_without_fetching() {
    let Some(volumes) = Volumes::start() else { return };
    volumes.run(&["build", &volumes.reference, "-o", "b.tar"]).expect(0);
    let built = volumes.build(&[]).expect(0).json("airlift.build/v1");
    assert_eq!(built["downloaded"], 0);
    assert!(volumes.joined() == volumes.pair.airlift.read("b.tar"));
    // And back.
    let whole = ["--json", "build", &volumes.reference, "-o", "c.tar", "--reuse", "b.tar.volumes.json"];
    let built = volumes.run(&whole).expect(0).json("airlift.build/v1");
    assert_eq!(built["downloaded"], 0);
    assert!(volumes.joined() == volumes.pair.airlift.read("c.tar"));
}

#[test]
fn sizes_that_make_no_sense_cost_nothing() {
    let Some(volumes) = Volumes::start() else { return };
    let build = |arguments: &[&str]| {
        let all = [&["build", &volumes.reference][..], arguments].concat();
        let ran = volumes.run(&all).expect(2);
        assert!(volumes.pair.airlift.files().is_empty());
        ran
    };
    build(&["-o", "b.tar", "--volume-size", "65535"]).says("the least is 64 KiB");
    build(&["-o", "b.tar", "--volume-size", "many"]).says("is not a size");
    build(&["-o", "-", "--volume-size", "1M"]).says("--volume-size wants a file's name");
    build(&["-o", "b.tar.zst", "--volume-size", "1M"]).says("leave out --volume-size");
    build(&["-o", "b.tar.zst", "--volume-size", "1M", "--dry-run"]).says("leave out --volume-size");
}

//! What is wrong with lists and locks is said before anything is asked, and all of it.

use airlift_testkit::scripted::{Script, ScriptedRegistry};

use crate::airlift::Airlift;
use crate::made::two_platforms;

fn start() -> (ScriptedRegistry, Airlift) {
    (Script::serving(vec![two_platforms("team/a", 1)]).start(), Airlift::new())
}

#[test]
fn two_digests_for_one_name_are_refused_before_a_registry_is_asked() {
    let (source, airlift) = start();
    let [one, other] = [1, 2].map(|number| format!("{}/team/a:1@sha256:{number:064}", source.authority()));
    std::fs::write(airlift.path("l.txt"), format!("{one}\n\n{other}\n")).unwrap();
    for command in [&["lock", "-o", "i.lock"][..], &["build", "-o", "b.tar"]] {
        let refused = airlift.run(&[command, &["-f", "l.txt"]].concat()).expect(2);
        refused.says("two digests").says("l.txt:1:1").says("l.txt:3:1");
        airlift.run(&[command, &[&one, &other]].concat()).expect(2).says("two digests");
    }
    assert_eq!(source.requests().len(), 0);
}

#[test]
fn a_lock_that_is_not_there_is_no_lock_of_the_list() {
    let airlift = Airlift::new();
    let check = |lock: &str| airlift.run(&["lock", "r.example/a:1", "-o", lock, "--check"]).expect(4);
    let folder = airlift.path("").canonicalize().unwrap();
    let folder = folder.to_string_lossy();
    check("i.lock")
        .says("i.lock")
        .says(&format!("no such file in the folder {}", folder.trim_end_matches('/')));
    check("none/i.lock").says("there is no folder none");
    assert_eq!(airlift.files(), [] as [String; 0]);
}

#[test]
fn all_faults_of_a_selector_are_named() {
    let airlift = Airlift::new();
    let list = "version: 1\ngroups:\n  a:\n    - repo: r.example/a\n      tags:\n        semver: \">=x\"\n        regex: \"(\"\n        except: \"[\"\n        newest: many\n";
    std::fs::write(airlift.path("i.yaml"), list).unwrap();
    let refused = airlift.run(&["lock", "-f", "i.yaml", "-o", "i.lock"]).expect(2);
    refused.says("i.yaml:6:").says("i.yaml:7:").says("i.yaml:8:").says("i.yaml:9:");
}

#[test]
fn a_history_has_bounds_and_is_not_lost() {
    let airlift = Airlift::new();
    for count in ["-1", "1001", "99999999999999999999", "many"] {
        let count = format!("--history={count}");
        airlift.run(&["lock", "r.example/a:1", "-o", "i.lock", &count]).expect(2).says("0 to 1000");
    }
    let mut sample = two_platforms("team/a", 1);
    let mut lock_at = |seed: u64, more: &[&str]| {
        sample = two_platforms("team/a", seed);
        let source = Script::serving(vec![sample.clone()]).start();
        let rule = format!("r.example={}", source.authority());
        let lock = ["lock", "r.example/team/a:1", "-o", "i.lock", "--update", "--mirror", &rule];
        airlift.run(&[&lock, more].concat()).expect(0);
        let lock: serde_json::Value = serde_json::from_slice(&airlift.read("i.lock")).unwrap();
        lock["images"][0]["history"].as_array().map_or(0, Vec::len)
    };
    assert_eq!([lock_at(1, &[]), lock_at(10, &[])], [0, 0], "none is begun unless asked for");
    assert_eq!([lock_at(20, &["--history", "2"]), lock_at(30, &[]), lock_at(40, &[])], [1, 2, 3]);
    assert_eq!([lock_at(50, &["--history", "2"]), lock_at(50, &["--history", "0"])], [2, 0]);
}

#[test]
fn a_reader_that_went_away_is_no_error_to_report() {
    let airlift = Airlift::new();
    std::fs::write(airlift.path("i.lock"), "").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let check = ["lock", "r.example/a:1", "-o", "i.lock", "--check"];
    let output = airlift.command(&check).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(4), Vec::new()));
}

//! Real clients: skopeo copies images in and out, digests and all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test may end itself")]

mod common;

use std::process::Command;

use airlift_server::samples;
use common::{Registry, header};

/// Runs skopeo off the async threads; `None` where it isn't installed.
async fn skopeo(arguments: Vec<String>) -> Option<std::process::Output> {
    let run = move || match Command::new("skopeo").args(arguments).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        output => Some(output.unwrap()),
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn skopeo_copies_in_and_out() {
    let (source, target) = (Registry::seeded().await, Registry::empty().await);
    let folder = tempfile::tempdir().unwrap();
    for (position, sample) in samples::all().iter().enumerate() {
        if sample.repository == "team/nested" {
            continue; // skopeo 1.9 has no idea of an index within an index
        }
        let name = format!("{}:{}", sample.repository, sample.tag);
        let from = format!("docker://{}/{name}", source.server.address());
        let between = format!("dir:{}", folder.path().join(position.to_string()).display());
        let to = format!("docker://{}/{name}", target.server.address());
        for (from, to) in [(&from, &between), (&between, &to)] {
            let options = ["copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", from, to];
            let Some(output) = skopeo(options.map(str::to_owned).to_vec()).await else {
                println!("skopeo is not installed: left out");
                return;
            };
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let answer = target.get(&format!("{}/manifests/{}", sample.repository, sample.tag)).await;
        assert_eq!(header(&answer, "content-type"), sample.root.media_type);
        assert_eq!(answer.bytes().await.unwrap(), sample.root.bytes);
    }
}

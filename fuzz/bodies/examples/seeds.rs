//! Writes the seeds of all targets: `cargo run -p airlift-fuzz-bodies --example seeds FOLDER`.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a tool for developers")]

use std::fs;
use std::path::PathBuf;

use airlift_fuzz_bodies::seeds;
use airlift_oci::Digest;

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("a folder is named"));
    for target in seeds::TARGETS {
        let folder = folder.join(target);
        fs::create_dir_all(&folder).expect("the folder can be made");
        let seeds = seeds::of(target);
        for seed in &seeds {
            fs::write(folder.join(Digest::sha256(seed).short()), seed).expect("a seed can be written");
        }
        println!("{target}: {} seeds, {} bytes", seeds.len(), seeds.iter().map(Vec::len).sum::<usize>());
    }
}

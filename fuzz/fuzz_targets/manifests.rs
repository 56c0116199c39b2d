#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| airlift_fuzz_bodies::manifests::manifests(input));

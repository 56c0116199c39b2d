#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| airlift_fuzz_bodies::values::platforms(input));

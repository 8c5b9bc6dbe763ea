#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| nanolm_fuzz::run("config", input));

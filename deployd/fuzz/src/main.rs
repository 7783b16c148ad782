//! The fuzzer around the target that `FUZZ_TARGET` names; `deployd/fuzz/run` starts it.
#![no_main]

use std::sync::OnceLock;

use deployd_fuzz::{Target, find};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    static TARGET: OnceLock<&'static Target> = OnceLock::new();
    let target = TARGET.get_or_init(|| {
        let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
        find(&name).unwrap_or_else(|unknown| {
            eprintln!("FUZZ_TARGET: {unknown}");
            std::process::exit(2)
        })
    });
    (target.run)(input);
});

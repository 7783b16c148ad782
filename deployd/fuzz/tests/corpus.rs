//! Every input that was written for the fuzzer or that it found worth keeping, once more, with plain `cargo test`.

use std::path::Path;

use deployd_fuzz::TARGETS;

#[test]
fn the_seeds_and_the_corpus_of_every_target_run_through() {
    for target in TARGETS {
        for kind in ["seeds", "corpus"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target.name);
            let inputs = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            let mut count = 0;
            for input in inputs.map(|entry| entry.unwrap().path()) {
                println!("{}", input.display());
                (target.run)(&std::fs::read(&input).unwrap());
                count += 1;
            }
            assert!(count > 0, "{} holds no input", folder.display());
        }
    }
}

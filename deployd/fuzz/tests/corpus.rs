//! Every input that the fuzzer ever found worth keeping, once more, with plain `cargo test`.

use std::path::Path;

use deployd_fuzz::TARGETS;

#[test]
fn the_corpus_of_every_target_runs_through() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in TARGETS {
        let folder = corpus.join(target.name);
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

//! The catalog and `bootstrap.sh` agree on the engine of each system: where it comes from, and by which packages.

use std::path::Path;

use harness::catalog::{Catalog, Channel};

/// What the script installs on each system is recorded, and held by the script's own tests.
#[test]
fn the_script_installs_what_the_catalog_says() {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deployd/tests/bootstrap/systems");
    for system in Catalog::built_in().systems() {
        let file = recorded.join(system.slug()).with_added_extension("snap");
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        // the first of its runs is the one where nobody said what to install
        let installed = text.lines().find_map(|line| line.strip_prefix("step engine: done (installed ")).unwrap();
        let (packages, from_upstream) = match installed.split_once(" from docker.com") {
            Some((packages, _)) => (packages, true),
            None => (installed.trim_end_matches(')'), false),
        };
        assert_eq!(from_upstream, system.engine.channel == Channel::Upstream, "{system}: {installed}");
        let packages: Vec<&str> = packages.split(' ').filter(|package| *package != "ca-certificates").collect();
        assert_eq!(packages, system.engine.packages, "{system}");
    }
}

//! Writes the rstest template with one case per system of the catalog.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

#[path = "../harness/src/catalog.rs"]
#[expect(dead_code, reason = "only the list of systems is needed here")]
mod catalog;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vps-images/catalog.toml");
    println!("cargo::rerun-if-changed={}", file.display());
    let catalog = catalog::Catalog::parse(&fs::read_to_string(&file)?, &file)?;
    let mut text = "/// Every system of the catalog.\n#[rstest_reuse::template]\n#[rstest::rstest]\n".to_owned();
    for system in catalog.systems() {
        let case = system.slug().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        writeln!(text, "#[case::{case}(\"{}\", \"{}\")]", system.os, system.version)?;
    }
    text += "fn every_system(#[case] os: &str, #[case] version: &str) {}\n";
    fs::write(Path::new(&env::var("OUT_DIR")?).join("systems.rs"), text)?;
    Ok(())
}

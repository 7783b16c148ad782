//! Writes the rstest template with one case per system of the catalog.

use std::path::Path;
use std::{env, fs};

#[path = "../harness/src/catalog/mod.rs"]
#[expect(dead_code, unused_imports, reason = "only the list of systems is needed here")]
mod catalog;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vps-images/catalog.toml");
    println!("cargo::rerun-if-changed={}", file.display());
    let catalog = catalog::Catalog::parse(&fs::read_to_string(&file)?, &file)?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("systems.rs"), catalog::every_system(&catalog))?;
    Ok(())
}

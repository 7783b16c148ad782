//! The cases of scenarios: one per system, written for the scenarios' build script.

use std::fmt::Write as _;

use super::Catalog;

/// The source of the rstest template `every_system`, with one case per system, named after it.
#[must_use]
pub fn every_system(catalog: &Catalog) -> String {
    let mut text = "/// Every system of the catalog.\n#[rstest_reuse::template]\n#[rstest::rstest]\n".to_owned();
    for system in catalog.systems() {
        let case = system.slug().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        // writing to a string cannot fail
        let _ = writeln!(text, "#[case::{case}({:?}, {:?})]", system.os, system.version);
    }
    text + "fn every_system(#[case] os: &str, #[case] version: &str) {}\n"
}

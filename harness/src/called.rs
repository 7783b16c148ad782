//! What people type to run the command line: `cargo xtask` in a checkout of this repository, `testvps` elsewhere.

use std::ffi::OsStr;
use std::path::Path;

/// How the hints of this library write the command line.
const IN_A_CHECKOUT: &str = "cargo xtask";
/// What `cargo install` makes of it.
const INSTALLED: &str = "testvps";

/// The words that run the command line from where this process was started: cargo tells its children whose package they
/// are, and `cargo xtask` is there only for those of this workspace.
#[must_use]
pub fn command_line() -> &'static str {
    called_from(std::env::var_os("CARGO_MANIFEST_DIR").as_deref())
}

/// The same text with the words that work here.
pub(crate) fn as_typed_here(text: &str) -> String {
    text.replace(IN_A_CHECKOUT, command_line())
}

fn called_from(package: Option<&OsStr>) -> &'static str {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = here.parent().unwrap_or(here);
    if package.is_some_and(|package| Path::new(package).starts_with(workspace)) { IN_A_CHECKOUT } else { INSTALLED }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_in_this_workspace_is_there_an_xtask() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(called_from(Some(here.as_os_str())), "cargo xtask");
        assert_eq!(called_from(Some(here.with_file_name("xtask").as_os_str())), "cargo xtask");
        assert_eq!(called_from(Some(OsStr::new("/somebody/elses/package"))), "testvps");
        assert_eq!(called_from(None), "testvps");
    }
}

//! How cells and their folders in a report are called, by those who write them and those who read them.

use crate::catalog::Arch;

/// `debian 12`, and `debian 12 arm64` where the architecture is another than amd64.
pub(crate) fn cell_title(os: &str, version: &str, arch: Arch) -> String {
    match arch {
        Arch::Amd64 => format!("{os} {version}"),
        arch => format!("{os} {version} {arch}"),
    }
}

/// The same as the name of a folder: `debian-12-arm64`.
pub(crate) fn cell_slug(os: &str, version: &str, arch: Arch) -> String {
    cell_title(os, version, arch).replace(' ', "-")
}

/// The folder of a scenario's bundle, relative to the report.
pub(crate) fn scenario_folder(cell_slug: &str, scenario: &str) -> String {
    format!("{cell_slug}/{}", scenario.replace("::", "-"))
}

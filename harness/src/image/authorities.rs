//! The extra certificate authorities that the host trusts and the images must trust too.

use std::path::{Path, PathBuf};

use crate::error::{Error, Failure, Result};

/// Where distributions keep the certificate authorities that an administrator added.
const ADDED_BY_ADMINISTRATOR: [&str; 2] = ["/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors"];

/// The host's extra certificate authorities as `(file name, PEM)`, and the one that `TESTENV_EXTRA_CA` names.
pub fn extra_authorities() -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for folder in ADDED_BY_ADMINISTRATOR {
        let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().flatten();
        for file in files.filter(|file| file.file_type().is_file() && is_certificate(file.path())) {
            found.push(read(file.path())?);
        }
    }
    if let Some(named) = std::env::var_os("TESTENV_EXTRA_CA").map(PathBuf::from) {
        found.push(read(&named)?);
    }
    Ok(found)
}

fn is_certificate(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "crt" || extension == "pem")
}

/// update-ca-certificates reads only files that end in `.crt`.
fn read(path: &Path) -> Result<(String, Vec<u8>)> {
    let pem = std::fs::read(path).map_err(|error| {
        let hint = "TESTENV_EXTRA_CA names a file with a certificate authority in PEM";
        Error::File(Failure::new(path.display().to_string(), "read the certificate authority").saw(error).hint(hint))
    })?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    Ok((format!("{stem}.crt"), pem))
}

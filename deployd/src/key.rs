//! The random keys of this machine: made at the first start, kept in a file that only the owner can read.

use std::path::Path;

use crate::error::{Failure, Kind, Result};
use crate::{files, random};

/// How many bytes a key has.
const LENGTH: usize = 32;

/// The key in a file; made if there is none. `lost` says what a new one would cost.
pub(crate) fn read_or_make(path: &Path, lost: &str) -> Result<[u8; LENGTH]> {
    let Some(kept) = files::read_if_there(path)? else {
        let key = random::bytes()?;
        files::replace(path, &key, 0o600)?;
        return Ok(key);
    };
    kept.try_into().map_err(|kept: Vec<u8>| {
        let failure = Failure::new(Kind::Internal, format!("read the key {}", path.display()));
        let failure = failure.saw(format!("it holds {} bytes instead of {LENGTH}", kept.len()));
        failure.hint(format!("put the right one back; or remove it: a new one is made, and {lost}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_a_cut_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("key"), dir.path().join("other"));
        let key = read_or_make(&path, "").unwrap();
        assert_eq!(read_or_make(&path, "").unwrap(), key);
        assert_ne!(read_or_make(&other, "").unwrap(), key);
        std::fs::write(&path, &key[1..]).unwrap();
        let failure = read_or_make(&path, "every token ends").unwrap_err().to_string();
        assert!(failure.contains("31 bytes") && failure.contains("every token ends"), "{failure}");
    }
}

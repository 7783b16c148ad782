//! Random secrets, from the operating system.

use rand::TryRng;
use rand::rngs::SysRng;

use crate::error::{Failure, Kind, Result};

/// `N` bytes that nobody can guess.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| Failure::new(Kind::Internal, "draw random bytes from the kernel").saw(error))?;
    Ok(bytes)
}

/// A secret of 32 random bytes that can stand in a form field.
pub(crate) fn word() -> Result<String> {
    Ok(data_encoding::BASE64URL_NOPAD.encode(&bytes::<32>()?))
}

//! What a program's file says of the machine that it runs on.

use std::path::Path;

use tokio::io::AsyncReadExt;

use crate::catalog::Arch;
use crate::error::{Error, Failure, Result};

/// How far into an ELF file its machine stands, and the machines, as the format numbers them.
const MACHINE: usize = 18;
/// How many bytes of a program tell its machine.
pub const PROGRAM_HEADER: usize = MACHINE + 2;
const MACHINES: [(u16, Arch); 3] = [(0x3e, Arch::Amd64), (0xb7, Arch::Arm64), (0x28, Arch::Armhf)];

/// The architecture that a program was built for.
pub async fn program_arch(program: &Path) -> Result<Arch> {
    let failed = |seen: String| {
        let hint = "cargo xtask builds it; without xtask: cargo build --package deployd --profile image";
        Error::File(Failure::new(program.display().to_string(), "read the deploy daemon's binary").saw(seen).hint(hint))
    };
    let mut header = [0; PROGRAM_HEADER];
    let mut file = tokio::fs::File::open(program).await.map_err(|error| failed(error.to_string()))?;
    file.read_exact(&mut header).await.map_err(|error| failed(error.to_string()))?;
    header_arch(&header).ok_or_else(|| failed("no program of amd64, arm64 or armhf".to_owned()))
}

/// The architecture that a program says in its first bytes, if they are a program's.
#[must_use]
pub fn header_arch(header: &[u8; PROGRAM_HEADER]) -> Option<Arch> {
    let machine = u16::from_le_bytes([header[MACHINE], header[MACHINE + 1]]);
    let known = MACHINES.into_iter().find(|(number, _)| *number == machine && header.starts_with(b"\x7fELF"));
    known.map(|(_, arch)| arch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_tells_its_machine() {
        let header = |magic: &[u8], machine: u8| {
            let mut header = [0; PROGRAM_HEADER];
            header[..magic.len()].copy_from_slice(magic);
            header[MACHINE] = machine;
            header
        };
        assert_eq!(header_arch(&header(b"\x7fELF", 0x3e)), Some(Arch::Amd64));
        assert_eq!(header_arch(&header(b"\x7fELF", 0xb7)), Some(Arch::Arm64));
        assert_eq!(header_arch(&header(b"\x7fELF", 0x28)), Some(Arch::Armhf));
        assert_eq!(header_arch(&header(b"\x7fELF", 0x08)), None);
        assert_eq!(header_arch(&header(b"#!/b", 0x3e)), None);
    }
}

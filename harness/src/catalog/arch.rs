//! Processor architectures.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// A processor architecture, in the distributions' words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// 64-bit x86
    Amd64,
    /// 64-bit Arm
    Arm64,
    /// 32-bit Arm with hardware floating point
    Armhf,
}

impl Arch {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Amd64, Self::Arm64, Self::Armhf];
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
            Self::Armhf => "armhf",
        })
    }
}

impl FromStr for Arch {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        super::one_of("architecture", &Self::ALL, word)
    }
}

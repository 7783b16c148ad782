//! How large a VPS is: memory, processors and disk, in numbers or by a name such as providers sell.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::engine::About;
use crate::error::{Error, Failure, Result};

/// The least memory with which a system with systemd and an SSH server comes up.
const LEAST_MEMORY: u64 = 64 << 20;
/// What a system needs on its disk beside its image, to boot and to be logged in to.
const LEAST_ROOM: u64 = 64 << 20;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// The sizes with a name: memory in MiB, processors, disk in GiB.
const NAMED: [(&str, u64, u32, u64); 5] = [
    ("nano", 512, 1, 10),
    ("micro", 1024, 1, 25),
    ("small", 2048, 1, 50),
    ("medium", 4096, 2, 80),
    ("large", 8192, 4, 160),
];

/// How large a VPS is. What is not said is the host's.
///
/// The system inside sees its size, and hits it: `free` tells the memory, and beyond it the kernel kills a process of this
/// VPS; `nproc` tells the processors; `df` tells the disk, and where it is full a write fails.
///
/// ```
/// use harness::vps::Size;
///
/// let small: Size = "small".parse().unwrap();
/// assert_eq!((small.memory, small.cpus, small.disk), (Some(2 << 30), Some(1.0), Some(50 << 30)));
/// assert_eq!(Size { disk: Some(2 << 30), ..small }.disk, Some(2 << 30));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Size {
    /// Bytes of memory; there is no swap. At least 64 MiB.
    pub memory: Option<u64>,
    /// Processors, also parts of one: half of one is seen as one that is slow.
    pub cpus: Option<f64>,
    /// Bytes of disk: for the system, all that is written on it, and its container engine. It takes room on the host only as
    /// it is written.
    pub disk: Option<u64>,
}

impl Size {
    /// The names that sizes have.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|it| it.0)
    }

    /// Whether all of it is the host's.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }

    /// How many processors are seen.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be a small positive number"
    )]
    pub(super) fn seen_cpus(&self) -> Option<u32> {
        self.cpus.map(|cpus| cpus.ceil() as u32)
    }

    /// Refuses what no machine could be.
    pub(super) fn check(&self, subject: &str) -> Result<()> {
        let wrong = |what: String, seen: String| Err(Error::Name(Failure::new(subject, what).saw(seen)));
        if let Some(memory) = self.memory.filter(|memory| *memory < LEAST_MEMORY) {
            let least = LEAST_MEMORY / MIB;
            return wrong(
                format!("give it {} MiB of memory", memory / MIB),
                format!("it needs at least {least}m to boot"),
            );
        }
        if let Some(cpus) = self.cpus.filter(|cpus| !(*cpus >= 0.01 && *cpus <= 4096.0)) {
            return wrong(format!("give it {cpus} processors"), "a number such as 1 or 0.5 is wanted".to_owned());
        }
        Ok(())
    }

    /// Refuses what the engine's machine does not have.
    pub(super) fn check_host(&self, subject: &str, host: &About) -> Result<()> {
        let lacks = |what: String, seen: String| {
            let hint = "ask for less, or name an engine on a larger machine with DOCKER_HOST";
            Err(Error::Machine(Failure::new(subject, what).saw(seen).hint(hint)))
        };
        #[expect(clippy::cast_precision_loss, reason = "a number of processors")]
        if let Some(cpus) = self.cpus.filter(|cpus| *cpus > host.cpus as f64) {
            return lacks(format!("give it {cpus} processors"), format!("the engine's machine has {}", host.cpus));
        }
        if let Some(memory) = self.memory.filter(|memory| i64::try_from(*memory).is_ok_and(|it| it > host.memory_bytes))
        {
            let has = host.memory_bytes >> 20;
            return lacks(
                format!("give it {} MiB of memory", memory / MIB),
                format!("the engine's machine has {has} MiB"),
            );
        }
        Ok(())
    }

    /// Refuses a disk on which an image of so many bytes does not fit.
    pub(super) fn check_image(&self, subject: &str, image: u64) -> Result<()> {
        let least = (image + LEAST_ROOM).div_ceil(MIB);
        match self.disk.filter(|disk| *disk < least * MIB) {
            Some(disk) => {
                let failure = Failure::new(subject, format!("give it a disk of {} MiB", disk / MIB));
                let seen = format!("its system alone takes {} MiB; it needs at least {least}m", image.div_ceil(MIB));
                Err(Error::Name(failure.saw(seen)))
            }
            None => Ok(()),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = NAMED.iter().find(|it| it.0 == name);
        let found = found.map(|(_, memory, cpus, disk)| Self {
            memory: Some(memory * MIB),
            cpus: Some((*cpus).into()),
            disk: Some(disk * GIB),
        });
        found.ok_or_else(|| format!("unknown size {name:?}; known: {}", Self::names().collect::<Vec<_>>().join(", ")))
    }
}

/// Reads a number of bytes with a unit, as container engines write it: `512m`, `2g`, powers of 1024.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len());
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        _ => return Err(format!("unknown unit {unit:?}; such as 512m or 2g")),
    };
    let number: u64 = number.parse().map_err(|_| format!("{text:?} is not a size such as 512m or 2g"))?;
    number.checked_mul(1 << shift).ok_or_else(|| format!("{text} is more than any machine has"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_engines_write_them() {
        assert_eq!(parse_bytes("512m"), Ok(512 << 20));
        assert_eq!(parse_bytes("2G"), Ok(2 << 30));
        for wrong in ["", "m", "1.5g", "3x", "99999999999g"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_name_lists_those_that_there_are() {
        let error = "huge".parse::<Size>().unwrap_err();
        assert!(error.ends_with("known: nano, micro, small, medium, large"), "{error}");
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_could() {
        let told = |size: Size| size.check("debian 12").unwrap_err().to_string();
        assert!(told(Size { memory: Some(32 << 20), ..Size::default() }).contains("at least 64m"));
        for cpus in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(told(Size { cpus: Some(cpus), ..Size::default() }).contains("such as 1 or 0.5"), "{cpus}");
        }
        let disk = Size { disk: Some(300 << 20), ..Size::default() };
        assert!(disk.check_image("debian 12", 236 << 20).is_ok());
        let told = disk.check_image("debian 12", 258 << 20).unwrap_err();
        assert!(matches!(told, Error::Name(_)) && told.to_string().contains("at least 322m"), "{told}");
    }

    #[test]
    fn part_of_a_processor_is_seen_as_one() {
        let seen = |cpus| Size { cpus: Some(cpus), ..Size::default() }.seen_cpus();
        assert_eq!([seen(0.5), seen(1.0), seen(1.5), seen(4.0)], [Some(1), Some(1), Some(2), Some(4)]);
    }
}

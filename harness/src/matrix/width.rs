//! How many scenarios run side by side: as the engine's machine has processors and free memory for.

use std::fmt;

use crate::Engine;
use crate::error::Result;

/// What a scenario may need at its peak: a VPS with its own engine that builds an image.
const MEMORY_PER_SCENARIO: u64 = 1 << 30;
/// Scenarios per processor: much of their time is waiting for the network and the disk.
const PER_PROCESSOR: u64 = 2;

/// How many scenarios run side by side, and why so many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Width {
    /// How many.
    pub jobs: usize,
    why: String,
}

impl Width {
    /// What was asked for, else what the engine's machine can bear now.
    pub async fn choose(engine: &Engine, asked: Option<usize>) -> Result<Self> {
        let about = engine.about().await?;
        let total = u64::try_from(about.memory_bytes).unwrap_or_default();
        // another machine tells its engine's clients only what it has, not what of it is free
        let free = engine.is_local().then(available).flatten().unwrap_or(total);
        Ok(Self::of(asked, u64::try_from(about.cpus).unwrap_or(1), free))
    }

    fn of(asked: Option<usize>, processors: u64, free: u64) -> Self {
        let why = match asked {
            Some(_) => "as asked for".to_owned(),
            None => format!("{processors} processors, {} of free memory, {} each", gib(free), gib(MEMORY_PER_SCENARIO)),
        };
        let bearable = (processors * PER_PROCESSOR).min(free / MEMORY_PER_SCENARIO);
        let jobs = asked.or(usize::try_from(bearable).ok()).unwrap_or(1).max(1);
        Self { jobs, why }
    }

    /// The memory that so many scenarios are expected to stay within.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        u64::try_from(self.jobs).unwrap_or(u64::MAX).saturating_mul(MEMORY_PER_SCENARIO)
    }
}

/// `4 side by side (2 processors, 22.1 GiB of free memory, 1.0 GiB each)`
impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} side by side ({})", self.jobs, self.why)
    }
}

/// The bytes that programs of this machine can still have without taking them from others.
fn available() -> Option<u64> {
    mem_available(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn mem_available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn gib(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 30;
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_and_free_memory_bound_how_many_run_and_one_always_does() {
        let jobs = |processors, free: u64| Width::of(None, processors, free << 20).jobs;
        assert_eq!((jobs(2, 24 << 10), jobs(8, 5 << 10), jobs(4, 1500), jobs(4, 300)), (4, 5, 1, 1));
        assert_eq!((Width::of(Some(7), 1, 0).jobs, Width::of(Some(0), 1, 0).jobs), (7, 1));
    }

    #[test]
    fn the_plan_is_told_with_its_reasons() {
        let width = Width::of(None, 2, (22 << 30) + (100 << 20));
        assert_eq!(width.to_string(), "4 side by side (2 processors, 22.0 GiB of free memory, 1.0 GiB each)");
        assert_eq!(width.memory_bytes(), 4 << 30);
        assert_eq!(Width::of(Some(3), 2, 0).to_string(), "3 side by side (as asked for)");
    }

    #[test]
    fn what_linux_says_is_available_is_read() {
        assert_eq!(mem_available("MemTotal: 24732632 kB\nMemAvailable:   1024 kB\n"), Some(1 << 20));
        assert_eq!(mem_available("MemTotal: 24732632 kB\n"), None);
    }
}

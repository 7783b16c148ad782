//! What can go wrong with a VPS on request, and how people write it.

use std::fmt;
use std::time::Duration;

use super::size::parse_bytes;
use crate::error::{Error, Failure, Result};

/// How much memory is left where nobody says how much.
const LEFT: u64 = 32 << 20;
/// The least that can be left: with less, no command ends any more.
const LEAST_LEFT: u64 = 8 << 20;
/// The kinds, as people write them.
const KINDS: &str =
    "cut, bandwidth RATE, latency TIME, loss PERCENT, disk-full, memory-short [LEFT], engine-stopped, engine-killed";

/// Something that goes wrong with a VPS: [`Vps::inject`](super::Vps::inject) puts it upon one,
/// [`Vps::clear`](super::Vps::clear) takes it away again, and the end of the VPS, too.
///
/// ```
/// use harness::Fault;
///
/// assert_eq!(Fault::parse("bandwidth", Some("8mbit")).unwrap(), Fault::Bandwidth(1_000_000));
/// assert_eq!(Fault::parse("loss", Some("20%")).unwrap().to_string(), "loss 20%");
/// assert!(Fault::parse("flood", None).unwrap_err().to_string().contains("disk-full"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Every packet is lost on the way, each way, SSH and published ports included. Address, routes and connections stay, as
    /// when it happens outside a server. Goes with a reboot.
    Cut,
    /// So many bytes pass in a second, each way: what leaves waits in a queue, what arrives in excess is lost. Goes with a
    /// reboot.
    Bandwidth(u64),
    /// What leaves is held back for so long, whole milliseconds; needs a kernel with netem. Goes with a reboot.
    Latency(Duration),
    /// So many of 100 packets are lost, each way; 1 to 100. Goes with a reboot.
    Loss(u8),
    /// Nothing more can be written on the disk, which must have a size of its own. Stays over a reboot.
    DiskFull,
    /// Of the memory, which must have a size of its own, so many bytes are left for all that runs, at least 8 MiB. Goes with
    /// a reboot.
    MemoryShort(u64),
    /// The container engine was told to end, and its containers with it.
    EngineStopped,
    /// The container engine ended at once, without a word to its containers. systemd starts it again by itself.
    EngineKilled,
}

impl Fault {
    /// Reads a fault as people write it: a kind, and what some kinds want to know (`bandwidth 1mbit`, `latency 100ms`,
    /// `loss 20%`, `memory-short 32m`). An error lists the kinds.
    pub fn parse(kind: &str, value: Option<&str>) -> Result<Self> {
        let wrong = |seen: String| Error::Name(Failure::new(kind, "find this fault").saw(seen));
        let wanted = |what: &str| wrong(format!("{what}; known: {KINDS}"));
        let fault = match (kind, value) {
            ("cut", None) => Self::Cut,
            ("disk-full", None) => Self::DiskFull,
            ("engine-stopped", None) => Self::EngineStopped,
            ("engine-killed", None) => Self::EngineKilled,
            ("memory-short", None) => Self::MemoryShort(LEFT),
            ("memory-short", Some(text)) => {
                let left = parse_bytes(text).map_err(wrong)?;
                if left < LEAST_LEFT {
                    return Err(wanted("at least 8m are left"));
                }
                Self::MemoryShort(left)
            }
            ("bandwidth", Some(text)) => Self::Bandwidth(rate(text).ok_or_else(|| wanted("a rate such as 1mbit"))?),
            ("latency", Some(text)) => Self::Latency(time(text).ok_or_else(|| wanted("a time such as 100ms"))?),
            ("loss", Some(text)) => Self::Loss(percent(text).ok_or_else(|| wanted("a loss from 1% to 100%"))?),
            ("bandwidth" | "latency" | "loss", None) => return Err(wanted("it wants to know how much")),
            ("cut" | "disk-full" | "engine-stopped" | "engine-killed", Some(_)) => {
                return Err(wanted("it comes without a value"));
            }
            _ => return Err(wanted("there is no such kind")),
        };
        Ok(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("cut"),
            Self::Bandwidth(bytes) if bytes % 125_000 == 0 => write!(f, "bandwidth {}mbit", bytes / 125_000),
            Self::Bandwidth(bytes) => write!(f, "bandwidth {}kbit", bytes / 125),
            Self::Latency(time) => write!(f, "latency {}ms", time.as_millis()),
            Self::Loss(percent) => write!(f, "loss {percent}%"),
            Self::DiskFull => f.write_str("disk-full"),
            Self::MemoryShort(left) => write!(f, "memory-short {}m", left >> 20),
            Self::EngineStopped => f.write_str("engine-stopped"),
            Self::EngineKilled => f.write_str("engine-killed"),
        }
    }
}

/// `512kbit` or `1mbit` in bytes a second; from 64 kbit on, below which no login ends.
fn rate(text: &str) -> Option<u64> {
    let (number, kilobits) =
        text.strip_suffix("mbit").map(|it| (it, 1000)).or(text.strip_suffix("kbit").map(|it| (it, 1)))?;
    let kilobits = number.parse::<u64>().ok()?.checked_mul(kilobits)?;
    (64..=100_000_000).contains(&kilobits).then_some(kilobits * 125)
}

/// `100ms` or `2s`, up to a minute.
fn time(text: &str) -> Option<Duration> {
    let (number, millis) = text.strip_suffix("ms").map(|it| (it, 1)).or(text.strip_suffix('s').map(|it| (it, 1000)))?;
    let millis = number.parse::<u64>().ok()?.checked_mul(millis)?;
    (1..=60_000).contains(&millis).then(|| Duration::from_millis(millis))
}

/// `20%` or `20`.
fn percent(text: &str) -> Option<u8> {
    text.strip_suffix('%').unwrap_or(text).parse().ok().filter(|percent| (1..=100).contains(percent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in [
            "cut",
            "bandwidth 1mbit",
            "bandwidth 500kbit",
            "latency 100ms",
            "loss 20%",
            "disk-full",
            "memory-short 32m",
            "engine-stopped",
            "engine-killed",
        ] {
            let (kind, value) = text.split_once(' ').map_or((text, None), |(kind, value)| (kind, Some(value)));
            assert_eq!(Fault::parse(kind, value).unwrap().to_string(), text);
        }
        assert_eq!(Fault::parse("latency", Some("2s")).unwrap(), Fault::Latency(Duration::from_secs(2)));
        assert_eq!(Fault::parse("memory-short", None).unwrap(), Fault::MemoryShort(LEFT));
    }

    #[test]
    fn what_is_no_fault_is_refused_with_those_that_there_are() {
        for (kind, value) in [
            ("flood", None),
            ("cut", Some("1")),
            ("loss", None),
            ("loss", Some("0")),
            ("loss", Some("101%")),
            ("bandwidth", Some("1m")),
            ("bandwidth", Some("1kbit")),
            ("latency", Some("fast")),
            ("latency", Some("2h")),
            ("memory-short", Some("1m")),
        ] {
            let error = Fault::parse(kind, value).unwrap_err();
            assert!(matches!(error, Error::Name(_)) && error.to_string().contains(KINDS), "{kind} {value:?}: {error}");
        }
    }
}

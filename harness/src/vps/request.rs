//! What somebody wants a VPS to be.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::time::Duration;

use super::machine::Vps;
use super::size::Size;
use super::snapshot::{Snapshot, check_system, frozen_system};
use super::start;
use crate::catalog::{Arch, Init, System};
use crate::error::{Error, Failure, Result};
use crate::testenv::TestEnv;

/// A request for a VPS; [`VpsRequest::start`] makes it.
///
/// ```no_run
/// # async fn example(env: &harness::TestEnv) -> harness::Result<()> {
/// use std::time::Duration;
///
/// let request = env.vps("debian", "12")?.with_memory(512 << 20).with_cpus(0.5).with_port("8080:80".parse().unwrap());
/// // `testenv`, `list`, `ssh` and `down` know it from now on
/// let vps = request.kept().with_lifetime(Duration::from_secs(7200)).start(env).await?;
/// println!("{}", vps.info().ssh.command);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct VpsRequest {
    pub(super) system: System,
    pub(super) name: Option<String>,
    pub(super) init: Option<Init>,
    pub(super) arch: Option<Arch>,
    pub(super) snapshot: Option<Snapshot>,
    pub(super) size: Size,
    pub(super) engine_disk: Option<u64>,
    pub(super) publish: Vec<PortMapping>,
    pub(super) lifetime: Option<Duration>,
    pub(super) kept: Kept,
}

/// Whether the workspace's state folder keeps a VPS when its process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// It goes.
    No,
    /// It goes, until somebody says that it shall stay.
    Later,
    /// It stays as soon as it is ready.
    WhenReady,
}

/// A port of the VPS on a port of 127.0.0.1: `8080:80`, or `127.0.0.2:8080:80` for another address of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortMapping {
    /// The host's address.
    pub host_address: IpAddr,
    /// The host's port; 0 for a free one.
    pub host: u16,
    /// The VPS's port.
    pub vps: u16,
}

impl FromStr for PortMapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not HOST:VPS, two port numbers such as 8080:80");
        let mut parts = text.rsplitn(3, ':');
        let mut port = || parts.next().and_then(|part| part.parse::<u16>().ok()).ok_or_else(wrong);
        let (vps, host) = (port()?, port()?);
        let address = parts.next().map(|address| address.parse().map_err(|_| wrong())).transpose()?;
        let host_address = address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        if vps == 0 { Err(wrong()) } else { Ok(Self { host_address, host, vps }) }
    }
}

impl VpsRequest {
    /// A VPS of this system.
    #[must_use]
    pub fn new(system: &System) -> Self {
        Self {
            system: system.clone(),
            name: None,
            init: None,
            arch: None,
            snapshot: None,
            size: Size::default(),
            engine_disk: None,
            publish: Vec::new(),
            lifetime: None,
            kept: Kept::No,
        }
    }

    /// Its name and host name: lower-case letters, digits and dashes.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What runs as PID 1; the catalog's default without it.
    #[must_use]
    pub fn with_init(mut self, init: Init) -> Self {
        self.init = Some(init);
        self
    }

    /// What its programs run on; without it, the environment's. One that the engine's machine is not, is emulated.
    #[must_use]
    pub fn with_arch(mut self, arch: Arch) -> Self {
        self.arch = Some(arch);
        self
    }

    /// Starts it from a frozen VPS of the same system; key, machine-id, address and name are its own.
    #[must_use]
    pub fn with_snapshot(mut self, snapshot: &Snapshot) -> Self {
        self.snapshot = Some(snapshot.clone());
        self
    }

    /// How large it is, in place of what was said before; [`with_memory`](Self::with_memory) and the like change parts of it.
    #[must_use]
    pub fn with_size(mut self, size: Size) -> Self {
        self.size = size;
        self
    }

    /// How many bytes of memory it has; without it, what the host has.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.size.memory = Some(bytes);
        self
    }

    /// How many processors it has; without it, what the host has.
    #[must_use]
    pub fn with_cpus(mut self, cpus: f64) -> Self {
        self.size.cpus = Some(cpus);
        self
    }

    /// How many bytes its disk has, which is one for the system, all that is written on it, and its container engine;
    /// without it, what the host's has. A reboot changes nothing on it.
    #[must_use]
    pub fn with_disk(mut self, bytes: u64) -> Self {
        self.size.disk = Some(bytes);
        self
    }

    /// How many bytes its container engine's disk has; without it, what the host's has. It lies in memory: a reboot empties
    /// it.
    #[must_use]
    pub fn with_engine_disk(mut self, bytes: u64) -> Self {
        self.engine_disk = Some(bytes);
        self
    }

    /// Publishes a port beside that of SSH.
    #[must_use]
    pub fn with_port(mut self, port: PortMapping) -> Self {
        self.publish.push(port);
        self
    }

    /// Its time is up so long after its making: one that the workspace keeps is then removed by the next command of the
    /// workspace that reaches the engine, any other by the next sweep.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Lets it outlive this process: the workspace's state folder keeps it until somebody takes it down.
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.kept = Kept::WhenReady;
        self
    }

    /// The same, but only from [`Vps::keep`] on: whatever ends the process before leaves nothing. Its name is its own
    /// meanwhile.
    #[must_use]
    pub fn kept_later(mut self) -> Self {
        self.kept = Kept::Later;
        self
    }

    /// Makes the VPS; returns once a command has run on it over SSH.
    pub async fn start(self, env: &TestEnv) -> Result<Vps> {
        self.check(self.arch.unwrap_or_else(|| env.arch()))?;
        // making a VPS is a large state machine: on the heap it does not blow up every future around it
        Box::pin(start::start(self, env)).await
    }

    fn check(&self, arch: Arch) -> Result<()> {
        let wrong =
            |what: String, seen: String| Err(Error::Name(Failure::new(self.system.to_string(), what).saw(seen)));
        if let Some(name) = self.name.as_deref().filter(|name| !is_host_name(name)) {
            return wrong(format!("call it {name:?}"), NAME_RULE.to_owned());
        }
        if let Some(init) = self.init.filter(|init| !self.system.init.contains(init)) {
            let valid: Vec<String> = self.system.init.iter().map(ToString::to_string).collect();
            return wrong(format!("start it with {init}"), format!("valid: {}", valid.join(", ")));
        }
        if let Some(snapshot) = &self.snapshot {
            check_system(snapshot, &frozen_system(&self.system, arch))?;
        }
        if self.size.disk.is_some() && self.engine_disk.is_some() {
            return wrong(
                "give it two disks".to_owned(),
                "with_disk and with_engine_disk exclude each other".to_owned(),
            );
        }
        self.size.check(&self.system.to_string())
    }
}

/// What [`is_host_name`] holds a name to.
pub(super) const NAME_RULE: &str = "1 to 40 lower-case letters, digits and dashes, no dash at either end";

/// Whether a VPS, or a snapshot of one, may be called so.
pub(super) fn is_host_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=40).contains(&name.len()) && name.chars().all(allowed) && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_published_on_loopback_unless_an_address_is_given() {
        let port: PortMapping = "8080:80".parse().unwrap();
        assert_eq!((port.host_address.to_string().as_str(), port.host, port.vps), ("127.0.0.1", 8080, 80));
        let port: PortMapping = "127.0.0.2:8080:80".parse().unwrap();
        assert_eq!(port.host_address.to_string(), "127.0.0.2");
        for wrong in ["80", "a:80", "80:b", "70000:80", "80:0", "nowhere:1:2", ""] {
            assert!(wrong.parse::<PortMapping>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_host_names() {
        for (name, good) in [("a", true), ("debian-12", true), ("", false), ("-a", false), ("A", false), ("a.b", false)]
        {
            assert_eq!(is_host_name(name), good, "{name}");
        }
    }
}

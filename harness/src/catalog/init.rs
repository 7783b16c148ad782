//! What runs as PID 1 of a VPS, and what of it a host can have.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::System;

/// What runs as PID 1 of a VPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// systemd, as on a server.
    Systemd,
    /// The SSH server alone: lighter, and the only way for systems without systemd.
    Sshd,
}

/// The systemd that a system brings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Systemd {
    /// Its version.
    pub version: u32,
    /// The versions of a host's cgroups on which it runs in a container.
    pub cgroup: Vec<u8>,
}

impl Init {
    /// All of them, the one that is most like a server first.
    pub const ALL: [Self; 2] = [Self::Systemd, Self::Sshd];
}

impl fmt::Display for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Systemd => "systemd",
            Self::Sshd => "sshd",
        })
    }
}

impl FromStr for Init {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        super::one_of("init", &Self::ALL, word)
    }
}

impl System {
    /// What starts a VPS of this system on a host with this version of cgroups: the first of the entry's ways that works
    /// there. A host that does not say its version is taken to be one on which all work. The error says why none does.
    pub fn init_on(&self, cgroup: Option<u8>) -> Result<Init, String> {
        let mut reasons = Vec::new();
        for init in &self.init {
            match self.works_on(*init, cgroup) {
                Ok(()) => return Ok(*init),
                Err(why) => reasons.push(why),
            }
        }
        Err(reasons.join("; "))
    }

    /// Whether every way of starting it works on every host.
    #[must_use]
    pub fn starts_everywhere(&self) -> bool {
        [1, 2].iter().all(|cgroup| self.init.iter().all(|init| self.works_on(*init, Some(*cgroup)).is_ok()))
    }

    /// Whether this system can be started so on a host with this version of cgroups; the error says why not.
    pub fn works_on(&self, init: Init, cgroup: Option<u8>) -> Result<(), String> {
        let (Init::Systemd, Some(systemd), Some(host)) = (init, &self.systemd, cgroup) else { return Ok(()) };
        if systemd.cgroup.contains(&host) {
            return Ok(());
        }
        let wanted: Vec<String> = systemd.cgroup.iter().map(|version| format!("v{version}")).collect();
        let Systemd { version, .. } = systemd;
        Err(format!("its systemd {version} needs a cgroup {} host; this host has v{host}", wanted.join(" or ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    /// How each entry starts on a host with this version of cgroups, those apart that do not start as they would elsewhere.
    fn without_systemd(cgroup: u8) -> Vec<String> {
        let catalog = Catalog::built_in();
        let started = |system: &System| system.init_on(Some(cgroup)).expect("every entry starts on every host");
        let systems = catalog.systems().iter().filter(|system| started(system) == Init::Sshd);
        systems.map(ToString::to_string).collect()
    }

    #[test]
    fn every_entry_starts_on_either_kind_of_host_and_with_systemd_where_its_own_runs() {
        let old = ["ubuntu 14.04", "ubuntu 26.04", "centos stream10", "debian forky"];
        let new = ["rocky 10", "alma 10", "fedora 43", "fedora 44"];
        assert_eq!(without_systemd(1), [&old[..], &new[..]].concat());
        assert_eq!(without_systemd(2), ["ubuntu 14.04", "ubuntu 16.04", "centos 7", "amazon 2"]);
    }

    #[test]
    fn a_host_that_does_not_tell_its_cgroups_gets_the_first_way_of_each_entry() {
        for system in Catalog::built_in().systems() {
            assert_eq!(system.init_on(None).ok().as_ref(), system.init.first(), "{system}");
        }
    }

    #[test]
    fn a_system_that_must_have_a_systemd_which_this_host_cannot_run_is_told_with_both_versions() {
        let mut centos = Catalog::built_in().find("centos", "7").unwrap().clone();
        let why = "its systemd 219 needs a cgroup v1 host; this host has v2";
        assert_eq!(centos.works_on(Init::Systemd, Some(2)), Err(why.to_owned()));
        assert_eq!(centos.works_on(Init::Sshd, Some(2)), Ok(()));
        centos.init = vec![Init::Systemd];
        assert_eq!(centos.init_on(Some(2)), Err(why.to_owned()));
        assert_eq!(centos.init_on(Some(1)), Ok(Init::Systemd));
    }
}

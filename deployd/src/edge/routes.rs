//! Which public port leads to which container, kept in a file that outlives the edge.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Failure, Kind, Result};
use crate::files;

/// Which public port leads to which container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Routes {
    /// The container's address and port, by public port.
    pub ports: BTreeMap<u16, SocketAddr>,
    /// Public ports whose connections wait until they get a route.
    #[serde(default)]
    pub held: BTreeSet<u16>,
}

impl Routes {
    /// A single route.
    #[must_use]
    pub fn one(port: u16, backend: SocketAddr) -> Self {
        Self { ports: BTreeMap::from([(port, backend)]), held: BTreeSet::new() }
    }

    /// A port whose connections wait.
    #[must_use]
    pub fn hold(port: u16) -> Self {
        Self { ports: BTreeMap::new(), held: BTreeSet::from([port]) }
    }

    /// Every open port, and where it leads unless it is held.
    pub(super) fn all(&self) -> impl Iterator<Item = (u16, Option<SocketAddr>)> {
        let held = self.held.iter().filter(|port| !self.ports.contains_key(port)).map(|port| (*port, None));
        self.ports.iter().map(|(port, backend)| (*port, Some(*backend))).chain(held)
    }

    /// Whether a port is open.
    pub(super) fn has(&self, port: u16) -> bool {
        self.ports.contains_key(&port) || self.held.contains(&port)
    }

    fn file(dir: &Path) -> PathBuf {
        dir.join("routes.json")
    }

    /// The routes of the last change that was acknowledged.
    pub(super) fn load(dir: &Path) -> Result<Self> {
        let path = Self::file(dir);
        let Some(json) = files::read_if_there(&path)? else { return Ok(Self::default()) };
        let what = || Failure::new(Kind::Internal, format!("read {}", path.display()));
        serde_json::from_slice(&json).map_err(|error| what().saw(error).hint("remove it: the daemon writes it anew"))
    }

    pub(super) fn save(&self, dir: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self)
            .map_err(|error| Failure::new(Kind::Internal, "write the routes").saw(error))?;
        files::replace(&Self::file(dir), &json, 0o600)
    }
}

//! Ports of a VPS that were not published: by its address, or through SSH where that leads nowhere.

use std::net::SocketAddr;

use super::machine::Vps;
use crate::error::Result;
use crate::ssh::Forward;

impl Vps {
    /// Where this machine reaches a port of the VPS, published or not: the VPS's address on Linux with an engine of its own,
    /// elsewhere a port of 127.0.0.1 that leads there through SSH, for as long as the `Vps` lives. Nobody need listen yet.
    pub async fn reach(&self, port: u16) -> Result<SocketAddr> {
        if cfg!(target_os = "linux") && self.engine.is_local() {
            return Ok((self.info.address, port).into());
        }
        self.reach_by_ssh(port).await
    }

    /// The same as an address for HTTP clients, `http://172.18.0.9:8080`, without a slash at its end.
    pub async fn url(&self, port: u16) -> Result<String> {
        Ok(format!("http://{}", self.reach(port).await?))
    }

    /// The same through SSH wherever the engine is: also where a firewall is in the way.
    pub async fn reach_by_ssh(&self, port: u16) -> Result<SocketAddr> {
        let session = self.ssh().await?;
        let mut forwards = self.forwards.lock().await;
        // one whose connection has ended, with a reboot, leads nowhere
        forwards.retain(Forward::is_alive);
        if let Some(forward) = forwards.iter().find(|forward| forward.far_port() == port) {
            return Ok(forward.local_addr());
        }
        let forward = session.forward_local(&self.info.address.to_string(), port).await?;
        let address = forward.local_addr();
        forwards.push(forward);
        Ok(address)
    }
}

//! The network of a VPS changed from outside: by programs of the engine's machine, whatever the VPS itself runs.

use super::Vps;
use super::disk::sidecar_image;
use crate::engine::ContainerSpec;
use crate::error::Result;
use crate::testenv::TestEnv;

impl Vps {
    /// Runs a command in its network, from a container that shares it, with iproute2 and nftables; answers what it printed.
    ///
    /// It needs no program of the VPS; and an emulated one cannot change its own: qemu knows only some of the kernel's
    /// messages for that.
    ///
    /// # Errors
    /// When the command's exit status is not 0: with what it printed.
    pub async fn run_in_network(&self, env: &TestEnv, command: &[&str]) -> Result<String> {
        let spec = ContainerSpec {
            name: format!("testvps-network-{:08x}", rand::random::<u32>()),
            image: sidecar_image(env, env.begun_stock().await?).await?,
            labels: env.lease().labels("network"),
            cmd: command.iter().map(|&word| word.to_owned()).collect(),
            capabilities: Some(vec!["NET_ADMIN".to_owned()]),
            network_mode: Some(format!("container:{}", self.info.container_id)),
            ..ContainerSpec::default()
        };
        env.lease().ready().await?;
        self.engine.run_to_end(spec).await
    }
}

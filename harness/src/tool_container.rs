//! A tool of the tests as a container: on the network of the VPSes, with one port that only this machine reaches.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use testcontainers::bollard::models::PortBinding;
use testcontainers::core::IntoContainerPort as _;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt, TestcontainersError};

use crate::Engine;
use crate::error::Result;
use crate::image::stock::NETWORK;
use crate::image::{Tool, tool_image};
use crate::testenv::TestEnv;

/// The container called `name`, yet to be started; whatever ends this run removes it.
pub(crate) async fn tool_container(
    env: &TestEnv,
    tool: Tool,
    role: &str,
    name: &str,
    port: u16,
) -> Result<ContainerRequest<GenericImage>> {
    let stock = env.stock().await?;
    let image = tool_image(env.engine(), env.lease(), tool, stock.tools_base(), env.progress()).await?;
    let (repository, tag) = image.rsplit_once(':').unwrap_or((&image, "latest"));
    env.lease().ready().await?;
    let mut labels = env.lease().labels(role);
    labels.insert(crate::lease::NAME.to_owned(), name.to_owned());
    let container = GenericImage::new(repository, tag).with_container_name(name).with_network(NETWORK);
    Ok(container.with_labels(labels).with_host_config_modifier(move |config| {
        let loopback = PortBinding { host_ip: Some(Ipv4Addr::LOCALHOST.to_string()), host_port: Some(String::new()) };
        config.publish_all_ports = Some(false);
        config.port_bindings = Some([(format!("{port}/tcp"), Some(vec![loopback]))].into());
    }))
}

/// Where this machine reaches the container's port: both parts may be others after each start.
pub(crate) async fn reach(
    engine: &Engine,
    container: &ContainerAsync<GenericImage>,
    port: u16,
) -> Result<SocketAddr, TestcontainersError> {
    if engine.is_local() {
        let published = container.get_host_port_ipv4(port.tcp()).await?;
        return Ok((Ipv4Addr::LOCALHOST, published).into());
    }
    let address: IpAddr = container.get_bridge_ip_address().await?;
    Ok((address, port).into())
}

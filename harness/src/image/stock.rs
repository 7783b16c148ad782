//! The stock: one container that all VPSes of a machine share as their registry, package cache and name server.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::recipe::Progress;
use super::tools::stock_recipe;
use super::{Base, BaseSources, REPOSITORY};
use crate::catalog::{Arch, Catalog, Mirror, System};
use crate::engine::{Attach, ContainerSpec, ContainerState, Found, Publish, Restarts, Subnet};
use crate::error::{Error, Failure, Result};
use crate::lease::{Lease, MachineDir, OURS, ROLE, UPSTREAM, host_id};
use crate::wait::{Seen, wait_until};
use crate::{Engine, http};

/// The one network of this machine's VPSes.
pub(crate) const NETWORK: &str = "testvps";
/// The one stock container of this machine.
const CONTAINER: &str = "testvps-stock";
/// The lock under which stock and network come and go.
pub(super) const LOCK: &str = "stock";
/// The registry's port inside the network.
const REGISTRY_PORT: u16 = 5000;
/// The port of the pull-through cache, where there is an outside registry.
const UPSTREAM_PORT: u16 = 5001;
/// The ports at which the registry shows the images of another architecture than the engine's under their plain names.
const FOREIGN_PORTS: [(Arch, u16); 3] = [(Arch::Amd64, 5002), (Arch::Arm64, 5003), (Arch::Armhf, 5004)];
/// What the tools are made of, and what fixtures build on: the one system that the stock always holds.
const TOOLS_SYSTEM: (&str, &str) = ("debian", "12");

/// The stock and the network around it.
#[derive(Debug, Clone)]
pub struct Stock {
    subnet: Subnet,
    /// its registry, as the engine reaches it: by its own loopback address, which it trusts
    registry: u16,
    /// the same, as this machine reaches it
    place: SocketAddr,
    upstream: bool,
    /// the image of the stock without its content
    empty: String,
    tools_base: Base,
}

impl Stock {
    /// The system that the tools are made of.
    pub fn tools_system(catalog: &Catalog) -> Result<&System> {
        let (os, version) = TOOLS_SYSTEM;
        Ok(catalog.find(os, version)?)
    }

    /// Makes sure that the network is there and the stock runs; what it holds is for [`Stock::fill`] to see to.
    pub(crate) async fn begin(
        engine: &Engine,
        lease: &Lease,
        catalog: &Catalog,
        sources: &BaseSources,
        progress: Progress<'_>,
    ) -> Result<Self> {
        let system = Self::tools_system(catalog)?;
        let sources = sources.for_tools(engine.arch());
        let tools_base = sources.obtain(engine, lease, system, progress).await?;
        let empty = stock_recipe(&tools_base).ensure(engine, lease, progress).await?;
        let _exclusive = lease.machine().lock(LOCK).await?;
        let subnet = engine.network(NETWORK, &shared_labels()).await?;
        let upstream = match running(engine).await? {
            Some(stock) => stock.labels.get(UPSTREAM).cloned().unwrap_or_default(),
            None => start(engine, lease.machine(), &empty, subnet, catalog, &sources).await?,
        };
        let registry = engine.published_port(CONTAINER, REGISTRY_PORT).await?.ok_or_else(|| {
            Error::Engine(Failure::new("stock", "find the port of its registry").saw("it is not published"))
        })?;
        let place = if engine.is_local() { (Ipv4Addr::LOCALHOST, registry) } else { (address(subnet), REGISTRY_PORT) };
        Ok(Self { subnet, registry, place: place.into(), upstream: !upstream.is_empty(), empty, tools_base })
    }

    /// Makes sure that the stock holds what every fixture builds on.
    pub(crate) async fn fill(&self, engine: &Engine, lease: &Lease, base: &Base, progress: Progress<'_>) -> Result<()> {
        let (repository, tag) = (format!("library/{}", TOOLS_SYSTEM.0), TOOLS_SYSTEM.1);
        self.add(engine, lease, &base.reference, &repository, tag, progress).await
    }

    /// Puts an image of the engine into the stock, so that every VPS of its architecture can pull it as `repository:tag`.
    pub async fn add(
        &self,
        engine: &Engine,
        lease: &Lease,
        image: &str,
        repository: &str,
        tag: &str,
        progress: Progress<'_>,
    ) -> Result<()> {
        let _exclusive = lease.machine().lock(LOCK).await?;
        let id = engine.image_id(image).await?.ok_or_else(|| {
            Error::Engine(Failure::new("stock", format!("add {image}")).saw("no such image on the engine"))
        })?;
        let native = engine.arch();
        let foreign = engine.image_arch(image).await?.filter(|arch| *arch != native);
        let stored = foreign.map_or_else(|| repository.to_owned(), |arch| format!("{arch}/{repository}"));
        // a tag can move to another image; one that is made of the image's id cannot
        let exact = format!("id-{}", id.trim_start_matches("sha256:").get(..16).unwrap_or(&id));
        if self.has(engine, &stored, &exact).await? {
            return Ok(());
        }
        progress(&format!("stock: add {stored}:{tag}"));
        for tag in [tag, &exact] {
            let remote = format!("127.0.0.1:{}/{stored}:{tag}", self.registry);
            engine.tag(image, &remote).await?;
            let pushed = engine.push(&remote).await;
            engine.remove_image(&remote).await?;
            pushed?;
        }
        // the next stock of this machine starts with this content
        engine.commit(CONTAINER, &filled_tag(&self.empty), HashMap::new(), Vec::new()).await
    }

    /// Asks the registry for a manifest, waiting until it serves.
    async fn has(&self, engine: &Engine, repository: &str, tag: &str) -> Result<bool> {
        let url = format!("http://{}/v2/{repository}/manifests/{tag}", self.place);
        let accept = "application/vnd.docker.distribution.manifest.v2+json";
        let answer = wait_until(Duration::from_secs(20), "the stock's registry", || async {
            match http::client().head(&url).header("accept", accept).send().await {
                Ok(answer) => Seen::Ready(answer.status()),
                Err(error) => Seen::NotYet(crate::error::chain(&error)),
            }
        });
        match answer.await {
            Ok(status) => Ok(status.is_success()),
            Err(timed_out) => Err(Error::Engine(
                Failure::new("stock", "ask its registry")
                    .after(timed_out.elapsed)
                    .saw(timed_out.last)
                    .hint(self.reach_hint(engine)),
            )),
        }
    }

    fn reach_hint(&self, engine: &Engine) -> String {
        if engine.is_local() {
            return format!("docker logs {CONTAINER}");
        }
        let (engine, subnet) = (engine.address(), self.subnet);
        format!(
            "the containers of {engine} are reached by their own addresses: add a route to {subnet} by way of its machine, or run this there"
        )
    }

    /// The base of the tools, for images that are built beside the stock.
    #[must_use]
    pub fn tools_base(&self) -> &Base {
        &self.tools_base
    }

    pub(crate) fn subnet(&self) -> Subnet {
        self.subnet
    }

    /// The stock's address in the network.
    pub(crate) fn address(&self) -> Ipv4Addr {
        address(self.subnet)
    }

    /// The registries that a VPS's engine should ask before the public one. An emulated VPS's engine is a native one (see
    /// `vps-images/native-engine`) and would take native images from the outside one.
    pub(crate) fn registry_mirrors(&self, arch: Arch) -> Vec<String> {
        let ports = if arch == self.tools_base.arch {
            [Some(REGISTRY_PORT), self.upstream.then_some(UPSTREAM_PORT)]
        } else {
            [FOREIGN_PORTS.iter().find(|it| it.0 == arch).map(|it| it.1), None]
        };
        ports.into_iter().flatten().map(|port| format!("{}:{port}", self.address())).collect()
    }
}

/// The last usable address: far from those that the engine hands out.
fn address(subnet: Subnet) -> Ipv4Addr {
    subnet.address(subnet.size() - 2)
}

/// Removes stock and network when no VPS and no living run needs them any more.
pub(crate) async fn release(engine: &Engine, machine: &MachineDir) -> Result<()> {
    let _exclusive = machine.lock(LOCK).await?;
    let ours = engine.containers(&[OURS]).await?;
    if machine.any_run_lives() || ours.iter().any(|container| container.labels.get(ROLE).is_none_or(|r| r != "stock")) {
        return Ok(());
    }
    for container in ours {
        engine.remove_container(&container.id).await?;
    }
    engine.remove_network(NETWORK).await
}

/// The stock's container, if it runs.
async fn running(engine: &Engine) -> Result<Option<Found>> {
    let stock = engine.containers(&[&format!("{ROLE}=stock")]).await?;
    Ok(stock.into_iter().find(|it| it.name == CONTAINER && it.state == ContainerState::Running))
}

/// Starts the stock with whatever content an earlier one kept; answers the outside registry that it caches, or nothing.
async fn start(
    engine: &Engine,
    machine: &MachineDir,
    empty: &str,
    subnet: Subnet,
    catalog: &Catalog,
    sources: &BaseSources,
) -> Result<String> {
    engine.remove_container(CONTAINER).await?;
    let filled = filled_tag(empty);
    let image = if engine.image_id(&filled).await?.is_some() { filled } else { empty.to_owned() };
    let upstream = upstream(sources).await.unwrap_or_default();
    engine.create(spec(engine, machine, image, subnet, catalog, &upstream)?).await?;
    engine.start(CONTAINER).await?;
    Ok(upstream)
}

fn spec(
    engine: &Engine,
    machine: &MachineDir,
    image: String,
    subnet: Subnet,
    catalog: &Catalog,
    upstream: &str,
) -> Result<ContainerSpec> {
    let mirrors: BTreeSet<String> = catalog.systems().iter().flat_map(mirror_hosts).collect();
    let mirrors: Vec<String> = mirrors.into_iter().collect();
    let mut binds = Vec::new();
    if engine.is_local() {
        let packages = machine.packages();
        std::fs::create_dir_all(&packages).map_err(|error| {
            Error::File(Failure::new(packages.display().to_string(), "make the package cache").saw(error))
        })?;
        binds.push(format!("{}:/var/cache/packages", packages.display()));
    }
    Ok(ContainerSpec {
        name: CONTAINER.to_owned(),
        image,
        hostname: Some("stock".to_owned()),
        labels: shared_labels().into_iter().chain([(UPSTREAM.to_owned(), upstream.to_owned())]).collect(),
        env: vec![
            format!("STOCK_ADDRESS={}", address(subnet)),
            format!("STOCK_MIRRORS={}", mirrors.join(" ")),
            format!("STOCK_UPSTREAM={upstream}"),
        ],
        // the cache on the host belongs to whoever runs this, not to root
        user: engine.is_local().then(|| format!("{}:{}", nix::unistd::geteuid(), nix::unistd::getegid())),
        capabilities: Some(vec!["NET_BIND_SERVICE".to_owned()]),
        binds,
        ports: vec![Publish { host_address: IpAddr::V4(Ipv4Addr::LOCALHOST), host: 0, container: REGISTRY_PORT }],
        network: Some(Attach {
            network: NETWORK.to_owned(),
            address: Some(address(subnet)),
            aliases: vec!["stock".to_owned()],
        }),
        restarts: Restarts::UnlessStopped,
        init: true,
        ..ContainerSpec::default()
    })
}

/// The hosts of a system's package archives that are asked over plain HTTP.
fn mirror_hosts(system: &System) -> Vec<String> {
    let Some(mirror) = system.mirror.as_ref().and_then(Mirror::apt) else { return Vec::new() };
    let security = mirror.security.as_ref().map(|security| security.url.as_str());
    let host = |url: &str| Some(url.strip_prefix("http://")?.split(['/', ':']).next()?.to_owned());
    [Some(mirror.url.as_str()), mirror.ports.as_deref(), security].into_iter().flatten().filter_map(host).collect()
}

/// The outside registry to cache: the mirror that was named, else the public one, if it answers.
async fn upstream(sources: &BaseSources) -> Option<String> {
    let public = "https://registry-1.docker.io";
    let url = sources.registry_mirror.clone().unwrap_or_else(|| public.to_owned());
    let host = reqwest::Url::parse(&url).ok()?.host_str()?.to_owned();
    // the host's loopback is not in a container's reach
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_loopback {
        return None;
    }
    let asked = http::client().get(format!("{}/v2/", url.trim_end_matches('/'))).timeout(Duration::from_secs(2));
    // a public registry answers 401 before a login, which is an answer
    asked.send().await.is_ok().then_some(url)
}

fn filled_tag(empty: &str) -> String {
    let recipe = empty.rsplit_once(':').map_or(empty, |(_, hash)| hash);
    format!("{REPOSITORY}/stock:{recipe}")
}

fn shared_labels() -> HashMap<String, String> {
    HashMap::from([(ROLE.to_owned(), "stock".to_owned()), (OURS.to_owned(), host_id())])
}

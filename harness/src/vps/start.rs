//! Making a VPS: its images, its container, its identity, up to the first command over SSH.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::time::Instant;

use super::disk::{self, HeldDisk};
use super::identity;
use super::info::{EngineInfo, PortInfo, SshInfo, Timings, VpsInfo};
use super::limits::Limits;
use super::machine::Vps;
use super::name;
use super::pid1;
use super::power::{self, PowerOff};
use super::request::{Kept, PortMapping, VpsRequest};
use super::snapshot::Snapshot;
use crate::catalog::Init;
use crate::engine::{Attach, ContainerSpec, Disk, Publish};
use crate::error::{Error, Failure, Result};
use crate::image::stock::NETWORK;
use crate::image::{Base, Stock, vps_image};
use crate::lease::{EXPIRES, NAME, STATE, WORKSPACE};
use crate::provision;
use crate::ssh::KeyPair;
use crate::testenv::TestEnv;
use crate::wait::millis_since;

/// The capabilities of PID 1: the engine's default fourteen, which a nested engine hands on to its containers, the two
/// that systemd and a nested engine need for mounts and networks, and the one without which nobody enters a nested
/// container that runs as another user than root. None reaches the host's disks, clock, modules or processes.
pub const CAPABILITIES: [&str; 17] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
    "NET_ADMIN",
    "SYS_ADMIN",
    "SYS_PTRACE",
];
/// Where an engine on the VPS keeps what it has.
const ENGINE_DIRS: [&str; 2] = ["/var/lib/docker", "/var/lib/containerd"];
/// How often a port or an address that somebody else took first is chosen anew.
const CHOICES: usize = 8;

/// Makes the VPS that was asked for.
pub(super) async fn start(mut request: VpsRequest, env: &TestEnv) -> Result<Vps> {
    let mut timings = Timings::default();
    let clock = Instant::now();
    let claim = name::claim(&request, env)?;
    request.name = Some(name::choose(&request, claim.as_ref()));
    let init = pid1::choose(&request, env.engine()).await?;
    if init == Init::Systemd {
        provision::inotify(env.engine(), env.sources().may_install, &env.progress());
    }
    let arch = request.arch.unwrap_or_else(|| env.arch());
    let sources = env.sources().with_arch(arch);
    let base = sources.obtain(env.engine(), env.lease(), &request.system, env.progress()).await?;
    timings.base = millis_since(clock);
    let clock = Instant::now();
    let (image, stock) = tokio::try_join!(root_image(&request, env, &base), env.begun_stock())?;
    timings.image = millis_since(clock);
    let clock = Instant::now();
    let limits = Limits::find(&request, env, &image).await?;
    let making = Making::new(&request, env, init, base, image, stock, limits)?;
    // while the VPS boots, the stock gets what the VPS may want to pull
    let (mut vps, _) = tokio::try_join!(making.machine(timings, clock), env.stock_for(arch))?;
    if request.kept == Kept::WhenReady {
        env.workspace().remember(&vps.info, vps.host_key())?;
    } else {
        vps.claim = claim;
    }
    Ok(vps)
}

/// The image of its root disk: the system's, or what was frozen.
async fn root_image(request: &VpsRequest, env: &TestEnv, base: &Base) -> Result<String> {
    match &request.snapshot {
        Some(snapshot) => Ok(snapshot.image().to_owned()),
        None => vps_image(env.engine(), env.lease(), &request.system, base, env.progress()).await,
    }
}

/// A VPS on its way.
struct Making<'a> {
    request: &'a VpsRequest,
    env: &'a TestEnv,
    name: String,
    init: Init,
    power: PowerOff,
    base: Base,
    image: String,
    stock: &'a Stock,
    login: KeyPair,
    host_key: KeyPair,
    expires_at: Option<jiff::Timestamp>,
    limits: Limits,
}

impl<'a> Making<'a> {
    fn new(
        request: &'a VpsRequest,
        env: &'a TestEnv,
        init: Init,
        base: Base,
        image: String,
        stock: &'a Stock,
        limits: Limits,
    ) -> Result<Self> {
        let lifetime = request.lifetime.and_then(|time| jiff::SignedDuration::try_from(time).ok());
        Ok(Self {
            request,
            env,
            name: request.name.clone().unwrap_or_default(),
            init,
            power: PowerOff::of(&request.system, init),
            base,
            image,
            stock,
            login: env.workspace().key()?,
            host_key: KeyPair::generate()?,
            expires_at: lifetime.and_then(|time| jiff::Timestamp::now().checked_add(time).ok()),
            limits,
        })
    }

    /// Whose container it is: the workspace's under its name, or this run's alone.
    fn container_name(&self) -> String {
        format!("testvps-{}-{}", self.owner(), self.name)
    }

    fn owner(&self) -> String {
        if self.request.kept == Kept::No { self.env.lease().run().to_lowercase() } else { self.env.workspace().id() }
    }

    /// The domains in which it looks for other VPSes: its own, and that of the VPSes that its workspace keeps. All VPSes of a
    /// machine share a network, and another workspace's may have the same names.
    fn domains(&self) -> Vec<String> {
        let mut domains = vec![domain(&self.owner()), domain(&self.env.workspace().id())];
        domains.dedup();
        domains
    }

    /// Makes the machine and waits for the first command over SSH.
    async fn machine(&self, mut timings: Timings, clock: Instant) -> Result<Vps> {
        let disk = match self.request.size.disk {
            Some(bytes) => {
                let held = disk::hold(self.env, self.stock, &self.container_name(), self.labels(), bytes).await;
                Some(held.map_err(|error| self.name_in_use(error))?)
            }
            None => None,
        };
        let (container_id, address, ports) = self.container(disk.as_ref()).await?;
        timings.start = millis_since(clock);
        let clock = Instant::now();
        let mut info = self.info(container_id, address, ports, timings);
        info.disk_container_id = disk.map(|disk| disk.container);
        let (host_key, engine) = (self.host_key.public_line(), self.env.engine().clone());
        let mut vps = Vps::new(info, host_key, engine, self.login.clone(), self.request.kept == Kept::WhenReady);
        vps.first_login().await?.run("true").await?;
        vps.info.timings_ms.ready = millis_since(clock);
        Ok(vps)
    }

    /// Makes and starts the container; chooses anew when somebody else took the port or the address first.
    async fn container(&self, disk: Option<&HeldDisk>) -> Result<(String, Ipv4Addr, Vec<PortInfo>)> {
        let engine = self.env.engine();
        self.env.lease().ready().await?;
        let mut choices = CHOICES;
        loop {
            choices -= 1;
            let (address, ports) = (self.choose_address(), self.choose_ports()?);
            let id = engine.create(self.spec(address, &ports, disk)?).await.map_err(|error| self.name_in_use(error))?;
            match engine.start(&id).await {
                Ok(()) => return Ok((id, address, ports)),
                Err(error) => {
                    engine.remove_container(&id).await?;
                    self.taken_by_request(&error)?;
                    if choices == 0 || !is_taken(&error) {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn choose_address(&self) -> Ipv4Addr {
        let subnet = self.stock.subnet();
        // above those that the engine hands out, below the stock's and the broadcast address
        subnet.address(rand::random_range(subnet.dynamic().size()..subnet.size() - 2))
    }

    /// The asked-for ports and one for SSH; free ones are found by binding them for a moment.
    fn choose_ports(&self) -> Result<Vec<PortInfo>> {
        let ssh = PortMapping { host_address: IpAddr::V4(Ipv4Addr::LOCALHOST), host: 0, vps: 22 };
        // another machine's loopback address is none of ours: there a VPS is reached by its own address
        let asked_for_ssh = !self.env.engine().is_local() || self.request.publish.iter().any(|port| port.vps == 22);
        let wanted = (!asked_for_ssh).then_some(&ssh).into_iter().chain(&self.request.publish);
        let mut held = Vec::new();
        wanted
            .map(|port| {
                let host = if port.host == 0 {
                    let listener =
                        TcpListener::bind((port.host_address, 0)).and_then(|it| Ok((it.local_addr()?.port(), it)));
                    let (free, listener) = listener
                        .map_err(|error| Error::Boot(Failure::new(self.subject(), "find a free port").saw(error)))?;
                    held.push(listener);
                    free
                } else {
                    port.host
                };
                Ok(PortInfo { vps: port.vps, host_address: port.host_address, host })
            })
            .collect()
    }

    /// An error that says so when a port that the person asked for is in use.
    fn taken_by_request(&self, error: &Error) -> Result<()> {
        let seen = error.failure().seen().unwrap_or_default();
        let port = self.request.publish.iter().find(|port| port.host != 0 && seen.contains(&format!(":{}", port.host)));
        match port.filter(|_| is_taken(error)) {
            Some(port) => {
                let failure = Failure::new(self.subject(), format!("publish its port {} as {}", port.vps, port.host));
                let hint = "choose another port; `ss -ltnp` shows who has this one";
                Err(Error::Boot(failure.saw("the host's port is in use").hint(hint)))
            }
            None => Ok(()),
        }
    }

    fn name_in_use(&self, error: Error) -> Error {
        let seen = error.failure().seen().unwrap_or_default();
        if seen.contains("is already in use by container") {
            let failure = Failure::new(self.subject(), "give it this name").saw("a VPS of this workspace has it");
            return Error::Boot(failure.hint(format!("another --name, or first: cargo xtask down {}", self.name)));
        }
        error
    }

    fn subject(&self) -> String {
        format!("{} ({})", self.request.system, self.name)
    }

    fn spec(&self, address: Ipv4Addr, ports: &[PortInfo], disk: Option<&HeldDisk>) -> Result<ContainerSpec> {
        let size = &self.request.size;
        // the kernel's own rule: half of the memory
        let half = size.memory.map(|bytes| format!(",size={}", bytes / 2)).unwrap_or_default();
        let tmpfs = |options: &str| format!("rw,nosuid,nodev,{options}{half}");
        let mut in_memory = HashMap::from([
            ("/run".to_owned(), tmpfs("mode=755,exec")),
            ("/run/lock".to_owned(), tmpfs("mode=1777,noexec")),
            ("/tmp".to_owned(), tmpfs("mode=1777,exec")),
        ]);
        // overlayfs does not stack on a container's own file system: the inner engine needs a real one
        let mut volumes = ENGINE_DIRS.map(str::to_owned).to_vec();
        if let Some(bytes) = self.request.engine_disk {
            in_memory.extend(volumes.drain(..).map(|dir| (dir, format!("rw,suid,dev,exec,mode=711,size={bytes}"))));
        }
        if disk.is_some() {
            // it is on the one disk with everything else
            volumes.clear();
        }
        Ok(ContainerSpec {
            name: self.container_name(),
            // putting files into a stopped container costs the engine a mount; its first process unpacks them for less
            env: self.environment()?,
            image: self.image.clone(),
            hostname: Some(self.name.clone()),
            labels: self.labels(),
            cmd: self.power.words(self.init),
            capabilities: Some(CAPABILITIES.map(str::to_owned).to_vec()),
            machine: true,
            tmpfs: in_memory,
            volumes,
            shared: self.request.snapshot.iter().map(Snapshot::mount).collect(),
            ports: ports
                .iter()
                .map(|port| Publish { host_address: port.host_address, host: port.host, container: port.vps })
                .collect(),
            network: Some(Attach {
                network: NETWORK.to_owned(),
                address: Some(address),
                aliases: vec![format!("{}.{}", self.name, domain(&self.owner()))],
            }),
            dns: vec![self.stock.address()],
            search: self.domains(),
            restarts: self.power.restarts(),
            stop_signal: Some(power::stop_signal(self.init).to_owned()),
            // without systemd nobody else reaps orphans
            init: self.init == Init::Sshd,
            memory_bytes: size.memory.and_then(|bytes| i64::try_from(bytes).ok()),
            #[expect(clippy::cast_possible_truncation, reason = "the request's check bounds it far below")]
            nano_cpus: size.cpus.map(|cpus| (cpus * 1e9) as i64),
            cpuset: self.limits.cpuset.clone(),
            disk: disk.map(|disk| Disk { device: disk.device.clone(), target: disk::TARGET }),
            ..ContainerSpec::default()
        })
    }

    /// What `vps-init` and `vps-size` read: the machine's own files, and its limits. None has a value of its own, too: the
    /// image of a snapshot remembers those of the VPS that was frozen.
    fn environment(&self) -> Result<Vec<String>> {
        let identity = identity::files(&self.host_key, &self.login, self.stock, self.base.arch)?;
        let text = |number: Option<u64>| number.map(|it| it.to_string()).unwrap_or_default();
        let size = &self.request.size;
        let cpus = self.limits.cpuset.as_ref().and(size.seen_cpus());
        Ok(vec![
            format!("VPS_IDENTITY={identity}"),
            format!("VPS_SYSTEM_BYTES={}", text(self.limits.system_bytes)),
            format!("VPS_MEMORY_BYTES={}", text(size.memory)),
            format!("VPS_CPUS={}", text(cpus.map(u64::from))),
        ])
    }

    fn labels(&self) -> HashMap<String, String> {
        let mut labels = self.env.lease().labels("vps");
        labels.insert(NAME.to_owned(), self.name.clone());
        let workspace = self.env.workspace();
        labels.insert(WORKSPACE.to_owned(), workspace.dir().display().to_string());
        // labels cannot be changed later: any VPS may still be kept, and is as soon as this file names it
        labels.insert(STATE.to_owned(), workspace.state_file(&self.name).display().to_string());
        if let Some(time) = self.expires_at {
            labels.insert(EXPIRES.to_owned(), time.to_string());
        }
        labels
    }

    /// What is known of it now.
    fn info(&self, container_id: String, address: Ipv4Addr, ports: Vec<PortInfo>, timings: Timings) -> VpsInfo {
        let workspace = self.env.workspace();
        let engine = self.env.engine();
        let is_local = engine.is_local();
        let ssh_port = ports.iter().find(|port| is_local && port.vps == 22).cloned().unwrap_or(PortInfo {
            vps: 22,
            host_address: IpAddr::V4(address),
            host: 22,
        });
        let config = workspace.dir().join("ssh_config");
        VpsInfo {
            name: self.name.clone(),
            os: self.request.system.os.clone(),
            version: self.request.system.version.clone(),
            init: self.init,
            arch: self.base.arch,
            engine: EngineInfo { id: engine.id().to_owned(), address: engine.address().to_owned() },
            container_id,
            address,
            user: "root".to_owned(),
            ssh: SshInfo {
                host: ssh_port.host_address,
                port: ssh_port.host,
                user: "root".to_owned(),
                identity_file: workspace.key_file(),
                known_hosts_file: workspace.folder(&self.name).join("known_hosts"),
                command: format!("ssh -F {} {}", config.display(), self.name),
            },
            ports,
            base: self.base.clone(),
            timings_ms: timings,
            expires_at: self.expires_at,
            size: self.request.size,
            disk_container_id: None,
        }
    }
}

/// The domain of an owner's VPSes, on the network and nowhere else.
fn domain(owner: &str) -> String {
    format!("{owner}.testvps")
}

/// Whether the engine said that a port or an address belongs to somebody else.
fn is_taken(error: &Error) -> bool {
    let seen = error.failure().seen().unwrap_or_default().to_lowercase();
    ["already allocated", "already in use", "address in use"].iter().any(|words| seen.contains(words))
}

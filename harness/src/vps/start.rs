//! Making a VPS: its images, its container, its identity, up to the first command over SSH.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt;

use super::identity;
use super::info::{PortInfo, SshInfo, Timings, VpsInfo};
use super::machine::Vps;
use super::request::{PortMapping, VpsRequest};
use super::snapshot::Snapshot;
use crate::catalog::Init;
use crate::engine::{Attach, ContainerSpec, ContainerState, Publish};
use crate::error::{Error, Failure, Result};
use crate::image::stock::NETWORK;
use crate::image::{Base, Stock, vps_image};
use crate::lease::{EXPIRES, NAME, STATE, WORKSPACE};
use crate::ssh::{KeyPair, Session};
use crate::testenv::TestEnv;
use crate::wait::{Seen, millis_since, wait_until};

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
/// How long a VPS may take to its first command.
const READY: Duration = Duration::from_secs(90);

/// How long it usually takes at the most.
const USUALLY_READY: Duration = Duration::from_secs(3);

/// Makes the VPS that was asked for.
pub(super) async fn start(request: VpsRequest, env: &TestEnv) -> Result<Vps> {
    let mut timings = Timings::default();
    let clock = Instant::now();
    let base = env.sources().obtain(env.engine(), env.lease(), &request.system, env.progress()).await?;
    timings.base = millis_since(clock);
    let clock = Instant::now();
    let (image, stock) = tokio::try_join!(disk(&request, env, &base), env.begun_stock())?;
    timings.image = millis_since(clock);
    let clock = Instant::now();
    let making = Making::new(&request, env, base, image, stock)?;
    // while the VPS boots, the stock gets what the VPS may want to pull
    let (vps, _) = tokio::try_join!(making.machine(timings, clock), env.stock())?;
    if request.kept {
        env.workspace().remember(&vps.info, vps.host_key())?;
    }
    Ok(vps)
}

/// The image of its root disk: the system's, or what was frozen.
async fn disk(request: &VpsRequest, env: &TestEnv, base: &Base) -> Result<String> {
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
    base: Base,
    image: String,
    stock: &'a Stock,
    login: KeyPair,
    host_key: KeyPair,
    expires_at: Option<jiff::Timestamp>,
}

impl<'a> Making<'a> {
    fn new(request: &'a VpsRequest, env: &'a TestEnv, base: Base, image: String, stock: &'a Stock) -> Result<Self> {
        let name = match &request.name {
            Some(name) => name.clone(),
            None if request.kept => env.workspace().free_name(&request.system.slug())?,
            None => format!("{}-{:06x}", request.system.slug().replace('.', "-"), rand::random_range(0..1 << 24)),
        };
        let lifetime = request.lifetime.and_then(|time| jiff::SignedDuration::try_from(time).ok());
        Ok(Self {
            request,
            env,
            name,
            init: request.init.unwrap_or_else(|| request.system.default_init()),
            base,
            image,
            stock,
            login: env.workspace().key()?,
            host_key: KeyPair::generate()?,
            expires_at: lifetime.and_then(|time| jiff::Timestamp::now().checked_add(time).ok()),
        })
    }

    /// Whose container it is: the workspace's under its name, or this run's alone.
    fn container_name(&self) -> String {
        let owner = if self.request.kept { self.env.workspace().id() } else { self.env.lease().run().to_lowercase() };
        format!("testvps-{owner}-{}", self.name)
    }

    /// Makes the machine and waits for the first command over SSH.
    async fn machine(&self, mut timings: Timings, clock: Instant) -> Result<Vps> {
        let (container_id, address, ports) = self.container().await?;
        timings.start = millis_since(clock);
        let clock = Instant::now();
        let info = self.info(container_id, address, ports, timings);
        let (host_key, engine) = (self.host_key.public_line(), self.env.engine().clone());
        let mut vps = Vps::new(info, host_key, engine, self.login.clone(), self.request.kept);
        self.first_login(&vps).await?.run("true").await?;
        vps.info.timings_ms.ready = millis_since(clock);
        Ok(vps)
    }

    /// The first login; a VPS whose PID 1 ends before is not waited for.
    async fn first_login(&self, vps: &Vps) -> Result<Session> {
        let mut login = pin!(vps.ssh_within(READY));
        // nearly always it is there before anybody need ask the engine
        if let Ok(session) = tokio::time::timeout(USUALLY_READY, &mut login).await {
            return session;
        }
        let died = wait_until(READY, "the container", || async {
            match vps.state().await {
                Ok(Some(ContainerState::Running)) | Err(_) => Seen::NotYet("it runs".to_owned()),
                Ok(_) => Seen::Ready(()),
            }
        });
        tokio::select! {
            session = login => session,
            Ok(()) = died => {
                let log: Vec<String> = vps.container_log(false).filter_map(async |it| it.ok().map(|it| it.0)).collect().await;
                let failure = Failure::new(self.subject(), "start its PID 1").saw(format!("it ended\n{}", log.concat()));
                Err(Error::Boot(failure.hint("with --memory, give it more; another --init may work where this one does not")))
            }
        }
    }

    /// Makes and starts the container; chooses anew when somebody else took the port or the address first.
    async fn container(&self) -> Result<(String, Ipv4Addr, Vec<PortInfo>)> {
        let engine = self.env.engine();
        self.env.lease().ready().await?;
        let mut choices = CHOICES;
        loop {
            choices -= 1;
            let (address, ports) = (self.choose_address(), self.choose_ports()?);
            let id = engine.create(self.spec(address, &ports)?).await.map_err(|error| self.name_in_use(error))?;
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
        let asked_for_ssh = self.request.publish.iter().any(|port| port.vps == 22);
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

    fn spec(&self, address: Ipv4Addr, ports: &[PortInfo]) -> Result<ContainerSpec> {
        let tmpfs = |options: &str| format!("rw,nosuid,nodev,{options}");
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
        Ok(ContainerSpec {
            name: self.container_name(),
            // putting files into a stopped container costs the engine a mount; its first process unpacks them for less
            env: vec![format!("VPS_IDENTITY={}", identity::files(&self.host_key, &self.login, self.stock)?)],
            image: self.image.clone(),
            hostname: Some(self.name.clone()),
            labels: self.labels(),
            cmd: vec![self.init.to_string()],
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
                aliases: vec![self.name.clone()],
            }),
            dns: vec![self.stock.address()],
            // a reboot ends PID 1, as on a server, and the machine comes back
            restarts: true,
            // without systemd nobody else reaps orphans
            init: self.init == Init::Sshd,
            memory_bytes: self.request.memory.and_then(|bytes| i64::try_from(bytes).ok()),
            #[expect(clippy::cast_possible_truncation, reason = "the request's check bounds it far below")]
            nano_cpus: self.request.cpus.map(|cpus| (cpus * 1e9) as i64),
            ..ContainerSpec::default()
        })
    }

    fn labels(&self) -> HashMap<String, String> {
        let mut labels = self.env.lease().labels("vps");
        labels.insert(NAME.to_owned(), self.name.clone());
        let workspace = self.env.workspace();
        labels.insert(WORKSPACE.to_owned(), workspace.dir().display().to_string());
        if self.request.kept {
            labels.insert(STATE.to_owned(), workspace.state_file(&self.name).display().to_string());
        }
        if let Some(time) = self.expires_at {
            labels.insert(EXPIRES.to_owned(), time.to_string());
        }
        labels
    }

    /// What is known of it now.
    fn info(&self, container_id: String, address: Ipv4Addr, ports: Vec<PortInfo>, timings: Timings) -> VpsInfo {
        let workspace = self.env.workspace();
        let ssh_port = ports.iter().find(|port| port.vps == 22).cloned().unwrap_or(PortInfo {
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
            arch: self.env.engine().arch().to_owned(),
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
        }
    }
}

/// Whether the engine said that a port or an address belongs to somebody else.
fn is_taken(error: &Error) -> bool {
    let seen = error.failure().seen().unwrap_or_default().to_lowercase();
    ["already allocated", "already in use", "address in use"].iter().any(|words| seen.contains(words))
}

//! Putting faults upon a VPS from outside, taking them away, and seeing which are there.

use std::time::Duration;

use super::fault::Fault;
use super::machine::Vps;
use super::snapshot::FREEZE;
use crate::error::{Error, Failure, Result};
use crate::testenv::TestEnv;

/// How long a fault may take to be there or gone: an engine stops its containers first.
const DONE: Duration = Duration::from_mins(2);
/// A disk is full by this file. All that is free at once, then what is left of the last pieces.
const FILL: &str = "mkdir -p /var/lib/testvps && cd /var/lib/testvps && \
     fallocate -l $(($(df -P -k / | awk 'NR == 2 { print $4 }') * 1024)) full; cat /dev/zero >>full 2>/dev/null; test -s full";
/// Memory is short by what lies in this file system; nothing else can take it from there.
const HOLD: &str = "/run/testvps/held";
/// What the tools of the network say where the kernel lacks something.
const NOT_IN_THE_KERNEL: [&str; 3] = ["qdisc not found", "qdisc kind is unknown", "Could not process rule"];

impl Vps {
    /// Puts a fault upon it, from outside: SSH has no part in it. One of the same kind that is there already gives way to it.
    ///
    /// It ends with [`clear`](Self::clear) or with the VPS; nothing of it is on the host.
    ///
    /// # Errors
    /// [`Error::Machine`] where the kernel cannot do it; [`Error::Fault`] for a disk or memory without a
    /// size of its own, an engine that is not there; [`Error::Connect`] for a VPS that is off.
    ///
    /// ```no_run
    /// # async fn example(env: &harness::TestEnv, vps: &harness::Vps) -> harness::Result<()> {
    /// vps.inject(env, harness::Fault::Cut).await?;
    /// let login = harness::ssh::Session::connect(&vps.target(), std::time::Duration::from_secs(3)).await;
    /// assert!(login.is_err());
    /// vps.clear(env).await
    /// # }
    /// ```
    pub async fn inject(&self, env: &TestEnv, fault: Fault) -> Result<()> {
        self.check_running(&format!("inject {fault}")).await?;
        match fault {
            Fault::Cut => self.slow(env, fault, &["network", "cut"]).await,
            Fault::Bandwidth(bytes) => self.slow(env, fault, &["network", "bandwidth", &bytes.to_string()]).await,
            Fault::Latency(time) => self.slow(env, fault, &["network", "latency", &time.as_millis().to_string()]).await,
            Fault::Loss(percent) => self.slow(env, fault, &["network", "loss", &percent.to_string()]).await,
            Fault::DiskFull => self.fill(fault).await,
            Fault::MemoryShort(left) => self.take_memory(fault, left).await,
            Fault::EngineStopped => self.end_engine(fault, &format!("set -- stop\n{FREEZE}")).await,
            Fault::EngineKilled => self.end_engine(fault, "kill -9 $(pidof dockerd)").await,
        }
    }

    /// Takes away whatever faults are upon it; none is fine.
    ///
    /// # Errors
    /// [`Error::Connect`] for a VPS that is off; those of the engine.
    pub async fn clear(&self, env: &TestEnv) -> Result<()> {
        self.check_running("clear its faults").await?;
        self.run_in_network(env, &["network", "clear"]).await?;
        self.by_engine(&format!("umount {HOLD} 2>/dev/null; rm -f /var/lib/testvps/full")).await?;
        if self.engine_is_down().await? {
            self.by_engine(&format!("set -- start\n{FREEZE}")).await?;
        }
        Ok(())
    }

    /// The faults that are upon it, as they can be seen now: also those that somebody else made. An engine that does not run
    /// is one that was stopped.
    ///
    /// # Errors
    /// [`Error::Connect`] for a VPS that is off; those of the engine.
    pub async fn faults(&self, env: &TestEnv) -> Result<Vec<Fault>> {
        self.check_running("look for its faults").await?;
        let mut faults: Vec<Fault> =
            self.run_in_network(env, &["network", "show"]).await?.lines().filter_map(seen_fault).collect();
        let held = format!("if mountpoint -q {HOLD}; then cat {HOLD}/left; fi");
        let (held, _) = self.exec(&held).await?;
        faults.extend(held.trim().parse().ok().map(Fault::MemoryShort));
        if self.exec("test -e /var/lib/testvps/full").await?.1 == 0 {
            faults.push(Fault::DiskFull);
        }
        if self.engine_is_down().await? {
            faults.push(Fault::EngineStopped);
        }
        Ok(faults)
    }

    fn no(&self, fault: Fault, seen: &str, hint: &str) -> Error {
        let hint = hint.replace("NAME", &self.info.name);
        Error::Fault(Failure::new(self.subject(), format!("inject {fault}")).saw(seen).hint(hint))
    }

    /// A command inside, by the engine's hand; what it printed, and its status.
    async fn exec(&self, command: &str) -> Result<(String, i64)> {
        self.engine.run_in_with_status(&self.info.container_id, command, DONE).await
    }

    /// The same for a command that must succeed.
    async fn by_engine(&self, command: &str) -> Result<String> {
        let (said, status) = self.exec(command).await?;
        if status == 0 {
            return Ok(said);
        }
        let failure =
            Failure::new(self.subject(), "change it from outside").saw(format!("{said}\nexit status {status}"));
        Err(Error::Fault(failure))
    }

    /// A fault of the network; one that the kernel cannot make is a matter of the machine.
    async fn slow(&self, env: &TestEnv, fault: Fault, words: &[&str]) -> Result<()> {
        let Err(error) = self.run_in_network(env, words).await else { return Ok(()) };
        let seen = error.failure().seen().unwrap_or_default();
        if !NOT_IN_THE_KERNEL.iter().any(|words| seen.contains(words)) {
            return Err(error);
        }
        let failure = Failure::new(self.subject(), format!("inject {fault}")).saw(format!("its kernel cannot: {seen}"));
        let needs = match fault {
            Fault::Latency(_) => "latency needs a kernel with sch_netem; cut, bandwidth and loss do not",
            _ => "it needs a kernel from 5.16 on, with nf_tables and its egress hook, and sch_tbf",
        };
        Err(Error::Machine(failure.hint(format!("{needs}: cargo xtask doctor"))))
    }

    async fn fill(&self, fault: Fault) -> Result<()> {
        if self.info.size.disk.is_none() {
            return Err(self.no(fault, "its disk is the host's", "make one with a disk of its own: testenv --disk 2g"));
        }
        self.by_engine(FILL).await.map(|_| ())
    }

    async fn take_memory(&self, fault: Fault, left: u64) -> Result<()> {
        let Some(limit) = self.info.size.memory else {
            return Err(self.no(fault, "its memory is the host's", "make one with --memory 512m"));
        };
        self.by_engine(&format!("umount {HOLD} 2>/dev/null || :")).await?;
        let used = self.engine.memory_without_cache(&self.info.container_id).await?;
        let Some(bytes) = limit.checked_sub(used + left).filter(|bytes| *bytes > 0) else {
            let free = limit.saturating_sub(used) >> 20;
            return Err(self.no(fault, &format!("it has only {free} MiB left by itself"), "ask for less to be left"));
        };
        let take = format!(
            "mkdir -p {HOLD} && mount -t tmpfs -o size=100%,mode=700 held {HOLD} && head -c {bytes} /dev/zero >{HOLD}/taken && \
             echo {left} >{HOLD}/left"
        );
        self.by_engine(&take).await.map(|_| ())
    }

    async fn end_engine(&self, fault: Fault, command: &str) -> Result<()> {
        if self.exec("command -v dockerd").await?.1 != 0 {
            return Err(self.no(fault, "it has no container engine", "install one: apt-get install docker.io"));
        }
        if self.engine_is_down().await? {
            return Ok(());
        }
        self.by_engine(command).await.map(|_| ())
    }

    /// Whether it has a container engine that does not run.
    async fn engine_is_down(&self) -> Result<bool> {
        Ok(self.exec("command -v dockerd >/dev/null && ! pidof dockerd >/dev/null").await?.1 == 0)
    }
}

/// What `network show` says of a fault.
fn seen_fault(line: &str) -> Option<Fault> {
    match line.split_once(' ') {
        Some(("bandwidth", bytes)) => bytes.parse().ok().map(Fault::Bandwidth),
        Some((kind, value)) => Fault::parse(kind, Some(value)).ok(),
        None => Fault::parse(line, None).ok(),
    }
}

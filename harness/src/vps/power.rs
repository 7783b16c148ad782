//! The power of a VPS: turning it off and on, rebooting it, and what a shutdown from inside comes to.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;

use super::machine::Vps;
use crate::catalog::{Init, System};
use crate::doctor::{MORE_INOTIFY, scarce_inotify_instances};
use crate::emulation;
use crate::engine::{ContainerState, Restarts};
use crate::error::{Error, Failure, Result};
use crate::ssh::Session;
use crate::wait::{Seen, wait_until};

/// How long a VPS may take to its first command; an emulated one, longer by its factor.
const READY: Duration = Duration::from_secs(90);
/// How long it usually takes at the most.
const USUALLY_READY: Duration = Duration::from_secs(3);
/// How long its services may take to end, which is systemd's own patience with each; then the power goes.
const SHUTDOWN: Duration = Duration::from_secs(100);
/// The status with which systemd ends for a reboot: 128 and SIGHUP, as the kernel tells it of a container that may reboot.
/// `vps-init` sees to it; for a shutdown it ends with 0.
const REBOOT_STATUS: &str = "129";
/// The first systemd that ends with a status of somebody's choice.
const CHOOSES_STATUS: u32 = 227;

/// Whether a VPS that shuts itself down stays off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PowerOff {
    /// As on a server: its first process ends with another status than for a reboot.
    StaysOff,
    /// Its first process ends in one way only: it comes back, as after a reboot.
    ComesBack,
}

impl PowerOff {
    pub(super) fn of(system: &System, init: Init) -> Self {
        let is_old = system.systemd.as_ref().is_none_or(|systemd| systemd.version < CHOOSES_STATUS);
        if init == Init::Systemd && is_old { Self::ComesBack } else { Self::StaysOff }
    }

    /// What `vps-init` is told.
    pub(super) fn words(self, init: Init) -> Vec<String> {
        let status = (self == Self::StaysOff).then(|| REBOOT_STATUS.to_owned());
        std::iter::once(init.to_string()).chain(status).collect()
    }

    /// What brings the container back: a reboot ends PID 1, as on a server.
    pub(super) fn restarts(self) -> Restarts {
        match self {
            Self::StaysOff => Restarts::AfterFailure,
            Self::ComesBack => Restarts::UnlessStopped,
        }
    }
}

/// The signal by which an engine that ends takes its VPSes along: a reboot, so that they come back with it.
pub(super) fn stop_signal(init: Init) -> &'static str {
    match init {
        Init::Systemd => "SIGRTMIN+5",
        Init::Sshd => "SIGQUIT",
    }
}

impl Vps {
    /// Presses its power button: services end in order, and it is off until it is [started](Vps::start). After 100 seconds
    /// the power goes. Disk, host key, address and published ports stay. One that is off already is left so.
    pub async fn stop(&self) -> Result<()> {
        let patience = SHUTDOWN * emulation::patience(&self.engine, self.info.arch);
        match self.state().await? {
            Some(ContainerState::Running) => self.press_button().await?,
            Some(ContainerState::Stopped | ContainerState::Created) => return Ok(()),
            Some(ContainerState::Restarting | ContainerState::Paused) => return self.cut_off().await,
            None => return Err(self.gone("turn it off")),
        }
        let off = wait_until(patience, format!("{} to be off", self.subject()), || async {
            match self.state().await {
                Ok(Some(ContainerState::Running)) => Seen::NotYet("it runs".to_owned()),
                Ok(state) => Seen::Ready(state),
                Err(error) => Seen::NotYet(error.to_string()),
            }
        });
        match off.await {
            Ok(Some(ContainerState::Stopped)) => {
                self.forget_session().await;
                Ok(())
            }
            Ok(None) => Err(self.gone("turn it off")),
            _ => self.cut_off().await,
        }
    }

    async fn press_button(&self) -> Result<()> {
        let container = &self.info.container_id;
        match self.info.init {
            Init::Systemd if self.takes_signals() => self.engine.signal(container, "SIGRTMIN+4").await,
            Init::Systemd => self.engine.run_in(container, "systemctl --no-block poweroff", SHUTDOWN).await.map(drop),
            Init::Sshd => self.engine.run_in(container, "/usr/local/sbin/poweroff", SHUTDOWN).await.map(drop),
        }
    }

    /// Whether systemd's own signals reach it as they are: qemu gives those of real time other numbers.
    fn takes_signals(&self) -> bool {
        self.info.arch == self.engine.arch()
    }

    async fn cut_off(&self) -> Result<()> {
        self.forget_session().await;
        self.engine.cut_off(&self.info.container_id).await
    }

    /// Turns it on; returns once a command has run on it over SSH. One that runs is left so.
    pub async fn start(&self) -> Result<()> {
        match self.state().await? {
            None => return Err(self.gone("turn it on")),
            Some(ContainerState::Running) => {}
            Some(_) => self.engine.start(&self.info.container_id).await.map_err(|error| self.port_in_use(error))?,
        }
        self.up().await
    }

    /// Reboots it from outside: services end in order, and it starts again; returns once a command has run on it over SSH.
    /// An error if it is off.
    pub async fn reboot(&self) -> Result<()> {
        self.check_running("reboot it").await?;
        if self.info.init == Init::Systemd && !self.takes_signals() {
            let boot = self.boot_id().await?;
            let _ = self.engine.run_in(&self.info.container_id, "systemctl --no-block reboot", SHUTDOWN).await?;
            return self.booted_after(&boot).await.map(drop);
        }
        self.forget_session().await;
        let patience = SHUTDOWN * emulation::patience(&self.engine, self.info.arch);
        if self.info.init == Init::Sshd {
            // what is beside its SSH server ends before it; a service that hangs is no reason to stay on
            let _ = self.engine.run_in(&self.info.container_id, "/usr/local/lib/testvps/power end", patience).await;
        }
        self.engine.restart(&self.info.container_id, patience).await?;
        self.up().await
    }

    /// The id of its boot: another one after each reboot, and each time that it is turned on.
    pub async fn boot_id(&self) -> Result<String> {
        let read = self.ssh().await?.run("cat /proc/sys/kernel/random/boot_id").await?;
        Ok(read.stdout_text().trim().to_owned())
    }

    /// Waits until another boot than this one takes commands, and answers its id: after a reboot that was asked for inside. A
    /// boot that ends takes logins for a moment yet. An error after 90 seconds.
    pub async fn booted_after(&self, boot: &str) -> Result<String> {
        let patience = READY * emulation::patience(&self.engine, self.info.arch);
        let booted = wait_until(patience, "another boot", || async {
            match self.boot_id().await {
                Ok(now) if now != boot => Seen::Ready(now),
                Ok(_) => Seen::NotYet("still the old boot".to_owned()),
                Err(error) => Seen::NotYet(error.to_string()),
            }
        });
        let failed = |late| Error::Boot(Failure::new(self.subject(), "reboot").saw(late));
        booted.await.map_err(failed)
    }

    async fn up(&self) -> Result<()> {
        self.first_login().await?.run("true").await.map(drop)
    }

    /// Refuses to do something that needs a VPS that is on.
    pub async fn check_running(&self, action: &str) -> Result<()> {
        match self.state().await? {
            Some(ContainerState::Stopped | ContainerState::Created) => {
                let failure = Failure::new(self.subject(), action).saw("it is off");
                Err(Error::Connect(failure.hint(format!("cargo xtask start {}", self.info.name))))
            }
            Some(_) => Ok(()),
            None => Err(self.gone(action)),
        }
    }

    fn gone(&self, action: &str) -> Error {
        let failure = Failure::new(self.subject(), action).saw("its container is gone");
        Error::Engine(failure.hint(format!("cargo xtask down {}, then make it anew", self.info.name)))
    }

    fn port_in_use(&self, error: Error) -> Error {
        let seen = error.failure().seen().unwrap_or_default().to_owned();
        let is_in_use = ["already allocated", "already in use"].iter().any(|words| seen.contains(words));
        let port = self.info.ports.iter().find(|port| is_in_use && seen.contains(&format!(":{}", port.host)));
        let Some(port) = port else { return error };
        let failure = Failure::new(self.subject(), format!("publish its port {} as {}", port.vps, port.host));
        let hint = format!("`ss -ltnp 'sport = {}'` shows who took it while the VPS was off", port.host);
        Error::Boot(failure.saw("the host's port is in use").hint(hint))
    }

    /// The first login; a VPS whose PID 1 ends before is not waited for.
    pub(super) async fn first_login(&self) -> Result<Session> {
        let ready = READY * emulation::patience(&self.engine, self.info.arch);
        let mut login = pin!(self.connect_within(ready));
        // nearly always it is there before anybody need ask the engine
        if let Ok(session) = tokio::time::timeout(USUALLY_READY, &mut login).await {
            return session;
        }
        let died = wait_until(ready, "the container", || async {
            match self.state().await {
                Ok(Some(ContainerState::Running)) | Err(_) => Seen::NotYet("it runs".to_owned()),
                Ok(_) => Seen::Ready(()),
            }
        });
        tokio::select! {
            session = login => session,
            Ok(()) = died => {
                let log: Vec<String> = self.container_log(false).filter_map(async |it| it.ok().map(|it| it.0)).collect().await;
                let failure = Failure::new(self.subject(), "start its PID 1").saw(format!("it ended\n{}", log.concat()));
                let hint = "with --memory, give it more; another --init may work where this one does not";
                let scarce = scarce_inotify_instances().filter(|_| self.info.init == Init::Systemd);
                let scarce = scarce.map_or_else(String::new, |limit| {
                    format!("\nmany with systemd need more than this machine's {limit} inotify instances: {MORE_INOTIFY}")
                });
                Err(Error::Boot(failure.hint(format!("{hint}{scarce}"))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn a_shutdown_stays_off_where_the_first_process_can_tell_it_from_a_reboot() {
        let catalog = Catalog::built_in();
        for (os, version, init, power) in [
            ("debian", "12", Init::Systemd, PowerOff::StaysOff),
            ("ubuntu", "16.04", Init::Systemd, PowerOff::StaysOff),
            ("centos", "7", Init::Systemd, PowerOff::ComesBack),
            ("centos", "7", Init::Sshd, PowerOff::StaysOff),
            ("ubuntu", "14.04", Init::Sshd, PowerOff::StaysOff),
        ] {
            assert_eq!(PowerOff::of(catalog.find(os, version).unwrap(), init), power, "{os} {version} {init}");
        }
        assert_eq!(PowerOff::StaysOff.words(Init::Systemd), ["systemd", REBOOT_STATUS]);
        assert_eq!(PowerOff::ComesBack.words(Init::Systemd), ["systemd"]);
    }
}

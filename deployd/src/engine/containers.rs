//! Containers of ours: making, starting, watching, ending and listing them.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use bollard::models::{ContainerStateStatusEnum, ContainerSummary, ContainerSummaryStateEnum, ContainerUpdateBody};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
};

use super::connect::{failed, is_being_removed, is_missing};
use super::spec::{ROLE, restart_policy};
use super::{ContainerSpec, Engine, Role};
use crate::error::{Failure, Kind, Result};
use crate::wait::{self, Seen};

/// How long a container may take to end by itself, in seconds.
const STOP: i32 = 10;
/// How long a removal that is under way may take.
const REMOVED: Duration = Duration::from_mins(1);

/// A container of ours.
#[derive(Debug, Clone)]
pub struct Container {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The image it runs.
    pub image: String,
    /// Whether it runs.
    pub running: bool,
    /// Whether it has ended and the engine does not start it again by itself.
    pub stopped: bool,
    /// Whether it has never run.
    pub created: bool,
    /// Its address on the daemon's network, which it keeps when it is stopped.
    pub address: Option<Ipv4Addr>,
    /// The deploy that made it.
    pub deploy: Option<String>,
    /// The service that it is of a compose project.
    pub service: Option<String>,
}

/// What a container does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running,
    /// It ended.
    Ended {
        /// With this exit code.
        code: i64,
        /// Because it needed more memory than there was.
        out_of_memory: bool,
    },
    /// There is none.
    Missing,
}

impl Engine {
    /// Makes a container; it does not run yet.
    pub async fn create(&self, spec: ContainerSpec) -> Result<String> {
        let what = format!("make the container {}", spec.name);
        let options = CreateContainerOptionsBuilder::new().name(&spec.name).build();
        let created = self.docker().await?.create_container(Some(options), spec.body()).await.map_err(failed(what))?;
        Ok(created.id)
    }

    /// Starts a container.
    pub async fn start(&self, id: &str) -> Result<()> {
        let started = self.docker().await?.start_container(id, None::<StartContainerOptions>).await;
        started.map_err(failed(format!("start the container {}", short(id))))
    }

    /// Lets a container come back after a crash and after a reboot.
    pub async fn keep_running(&self, id: &str) -> Result<()> {
        let body = ContainerUpdateBody { restart_policy: Some(restart_policy(true)), ..ContainerUpdateBody::default() };
        let updated = self.docker().await?.update_container(id, body).await;
        updated.map_err(failed(format!("set the restart policy of {}", short(id))))
    }

    /// Ends a container by its own signal, then removes it with its anonymous volumes; one that is gone is fine.
    pub async fn stop_and_remove(&self, id: &str) -> Result<()> {
        let options = StopContainerOptionsBuilder::new().t(STOP).build();
        match self.docker().await?.stop_container(id, Some(options)).await {
            Err(error) if !is_missing(&error) => tracing::warn!(%error, "a container does not stop; it is removed"),
            _ => {}
        }
        self.remove(id).await
    }

    /// Removes a container at once, with its anonymous volumes; one that is gone is fine.
    pub async fn remove(&self, id: &str) -> Result<()> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.docker().await?.remove_container(id, Some(options)).await {
            Err(error) if is_missing(&error) => Ok(()),
            // a deploy puts away the version before while a prune does; its image is free only when that has ended
            Err(error) if is_being_removed(&error) => self.gone(id).await,
            removed => removed.map_err(failed(format!("remove the container {}", short(id)))),
        }
    }

    /// Waits for the end of a removal that another request began.
    async fn gone(&self, id: &str) -> Result<()> {
        let gone = wait::until(REMOVED, Duration::from_millis(50), || async {
            match self.state(id).await {
                Ok(State::Missing) => Seen::Ready(()),
                Ok(state) => Seen::NotYet(format!("it is there: {state:?}")),
                Err(error) => Seen::NotYet(error.to_string()),
            }
        });
        gone.await.map_err(|seen| {
            let what = format!("wait for the container {} to be removed", short(id));
            Failure::new(Kind::Engine, what).saw(format!("after {} s: {seen}", REMOVED.as_secs()))
        })
    }

    /// What a container does.
    pub async fn state(&self, id: &str) -> Result<State> {
        let inspected = match self.docker().await?.inspect_container(id, None::<InspectContainerOptions>).await {
            Err(error) if is_missing(&error) => return Ok(State::Missing),
            inspected => inspected.map_err(failed(format!("look at the container {}", short(id))))?,
        };
        let state = inspected.state.unwrap_or_default();
        // one that waits for its next start counts as running there, and has the exit code of its last end
        let restarting = state.status == Some(ContainerStateStatusEnum::RESTARTING);
        if !restarting && state.running.unwrap_or(false) || state.status == Some(ContainerStateStatusEnum::CREATED) {
            return Ok(State::Running);
        }
        let out_of_memory = state.oom_killed.unwrap_or(false);
        Ok(State::Ended { code: state.exit_code.unwrap_or_default(), out_of_memory })
    }

    /// The containers of a role, running or not.
    pub async fn containers(&self, role: Role) -> Result<Vec<Container>> {
        let filters = HashMap::from([("label", vec![format!("{ROLE}={}", role.word())])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let listed = self.docker().await?.list_containers(Some(options)).await;
        let listed = listed.map_err(failed("list the containers"))?;
        Ok(listed.into_iter().map(container).collect())
    }
}

fn container(summary: ContainerSummary) -> Container {
    let name = summary.names.unwrap_or_default().into_iter().next().unwrap_or_default();
    let networks = summary.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    let address = networks.get(super::network::NETWORK).and_then(|endpoint| {
        let fixed = endpoint.ipam_config.as_ref().and_then(|ipam| ipam.ipv4_address.clone());
        fixed.or_else(|| endpoint.ip_address.clone()).and_then(|address| address.parse().ok())
    });
    let is = |states: &[ContainerSummaryStateEnum]| summary.state.is_some_and(|state| states.contains(&state));
    let (running, stopped) = (
        is(&[ContainerSummaryStateEnum::RUNNING]),
        is(&[ContainerSummaryStateEnum::EXITED, ContainerSummaryStateEnum::CREATED, ContainerSummaryStateEnum::DEAD]),
    );
    let mut labels = summary.labels.unwrap_or_default();
    Container {
        id: summary.id.unwrap_or_default(),
        name: name.trim_start_matches('/').to_owned(),
        image: summary.image.unwrap_or_default(),
        running,
        stopped,
        created: is(&[ContainerSummaryStateEnum::CREATED]),
        address,
        deploy: labels.remove("deployd.deploy"),
        service: labels.remove("deployd.service"),
    }
}

/// An id as people read it.
fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

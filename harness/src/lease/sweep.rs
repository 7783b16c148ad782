//! Removing what nobody owns: of one run that ended, or of everything of this tool.

use serde::Serialize;

use super::runs::{MachineDir, host_id};
use super::{EXPIRES, NAME, OURS, ROLE, RUN, STATE};
use crate::Engine;
use crate::engine::Found;
use crate::error::Result;
use crate::image::stock;

/// What a sweep removed.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Swept {
    /// Names of the containers.
    pub containers: Vec<String>,
}

/// Removes every container of this tool on this machine whose run has ended and which no state file names.
pub async fn sweep(engine: &Engine) -> Result<Swept> {
    let machine = MachineDir::find(engine)?;
    let mut swept = Swept::default();
    for container in engine.containers(&[&format!("{OURS}={}", host_id()), RUN]).await? {
        let run = container.labels.get(RUN).map(String::as_str).unwrap_or_default();
        if is_expired(&container) || !(machine.is_alive(run) || is_kept(&container)) {
            remove(engine, &container).await?;
            swept.containers.push(container.name);
        }
    }
    for run in machine.dead_runs() {
        machine.forget_run(&run);
    }
    stock::release(engine, &machine).await?;
    Ok(swept)
}

/// Removes what a run left, then the shared things if nobody needs them any more, and forgets the run.
pub(super) async fn reap_run(engine: &Engine, machine: &MachineDir, run: &str) -> Result<()> {
    remove_of_run(engine, run).await?;
    machine.forget_run(run);
    stock::release(engine, machine).await
}

/// Removes the containers of a run that no state file names; one that cannot be removed does not keep the others.
pub(super) async fn remove_of_run(engine: &Engine, run: &str) -> Result<()> {
    let mut result = Ok(());
    for container in engine.containers(&[&format!("{RUN}={run}")]).await? {
        if !is_kept(&container) {
            result = result.and(remove(engine, &container).await);
        }
    }
    result
}

async fn remove(engine: &Engine, container: &Found) -> Result<()> {
    tracing::debug!(name = container.labels.get(NAME), role = container.labels.get(ROLE), "remove {}", container.name);
    engine.remove_container(&container.id).await
}

/// Whether the state file that may keep a container does name it.
fn is_kept(container: &Found) -> bool {
    let state = container.labels.get(STATE);
    state.is_some_and(|file| std::fs::read_to_string(file).is_ok_and(|text| text.contains(&container.id)))
}

fn is_expired(container: &Found) -> bool {
    let expires = container.labels.get(EXPIRES).and_then(|time| time.parse::<jiff::Timestamp>().ok());
    expires.is_some_and(|time| time < jiff::Timestamp::now())
}

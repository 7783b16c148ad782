//! Noticing that the application used up its memory: the engine starts it again, and nobody would know.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{MissedTickBehavior, interval};

use super::{Context, Deployer};
use crate::engine::OutOfMemory;
use crate::error::Result;
use crate::store::{Deploy, MemoryUsedUp};

/// How soon an engine that went away is listened to again.
const AGAIN: Duration = Duration::from_secs(1);
/// For so long nobody is told again about the same version: one that does nothing else must not fill a chat.
const QUIET: SignedDuration = SignedDuration::from_hours(1);
/// What the engine tells of a container within so long is the same. It tells one kill twice when containerd stalls: its
/// shim repeats after 5 s what was not acknowledged (`RemoteEventsPublisher` of containerd 1.4 to 1.7), and both arrive
/// when containerd goes on, measured 1 ms apart.
const SAME: SignedDuration = SignedDuration::from_secs(1);

impl Deployer {
    /// Notes and tells each time that the version which serves has used up its memory, until the future is dropped.
    pub async fn watch_memory(self) {
        let mut ticks = interval(AGAIN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(failure) = watch(self.context()).await {
                tracing::debug!(%failure, "the engine tells nothing; asking again");
            }
        }
    }
}

/// Listens to the engine from when the version began to serve: what happened while nobody listened is told then.
async fn watch(context: &Context) -> Result<()> {
    let serving = context.store.serving()?;
    let since = serving.map_or_else(Timestamp::now, |deploy| deploy.finished_at.unwrap_or(deploy.started_at));
    let tell = |event: OutOfMemory| {
        if let Err(failure) = note(context, &event) {
            tracing::warn!(%failure, name = event.container, "its memory was used up, which could not be noted");
        }
    };
    context.engine.out_of_memory(since, tell).await
}

fn note(context: &Context, event: &OutOfMemory) -> Result<()> {
    let Some(deploy) = context.store.serving()?.filter(|deploy| is_of(event, deploy)) else { return Ok(()) };
    let before = context.store.memory_used_up()?;
    let Some((used_up, is_news)) = counted(before, &deploy, event) else { return Ok(()) };
    context.store.set_memory_used_up(&used_up)?;
    let (name, times, memory_mib) = (&used_up.container, used_up.times, used_up.memory_mib);
    tracing::warn!(name, times, memory_mib, "its memory was used up; the engine starts again what ended");
    if is_news {
        context.notifier.tell_of_memory(&deploy, &used_up);
    }
    Ok(())
}

/// Whether the container belongs to the version; a service that stayed as it was may be an older deploy's.
fn is_of(event: &OutOfMemory, deploy: &Deploy) -> bool {
    let composed = deploy.serving.as_ref().is_some_and(|serving| serving.compose.is_some());
    event.deploy.as_ref() == Some(&deploy.id) || composed && event.service.is_some()
}

/// What is known with the event, and whether somebody should be told; nothing if it was known before.
fn counted(before: Option<MemoryUsedUp>, deploy: &Deploy, event: &OutOfMemory) -> Option<(MemoryUsedUp, bool)> {
    let before = before.filter(|before| before.deploy == deploy.id);
    if before.as_ref().is_some_and(|before| is_known(before, event)) {
        return None;
    }
    let told_at = before.as_ref().map(|before| before.told_at);
    let is_news = told_at.is_none_or(|told| event.at.duration_since(told) > QUIET);
    let used_up = MemoryUsedUp {
        deploy: deploy.id.clone(),
        container: event.container.clone(),
        memory_mib: deploy.serving.as_ref().and_then(|serving| serving.memory_mib),
        times: before.map_or(0, |before| before.times) + 1,
        last_at: event.at,
        told_at: told_at.filter(|_| !is_news).unwrap_or(event.at),
    };
    Some((used_up, is_news))
}

fn is_known(before: &MemoryUsedUp, event: &OutOfMemory) -> bool {
    let since = event.at.duration_since(before.last_at);
    !since.is_positive() || event.container == before.container && since < SAME
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::run;
    use crate::store::Project;

    fn event(deploy: &Deploy, second: i64) -> OutOfMemory {
        let at = Timestamp::from_second(second).unwrap();
        OutOfMemory { container: "app".into(), deploy: Some(deploy.id.clone()), service: None, at }
    }

    #[test]
    fn each_time_counts_once_and_a_chat_is_told_once_an_hour() {
        let project = Project::example();
        let (first, second) = (run::begin(&project), run::begin(&project));
        assert!(is_of(&event(&first, 1), &first) && !is_of(&event(&first, 1), &second));
        let mut known = None;
        let mut told = Vec::new();
        for at in [100, 100, 150, 120, 4000] {
            if let Some((used_up, is_news)) = counted(known.clone(), &first, &event(&first, at)) {
                told.push((used_up.times, is_news));
                known = Some(used_up);
            }
        }
        assert_eq!(told, [(1, true), (2, false), (3, true)]);
        let mut repeated = event(&first, 4000);
        repeated.at += SignedDuration::from_millis(1);
        assert!(counted(known.clone(), &first, &repeated).is_none());
        let of_another = OutOfMemory { container: "worker".into(), ..repeated };
        assert_eq!(counted(known.clone(), &first, &of_another).unwrap().0.times, 4);
        let (of_the_next, is_news) = counted(known, &second, &event(&second, 4001)).unwrap();
        assert_eq!((of_the_next.times, is_news), (1, true));
    }
}

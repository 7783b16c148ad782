//! What containers use.

use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::StreamExt;
use futures_util::future::join_all;

use super::containers::ContainerState;
use super::{Engine, connect};
use crate::error::Result;

/// What the kernel keeps of files that a container has not used lately, by the hierarchy's version.
const INACTIVE: [&str; 2] = ["total_inactive_file", "inactive_file"];
/// The same of those that it uses.
const ACTIVE: [&str; 2] = ["total_active_file", "active_file"];

impl Engine {
    /// The bytes of memory that the running containers with a label have together, all that runs inside them included.
    pub(crate) async fn memory_of(&self, label: &str) -> Result<u64> {
        let containers = self.containers(&[label]).await?;
        let running = containers.iter().filter(|it| it.state == ContainerState::Running);
        let each = join_all(running.map(|it| self.container_memory(&it.id, &[INACTIVE]))).await;
        each.into_iter().sum()
    }

    /// The bytes that the processes of a container have, and the kernel for them; the page cache of files is not theirs.
    pub(crate) async fn memory_without_cache(&self, container: &str) -> Result<u64> {
        self.container_memory(container, &[INACTIVE, ACTIVE]).await
    }

    /// The same of one container without what the kernel caches in some ways; nothing of one that is gone.
    async fn container_memory(&self, container: &str, cached: &[[&str; 2]]) -> Result<u64> {
        let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
        let stats = match Box::pin(self.docker.stats(container, Some(options))).next().await {
            Some(Ok(stats)) => stats,
            None => return Ok(0),
            Some(Err(error)) if matches!(connect::status(&error), Some(404 | 409)) => return Ok(0),
            Some(Err(error)) => return Err(self.error(format!("ask what container {container} uses"), error)),
        };
        let memory = stats.memory_stats.unwrap_or_default();
        let kinds = memory.stats.unwrap_or_default();
        let cached = cached.iter().filter_map(|names| names.iter().find_map(|name| kinds.get(*name)));
        Ok(memory.usage.unwrap_or_default().saturating_sub(cached.sum()))
    }
}

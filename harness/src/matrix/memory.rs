//! What the containers of a run have in memory at its peak.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::lease::COMMAND;
use crate::testenv::TestEnv;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(2);

/// The most that the containers of a command had together, its scenarios' containers among them.
#[derive(Debug, Default)]
pub(super) struct Peak(AtomicU64);

impl Peak {
    /// Looks again and again, for as long as it is polled.
    pub async fn watch(&self, env: &TestEnv) -> Infallible {
        let label = format!("{COMMAND}={}", env.lease().run());
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match env.engine().memory_of(&label).await {
                Ok(bytes) => {
                    self.0.fetch_max(bytes, Ordering::Relaxed);
                }
                // the run matters more than what it costs
                Err(error) => tracing::debug!("{error}"),
            }
        }
    }

    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

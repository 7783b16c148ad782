//! Waiting for something, with a deadline and the last observation.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

/// What one look saw.
pub(crate) enum Seen<T> {
    /// What was waited for.
    Ready(T),
    /// Not yet; this instead.
    NotYet(String),
}

/// Looks every `every` until it is ready; after `deadline`, the last observation is the error.
pub(crate) async fn until<T, F, Fut>(deadline: Duration, every: Duration, mut look: F) -> Result<T, String>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Seen<T>>,
{
    let end = Instant::now() + deadline;
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = String::from("nothing yet");
    loop {
        if timeout_at(end, ticks.tick()).await.is_err() {
            return Err(last);
        }
        match timeout_at(end, look()).await {
            Ok(Seen::Ready(value)) => return Ok(value),
            Ok(Seen::NotYet(seen)) => last = seen,
            Err(_) => return Err(last),
        }
    }
}

/// Lets some time pass where there is nothing to look at: before something that failed at once is tried again.
#[expect(clippy::disallowed_methods, reason = "a failed accept has no event that would say when to try again")]
pub(crate) async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_observation_is_the_error() {
        let mut looks = 0;
        let seen = until::<(), _, _>(Duration::from_millis(50), Duration::from_millis(5), || {
            looks += 1;
            let seen = format!("look {}", looks.min(2));
            async move { Seen::NotYet(seen) }
        })
        .await;
        assert_eq!(seen.unwrap_err(), "look 2");
    }

    #[tokio::test]
    async fn a_look_that_hangs_ends_by_the_deadline() {
        let hung = until::<(), _, _>(Duration::from_millis(20), Duration::from_millis(5), std::future::pending);
        assert!(hung.await.is_err());
    }
}

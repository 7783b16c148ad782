//! Waiting with a deadline, a subject and a last observation; the only place that may sleep.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::{emulation, story};

/// How often a check is repeated at the least, and at the most once it has been tried a few times.
const PACE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// What a check saw: the thing waited for, or why it is not there yet.
pub enum Seen<T> {
    /// It is there.
    Ready(T),
    /// Not yet; the text says what was seen instead.
    NotYet(String),
}

/// The deadline passed first.
#[derive(Debug, Clone, thiserror::Error)]
#[error("waited {:.1} s for {what}; last seen: {last}", elapsed.as_secs_f64())]
pub struct TimedOut {
    /// What was waited for.
    pub what: String,
    /// For how long.
    pub elapsed: Duration,
    /// What the last check saw.
    pub last: String,
}

/// Repeats `check` until it is [`Seen::Ready`] or `deadline` has passed; a check still running then is dropped. Where the
/// machines of this process are emulated, the deadline is later by the factor that they are slower by.
pub async fn wait_until<T, F, Fut>(deadline: Duration, what: impl fmt::Display, mut check: F) -> Result<T, TimedOut>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Seen<T>>,
{
    let told = story::begin(story::Kind::Wait, || what.to_string());
    let start = Instant::now();
    let end = start + deadline * emulation::patience_of_process();
    let mut last = "nothing yet".to_owned();
    let mut pace = PACE.0;
    loop {
        match timeout_at(end, check()).await {
            Ok(Seen::Ready(value)) => {
                told.end(true, || "there".to_owned(), &[]);
                return Ok(value);
            }
            Ok(Seen::NotYet(seen)) => last = seen,
            Err(_) => {}
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            told.end(false, || format!("not there; last seen: {last}"), &[]);
            return Err(TimedOut { what: what.to_string(), elapsed: start.elapsed(), last });
        }
        pause(pace.min(left)).await;
        pace = (pace * 5 / 4).min(PACE.1);
    }
}

/// The milliseconds since a moment, as reports tell them.
pub(crate) fn millis_since(start: std::time::Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the one place that may sleep")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_returns_what_the_check_found() {
        let mut tries = 0;
        let found = wait_until(Duration::from_secs(5), "three tries", || {
            tries += 1;
            std::future::ready(if tries == 3 { Seen::Ready(tries) } else { Seen::NotYet(tries.to_string()) })
        })
        .await;
        assert_eq!(found.expect("before the deadline"), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn past_the_deadline_it_says_what_it_waited_for_and_what_it_last_saw() {
        let error = wait_until(Duration::from_secs(1), "the answer", || {
            std::future::ready(Seen::<()>::NotYet("503".to_owned()))
        })
        .await
        .expect_err("never ready");
        assert!(error.to_string().contains("for the answer; last seen: 503"), "{error}");
    }
}

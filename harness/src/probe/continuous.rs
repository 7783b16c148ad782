//! Asking an application many times a second, however long the single answers take.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::tally::{Outcome, Report};
use crate::error::{Error, Failure, Result, chain};
use crate::http;
use crate::project::Project;
use crate::vps::Vps;

/// How a continuous probe asks.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many requests begin in a second.
    pub per_second: u32,
    /// How long one answer may take.
    pub deadline: Duration,
    /// Whether connections are used again; without it each request has one of its own.
    pub keep_alive: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { per_second: 50, deadline: Duration::from_secs(30), keep_alive: false }
    }
}

/// Reads the version out of a body.
type VersionOf = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// What every request needs.
#[derive(Clone)]
struct Asking {
    client: reqwest::Client,
    url: String,
    project: Arc<Project>,
    version_of: VersionOf,
    start: Instant,
    report: Arc<Mutex<Report>>,
}

/// A probe that asks until it is stopped; dropping it ends it, too.
pub struct Continuous {
    stop: CancellationToken,
    asking: JoinHandle<()>,
    report: Arc<Mutex<Report>>,
}

impl Drop for Continuous {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

impl Continuous {
    /// Asks a project on a VPS as its health settings say; `version_of` reads the version out of a good body.
    pub fn start(
        vps: &Vps,
        project: &Project,
        options: &Options,
        version_of: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Result<Self> {
        let url = format!("http://{}:{}{}", vps.info().address, project.settings.port, project.settings.health.path);
        Self::of_url(url, project, options, version_of)
    }

    fn of_url(
        url: String,
        project: &Project,
        options: &Options,
        version_of: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Result<Self> {
        http::use_ring();
        let idle = if options.keep_alive { usize::MAX } else { 0 };
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(idle).timeout(options.deadline);
        let client = client.build().map_err(|error| {
            Error::Deploy(Failure::new(project.name.clone(), "probe it all the time").saw(chain(&error)))
        })?;
        let (stop, report) = (CancellationToken::new(), Arc::<Mutex<Report>>::default());
        let (project, version_of) = (Arc::new(project.clone()), Arc::new(version_of));
        let asking = Asking { client, url, project, version_of, start: Instant::now(), report: report.clone() };
        let asking = tokio::spawn(asking.all_the_time(options.per_second, stop.clone()));
        Ok(Self { stop, asking, report })
    }

    /// What has been seen so far.
    #[must_use]
    pub fn so_far(&self) -> Report {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins no further request, waits for those that have begun, and answers what was seen.
    pub async fn stop(mut self) -> Report {
        self.stop.cancel();
        // an error means that it has panicked: what was seen until then is the answer
        let _ = (&mut self.asking).await;
        self.so_far()
    }
}

impl Asking {
    async fn all_the_time(self, per_second: u32, stop: CancellationToken) {
        let mut ticks = interval(Duration::from_secs(1) / per_second.max(1));
        // a slow machine shall not be asked faster afterwards
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {
                    open.spawn(self.clone().once());
                }
                Some(_) = open.join_next() => {}
            }
        }
        open.join_all().await;
    }

    async fn once(self) {
        let began = self.start.elapsed();
        let (outcome, seen) = self.ask().await;
        let at = self.start.elapsed();
        self.report.lock().unwrap_or_else(PoisonError::into_inner).take(began, at, outcome, &seen);
    }

    async fn ask(&self) -> (Outcome, String) {
        let failed = |error: &reqwest::Error| {
            let outcome = if error.is_timeout() { Outcome::Timeout } else { Outcome::Refused };
            (outcome, chain(error))
        };
        let answer = match self.client.get(&self.url).send().await {
            Ok(answer) => answer,
            Err(error) => return failed(&error),
        };
        let status = answer.status().as_u16();
        let body = match answer.text().await {
            Ok(body) => body,
            Err(error) => return failed(&error),
        };
        let health = &self.project.settings.health;
        if status != health.status {
            return (Outcome::WrongStatus, format!("HTTP {status}: {}", body.chars().take(200).collect::<String>()));
        }
        if health.contains.as_ref().is_some_and(|text| !body.contains(text)) {
            return (Outcome::WrongBody, body.chars().take(200).collect());
        }
        (Outcome::Ok, (self.version_of)(&body))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::project::{BuildType, Health, ProjectSettings};
    use crate::wait::{Seen, wait_until};

    fn project() -> Project {
        let health = Health { contains: Some("commit".into()), ..Health::default() };
        let settings = ProjectSettings {
            build_type: BuildType::Auto,
            build_file_path: None,
            port: 1,
            container_port: None,
            service: None,
            memory_mib: None,
            health,
            client: serde::de::IgnoredAny,
        };
        Project { name: "app".into(), dir: PathBuf::new(), settings }
    }

    /// A server whose answers are, one after another, those of a deploy that goes wrong in every way.
    async fn server() -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let (status, body) = match count.fetch_add(1, Ordering::Relaxed) {
                    0 => (200, "commit 1"),
                    1 => (500, "commit 1"),
                    2 => (200, "nonsense"),
                    3 => continue,
                    _ => (200, "commit 2"),
                };
                let answer = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 8\r\n\r\n{body}");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        (url, asked)
    }

    #[tokio::test]
    async fn every_outcome_is_told_apart_and_changes_of_the_version_are_seen() {
        let (url, asked) = server().await;
        let probe = Continuous::of_url(url, &project(), &Options::default(), str::to_owned).unwrap();
        let enough = wait_until(Duration::from_secs(20), "ten requests", || async {
            let count = asked.load(Ordering::Relaxed);
            if count >= 10 { Seen::Ready(()) } else { Seen::NotYet(count.to_string()) }
        });
        enough.await.unwrap();
        let report = probe.stop().await;
        let count = |outcome| report.counts.get(&outcome).copied().unwrap_or_default();
        let bad = [Outcome::WrongStatus, Outcome::WrongBody, Outcome::Refused, Outcome::Timeout].map(count);
        assert_eq!((bad, report.failed()), ([1, 1, 1, 0], 3), "{report}");
        assert_eq!(report.versions(), ["commit 1", "commit 2"], "{report}");
    }
}

//! Deploys do not overlap: one runs, at most one waits, and the newest waiting one wins.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, interval, interval_at};
use tokio_util::sync::CancellationToken;

use super::{Context, Event, Progress, UpRequest, reconcile, run};
use crate::error::{Failure, Kind, Result};
use crate::store::{Deploy, Promise};

/// How often the machine is compared with the store until they agree: after a reboot the engine may come later.
const RECONCILE: Duration = Duration::from_secs(1);
/// How often it is compared after that.
const HEAL: Duration = Duration::from_secs(15);

/// What whoever asked for a deploy holds of it.
pub struct Ticket {
    /// What it tells.
    pub events: mpsc::UnboundedReceiver<Event>,
    /// How it ended.
    pub done: oneshot::Receiver<Result<Deploy>>,
}

/// What is asked of a deploy.
pub(super) enum Wanted {
    /// The head of a branch.
    Up(UpRequest),
    /// What served before.
    Rollback,
}

struct Waiting {
    wanted: Wanted,
    progress: Progress,
    done: oneshot::Sender<Result<Deploy>>,
}

struct Shared {
    context: Context,
    waiting: Mutex<Option<Waiting>>,
    running: Mutex<CancellationToken>,
    active: AtomicBool,
    wake: Notify,
    /// Held by whatever changes what serves.
    work: tokio::sync::Mutex<()>,
}

/// Runs deploys one after another.
#[derive(Clone)]
pub struct Deployer(Arc<Shared>);

fn superseded(by: &str) -> Failure {
    Failure::new(Kind::Superseded, "the deploy ended early").saw(by)
}

impl Deployer {
    /// A deployer over a context; `work` makes it run.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self(Arc::new(Shared {
            context,
            waiting: Mutex::default(),
            running: Mutex::default(),
            active: AtomicBool::new(false),
            wake: Notify::new(),
            work: tokio::sync::Mutex::new(()),
        }))
    }

    /// What deploys work with.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.0.context
    }

    /// Whether a deploy runs.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.0.active.load(Ordering::Relaxed)
    }

    /// Asks for a deploy; one that waits already gives up its place.
    #[must_use]
    pub fn submit(&self, request: UpRequest) -> Ticket {
        self.enqueue(Wanted::Up(request))
    }

    /// Asks for a return to what served before; in the queue it is a deploy like any other.
    #[must_use]
    pub fn submit_rollback(&self) -> Ticket {
        self.enqueue(Wanted::Rollback)
    }

    fn enqueue(&self, wanted: Wanted) -> Ticket {
        let (progress, events) = Progress::new();
        let (done, ended) = oneshot::channel();
        self.replace_waiting(Some(Waiting { wanted, progress, done }), "a newer deploy took its place");
        self.0.wake.notify_one();
        Ticket { events, done: ended }
    }

    fn replace_waiting(&self, new: Option<Waiting>, by: &str) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = std::mem::replace(&mut *waiting, new) {
            // whoever asked may have gone away
            let _ = old.done.send(Err(superseded(by)));
        }
    }

    /// Ends the deploy that runs, unless it is about to switch, and the one that waits; what was promised to webhooks
    /// ends with them.
    pub fn cancel(&self, by: &str) {
        if let Err(failure) = self.context().store.end_promises() {
            tracing::warn!(%failure, "what a webhook was promised could not be ended; the next start deploys");
        }
        self.stop(by);
    }

    /// The same before the daemon ends: what was promised is done at the next start.
    pub fn stop(&self, by: &str) {
        self.replace_waiting(None, by);
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }

    /// Does something that must not happen during a deploy.
    pub(super) async fn alone<T>(&self, act: impl Future<Output = T>) -> T {
        let _work = self.0.work.lock().await;
        act.await
    }

    /// Keeps the machine at what the store says and runs deploys, until the future is dropped. While the engine does
    /// not answer, the first is tried again and again; the second goes on, and tells what is wrong.
    pub async fn work(self) {
        let mut at_start = true;
        let mut ticks = interval(RECONCILE);
        loop {
            tokio::select! {
                () = self.0.wake.notified() => {}
                _ = ticks.tick() => {
                    if self.alone(reconcile::succeeds(&self.0.context, at_start)).await && at_start {
                        at_start = false;
                        self.resume();
                        ticks = interval_at(Instant::now() + HEAL, HEAL);
                    }
                }
            }
            let waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waiting) = waiting {
                self.alone(self.run(waiting)).await;
            }
        }
    }

    /// Deploys what a webhook was promised before the daemon was stopped.
    fn resume(&self) {
        match self.context().store.promise() {
            Ok(None) => {}
            Ok(Some(Promise { from, commit, .. })) => {
                tracing::info!(from, commit, "resuming the deploy that a webhook was promised");
                // nobody waits for it any more
                drop(self.submit(UpRequest::again()));
            }
            Err(failure) => tracing::warn!(%failure, "what a webhook was promised cannot be read"),
        }
    }

    async fn run(&self, waiting: Waiting) {
        // every promise so far: a deploy takes the head of the branch
        let promise = self.context().store.promise();
        let cancel = CancellationToken::new();
        *self.0.running.lock().unwrap_or_else(PoisonError::into_inner) = cancel.clone();
        self.0.active.store(true, Ordering::Relaxed);
        let ended = run::run(&self.0.context, &waiting.wanted, &waiting.progress, &cancel).await;
        self.0.active.store(false, Ordering::Relaxed);
        if let Err(failure) = promise.and_then(|promise| self.keep(promise, &ended)) {
            tracing::warn!(%failure, "that a promise was kept could not be noted; the next start deploys again");
        }
        let _ = waiting.done.send(ended);
    }

    /// Notes that a promise has been kept. A deploy that was stopped, or that the engine failed, has not done so.
    fn keep(&self, promise: Option<Promise>, ended: &Result<Deploy>) -> Result<()> {
        let unkept = matches!(ended, Err(failure) if [Kind::Superseded, Kind::Engine].contains(&failure.kind()));
        match promise {
            Some(promise) if !unkept => self.context().store.end_promise(&promise.id),
            _ => Ok(()),
        }
    }
}

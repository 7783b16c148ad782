//! All open connections, and how those to a container that has been replaced come to an end.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::wait::{self, Seen};

/// How long a connection must be silent before it is closed as an idle one.
const QUIET: Duration = Duration::from_secs(1);
/// From this long on, the shortest pause between two requests is enough.
const IMPATIENT: Duration = Duration::from_secs(5);
/// A pause between two requests of a busy connection.
const PAUSE: Duration = Duration::from_millis(10);
/// How long old connections may go on altogether.
pub(super) const DRAIN: Duration = Duration::from_secs(10);

/// All open connections.
#[derive(Debug, Clone, Default)]
pub(super) struct Connections(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    next: u64,
    by_id: HashMap<u64, Arc<Connection>>,
}

/// Forgets a connection when it ends, however it ends.
pub(super) struct Registered {
    id: u64,
    connections: Connections,
    /// The connection.
    pub(super) connection: Arc<Connection>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.connections.with(|open| open.by_id.remove(&self.id));
    }
}

impl Connections {
    fn with<T>(&self, act: impl FnOnce(&mut Open) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn register(&self, backend: SocketAddr) -> Registered {
        let connection = Arc::new(Connection::new(backend));
        let id = self.with(|open| {
            open.next += 1;
            open.by_id.insert(open.next, connection.clone());
            open.next
        });
        Registered { id, connections: self.clone(), connection }
    }

    /// The connections that lead elsewhere than to one of `backends`.
    pub(super) fn stale(&self, backends: &HashSet<SocketAddr>) -> Vec<Arc<Connection>> {
        self.with(|open| open.by_id.values().filter(|open| !backends.contains(&open.backend)).cloned().collect())
    }

    /// Closes what is idle now: its next request shall reach the new container.
    pub(super) fn close_idle(&self, backends: &HashSet<SocketAddr>) {
        self.stale(backends).iter().filter(|old| old.quiet_for(QUIET)).for_each(|old| old.close());
    }

    /// Waits until none leads to a container that has been replaced; closes them between two requests, and in the end
    /// whatever they do.
    pub(super) async fn drain(&self, backends: &HashSet<SocketAddr>) {
        let began = Instant::now();
        let drained = wait::until(DRAIN, Duration::from_millis(20), || {
            let stale = self.stale(backends);
            let pause = if began.elapsed() < IMPATIENT { QUIET } else { PAUSE };
            stale.iter().filter(|old| old.quiet_for(pause)).for_each(|old| old.close());
            std::future::ready(if stale.is_empty() { Seen::Ready(()) } else { Seen::NotYet(stale.len().to_string()) })
        });
        if let Err(left) = drained.await {
            tracing::info!(left, "closing connections that did not end by themselves");
            self.stale(backends).iter().for_each(|old| old.close());
        }
    }
}

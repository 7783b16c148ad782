//! The public ports: opening them, pointing them elsewhere, closing them.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Routes;
use super::connections::{Connections, Registered};
use crate::net;
use crate::wait::{self, Seen};

/// How long a container that refuses is retried: it may be starting again after a crash or a reboot.
const RETRY: Duration = Duration::from_secs(10);
/// How long a connection to a held port waits for a route: a compose project may need its whole health deadline twice,
/// for the new version and for the one that comes back.
const HOLD: Duration = Duration::from_mins(3);
/// How many of the connections that waited are led on at a time. What comes all at once and finds the queue of a container
/// full (five long, in Python's own server) is tried again by the kernel after pauses that double, all at once again.
const HERD: usize = 4;
/// The next ones are led on when these are answered, or after so long.
const HERD_PAUSE: Duration = Duration::from_millis(100);
/// How long one attempt to reach it may take.
const CONNECT: Duration = Duration::from_secs(2);

/// Where a port leads; nowhere while it is held.
type Route = watch::Receiver<Option<SocketAddr>>;

/// An open port.
#[derive(Debug)]
struct Port {
    /// Where it leads; nowhere while it is held.
    backend: watch::Sender<Option<SocketAddr>>,
    accepting: JoinHandle<()>,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The open ports.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    ports: BTreeMap<u16, Port>,
    connections: Connections,
}

impl Listeners {
    /// All open connections.
    pub(super) fn connections(&self) -> Connections {
        self.connections.clone()
    }

    /// Whether a port is open or could be opened.
    pub(super) fn check(&self, port: u16) -> io::Result<()> {
        if self.ports.contains_key(&port) { Ok(()) } else { net::listen(port).map(|_| ()) }
    }

    /// Makes the open ports those of the routes, or changes nothing and answers the port that cannot be opened.
    pub(super) fn apply(&mut self, routes: &Routes) -> Result<(), (u16, io::Error)> {
        let mut opened = Vec::new();
        for (port, backend) in routes.all() {
            if !self.ports.contains_key(&port) {
                let listener = net::listen(port).and_then(TcpListener::from_std).map_err(|error| (port, error))?;
                opened.push((port, self.open(listener, backend)));
            }
        }
        self.ports.extend(opened);
        self.ports.retain(|port, _| routes.has(*port));
        for (port, backend) in routes.all() {
            if let Some(open) = self.ports.get(&port) {
                open.backend.send_replace(backend);
            }
        }
        self.connections.close_idle(&backends(routes));
        Ok(())
    }

    /// Opens what it can; answers the ports that it could not open.
    pub(super) fn open_missing(&mut self, routes: &Routes) -> Vec<(u16, io::Error)> {
        let mut failed = Vec::new();
        for (port, backend) in routes.all() {
            if self.ports.contains_key(&port) {
                continue;
            }
            match net::listen(port).and_then(TcpListener::from_std) {
                Ok(listener) => {
                    let open = self.open(listener, backend);
                    self.ports.insert(port, open);
                }
                Err(error) => failed.push((port, error)),
            }
        }
        failed
    }

    fn open(&self, listener: TcpListener, backend: Option<SocketAddr>) -> Port {
        let (backend, route) = watch::channel(backend);
        let accepting = tokio::spawn(accept(listener, route, self.connections.clone()));
        Port { backend, accepting }
    }
}

/// The containers that routes lead to.
pub(super) fn backends(routes: &Routes) -> HashSet<SocketAddr> {
    routes.ports.values().copied().collect()
}

async fn accept(listener: TcpListener, route: Route, connections: Connections) {
    let herd = Arc::new(Semaphore::new(HERD));
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                tokio::spawn(lead(client, route.clone(), connections.clone(), herd.clone()));
            }
            // out of file descriptors, or a client that went away: neither may end the port
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                wait::pause().await;
            }
        }
    }
}

async fn lead(client: TcpStream, mut route: Route, connections: Connections, herd: Arc<Semaphore>) {
    let (reached, turn) = loop {
        let waits = route.borrow().is_none();
        match timeout(HOLD, route.wait_for(Option::is_some)).await {
            Ok(Ok(_)) => {}
            // the port has been closed
            Ok(Err(_)) => return,
            Err(_) => break (Err(format!("no version has come up within {} s", HOLD.as_secs())), None),
        }
        let turn = if waits { herd.acquire().await.ok() } else { None };
        match reach(&route, &connections).await {
            // held again while it was tried: what it leads to now is being replaced
            Err(_) if route.borrow().is_none() => {}
            reached => break (reached, turn),
        }
    };
    match reached {
        Ok((registered, backend)) => {
            let connection = &registered.connection;
            // small answers must not wait for more to come; a socket that refuses the option still works
            let _ = (client.set_nodelay(true), backend.set_nodelay(true));
            let answer = async {
                if let Some(turn) = turn {
                    let _ = timeout(HERD_PAUSE, connection.answer()).await;
                    drop(turn);
                }
            };
            tokio::join!(connection.carry(client, backend), answer);
        }
        Err(seen) => tracing::warn!(seen, "the container does not answer; the connection is closed"),
    }
}

/// Connects to what the port leads to; tries again for a while if that refuses.
async fn reach(route: &Route, connections: &Connections) -> Result<(Registered, TcpStream), String> {
    wait::until(RETRY, Duration::from_millis(50), || {
        // read anew each time: a deploy may give the port another container meanwhile
        let backend = *route.borrow();
        let registered = backend.map(|backend| (backend, connections.register(backend)));
        let mut changed = route.clone();
        async move {
            let Some((backend, registered)) = registered else { return Seen::Ready(Err("it is held".to_owned())) };
            let connected = tokio::select! {
                connected = timeout(CONNECT, TcpStream::connect(backend)) => connected,
                // a container that takes no more connections must not keep one that another is there for
                _ = changed.wait_for(|now| *now != Some(backend)) => {
                    return Seen::NotYet(format!("{backend} has been replaced"));
                }
            };
            match connected {
                Ok(Ok(stream)) => Seen::Ready(Ok((registered, stream))),
                Ok(Err(error)) => Seen::NotYet(format!("{backend}: {error}")),
                Err(_) => Seen::NotYet(format!("{backend}: no answer")),
            }
        }
    })
    .await?
}

#[cfg(test)]
mod tests;

//! The public ports: opening them, pointing them elsewhere, closing them.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Routes;
use super::connections::Connections;
use crate::net;
use crate::wait::{self, Seen};

/// How long a container that refuses is retried: it may be starting again after a crash or a reboot.
const RETRY: Duration = Duration::from_secs(10);
/// How long one attempt to reach it may take.
const CONNECT: Duration = Duration::from_secs(2);

/// An open port.
#[derive(Debug)]
struct Port {
    backend: watch::Sender<SocketAddr>,
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
        for (port, backend) in &routes.ports {
            if !self.ports.contains_key(port) {
                let listener = net::listen(*port).and_then(TcpListener::from_std).map_err(|error| (*port, error))?;
                opened.push((*port, self.open(listener, *backend)));
            }
        }
        self.ports.extend(opened);
        self.ports.retain(|port, _| routes.ports.contains_key(port));
        for (port, open) in &self.ports {
            if let Some(backend) = routes.ports.get(port) {
                open.backend.send_replace(*backend);
            }
        }
        self.connections.close_idle(&backends(routes));
        Ok(())
    }

    /// Opens what it can; answers the ports that it could not open.
    pub(super) fn open_missing(&mut self, routes: &Routes) -> Vec<(u16, io::Error)> {
        let mut failed = Vec::new();
        for (port, backend) in &routes.ports {
            if self.ports.contains_key(port) {
                continue;
            }
            match net::listen(*port).and_then(TcpListener::from_std) {
                Ok(listener) => {
                    let open = self.open(listener, *backend);
                    self.ports.insert(*port, open);
                }
                Err(error) => failed.push((*port, error)),
            }
        }
        failed
    }

    fn open(&self, listener: TcpListener, backend: SocketAddr) -> Port {
        let (backend, route) = watch::channel(backend);
        let accepting = tokio::spawn(accept(listener, route, self.connections.clone()));
        Port { backend, accepting }
    }
}

/// The containers that routes lead to.
pub(super) fn backends(routes: &Routes) -> HashSet<SocketAddr> {
    routes.ports.values().copied().collect()
}

async fn accept(listener: TcpListener, route: watch::Receiver<SocketAddr>, connections: Connections) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                tokio::spawn(lead(client, route.clone(), connections.clone()));
            }
            // out of file descriptors, or a client that went away: neither may end the port
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                wait::pause().await;
            }
        }
    }
}

async fn lead(client: TcpStream, route: watch::Receiver<SocketAddr>, connections: Connections) {
    let reached = wait::until(RETRY, Duration::from_millis(50), || {
        // read anew each time: a deploy may give the port another container meanwhile
        let backend = *route.borrow();
        let registered = connections.register(backend);
        async move {
            match timeout(CONNECT, TcpStream::connect(backend)).await {
                Ok(Ok(stream)) => Seen::Ready((registered, stream)),
                Ok(Err(error)) => Seen::NotYet(format!("{backend}: {error}")),
                Err(_) => Seen::NotYet(format!("{backend}: no answer")),
            }
        }
    });
    match reached.await {
        Ok((registered, backend)) => {
            // small answers must not wait for more to come; a socket that refuses the option still works
            let _ = (client.set_nodelay(true), backend.set_nodelay(true));
            registered.connection.carry(client, backend).await;
        }
        Err(seen) => tracing::warn!(seen, "the container does not answer; the connection is closed"),
    }
}

#[cfg(test)]
mod tests;

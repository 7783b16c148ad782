//! A local port that leads to a port as the VPS reaches it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use russh::ChannelMsg;
use tokio::io::{AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::channel::Opened;
use super::session::Session;
use crate::error::{Error, Result};

/// A local port that leads to a port as the VPS reaches it. Dropping it closes the port and every connection through it.
#[derive(Debug)]
pub struct Forward {
    address: SocketAddr,
    far_port: u16,
    session: Session,
    last_error: Arc<Mutex<Option<String>>>,
    task: JoinHandle<()>,
}

impl Session {
    /// Listens on a free port of 127.0.0.1; each connection to it gets a channel of its own to `host:port`, as named on the
    /// VPS. The far port need not be open yet: until it is, connections are reset.
    pub async fn forward_local(&self, host: &str, port: u16) -> Result<Forward> {
        self.forward_from(0, host, port).await
    }

    /// The same from a port of somebody's choice; an error if that is in use. 0 is a free one.
    pub async fn forward_from(&self, local: u16, host: &str, port: u16) -> Result<Forward> {
        let failed = |e: &std::io::Error| {
            let failure = self.failure(format!("forward 127.0.0.1:{local} to {host}:{port}")).saw(e);
            let in_use = e.kind() == std::io::ErrorKind::AddrInUse;
            Error::Forward(if in_use { failure.hint("choose another local port, or none") } else { failure })
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, local)).await.map_err(|e| failed(&e))?;
        let address = listener.local_addr().map_err(|e| failed(&e))?;
        let last_error = Arc::default();
        let to =
            Destination { session: self.clone(), host: host.to_owned(), port, last_error: Arc::clone(&last_error) };
        Ok(Forward {
            address,
            far_port: port,
            session: self.clone(),
            last_error,
            task: tokio::spawn(accept(listener, Arc::new(to))),
        })
    }
}

impl Forward {
    /// Where to connect to.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The port that it leads to.
    #[must_use]
    pub fn far_port(&self) -> u16 {
        self.far_port
    }

    /// Whether the connection that it leads through still stands.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.session.is_alive()
    }

    /// Why the last connection that failed did: a client of the forward sees no more than a reset.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Destination {
    session: Session,
    host: String,
    port: u16,
    last_error: Arc<Mutex<Option<String>>>,
}

impl Destination {
    fn failed(&self, why: impl std::fmt::Display) {
        let why = format!("{}:{}: {why}", self.host, self.port);
        tracing::debug!("forward to {why}");
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }
}

async fn accept(listener: TcpListener, to: Arc<Destination>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => {
                    connections.spawn(serve(stream, from, Arc::clone(&to)));
                }
                // One connection was reset before it was taken.
                Err(e) if e.kind() == std::io::ErrorKind::ConnectionAborted => {}
                // No descriptors are left, most likely: the next try waits until a connection has given its own back.
                Err(e) => {
                    to.failed(e.to_string());
                    if connections.join_next().await.is_none() {
                        return;
                    }
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, from: SocketAddr, to: Arc<Destination>) {
    let _ = stream.set_nodelay(true);
    match to.session.open_tcp(&to.host, to.port, from).await {
        Ok(channel) => carry(stream, channel).await,
        Err(why) => {
            to.failed(why);
            // A reset is what a closed port looks like; an orderly end would look like an empty answer.
            let _ = stream.set_zero_linger();
        }
    }
}

/// Carries bytes both ways. Either side may end its half and still read the other's.
async fn carry(stream: TcpStream, mut channel: Opened) {
    let (mut from_local, mut to_local) = stream.into_split();
    let write = Arc::clone(&channel.write);
    let upward = async {
        // Whichever way the local side stops sending, the far side learns that no more comes.
        let _ = copy(&mut from_local, &mut write.make_writer()).await;
        let _ = write.eof().await;
    };
    tokio::pin!(upward);
    let mut sent = false;
    loop {
        let message = tokio::select! {
            message = channel.read.wait() => message,
            () = &mut upward, if !sent => { sent = true; continue }
        };
        let passed = match message {
            Some(ChannelMsg::Data { data }) => to_local.write_all(&data).await,
            Some(ChannelMsg::Eof) => to_local.shutdown().await,
            None | Some(ChannelMsg::Close) => return channel.over(),
            Some(_) => Ok(()),
        };
        // The local side is gone: dropping the channel tells the far side.
        if passed.is_err() {
            return;
        }
    }
}

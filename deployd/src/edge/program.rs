//! The program of the edge's container.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::interval;

use super::Routes;
use super::listeners::{Listeners, backends};
use super::message::{PROTOCOL, Question, Reply, socket};
use crate::error::{Failure, Kind, Result};
use crate::{files, socket as sockets};

struct State {
    dir: PathBuf,
    routes: Routes,
    listeners: Listeners,
}

/// Serves the routes that lie in `dir`, and changes them when the daemon asks for it.
pub async fn run(dir: &Path) -> Result<()> {
    files::private_dir(dir)?;
    let routes = Routes::load(dir)?;
    let state = Arc::new(Mutex::new(State { dir: dir.to_owned(), routes, listeners: Listeners::default() }));
    let path = socket(dir);
    let listener = sockets::listen(&path)
        .map_err(|error| Failure::new(Kind::Internal, format!("listen on {}", path.display())).saw(error))?;
    tokio::spawn(keep_open(state.clone()));
    tracing::info!(dir = %dir.display(), "the edge serves");
    sockets::serve(listener, move |question| answer(state.clone(), question)).await;
    Ok(())
}

/// Opens the ports at the start, and goes on trying if something else holds one of them.
async fn keep_open(state: Arc<Mutex<State>>) {
    let mut ticks = interval(Duration::from_secs(1));
    let mut reported = Vec::new();
    loop {
        ticks.tick().await;
        let mut state = state.lock().await;
        let State { routes, listeners, .. } = &mut *state;
        let failed = listeners.open_missing(routes);
        let ports: Vec<u16> = failed.iter().map(|(port, _)| *port).collect();
        if ports != reported {
            for (port, error) in failed {
                tracing::error!(port, %error, "the port cannot be opened; trying again");
            }
            reported = ports;
        }
    }
}

async fn answer(state: Arc<Mutex<State>>, question: Question) -> Reply {
    let error = match question {
        Question::Hello => None,
        Question::Check(port) => {
            let checked = state.lock().await.listeners.check(port);
            checked.err().map(|error| taken(port, &error))
        }
        Question::Apply(routes) => state.lock().await.apply(routes).err(),
        Question::Drain => {
            let (connections, backends) = {
                let state = state.lock().await;
                (state.listeners.connections(), backends(&state.routes))
            };
            connections.drain(&backends).await;
            None
        }
    };
    Reply { protocol: PROTOCOL, error }
}

impl State {
    /// Opens first, writes then: what was acknowledged is both served and on the disk.
    fn apply(&mut self, routes: Routes) -> Result<(), String> {
        if routes == self.routes {
            // the daemon asks from time to time; a port that could not be opened is tried again all the same
            return self.listeners.apply(&routes).map_err(|(port, error)| taken(port, &error));
        }
        self.listeners.apply(&routes).map_err(|(port, error)| taken(port, &error))?;
        if let Err(failure) = routes.save(&self.dir) {
            // back to what the file says
            let _ = self.listeners.apply(&self.routes);
            return Err(failure.to_string());
        }
        tracing::info!(ports = ?routes.ports, held = ?routes.held, "new routes");
        self.routes = routes;
        Ok(())
    }
}

fn taken(port: u16, error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::AddrInUse {
        format!("port {port} is taken by something else on this machine")
    } else {
        format!("port {port} cannot be opened: {error}")
    }
}

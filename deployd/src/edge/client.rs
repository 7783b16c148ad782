//! How the daemon talks to the edge.

use std::path::PathBuf;
use std::time::Duration;

use super::Routes;
use super::connections::DRAIN;
use super::message::{PROTOCOL, Question, Reply, socket};
use crate::error::{Failure, Kind, Result};
use crate::socket as sockets;

/// How long the edge may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// The daemon's end of the socket that it shares with the edge.
#[derive(Debug, Clone)]
pub struct Edge {
    socket: PathBuf,
}

impl Edge {
    /// The edge that shares `dir` with the daemon.
    #[must_use]
    pub fn new(dir: &std::path::Path) -> Self {
        Self { socket: socket(dir) }
    }

    /// Whether an edge that speaks our version of the messages is there; else why not.
    pub(super) async fn hello(&self) -> Result<(), String> {
        let asked = sockets::ask::<_, Reply>(&self.socket, &Question::Hello, Duration::from_secs(2)).await;
        match asked.map_err(|error| error.to_string())?.protocol {
            PROTOCOL => Ok(()),
            other => Err(format!("it speaks version {other} instead of {PROTOCOL}")),
        }
    }

    /// Whether a port is ours or free.
    pub async fn check(&self, port: u16) -> Result<()> {
        self.ask(&Question::Check(port), ANSWER, Kind::Conflict, format!("open port {port}")).await
    }

    /// Makes these the routes; when this returns, new connections follow them, also after a reboot.
    pub async fn apply(&self, routes: Routes) -> Result<()> {
        let ports: Vec<String> = routes.all().map(|(port, _)| port.to_string()).collect();
        let what = match ports.as_slice() {
            [] => "close the public ports".to_owned(),
            ports => format!("switch port {}", ports.join(", ")),
        };
        self.ask(&Question::Apply(routes), ANSWER, Kind::Switch, what).await
    }

    /// Waits for connections to replaced containers to end.
    pub async fn drain(&self) -> Result<()> {
        self.ask(&Question::Drain, DRAIN + ANSWER, Kind::Switch, "wait for old connections".into()).await
    }

    async fn ask(&self, question: &Question, deadline: Duration, kind: Kind, what: String) -> Result<()> {
        let hint = "docker logs deployd-edge";
        let reply: Reply = match sockets::ask(&self.socket, question, deadline).await {
            Ok(reply) => reply,
            Err(error) => {
                let saw = format!("the edge does not answer: {error}");
                return Err(Failure::new(Kind::Switch, what).saw(saw).hint(hint));
            }
        };
        match reply.error {
            None => Ok(()),
            Some(error) => {
                let hint = "free the port, or give the project another one in project.toml";
                Err(Failure::new(kind, what).saw(error).hint(hint))
            }
        }
    }
}

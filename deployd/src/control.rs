//! What commands inside the daemon's container ask the running daemon, over a socket that only root can open.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::auth::{ADMIN_TOKEN_LIFETIME, Level, OPERATOR, Tokens};
use crate::error::{Failure, Kind, Result};
use crate::settings::{DataDir, VERSION};
use crate::store::Store;
use crate::{files, socket, tls};

/// What can be asked.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// A new admin token.
    Token,
    /// What whoever installed the daemon needs to know, as `name=value` lines.
    Info,
}

/// The answer, or why there is none.
#[derive(Debug, Serialize, Deserialize)]
struct Reply {
    text: Option<String>,
    error: Option<String>,
}

/// What the answers are made of.
#[derive(Clone)]
pub(crate) struct Control {
    /// Where files lie.
    pub(crate) data: DataDir,
    /// The state.
    pub(crate) store: Arc<Store>,
    /// Tokens.
    pub(crate) tokens: Arc<Tokens>,
}

impl Control {
    /// Answers until the future is dropped.
    pub(crate) async fn serve(self) -> Result<()> {
        let path = self.data.control_socket();
        let listener = socket::listen(&path)
            .map_err(|error| Failure::new(Kind::Internal, format!("listen on {}", path.display())).saw(error))?;
        let control = self.clone();
        socket::serve(listener, move |question| {
            let reply = match control.answer(question) {
                Ok(text) => Reply { text: Some(text), error: None },
                Err(failure) => Reply { text: None, error: Some(failure.to_string()) },
            };
            std::future::ready(reply)
        })
        .await;
        Ok(())
    }

    fn answer(&self, question: Question) -> Result<String> {
        match question {
            Question::Token => self.tokens.issue(OPERATOR, Level::Admin, ADMIN_TOKEN_LIFETIME),
            Question::Info => {
                let key = deploy_key(&self.data)?.unwrap_or_default();
                let (secret, certificate) = (self.store.webhook_secret()?, tls::fingerprint(&self.data)?);
                Ok(format!(
                    "version={VERSION}\nwebhook_secret={secret}\ncertificate_sha256={certificate}\ndeploy_key={key}"
                ))
            }
        }
    }
}

/// The public deploy key, if the bootstrap has made one.
pub(crate) fn deploy_key(data: &DataDir) -> Result<Option<String>> {
    let key = files::read_if_there(&data.deploy_key_public())?;
    Ok(key.map(|key| String::from_utf8_lossy(&key).trim().to_owned()).filter(|key| !key.is_empty()))
}

/// Asks the daemon that runs with this control socket.
pub(crate) async fn ask(path: &Path, question: Question) -> Result<String> {
    let failed = |saw: String| {
        Failure::new(Kind::Internal, format!("ask the daemon at {}", path.display()))
            .saw(saw)
            .hint("only inside of its container: docker exec deployd deployd …; is it running? docker logs deployd")
    };
    let reply: Reply =
        socket::ask(path, &question, Duration::from_secs(10)).await.map_err(|error| failed(error.to_string()))?;
    reply.text.ok_or_else(|| failed(reply.error.unwrap_or_else(|| "an empty answer".into())))
}

//! One JSON line asked, one answered, over a unix socket that only the owner may use.

use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use crate::wait;

/// Listens at `path`, in place of whatever a killed process left there.
pub(crate) fn listen(path: &Path) -> std::io::Result<UnixListener> {
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers everyone who asks, until the future is dropped.
pub(crate) async fn serve<Q, A, F, Fut>(listener: UnixListener, answer: F)
where
    Q: DeserializeOwned + Send,
    A: Serialize + Send,
    F: Fn(Q) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = A> + Send,
{
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            wait::pause().await;
            continue;
        };
        let answer = answer.clone();
        tokio::spawn(async move {
            if let Err(error) = converse(stream, answer).await {
                tracing::debug!(%error, "a conversation over a socket ended early");
            }
        });
    }
}

async fn converse<Q, A, F, Fut>(stream: UnixStream, answer: F) -> std::io::Result<()>
where
    Q: DeserializeOwned,
    A: Serialize,
    F: Fn(Q) -> Fut,
    Fut: Future<Output = A>,
{
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let question = serde_json::from_str(&line)?;
    let mut reply = serde_json::to_vec(&answer(question).await)?;
    reply.push(b'\n');
    stream.get_mut().write_all(&reply).await?;
    stream.get_mut().shutdown().await
}

/// Asks whoever listens at `path`.
pub(crate) async fn ask<Q, A>(path: &Path, question: &Q, deadline: Duration) -> std::io::Result<A>
where
    Q: Serialize,
    A: DeserializeOwned,
{
    let conversation = async {
        let mut stream = BufReader::new(UnixStream::connect(path).await?);
        let mut line = serde_json::to_vec(question)?;
        line.push(b'\n');
        stream.get_mut().write_all(&line).await?;
        let mut reply = String::new();
        stream.read_line(&mut reply).await?;
        Ok(serde_json::from_str(&reply)?)
    };
    timeout(deadline, conversation).await?
}

//! What containers print, line by line.

use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::{Stream, StreamExt, stream};

use super::Engine;
use super::connect::failed;
use crate::error::Result;
use crate::text::Lines;

/// Lines as they come.
pub type LogStream = Pin<Box<dyn Stream<Item = Result<String>> + Send>>;

impl Engine {
    /// The last lines of a container's output.
    pub async fn last_lines(&self, id: &str, count: usize) -> Result<Vec<String>> {
        let mut stream = self.log_stream(id, count, false).await?;
        let mut lines = Vec::new();
        while let Some(line) = stream.next().await {
            lines.push(line?);
        }
        // a line longer than the engine's buffer comes in pieces, each of which counts as a line there
        let surplus = lines.len().saturating_sub(count);
        lines.drain(..surplus);
        Ok(lines)
    }

    /// The last lines of a container's output, and then what it goes on to print.
    pub async fn log_stream(&self, id: &str, count: usize, follow: bool) -> Result<LogStream> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).follow(follow).tail(&count.to_string());
        // the stream borrows its client, which must therefore move into it
        let docker = self.docker().await?.clone();
        let (options, id) = (options.build(), id.to_owned());
        let (send, receive) = tokio::sync::mpsc::channel(64);
        tokio::spawn(async move {
            let mut pieces = docker.logs(&id, Some(options));
            loop {
                let piece = tokio::select! {
                    piece = pieces.next() => piece,
                    () = send.closed() => return,
                };
                let Some(piece) = piece else { return };
                if send.send(piece).await.is_err() {
                    return;
                }
            }
        });
        Ok(into_lines(receive))
    }
}

type Piece = std::result::Result<LogOutput, bollard::errors::Error>;

fn into_lines(pieces: tokio::sync::mpsc::Receiver<Piece>) -> LogStream {
    // standard output and standard error are two streams of lines that arrive in one
    let state = (pieces, Lines::default(), Lines::default(), false);
    let lines = stream::unfold(state, |(mut pieces, mut out, mut err, ended)| async move {
        if ended {
            return None;
        }
        let (lines, ended) = match pieces.recv().await {
            Some(Ok(LogOutput::StdErr { message })) => (err.take(&message).into_iter().map(Ok).collect(), false),
            Some(Ok(piece)) => (out.take(&piece.into_bytes()).into_iter().map(Ok).collect(), false),
            Some(Err(error)) => (vec![Err(failed("read the output of a container")(error))], true),
            None => ([out.rest(), err.rest()].into_iter().flatten().map(Ok).collect::<Vec<_>>(), true),
        };
        Some((stream::iter(lines), (pieces, out, err, ended)))
    });
    Box::pin(lines.flatten())
}

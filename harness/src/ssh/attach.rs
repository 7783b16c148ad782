//! A command, or a login shell, connected to the caller's own streams, with a terminal or without.

use std::sync::Arc;
use std::time::Instant;

use russh::client::Msg;
use russh::{ChannelMsg, ChannelWriteHalf};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;

use super::channel::Opened;
use super::exec::{ended, run};
use super::output::ExitStatus;
use super::session::Session;
use crate::error::{Error, Result};

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Characters in a line.
    pub columns: u32,
    /// Lines.
    pub rows: u32,
}

/// The terminal that the far side should believe in.
#[derive(Debug, Clone)]
pub struct Terminal {
    /// Its kind, as in `TERM`.
    pub kind: String,
    /// Its size now and as it changes.
    pub size: watch::Receiver<Size>,
}

/// The caller's ends of a command: input, output, errors, and perhaps a terminal.
#[derive(Debug)]
pub struct Attach<I, O, E> {
    /// Becomes the standard input; its end ends that.
    pub input: I,
    /// Receives standard output; with a terminal, errors too.
    pub output: O,
    /// Receives standard error.
    pub errors: E,
    /// With one, programs behave as in front of a person; the caller puts its own into raw mode.
    pub terminal: Option<Terminal>,
}

impl Session {
    /// Runs the command, or without one a login shell, on the caller's streams until it ends; tells how it ended.
    ///
    /// A caller that does not take the output holds up everything else on this session after some megabytes.
    pub async fn attach<I, O, E>(&self, command: Option<&str>, attach: Attach<I, O, E>) -> Result<ExitStatus>
    where
        I: AsyncRead + Unpin + Send,
        O: AsyncWrite + Unpin + Send,
        E: AsyncWrite + Unpin + Send,
    {
        let start = Instant::now();
        self.carry(command, attach).await.map_err(|why| {
            let action = command.map_or_else(|| "run a login shell".to_owned(), run);
            Error::Exec(self.failure(action).after(start.elapsed()).saw(why))
        })
    }

    async fn carry<I, O, E>(&self, command: Option<&str>, attach: Attach<I, O, E>) -> Result<ExitStatus, String>
    where
        I: AsyncRead + Unpin + Send,
        O: AsyncWrite + Unpin + Send,
        E: AsyncWrite + Unpin + Send,
    {
        let Attach { input, mut output, mut errors, terminal } = attach;
        let (session, channel) = self.open().await?;
        let mut channel = Opened::command(channel);
        request(&channel, command, terminal.as_ref()).await.map_err(|e| session.broken(&e))?;
        let write = Arc::clone(&channel.write);
        let (sending, resizing) = (feed(&write, input), resize(&write, terminal));
        tokio::pin!(sending, resizing);
        let (mut sent, mut status) = (false, None);
        loop {
            let message = tokio::select! {
                message = channel.read.wait() => message,
                () = &mut sending, if !sent => { sent = true; continue }
                () = &mut resizing => continue,
            };
            match message {
                Some(ChannelMsg::Data { data }) => pass(&mut output, &data).await?,
                Some(ChannelMsg::ExtendedData { data, .. }) => pass(&mut errors, &data).await?,
                Some(ChannelMsg::Failure) => return Err("the server refuses the command or the terminal".to_owned()),
                None | Some(ChannelMsg::Close) => {
                    channel.over();
                    return status.ok_or_else(|| session.ended_early(message.as_ref()));
                }
                Some(message) => status = ended(&message).or(status),
            }
        }
    }
}

async fn request(channel: &Opened, command: Option<&str>, terminal: Option<&Terminal>) -> Result<(), russh::Error> {
    if let Some(Terminal { kind, size }) = terminal {
        let Size { columns, rows } = *size.borrow();
        channel.write.request_pty(true, kind, columns, rows, 0, 0, &[]).await?;
    }
    match command {
        Some(command) => channel.write.exec(true, command).await,
        None => channel.write.request_shell(true).await,
    }
}

async fn feed(write: &ChannelWriteHalf<Msg>, mut input: impl AsyncRead + Unpin) {
    // An input that breaks is an input that ends; a command that no longer reads says so by its status.
    let _ = tokio::io::copy(&mut input, &mut write.make_writer()).await;
    let _ = write.eof().await;
}

/// Passes changes of size on; never ends.
async fn resize(write: &ChannelWriteHalf<Msg>, terminal: Option<Terminal>) {
    if let Some(mut terminal) = terminal {
        while terminal.size.changed().await.is_ok() {
            let Size { columns, rows } = *terminal.size.borrow_and_update();
            let _ = write.window_change(columns, rows, 0, 0).await;
        }
    }
    std::future::pending::<()>().await;
}

/// A reader who has gone away (`| head`) ends the command, as it would here.
async fn pass(to: &mut (impl AsyncWrite + Unpin), data: &[u8]) -> Result<(), String> {
    let passed = async {
        to.write_all(data).await?;
        to.flush().await
    };
    passed.await.map_err(|e| format!("its output could not be passed on: {e}"))
}

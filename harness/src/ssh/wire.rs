//! The TCP stream under a session: it fails instead of waiting forever to write, and remembers what came before SSH began.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Interval, interval_at};

/// How much of what a server says first is kept for an error.
const GREETING: usize = 200;

/// The first bytes a server sent: its SSH banner, or the words with which it turned the client away.
#[derive(Clone, Default)]
pub(super) struct Greeting(Arc<Mutex<Vec<u8>>>);

impl Greeting {
    /// What a server said instead of an SSH banner, such as "Not allowed at this time".
    pub fn refusal(&self) -> Option<String> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes);
        (!text.starts_with("SSH-") && !text.trim().is_empty()).then(|| text.trim().to_owned())
    }

    fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = GREETING.saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// A TCP stream that gives up on a write which makes no progress.
///
/// While russh waits for a write it runs no keepalive: without a limit here, a server that vanishes in the middle of an
/// upload would hold the session until the kernel gives up, a quarter of an hour later.
pub(super) struct Wire {
    stream: TcpStream,
    greeting: Greeting,
    limit: Duration,
    stalled: Option<Interval>,
}

impl Wire {
    pub fn new(stream: TcpStream, limit: Duration, greeting: Greeting) -> Self {
        Self { stream, greeting, limit, stalled: None }
    }

    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let limit = self.limit;
        let clock = self.stalled.get_or_insert_with(|| interval_at(Instant::now() + limit, limit));
        clock.poll_tick(cx).map(|_| io::Error::new(io::ErrorKind::TimedOut, "the server stopped taking data"))
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        // sshd leaves Nagle's algorithm on until a command runs: without a prompt acknowledgement its second message waits
        // for ours, 40 ms, and each connection does so once or twice. The kernel forgets the wish after every read.
        #[cfg(target_os = "linux")]
        let _ = self.stream.set_quickack(true);
        self.greeting.add(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = Pin::new(&mut self.stream).poll_write(cx, buf) {
            self.stalled = None;
            return Poll::Ready(result);
        }
        self.poll_stalled(cx).map(Err)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

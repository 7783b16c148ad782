//! One connection through the edge, and whether it can be closed without cutting an answer short.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How much is read at once.
const PIECE: usize = 16 * 1024;

/// What is known about an open connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// The container it leads to.
    pub(super) backend: SocketAddr,
    close: CancellationToken,
    began: Instant,
    last_byte: AtomicU64,
    /// The last bytes came from the container, and the client has taken all of them. Before the first answer it is owed
    /// one: the request may still be on its way.
    answered: AtomicBool,
    answer: Notify,
}

impl Connection {
    pub(super) fn new(backend: SocketAddr) -> Self {
        let (close, began) = (CancellationToken::new(), Instant::now());
        Self {
            backend,
            close,
            began,
            last_byte: AtomicU64::new(0),
            answered: AtomicBool::new(false),
            answer: Notify::new(),
        }
    }

    /// Closes it.
    pub(super) fn close(&self) {
        self.close.cancel();
    }

    /// Whether the container has answered and nobody has sent a byte for so long. This is how a kept-alive HTTP
    /// connection looks between two requests.
    pub(super) fn quiet_for(&self, duration: Duration) -> bool {
        let last = Duration::from_millis(self.last_byte.load(Ordering::Relaxed));
        self.answered.load(Ordering::Relaxed) && self.began.elapsed().saturating_sub(last) >= duration
    }

    /// Ends with an answer of the container; for one waiter.
    pub(super) async fn answer(&self) {
        self.answer.notified().await;
    }

    fn moved(&self, answered: bool) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_byte.store(now, Ordering::Relaxed);
        self.answered.store(answered, Ordering::Relaxed);
        if answered {
            self.answer.notify_one();
        }
    }

    /// Carries bytes both ways until both sides have ended, one fails, or it is closed.
    pub(super) async fn carry(&self, client: TcpStream, backend: TcpStream) {
        let ((from_client, to_client), (from_backend, to_backend)) = (client.into_split(), backend.into_split());
        let both = async {
            // an error on one side ends both: half a connection is of no use to anyone
            tokio::try_join!(self.copy(from_client, to_backend, false), self.copy(from_backend, to_client, true))
        };
        tokio::select! {
            () = self.close.cancelled() => {}
            _ = both => {}
        }
    }

    async fn copy(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, answer: bool) -> std::io::Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            let length = from.read(&mut piece).await?;
            if length == 0 {
                return to.shutdown().await;
            }
            // until the other side has taken it, the connection is not quiet
            self.moved(false);
            to.write_all(&piece[..length]).await?;
            self.moved(answer);
        }
    }
}

//! An open channel that the server learns about when it is given up.

use std::sync::Arc;

use russh::client::Msg;
use russh::{Channel, ChannelReadHalf, ChannelWriteHalf, Sig};

/// An open channel. One dropped before its end is closed, and the command in it killed: russh would leave both running.
pub(super) struct Opened {
    /// What comes from the server.
    pub read: ChannelReadHalf,
    /// What goes to the server.
    pub write: Arc<ChannelWriteHalf<Msg>>,
    command: bool,
    over: bool,
}

impl Opened {
    /// A channel that a command runs in.
    pub fn command(channel: Channel<Msg>) -> Self {
        Self::new(channel, true)
    }

    /// A channel that carries bytes.
    pub fn stream(channel: Channel<Msg>) -> Self {
        Self::new(channel, false)
    }

    fn new(channel: Channel<Msg>, command: bool) -> Self {
        let (read, write) = channel.split();
        Self { read, write: Arc::new(write), command, over: false }
    }

    /// The server has closed it, or the connection is gone.
    pub fn over(&mut self) {
        self.over = true;
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let (false, Ok(runtime)) = (self.over, tokio::runtime::Handle::try_current()) else { return };
        let (write, command) = (Arc::clone(&self.write), self.command);
        runtime.spawn(async move {
            // Nobody is left to tell: an error means that the connection, and so the channel, is gone.
            if command {
                let _ = write.signal(Sig::KILL).await;
            }
            let _ = write.close().await;
        });
    }
}

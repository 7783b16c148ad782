//! The person's terminal, in raw mode for as long as a shell on a VPS has it.

use std::io::{IsTerminal, stdin};

use harness::ssh::Size;
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The terminal, which gets its own mode back when this is dropped.
pub struct Terminal {
    before: Termios,
    size: watch::Receiver<Size>,
}

impl Terminal {
    /// Puts the terminal into raw mode; nothing if standard input is none.
    pub fn raw() -> anyhow::Result<Option<Self>> {
        if !stdin().is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(stdin(), SetArg::TCSANOW, &raw)?;
        Ok(Some(Self { before, size: follow_size()? }))
    }

    /// What the far side should believe in.
    pub fn as_seen_from_the_far_side(&self) -> harness::ssh::Terminal {
        let kind = std::env::var("TERM").unwrap_or_else(|_| "xterm".to_owned());
        harness::ssh::Terminal { kind, size: self.size.clone() }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), SetArg::TCSANOW, &self.before);
    }
}

/// The window's size now, and as it changes.
fn follow_size() -> anyhow::Result<watch::Receiver<Size>> {
    let (tell, size) = watch::channel(window_size());
    let mut changes = signal(SignalKind::window_change())?;
    tokio::spawn(async move { while changes.recv().await.is_some() && tell.send(window_size()).is_ok() {} });
    Ok(size)
}

fn window_size() -> Size {
    let size = terminal_size::terminal_size();
    size.map_or(Size { columns: 80, rows: 24 }, |(columns, rows)| Size {
        columns: columns.0.into(),
        rows: rows.0.into(),
    })
}

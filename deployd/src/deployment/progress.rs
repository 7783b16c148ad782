//! What a deploy tells while it runs.

use tokio::sync::mpsc;

/// Something that a deploy tells.
#[derive(Debug)]
pub enum Event {
    /// A line for people.
    Line(String),
    /// The source is there and the build begins: nothing is refused from here on.
    Building,
}

/// Where a deploy tells it; nobody has to listen.
#[derive(Debug, Clone)]
pub struct Progress(mpsc::UnboundedSender<Event>);

impl Progress {
    /// A progress and its listener.
    #[must_use]
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (send, receive) = mpsc::unbounded_channel();
        (Self(send), receive)
    }

    /// Tells a step of the deploy.
    pub fn step(&self, line: impl Into<String>) {
        let line = line.into();
        tracing::info!("{line}");
        self.send(Event::Line(line));
    }

    /// Tells a line of someone else's output.
    pub fn output(&self, line: &str) {
        tracing::debug!("{line}");
        self.send(Event::Line(line.to_owned()));
    }

    /// Tells that the build begins.
    pub fn building(&self) {
        self.send(Event::Building);
    }

    fn send(&self, event: Event) {
        // the client may have gone away; the deploy goes on
        let _ = self.0.send(event);
    }
}

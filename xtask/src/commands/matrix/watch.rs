//! Who is shown how a run goes: a table that lives in a terminal, lines everywhere else.

use std::io::{IsTerminal, stderr};

use harness::matrix::{Event, Plan};

use super::live::Live;
use super::plain;
use crate::commands::common::say;

/// Shows how a run goes, on standard error.
pub enum Watch {
    /// To a person at a terminal.
    Live(Live),
    /// To a file or another program.
    Plain,
}

impl Watch {
    /// As this process's standard error wants it.
    pub fn here() -> Self {
        if stderr().is_terminal() { Self::Live(Live::default()) } else { Self::Plain }
    }

    /// Tells the plan, before it is run.
    pub fn begin(&self, plan: &Plan) {
        self.say(&plain::heading(plan));
        if let Self::Live(live) = self {
            live.begin(&plan.work);
        }
    }

    /// Shows something that happened.
    pub fn tell(&self, event: &Event<'_>) {
        match self {
            Self::Live(live) => live.tell(event),
            Self::Plain => plain::lines(event).iter().for_each(|line| say(line)),
        }
    }

    /// Shows a line of its own.
    pub fn say(&self, line: &str) {
        match self {
            Self::Live(table) => table.say(line),
            Self::Plain => say(line),
        }
    }

    /// Takes away what is alive.
    pub fn end(&self) {
        if let Self::Live(live) = self {
            live.end();
        }
    }
}

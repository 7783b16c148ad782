//! What the engine tells by itself: which containers of a project used up their memory.

use std::collections::HashMap;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;
use jiff::Timestamp;

use super::connect::failed;
use super::spec::ROLE;
use super::{Engine, Role};
use crate::error::Result;

/// A container used up its memory, and the kernel ended what took most of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfMemory {
    /// The container's name.
    pub container: String,
    /// The deploy that made it.
    pub deploy: Option<String>,
    /// The service that it is of a compose project.
    pub service: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl Engine {
    /// Tells of each container of a project that uses up its memory, those since a moment of the past first; ends when the
    /// engine does.
    pub async fn out_of_memory(&self, since: Timestamp, mut tell: impl FnMut(OutOfMemory)) -> Result<()> {
        let filters = HashMap::from([
            ("type", vec!["container".to_owned()]),
            ("event", vec!["oom".to_owned()]),
            ("label", vec![format!("{ROLE}={}", Role::App.word())]),
        ]);
        let since = format!("{}.{:09}", since.as_second(), since.subsec_nanosecond());
        let options = EventsOptionsBuilder::new().since(&since).filters(&filters).build();
        let mut events = Box::pin(self.docker().await?.events(Some(options)));
        while let Some(event) = events.next().await {
            let event = event.map_err(failed("listen to what the engine tells"))?;
            tell(out_of_memory(event));
        }
        Ok(())
    }
}

fn out_of_memory(event: EventMessage) -> OutOfMemory {
    let mut attributes = event.actor.and_then(|actor| actor.attributes).unwrap_or_default();
    let at = event.time_nano.and_then(|nanos| Timestamp::from_nanosecond(nanos.into()).ok());
    OutOfMemory {
        container: attributes.remove("name").unwrap_or_default(),
        deploy: attributes.remove("deployd.deploy"),
        service: attributes.remove("deployd.service"),
        at: at.unwrap_or_else(Timestamp::now),
    }
}

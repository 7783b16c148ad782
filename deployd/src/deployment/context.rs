//! What a deploy works with.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::edge::{Edge, Keeper};
use crate::engine::Engine;
use crate::environment::Environment;
use crate::error::Result;
use crate::notifier::Notifier;
use crate::settings::{BUILDER_IMAGE, DataDir};
use crate::store::Store;

/// What a deploy works with.
#[derive(Clone)]
pub struct Context {
    /// Where files lie.
    pub data: DataDir,
    /// The state.
    pub store: Arc<Store>,
    /// The application's variables.
    pub environment: Environment,
    /// Who is told how deploys end.
    pub notifier: Notifier,
    /// The container engine.
    pub engine: Engine,
    /// The proxy that owns the public ports.
    pub edge: Edge,
    /// What keeps it there.
    pub keeper: Keeper,
    /// The image that builds Procfile projects.
    pub builder_image: String,
}

impl Context {
    /// A context over one data directory and one engine; `image` is what the edge runs.
    #[must_use]
    pub fn new(data: DataDir, store: Arc<Store>, engine: Engine, image: Option<String>) -> Self {
        let edge = Edge::new(&data.edge());
        let keeper = Keeper { dir: data.edge(), image };
        let environment = Environment::new(store.clone());
        let notifier = Notifier::new(store.clone());
        let builder_image = BUILDER_IMAGE.to_owned();
        Self { data, store, environment, notifier, engine, edge, keeper, builder_image }
    }

    /// An address for a new version: the next one, and none that was given lately. An engine that is killed in the middle
    /// of a start forgets a container that is half there and answers at its address until the machine reboots; and what
    /// was sent to a version that has gone shall not reach another one.
    pub(super) async fn new_address(&self) -> Result<Ipv4Addr> {
        let address = self.engine.free_address(self.store.last_address()?).await?;
        self.store.set_last_address(address)?;
        Ok(address)
    }
}

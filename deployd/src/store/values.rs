//! Single values: the project, which deploy serves, the webhook secret, where to tell about deploys.

use std::net::Ipv4Addr;

use super::deliveries::{PROMISE, PUSHED};
use super::open::{DELIVERIES, DEPLOYS, VALUES, VARIABLES, clear, put, remove};
use super::{Deploy, MemoryUsedUp, Project, Store};
use crate::error::Result;
use crate::random;

const PROJECT: &str = "project";
const SERVING: &str = "serving";
/// The deploy that replaces what serves in its place, until it is acknowledged or undone.
const REPLACING: &str = "replacing";
const WEBHOOK_SECRET: &str = "webhook_secret";
const NOTIFICATION: &str = "notification_address";
const MEMORY_USED_UP: &str = "memory_used_up";
const LAST_ADDRESS: &str = "last_address";

impl Store {
    /// The project of this machine.
    pub fn project(&self) -> Result<Option<Project>> {
        self.read(VALUES, PROJECT)
    }

    /// Keeps the project.
    pub fn set_project(&self, project: &Project) -> Result<()> {
        self.write(|tx| put(tx, VALUES, PROJECT, project))
    }

    /// The deploy that serves.
    pub fn serving(&self) -> Result<Option<Deploy>> {
        match self.read::<String>(VALUES, SERVING)? {
            Some(id) => self.deploy(&id),
            None => Ok(None),
        }
    }

    /// Acknowledges that a deploy serves: from here on it is the one that comes back.
    pub fn set_serving(&self, deploy: &Deploy, project: &Project) -> Result<()> {
        self.write(|tx| {
            put(tx, DEPLOYS, &deploy.id, deploy)?;
            put(tx, VALUES, PROJECT, project)?;
            remove(tx, VALUES, REPLACING)?;
            put(tx, VALUES, SERVING, &deploy.id)
        })
    }

    /// Notes that a deploy is about to replace what serves in its place.
    pub fn begin_replacing(&self, deploy: &str) -> Result<()> {
        self.write(|tx| put(tx, VALUES, REPLACING, &deploy))
    }

    /// The deploy that began to replace what serves and has not been acknowledged.
    pub fn replacing(&self) -> Result<Option<String>> {
        self.read(VALUES, REPLACING)
    }

    /// Notes that it has been undone.
    pub fn end_replacing(&self) -> Result<()> {
        self.write(|tx| remove(tx, VALUES, REPLACING).map(|_| ()))
    }

    /// Forgets the project: its settings, deploys and variables. People and the webhook secret stay.
    pub fn forget_project(&self) -> Result<()> {
        self.write(|tx| {
            for name in [PROJECT, SERVING, REPLACING, NOTIFICATION, MEMORY_USED_UP, PUSHED, PROMISE] {
                remove(tx, VALUES, name)?;
            }
            clear(tx, DEPLOYS)?;
            clear(tx, DELIVERIES)?;
            clear(tx, VARIABLES)
        })
    }

    /// Acknowledges that nothing serves any more.
    pub fn clear_serving(&self) -> Result<()> {
        self.write(|tx| remove(tx, VALUES, SERVING).map(|_| ()))
    }

    /// The last version that used up its memory while it served.
    pub fn memory_used_up(&self) -> Result<Option<MemoryUsedUp>> {
        self.read(VALUES, MEMORY_USED_UP)
    }

    /// Keeps that a version did so.
    pub fn set_memory_used_up(&self, used_up: &MemoryUsedUp) -> Result<()> {
        self.write(|tx| put(tx, VALUES, MEMORY_USED_UP, used_up))
    }

    /// The address that a version was given last.
    pub fn last_address(&self) -> Result<Option<Ipv4Addr>> {
        self.read(VALUES, LAST_ADDRESS)
    }

    /// Keeps the address that a version is given.
    pub fn set_last_address(&self, address: Ipv4Addr) -> Result<()> {
        self.write(|tx| put(tx, VALUES, LAST_ADDRESS, &address))
    }

    /// The secret that webhooks are signed with; made at the first call.
    pub fn webhook_secret(&self) -> Result<String> {
        if let Some(secret) = self.read(VALUES, WEBHOOK_SECRET)? {
            return Ok(secret);
        }
        let secret = random::word()?;
        self.set_webhook_secret(&secret)?;
        Ok(secret)
    }

    /// Keeps a secret that the owner chose.
    pub fn set_webhook_secret(&self, secret: &str) -> Result<()> {
        self.write(|tx| put(tx, VALUES, WEBHOOK_SECRET, &secret))
    }

    /// Where to tell about deploys, sealed.
    pub fn notification_address(&self) -> Result<Option<String>> {
        self.read(VALUES, NOTIFICATION)
    }

    /// Keeps a sealed address, or forgets it.
    pub fn set_notification_address(&self, sealed: Option<&str>) -> Result<()> {
        self.write(|tx| match sealed {
            Some(sealed) => put(tx, VALUES, NOTIFICATION, &sealed),
            None => remove(tx, VALUES, NOTIFICATION).map(|_| ()),
        })
    }
}

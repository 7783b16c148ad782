//! Single values: the project, which deploy serves, the webhook secret, where to tell about deploys.

use super::open::{DEPLOYS, VALUES, put, remove};
use super::{Deploy, Project, Store};
use crate::error::Result;
use crate::random;

const PROJECT: &str = "project";
const SERVING: &str = "serving";
const WEBHOOK_SECRET: &str = "webhook_secret";
const NOTIFICATION: &str = "notification_address";

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
            put(tx, VALUES, SERVING, &deploy.id)
        })
    }

    /// Acknowledges that nothing serves any more.
    pub fn clear_serving(&self) -> Result<()> {
        self.write(|tx| remove(tx, VALUES, SERVING).map(|_| ()))
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

//! The history of deploys.

use jiff::Timestamp;

use super::open::{DEPLOYS, put, remove};
use super::{Deploy, Outcome, Store};
use crate::error::Result;

/// How many deploys are remembered.
const REMEMBERED: usize = 100;

impl Store {
    /// A deploy by its id.
    pub fn deploy(&self, id: &str) -> Result<Option<Deploy>> {
        self.read(DEPLOYS, id)
    }

    /// Keeps a deploy as it stands, and forgets the oldest ones that do not serve.
    pub fn set_deploy(&self, deploy: &Deploy) -> Result<()> {
        let serving = self.serving()?.map(|serving| serving.id);
        let ids: Vec<String> = self.all::<Deploy>(DEPLOYS)?.into_iter().map(|(id, _)| id).collect();
        let oldest = ids.len().saturating_sub(REMEMBERED);
        self.write(|tx| {
            for id in ids[..oldest].iter().filter(|id| Some(*id) != serving.as_ref()) {
                remove(tx, DEPLOYS, id)?;
            }
            put(tx, DEPLOYS, &deploy.id, deploy)
        })
    }

    /// Every remembered deploy, the oldest first.
    pub fn deploys(&self) -> Result<Vec<Deploy>> {
        Ok(self.all(DEPLOYS)?.into_iter().map(|(_, deploy)| deploy).collect())
    }

    /// The deploy that began last.
    pub fn last_deploy(&self) -> Result<Option<Deploy>> {
        Ok(self.deploys()?.pop())
    }

    /// Marks deploys that never ended, because the daemon was killed, as interrupted.
    pub fn interrupt_deploys(&self) -> Result<usize> {
        let running: Vec<Deploy> =
            self.deploys()?.into_iter().filter(|deploy| deploy.outcome == Outcome::Running).collect();
        self.write(|tx| {
            for deploy in &running {
                let mut deploy = deploy.clone();
                deploy.outcome = Outcome::Interrupted;
                deploy.error = Some("the daemon was stopped in the middle of it".into());
                deploy.finished_at = Some(Timestamp::now());
                put(tx, DEPLOYS, &deploy.id, &deploy)?;
            }
            Ok(running.len())
        })
    }
}

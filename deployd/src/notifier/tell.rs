//! Where to tell how deploys end, and doing so.

use std::sync::Arc;

use super::address::{self, Address, Asked};
use super::{client, message};
use crate::environment::Environment;
use crate::error::Result;
use crate::store::{Deploy, Store};

/// What the sealed address is bound to; no variable can have this name.
const SEALED_AS: &str = "notification address";

/// Tells a chat how deploys end.
#[derive(Debug, Clone)]
pub struct Notifier {
    store: Arc<Store>,
    seal: Environment,
}

impl Notifier {
    /// A notifier whose address lies in the store, sealed as encrypted variables are.
    #[must_use]
    pub fn new(store: Arc<Store>, seal: Environment) -> Self {
        Self { store, seal }
    }

    /// Changes the address: an empty text changes nothing, `off` and `none` remove it.
    pub fn set(&self, text: &str) -> Result<()> {
        match address::asked(text)? {
            Asked::Nothing => Ok(()),
            Asked::Removal => self.store.set_notification_address(None),
            Asked::Address(address) => {
                let sealed = self.seal.seal(SEALED_AS, &address.uri().to_string())?;
                self.store.set_notification_address(Some(&sealed))
            }
        }
    }

    /// Tells how a deploy ended, if anybody wants to know; the deploy does not wait for it.
    pub fn tell(&self, deploy: &Deploy) {
        let (this, deploy) = (self.clone(), deploy.clone());
        tokio::spawn(async move {
            let address = match this.address() {
                Ok(Some(address)) => address,
                Ok(None) => return,
                Err(failure) => return tracing::warn!(%failure, "nobody could be told how the deploy ended"),
            };
            if let Err(error) = client::send(&address, &message::message(&deploy)).await {
                tracing::warn!(deploy = deploy.id, error, "the notification about the deploy did not arrive");
            }
        });
    }

    fn address(&self) -> Result<Option<Address>> {
        let Some(sealed) = self.store.notification_address()? else { return Ok(None) };
        Address::parse(&self.seal.unseal(SEALED_AS, &sealed)?).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::DataDir;

    #[test]
    fn the_address_comes_back_and_lies_nowhere_in_clear() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        let store = Arc::new(Store::open(&data.database()).unwrap());
        let notifier = Notifier::new(store.clone(), Environment::new(data, store));
        notifier.set("https://hooks.example/services/s3cret-part").unwrap();
        notifier.set("").unwrap();
        let address = notifier.address().unwrap().unwrap();
        assert_eq!(address.uri().path(), "/services/s3cret-part");
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let content = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!content.windows(6).any(|window| window == b"s3cret"));
        }
        notifier.set("off").unwrap();
        assert!(notifier.address().unwrap().is_none());
    }
}

//! Where to tell how deploys end, and doing so.

use std::sync::Arc;

use super::address::{self, Address, Asked};
use super::{client, message};
use crate::error::Result;
use crate::seal::Secret;
use crate::store::{Deploy, MemoryUsedUp, Store};

/// Tells a chat how deploys end.
#[derive(Debug, Clone)]
pub struct Notifier {
    store: Arc<Store>,
}

impl Notifier {
    /// A notifier whose address lies in the store, sealed.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// Changes the address: an empty text changes nothing, `off` and `none` remove it.
    pub fn set(&self, text: &str) -> Result<()> {
        match address::asked(text)? {
            Asked::Nothing => Ok(()),
            Asked::Removal => self.store.set_notification_address(None),
            Asked::Address(address) => {
                let sealed = self.store.seal().seal(Secret::NotificationAddress, &address.uri().to_string())?;
                self.store.set_notification_address(Some(&sealed))
            }
        }
    }

    /// Tells how a deploy ended, if anybody wants to know; the deploy does not wait for it.
    pub fn tell(&self, deploy: &Deploy) {
        self.send(deploy, message::message(deploy));
    }

    /// Tells that the version which serves used up its memory, if anybody wants to know.
    pub fn tell_of_memory(&self, deploy: &Deploy, used_up: &MemoryUsedUp) {
        self.send(deploy, message::out_of_memory(deploy, used_up));
    }

    fn send(&self, deploy: &Deploy, text: String) {
        let (this, deploy) = (self.clone(), deploy.id.clone());
        tokio::spawn(async move {
            let address = match this.address() {
                Ok(Some(address)) => address,
                Ok(None) => return,
                Err(failure) => return tracing::warn!(%failure, "nobody could be told about the deploy"),
            };
            if let Err(error) = client::send(&address, &text).await {
                tracing::warn!(deploy, error, "the notification about the deploy did not arrive");
            }
        });
    }

    fn address(&self) -> Result<Option<Address>> {
        let Some(sealed) = self.store.notification_address()? else { return Ok(None) };
        Address::parse(&self.store.seal().open_as(Secret::NotificationAddress, &sealed)?).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::DataDir;

    #[test]
    fn the_address_comes_back_and_lies_nowhere_in_clear() {
        let dir = tempfile::tempdir().unwrap();
        let notifier = Notifier::new(Arc::new(Store::open(&DataDir::new(dir.path())).unwrap()));
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

//! The address that messages go to; whoever knows it can write there, so it is never told.

use std::fmt;

use hyper::Uri;

use crate::error::{Failure, Kind, Result};

/// What was asked of the address.
pub(super) enum Asked {
    /// It stays as it is.
    Nothing,
    /// Nobody is told any more.
    Removal,
    /// It is this one from now on.
    Address(Address),
}

/// An address that messages go to.
#[derive(Clone)]
pub(super) struct Address(Uri);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(secret)")
    }
}

impl Address {
    /// Reads an address. What is wrong with it is told without it.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let failure = |saw: &str| Failure::new(Kind::Invalid, "slack_notification_url").saw(saw);
        let uri: Uri = text.parse().map_err(|_| failure("it is no address"))?;
        if !["http", "https"].contains(&uri.scheme_str().unwrap_or_default()) || uri.host().is_none_or(str::is_empty) {
            return Err(failure("it is no http:// or https:// address").hint("off ends the messages"));
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(failure("it holds a user, which is not supported"));
        }
        Ok(Self(uri))
    }

    /// The address itself.
    pub(super) fn uri(&self) -> &Uri {
        &self.0
    }
}

/// An empty text changes nothing, as everywhere in POST /up; `off` and `none` end the messages.
pub(super) fn asked(text: &str) -> Result<Asked> {
    match text.trim() {
        "" => Ok(Asked::Nothing),
        word if ["off", "none"].contains(&word.to_ascii_lowercase().as_str()) => Ok(Asked::Removal),
        address => Address::parse(address).map(Asked::Address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_without_the_address() {
        for text in ["s3cret", "ftp://host/s3cret", "https:///s3cret", "https://u:s3cret@host/", "https://ho st/s3cret"]
        {
            let Err(failure) = asked(text) else { panic!("{text}") };
            assert_eq!(failure.kind(), Kind::Invalid);
            assert!(!failure.to_string().contains("s3cret"), "{failure}");
        }
    }

    #[test]
    fn words_stand_for_no_change_and_for_removal() {
        assert!(matches!(asked(" ").unwrap(), Asked::Nothing));
        assert!(matches!(asked("Off").unwrap(), Asked::Removal));
        assert!(matches!(asked("none").unwrap(), Asked::Removal));
        let Asked::Address(address) = asked("https://hooks.slack.example/services/s3cret").unwrap() else { panic!() };
        assert!(!format!("{address:?}").contains("s3cret"));
    }
}

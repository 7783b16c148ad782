//! What `project.toml` says to the client: the table `client`, with the project's servers.

use serde::{Deserialize, Serialize};

use crate::error::{Failure, Kind, Result};

/// The port of the daemon's interface, where nothing else is said.
pub(super) const API_PORT: u16 = 4303;

/// The table `client`; every key may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ClientSettings {
    /// The project's name.
    pub(super) project: Option<String>,
    /// The address of the git repository as the servers reach it.
    pub(super) repository: Option<String>,
    /// The branch that is deployed.
    pub(super) branch: Option<String>,
    /// The servers.
    pub(super) remotes: Vec<Remote>,
}

/// A server that the project is deployed to. Nothing here is secret: the file is committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remote {
    /// What the project calls it.
    pub(super) name: String,
    /// The name or address that clients reach it by.
    pub(super) address: String,
    /// The port of the daemon's interface.
    #[serde(default = "api_port")]
    pub(super) api_port: u16,
    /// The branch that is deployed there, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) branch: Option<String>,
    /// Where SSH connects to, if that is not the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ssh_host: Option<String>,
    /// Who logs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ssh_user: Option<String>,
    /// The port of the SSH server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ssh_port: Option<u16>,
    /// The private key to log in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ssh_identity: Option<String>,
    /// Another configuration for ssh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ssh_config: Option<String>,
}

fn api_port() -> u16 {
    API_PORT
}

impl ClientSettings {
    /// Refuses what no command could work with.
    pub(super) fn check(&self) -> Result<(), String> {
        for (at, remote) in self.remotes.iter().enumerate() {
            remote.check()?;
            if self.remotes[..at].iter().any(|other| other.name == remote.name) {
                return Err(format!("two of client.remotes have the name {:?}", remote.name));
            }
        }
        Ok(())
    }

    /// The server that is meant: by its name, or the only one.
    pub(super) fn select(&self, name: Option<&str>) -> Result<&Remote> {
        let known: Vec<&str> = self.remotes.iter().map(|remote| remote.name.as_str()).collect();
        let failure = |what: String, saw: String| Failure::new(Kind::Invalid, what).saw(saw);
        match (name, self.remotes.as_slice()) {
            (_, []) => {
                let failure = failure("find a remote".into(), "project.toml names none".into());
                Err(failure.hint("deployd remote add NAME ADDRESS"))
            }
            (None, [only]) => Ok(only),
            (None, _) => {
                let failure = failure("find the remote".into(), format!("there are {}", known.join(", ")));
                Err(failure.hint("--remote NAME says which one"))
            }
            (Some(name), remotes) => remotes
                .iter()
                .find(|remote| remote.name == name)
                .ok_or_else(|| failure(format!("unknown remote {name:?}"), format!("known: {}", known.join(", ")))),
        }
    }
}

impl Remote {
    /// Refuses names that ssh or a URL would read as something else.
    pub(super) fn check(&self) -> Result<(), String> {
        let plain = |text: &str| {
            let fine = |c: char| c.is_ascii_alphanumeric() || "._-:".contains(c);
            !text.is_empty() && !text.starts_with('-') && text.chars().all(fine)
        };
        let name = &self.name;
        if !plain(name) {
            return Err(format!(
                "the name {name:?} of a remote: letters, digits, dots and dashes, no dash at its beginning"
            ));
        }
        if !plain(&self.address) {
            return Err(format!(
                "the address {:?} of remote {name} is neither a host name nor an address",
                self.address
            ));
        }
        if self.api_port == 0 || self.ssh_port == Some(0) {
            return Err(format!("a port of remote {name} is 0: ports go from 1 to 65535"));
        }
        for (key, value) in [("ssh_host", &self.ssh_host), ("ssh_user", &self.ssh_user)] {
            if value.as_deref().is_some_and(|value| !plain(value)) {
                return Err(format!("{key} of remote {name} holds a character that no name has"));
            }
        }
        Ok(())
    }

    /// Where its interface is, for people.
    pub(super) fn url(&self) -> String {
        let address = &self.address;
        let port = self.api_port;
        if address.contains(':') { format!("https://[{address}]:{port}") } else { format!("https://{address}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<ClientSettings, String> {
        let parsed: ClientSettings = toml::from_str(text).map_err(|error| error.to_string())?;
        parsed.check().map(|()| parsed)
    }

    #[test]
    fn a_remote_is_selected_by_name_or_because_it_is_the_only_one() {
        let one = settings("remotes = [{ name = 'a', address = '10.0.0.7' }]").unwrap();
        assert_eq!(one.select(None).unwrap().url(), "https://10.0.0.7:4303");
        let two = settings("remotes = [{ name = 'a', address = 'x' }, { name = 'b', address = 'fe80::1' }]").unwrap();
        assert_eq!(two.select(Some("b")).unwrap().url(), "https://[fe80::1]:4303");
        for (name, said) in [(None, "there are a, b"), (Some("c"), "known: a, b")] {
            let failure = two.select(name).unwrap_err();
            assert!(failure.kind() == Kind::Invalid && failure.to_string().contains(said), "{failure}");
        }
        assert!(ClientSettings::default().select(None).unwrap_err().to_string().contains("remote add"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("colour = 'red'", "`project`, `repository`, `branch`, `remotes`"),
            ("remotes = [{ name = 'a', address = 'x', adress = 'y' }]", "adress"),
            ("remotes = [{ name = 'a', address = 'x' }, { name = 'a', address = 'y' }]", "two of"),
            ("remotes = [{ name = 'a', address = '-oProxyCommand=x' }]", "-oProxyCommand"),
            ("remotes = [{ name = 'a', address = 'x', ssh_host = '-v' }]", "ssh_host"),
            ("remotes = [{ name = 'a', address = 'x', api_port = 0 }]", "port"),
        ] {
            let error = settings(text).unwrap_err();
            assert!(error.contains(named), "{error} does not name {named}");
        }
    }
}

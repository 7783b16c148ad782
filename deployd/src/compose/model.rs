//! What a compose file says, once the Compose tool has resolved it.

use serde_json::{Map, Value};

use crate::error::{Failure, Kind, Result};

/// A compose file with everything in it resolved: variables, files of variables, paths.
#[derive(Debug, Clone)]
pub(super) struct Model(pub(super) Map<String, Value>);

/// A port that a service publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Published {
    /// On the machine, if the file says which.
    pub(super) public: Option<u16>,
    /// In the container.
    pub(super) target: u16,
}

impl Model {
    /// Reads what the tool printed.
    pub(super) fn parse(json: &str) -> Result<Self> {
        let failed = |saw: String| Failure::new(Kind::Build, "read the compose file").saw(saw);
        let mut document: Map<String, Value> =
            serde_json::from_str(json).map_err(|error| failed(format!("{error} in what the Compose tool printed")))?;
        // without a version the tool takes every option that it knows
        document.remove("version");
        let model = Self(document);
        if model.services().next().is_none() {
            return Err(failed("it names no service".into()));
        }
        Ok(model)
    }

    fn section(&self, name: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.0.get(name).and_then(Value::as_object).into_iter().flatten()
    }

    /// The services by name.
    pub(super) fn services(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.section("services")
    }

    fn service(&self, name: &str) -> &Value {
        &self.0["services"][name]
    }

    /// The image that a service names.
    pub(super) fn image(&self, service: &str) -> Option<&str> {
        self.service(service)["image"].as_str()
    }

    /// Whether a service is built from the repository.
    pub(super) fn is_built(&self, service: &str) -> bool {
        !self.service(service)["build"].is_null()
    }

    /// The service whose build makes the image that a service runs: its own, or that of another one which gives it the
    /// name that this one uses.
    pub(super) fn built_by<'a>(&'a self, service: &'a str) -> Option<&'a str> {
        if self.is_built(service) {
            return Some(service);
        }
        let image = self.image(service)?;
        let mut others = self.services().map(|(name, _)| name.as_str());
        others.find(|other| self.is_built(other) && self.image(other) == Some(image))
    }

    /// The TCP ports that a service publishes.
    pub(super) fn published(&self, service: &str) -> Vec<Published> {
        self.list(service, "ports").filter_map(published).collect()
    }

    /// The TCP ports that a service shows to the others.
    pub(super) fn exposed(&self, service: &str) -> Vec<u16> {
        self.list(service, "expose").filter_map(port).collect()
    }

    fn list(&self, service: &str, name: &str) -> impl Iterator<Item = &Value> {
        self.service(service)[name].as_array().into_iter().flatten()
    }

    /// Whether the engine starts a service again; one that shall end by itself says `restart: "no"`.
    pub(super) fn is_kept(&self, service: &str) -> bool {
        self.restart(service) == "always"
    }

    /// The restart policy of a service. `unless-stopped` becomes `always`: an engine that was killed takes what it finds
    /// running at its next start for stopped by hand.
    pub(super) fn restart(&self, service: &str) -> String {
        match self.service(service)["restart"].as_str() {
            None | Some("unless-stopped") => "always".into(),
            Some(said) => said.to_owned(),
        }
    }

    /// The engine's names of the project's own volumes.
    pub(super) fn volumes(&self, project: &str) -> Vec<String> {
        let own = self.section("volumes").filter(|(_, volume)| !is_external(volume));
        own.map(|(name, volume)| volume["name"].as_str().map_or_else(|| format!("{project}_{name}"), str::to_owned))
            .collect()
    }
}

/// Whether a volume or a network is someone else's.
pub(super) fn is_external(entry: &Value) -> bool {
    !matches!(entry["external"], Value::Null | Value::Bool(false))
}

/// Reads `80`, `"80"` and `"80/tcp"`.
fn port(value: &Value) -> Option<u16> {
    match value {
        Value::Number(number) => u16::try_from(number.as_u64()?).ok(),
        Value::String(text) => {
            let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
            (protocol == "tcp").then(|| port.parse().ok()).flatten()
        }
        _ => None,
    }
}

/// Reads `{published: 8080, target: 80}`, `"8080:80/tcp"`, `"127.0.0.1:8080:80"` and `"80"`.
fn published(value: &Value) -> Option<Published> {
    let Some(text) = value.as_str() else {
        let is_tcp = value["protocol"].as_str().is_none_or(|protocol| protocol == "tcp");
        let target = port(&value["target"]).filter(|_| is_tcp)?;
        return Some(Published { public: port(&value["published"]), target });
    };
    let (before, target) = text.rsplit_once(':').unwrap_or(("", text));
    let public = before.rsplit(':').next().and_then(|public| public.parse().ok());
    Some(Published { public, target: port(&Value::String(target.to_owned()))? })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::compose) fn model(services: &Value) -> Model {
        Model::parse(&json!({ "services": services, "version": "3.9" }).to_string()).unwrap()
    }

    #[test]
    fn ports_are_read_in_every_form_that_the_tool_prints() {
        let ports = json!([
            {"published": 8080, "target": 80}, {"target": 9000}, "127.0.0.1:7000:70/tcp", "6000:60", "50",
            {"published": 53, "target": 53, "protocol": "udp"}, "54:54/udp"
        ]);
        let model = model(&json!({"web": {"image": "x", "ports": ports, "expose": ["80", "81/udp", 82]}}));
        let found: Vec<_> = model.published("web").iter().map(|port| (port.public, port.target)).collect();
        assert_eq!(found, [(Some(8080), 80), (None, 9000), (Some(7000), 70), (Some(6000), 60), (None, 50)]);
        assert_eq!(model.exposed("web"), [80, 82]);
    }

    #[test]
    fn an_image_that_another_service_builds_is_that_services() {
        let model = model(&json!({
            "web": {"build": {"context": "."}, "image": "mine"}, "worker": {"image": "mine"}, "db": {"image": "redis"}
        }));
        assert_eq!(model.built_by("worker"), Some("web"));
        assert_eq!(model.built_by("db"), None);
    }

    #[test]
    fn services_come_back_unless_they_say_otherwise() {
        let model = model(&json!({
            "web": {"image": "x"}, "db": {"image": "x", "restart": "unless-stopped"}, "once": {"image": "x", "restart": "no"}
        }));
        assert_eq!(["web", "db", "once"].map(|name| model.is_kept(name)), [true, true, false]);
        assert_eq!(model.restart("once"), "no");
    }

    #[test]
    fn a_file_without_a_service_is_refused() {
        assert!(Model::parse("{}").is_err());
        assert!(Model::parse("null").is_err());
    }
}

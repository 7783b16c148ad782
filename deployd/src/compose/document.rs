//! The documents that the Compose tool is given: one to build with and one to run, made of what the file says.
//!
//! They never lie on the disk: variables that are encrypted there are in clear here.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::model::{Model, is_external};
use crate::engine::ROLE;

/// What the services run with.
pub(super) struct Run<'a> {
    /// The image of each service that is built.
    pub(super) images: &'a BTreeMap<String, String>,
    /// Labels of every service, without the common prefix.
    pub(super) labels: &'a [(&'static str, String)],
    /// The service that serves.
    pub(super) front: &'a str,
    /// Further labels of that one; they change with every deploy, and with them the container.
    pub(super) front_labels: &'a [(&'static str, String)],
    /// Its variables.
    pub(super) environment: &'a BTreeMap<String, String>,
    /// What is mounted into it, `outside:inside`.
    pub(super) bind: &'a str,
}

impl Model {
    /// The document to build with: each image gets the name that is ours.
    pub(super) fn to_build(
        &self,
        reference: impl Fn(&str) -> String,
        arguments: impl Fn(&Map<String, Value>) -> BTreeMap<String, String>,
    ) -> Value {
        let mut services = Map::new();
        for (name, service) in self.services().filter(|(name, _)| self.is_built(name)) {
            let mut build = match &service["build"] {
                Value::Object(build) => build.clone(),
                context => Map::from_iter([("context".to_owned(), context.clone())]),
            };
            let mut args = arguments(&build);
            // what the file itself says comes last
            args.extend(pairs(&build.get("args").cloned().unwrap_or_default()));
            build.insert("args".into(), json!(args));
            services.insert(name.clone(), json!({ "image": reference(name), "build": build }));
        }
        json!({ "version": "3.9", "services": services })
    }

    /// The document to run: images that are there, our labels, and no port of the machine, for those are the edge's.
    pub(super) fn to_run(&self, run: &Run<'_>) -> Value {
        let mut document = self.0.clone();
        let mut services = Map::new();
        for (name, service) in self.services() {
            services.insert(name.clone(), self.service_to_run(name, service, run));
        }
        document.insert("version".into(), "3.9".into());
        document.insert("services".into(), Value::Object(services));
        label(&mut document, "volumes", "volume");
        if self.services().any(|(_, service)| service["networks"].is_null() && service["network_mode"].is_null()) {
            let networks = document.entry("networks").or_insert_with(|| json!({}));
            if networks["default"].is_null() {
                networks["default"] = json!({});
            }
        }
        label(&mut document, "networks", "network");
        Value::Object(document)
    }

    fn service_to_run(&self, name: &str, service: &Value, run: &Run<'_>) -> Value {
        let mut service = service.as_object().cloned().unwrap_or_default();
        service.remove("build");
        service.remove("ports");
        if let Some(image) = self.built_by(name).and_then(|builder| run.images.get(builder)) {
            service.insert("image".into(), json!(image));
        }
        service.insert("restart".into(), json!(self.restart(name)));
        let mut labels = pairs(&service.get("labels").cloned().unwrap_or_default());
        labels.insert(ROLE.to_owned(), "app".to_owned());
        let ours = run.labels.iter().chain(run.front_labels.iter().filter(|_| name == run.front));
        labels.extend(ours.map(|(name, value)| (format!("deployd.{name}"), escaped(value))));
        labels.insert("deployd.service".into(), name.to_owned());
        service.insert("labels".into(), json!(labels));
        if name == run.front {
            let mut environment = pairs(&service.get("environment").cloned().unwrap_or_default());
            environment.extend(run.environment.iter().map(|(name, value)| (name.clone(), escaped(value))));
            service.insert("environment".into(), json!(environment));
            let mut volumes = service.get("volumes").and_then(Value::as_array).cloned().unwrap_or_default();
            volumes.push(json!(run.bind));
            service.insert("volumes".into(), json!(volumes));
        }
        Value::Object(service)
    }
}

/// Marks the project's own volumes or networks as ours.
fn label(document: &mut Map<String, Value>, section: &str, role: &str) {
    let entries = document.get_mut(section).and_then(Value::as_object_mut);
    for entry in entries.into_iter().flat_map(|entries| entries.values_mut()).filter(|entry| !is_external(entry)) {
        if !entry.is_object() {
            *entry = json!({});
        }
        let mut labels = pairs(&entry["labels"]);
        labels.insert(ROLE.to_owned(), role.to_owned());
        entry["labels"] = json!(labels);
    }
}

/// Reads `{A: 1}` and `["A=1"]`; the values are still escaped. One without a value is taken from the environment of the
/// tool, which has resolved it by now: it has none.
fn pairs(value: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        Value::Object(map) => {
            map.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), text(value))).collect()
        }
        Value::Array(list) => list
            .iter()
            .filter_map(|pair| pair.as_str()?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        _ => BTreeMap::new(),
    }
}

/// A value in which the tool finds no variable.
fn escaped(value: &str) -> String {
    value.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        let model = Model::parse(
            &json!({
                "services": {
                    "web": {"build": {"context": "/t"}, "ports": ["80:80"], "environment": {"A": "x$$y", "N": null}},
                    "db": {"image": "redis", "labels": ["team=a"], "volumes": ["data:/data:rw"]}
                },
                "volumes": {"data": null, "theirs": {"external": true, "name": "theirs"}}
            })
            .to_string(),
        )
        .unwrap();
        let environment = [("SECRET".to_owned(), "p$w".to_owned())].into();
        model.to_run(&Run {
            images: &[("web".to_owned(), "sha256:1".to_owned())].into(),
            labels: &[("project", "p".into())],
            front: "web",
            front_labels: &[("deploy", "d1".into())],
            environment: &environment,
            bind: "/data/persist:/persist",
        })
    }

    #[test]
    fn no_port_of_the_machine_is_left_and_everything_is_ours() {
        let document = document();
        let (web, db) = (&document["services"]["web"], &document["services"]["db"]);
        assert!(web["ports"].is_null() && web["build"].is_null(), "{web}");
        assert_eq!((web["image"].as_str(), web["restart"].as_str()), (Some("sha256:1"), Some("always")));
        assert_eq!((&web["labels"]["deployd.role"], &db["labels"]["deployd.role"]), (&json!("app"), &json!("app")));
        assert_eq!((&db["labels"]["team"], &db["labels"]["deployd.service"]), (&json!("a"), &json!("db")));
        assert_eq!(document["volumes"]["data"]["labels"]["deployd.role"], "volume");
        assert!(document["volumes"]["theirs"]["labels"].is_null(), "{document}");
        assert_eq!(document["networks"]["default"]["labels"]["deployd.role"], "network");
    }

    #[test]
    fn only_the_service_that_serves_changes_with_every_deploy() {
        let document = document();
        assert_eq!(document["services"]["web"]["labels"]["deployd.deploy"], "d1");
        assert!(document["services"]["db"]["labels"]["deployd.deploy"].is_null());
        assert_eq!(document["services"]["web"]["environment"], json!({"A": "x$$y", "SECRET": "p$$w"}));
        assert_eq!(document["services"]["web"]["volumes"], json!(["/data/persist:/persist"]));
        assert!(document["services"]["db"]["environment"].is_null());
    }

    #[test]
    fn what_is_built_gets_our_name_and_the_arguments_that_it_asks_for() {
        let services = json!({"web": {"build": {"context": "/t", "args": {"A": 1}}}, "db": {"image": "redis"}});
        let model = Model::parse(&json!({ "services": services }).to_string()).unwrap();
        let arguments =
            |_: &Map<String, Value>| [("A".to_owned(), "0".to_owned()), ("B".to_owned(), "2".to_owned())].into();
        let document = model.to_build(|service| format!("deployd/p:1-{service}"), arguments);
        assert_eq!(document["services"]["web"]["build"]["args"], json!({"A": "1", "B": "2"}));
        assert_eq!(document["services"]["web"]["image"], "deployd/p:1-web");
        assert!(document["services"]["db"].is_null());
    }
}

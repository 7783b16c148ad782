//! Which service of a compose project the public port leads to.

use super::model::Model;
use crate::error::{Failure, Kind, Result};
use crate::project_file::ProjectFile;

/// The service that serves, and the ports that the compose file gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Front {
    /// Its name.
    pub(crate) service: String,
    /// The public port, if the file says which.
    pub(crate) public: Option<u16>,
    /// The port in the container, if the file says which.
    pub(crate) container: Option<u16>,
}

/// The service that `project.toml` names, else the one that publishes a port, else the one that exposes one, else the
/// only one. Where several do, the port of `project.toml` decides.
pub(super) fn choose(model: &Model, file: &ProjectFile) -> Result<Front> {
    if let Some(asked) = &file.service {
        let names: Vec<&str> = model.services().map(|(name, _)| name.as_str()).collect();
        if !names.contains(&asked.as_str()) {
            let failure = Failure::new(Kind::Invalid, format!("find the service {asked} that project.toml names"));
            return Err(failure.saw(format!("the compose file has {}", names.join(", "))));
        }
        return Ok(candidate(model, asked, file.port));
    }
    let all: Vec<Front> = model.services().map(|(name, _)| candidate(model, name, file.port)).collect();
    let publishing: Vec<&Front> = all.iter().filter(|front| !model.published(&front.service).is_empty()).collect();
    let exposing: Vec<&Front> = all.iter().filter(|front| front.container.is_some()).collect();
    for candidates in [publishing, exposing, all.iter().collect()] {
        let by_port: Vec<&&Front> =
            candidates.iter().filter(|it| it.public.is_some() && it.public == file.port).collect();
        match (candidates.as_slice(), by_port.as_slice()) {
            ([one], _) => return Ok((*one).clone()),
            (_, [one]) => return Ok((**one).clone()),
            ([], _) => {}
            (several, _) => return Err(ambiguous(several)),
        }
    }
    Err(ambiguous(&[]))
}

fn candidate(model: &Model, service: &str, wanted: Option<u16>) -> Front {
    let (published, exposed) = (model.published(service), model.exposed(service));
    let chosen = published.iter().find(|port| wanted.is_some() && port.public == wanted).or(published.first());
    Front {
        service: service.to_owned(),
        public: chosen.and_then(|port| port.public),
        container: chosen.map(|port| port.target).or(exposed.first().copied()),
    }
}

fn ambiguous(candidates: &[&Front]) -> Failure {
    let told: Vec<String> = candidates
        .iter()
        .map(|front| match front.public.or(front.container) {
            Some(port) => format!("{} ({port})", front.service),
            None => front.service.clone(),
        })
        .collect();
    Failure::new(Kind::Invalid, "find the service that the public port leads to")
        .saw(format!("it could be {}", told.join(", ")))
        .hint("write service = \"web\" into project.toml")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn chosen(services: &Value, file: &ProjectFile) -> Result<(String, Option<u16>, Option<u16>)> {
        let model = Model::parse(&json!({ "services": services }).to_string()).unwrap();
        choose(&model, file).map(|front| (front.service, front.public, front.container))
    }

    #[test]
    fn the_service_that_publishes_serves() {
        let services = json!({"db": {"image": "x", "expose": [5432]}, "web": {"image": "x", "ports": ["8080:80"]}});
        let none = ProjectFile::default();
        assert_eq!(chosen(&services, &none).unwrap(), ("web".into(), Some(8080), Some(80)));
        let named = ProjectFile { service: Some("db".into()), ..ProjectFile::default() };
        assert_eq!(chosen(&services, &named).unwrap(), ("db".into(), None, Some(5432)));
        let wrong = ProjectFile { service: Some("app".into()), ..ProjectFile::default() };
        assert!(chosen(&services, &wrong).unwrap_err().to_string().contains("db, web"));
    }

    #[test]
    fn the_port_decides_between_several() {
        let services =
            json!({"db": {"image": "x", "ports": ["5432:5432"]}, "web": {"image": "x", "ports": ["80:8000"]}});
        let at = |port| ProjectFile { port, ..ProjectFile::default() };
        assert_eq!(chosen(&services, &at(Some(80))).unwrap().0, "web");
        let unclear = chosen(&services, &at(None)).unwrap_err().to_string();
        assert!(unclear.contains("db (5432), web (80)"), "{unclear}");
        assert!(chosen(&services, &at(Some(9999))).is_err());
    }

    #[test]
    fn an_only_service_needs_no_port() {
        assert_eq!(
            chosen(&json!({"web": {"image": "x"}}), &ProjectFile::default()).unwrap(),
            ("web".into(), None, None)
        );
        assert!(chosen(&json!({"a": {"image": "x"}, "b": {"image": "x"}}), &ProjectFile::default()).is_err());
    }
}

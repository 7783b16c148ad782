//! `project.toml`: what a repository says about how it is built and served.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Component, Path};
use std::str::FromStr;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::error::{Failure, Kind, Result};
use crate::files;

/// The name of the file.
pub(crate) const NAME: &str = "project.toml";

/// How many MiB an application may be given; engines refuse less.
const MEMORY_MIB: RangeInclusive<u64> = 6..=1 << 24;

/// How a project is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildType {
    /// By a Dockerfile.
    Dockerfile,
    /// By a compose file.
    Compose,
    /// By a Procfile and buildpacks.
    Procfile,
    /// By whatever the repository holds.
    Auto,
}

impl BuildType {
    /// Every build type, in the order in which `auto` looks for them.
    pub const ALL: [Self; 4] = [Self::Dockerfile, Self::Compose, Self::Procfile, Self::Auto];

    /// The word for it in requests and files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Dockerfile => "dockerfile",
            Self::Compose => "compose",
            Self::Procfile => "procfile",
            Self::Auto => "auto",
        }
    }
}

impl fmt::Display for BuildType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for BuildType {
    type Err = Failure;

    fn from_str(word: &str) -> Result<Self> {
        // docker-compose and herokuish are what Inertia's clients call two of them
        let word = match word {
            "docker-compose" => "compose",
            "herokuish" => "procfile",
            other => other,
        };
        let found = Self::ALL.into_iter().find(|kind| kind.word() == word);
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::word).join(", ");
            Failure::new(Kind::Invalid, format!("unknown build type {word:?}")).saw(format!("there are {known}"))
        })
    }
}

/// When a version counts as healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// The path that is asked for.
    pub path: String,
    /// The HTTP status that it must answer.
    pub status: u16,
    /// A text that the body must hold.
    pub contains: Option<String>,
    /// How long it may take after the start.
    pub timeout_seconds: u64,
}

impl Default for Health {
    fn default() -> Self {
        Self { path: "/".into(), status: 200, contains: None, timeout_seconds: 30 }
    }
}

impl Health {
    /// How long it may take after the start.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }
}

/// The content of `project.toml`; every key may be absent, and so may the file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectFile {
    /// How the project is built.
    pub build_type: Option<BuildType>,
    /// The file that says so, relative to the repository.
    pub build_file_path: Option<String>,
    /// The public port.
    pub port: Option<u16>,
    /// The port inside the container.
    pub container_port: Option<u16>,
    /// The service of a compose project that the public port leads to.
    pub service: Option<String>,
    /// How many MiB of memory it may use; one that takes more is ended and started again.
    pub memory_mib: Option<u64>,
    /// When a version counts as healthy.
    #[serde(default)]
    pub health: Health,
    /// What the client keeps there about itself. The daemon does not look at it: a mistake there must not fail a deploy.
    #[serde(default)]
    pub client: IgnoredAny,
}

impl ProjectFile {
    /// Reads the file of a work tree.
    pub fn of_tree(tree: &Path) -> Result<Self> {
        match files::read_in_tree(tree, NAME)? {
            Some(text) => Self::parse(&text),
            None => Ok(Self::default()),
        }
    }

    /// Reads the text of the file.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = |saw: String| Failure::new(Kind::Invalid, format!("read {NAME} of the repository")).saw(saw);
        let file: Self = toml::from_str(text).map_err(|error| invalid(error.to_string().trim_end().to_owned()))?;
        if file.port == Some(0) || file.container_port == Some(0) {
            return Err(invalid("a port is 0: ports go from 1 to 65535".into()));
        }
        if !file.health.path.starts_with('/') || file.health.path.contains([' ', '\r', '\n']) {
            return Err(invalid(format!("health.path {:?} does not begin with / or holds a space", file.health.path)));
        }
        if file.memory_mib.is_some_and(|mib| !MEMORY_MIB.contains(&mib)) {
            return Err(invalid(format!("memory_mib goes from {} to {}", MEMORY_MIB.start(), MEMORY_MIB.end())));
        }
        if !(1..=3600).contains(&file.health.timeout_seconds) {
            return Err(invalid("health.timeout_seconds goes from 1 to 3600".into()));
        }
        Ok(file)
    }
}

/// Refuses a path that could leave the work tree.
pub(crate) fn relative_path(path: &str) -> Result<String> {
    let parts: Vec<Component<'_>> = Path::new(path).components().filter(|part| *part != Component::CurDir).collect();
    let inside = !parts.is_empty() && parts.iter().all(|part| matches!(part, Component::Normal(_)));
    if !inside {
        let failure = Failure::new(Kind::Invalid, format!("build_file_path {path:?}"));
        return Err(failure.saw("it is not a path inside of the repository").hint("such as docker/Dockerfile"));
    }
    Ok(parts.iter().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_file_is_understood() {
        let text = "build_type = \"dockerfile\"\nbuild_file_path = \"Dockerfile\"\nport = 8080\ncontainer_port = 80\n\
                    [health]\npath = \"/up\"\nstatus = 204\ncontains = \"commit\"\ntimeout_seconds = 5\n";
        let file = ProjectFile::parse(text).unwrap();
        assert_eq!(
            (file.build_type, file.port, file.container_port),
            (Some(BuildType::Dockerfile), Some(8080), Some(80))
        );
        assert_eq!((file.health.status, file.health.timeout()), (204, Duration::from_secs(5)));
    }

    #[test]
    fn an_empty_file_has_the_defaults() {
        assert_eq!(ProjectFile::parse("").unwrap(), ProjectFile::default());
        assert_eq!(ProjectFile::parse("[health]\nstatus = 404").unwrap().health.path, "/");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("prot = 1", "prot"),
            ("build_type = \"make\"", "make"),
            ("port = 0", "port"),
            ("port = 70000", "70000"),
            ("memory_mib = 5", "memory_mib goes from 6"),
            ("[health]\npath = \"up\"", "health.path"),
            ("[health]\ntimeout_seconds = 0", "timeout_seconds"),
        ] {
            let failure = ProjectFile::parse(text).unwrap_err();
            assert_eq!(failure.kind(), Kind::Invalid);
            assert!(failure.to_string().contains(named), "{failure} does not name {named}");
        }
    }

    #[test]
    fn an_unknown_build_type_lists_the_known_ones() {
        let failure = "make".parse::<BuildType>().unwrap_err().to_string();
        assert!(failure.contains("dockerfile, compose, procfile, auto"), "{failure}");
        assert_eq!("docker-compose".parse::<BuildType>().unwrap(), BuildType::Compose);
    }

    #[test]
    fn paths_stay_inside() {
        assert_eq!(relative_path("./docker/Dockerfile").unwrap(), "docker/Dockerfile");
        for path in ["", "..", "../x", "/etc/passwd", "a/../../b"] {
            assert!(relative_path(path).is_err(), "{path}");
        }
    }
}

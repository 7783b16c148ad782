//! The file that describes a deploy tool: which commands do what, and where they run.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Failure, Result};
use crate::project::BuildType;

/// What the file says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolFile {
    /// What reports call the tool.
    pub name: String,
    /// The programs that its commands need on the operator's side, each with the package that brings it.
    #[serde(default)]
    pub needs: BTreeMap<String, String>,
    /// Which types of projects it builds.
    pub builds: Vec<BuildType>,
    pub bootstrap: Script,
    pub deploy: Script,
    pub status: Option<Script>,
    pub rollback: Option<Script>,
    pub remove: Option<Script>,
    /// Why there is no command for something.
    #[serde(default)]
    pub cannot: Cannot,
}

/// A shell script, and the side that it runs on.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Script {
    /// On the machine that runs the scenarios.
    Here(String),
    /// On the VPS, over SSH.
    OnVps(String),
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cannot {
    pub status: Option<String>,
    pub rollback: Option<String>,
    pub remove: Option<String>,
    pub deploy_key: Option<String>,
}

impl ToolFile {
    pub fn read(path: &Path) -> Result<Self> {
        let hint = "a deploy tool is a file like scenarios/deployers/compose/deployer.toml; README.md beside it says what \
                    may stand there";
        let failed = |seen: String| {
            Error::Name(Failure::new(path.display().to_string(), "read the deploy tool").saw(seen).hint(hint))
        };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let file: Self = toml::from_str(&text).map_err(|error| failed(error.to_string()))?;
        file.check().map_err(failed)?;
        Ok(file)
    }

    fn check(&self) -> Result<(), String> {
        if self.name.trim().is_empty() || self.name.contains(['\n', '/']) {
            return Err(format!("name: {:?} is none; such as \"compose\"", self.name));
        }
        if self.builds.is_empty() {
            return Err("builds: it builds nothing; such as [\"dockerfile\"]".to_owned());
        }
        let cannot = &self.cannot;
        for (verb, script, why) in [
            ("status", &self.status, &cannot.status),
            ("rollback", &self.rollback, &cannot.rollback),
            ("remove", &self.remove, &cannot.remove),
        ] {
            if script.is_some() && why.is_some() {
                return Err(format!("cannot.{verb}: there is a command [{verb}]; one of the two has to go"));
            }
        }
        let mut all =
            [&self.bootstrap, &self.deploy].into_iter().chain(&self.status).chain(&self.rollback).chain(&self.remove);
        let empty = all.any(|script| script.text().trim().is_empty());
        if empty { Err("a command is empty: leave its table out, and say why in [cannot]".to_owned()) } else { Ok(()) }
    }
}

impl Script {
    pub fn text(&self) -> &str {
        match self {
            Self::Here(text) | Self::OnVps(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "name = 'a'\nbuilds = ['dockerfile']\nbootstrap.on_vps = 'true'\ndeploy.here = 'true'\n";

    fn told(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deployer.toml");
        std::fs::write(&path, text).unwrap();
        match ToolFile::read(&path) {
            Ok(file) => format!("{file:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_least_that_a_tool_is_are_a_bootstrap_and_a_deploy() {
        assert!(told(LEAST).contains("deploy: Here(\"true\"), status: None"), "{}", told(LEAST));
    }

    #[test]
    fn what_is_wrong_is_told_with_the_file_the_field_and_what_would_work() {
        for (text, words) in [
            ("colour = 'red'", &["deployer.toml", "line 5", "unknown field `colour`", "`rollback`"][..]),
            ("status.there = 'true'", &["unknown variant `there`", "`here` or `on_vps`"]),
            ("[cannot]\nsing = 'no voice'", &["unknown field `sing`", "`deploy_key`"]),
            ("rollback.here = 'x'\ncannot.rollback = 'y'", &["cannot.rollback", "[rollback]"]),
            ("remove.here = ' '", &["empty", "[cannot]"]),
        ] {
            let told = told(&format!("{LEAST}{text}\n"));
            assert!(words.iter().all(|word| told.contains(word)), "{told}");
        }
        assert!(told("name = 'a'\nbuilds = ['cobol']").contains("`dockerfile`"));
        assert!(told("name = 'a'\nbuilds = ['dockerfile']").contains("missing field `bootstrap`"));
    }

    #[test]
    fn the_files_that_come_with_the_scenarios_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/deployers");
        for tool in ["ansible", "compose"] {
            let file = ToolFile::read(&folder.join(tool).join("deployer.toml")).unwrap();
            assert_eq!((file.name.as_str(), file.needs.is_empty()), (tool, false));
        }
    }
}

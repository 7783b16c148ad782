//! A fixture project: its settings, and a copy in a temporary git repository that tests can commit to.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use serde::de::IgnoredAny;
use tempfile::TempDir;
use tokio::process::Command;

use crate::error::{Error, Failure, Result};

/// The file that makes a folder a project.
const SETTINGS_FILE: &str = "project.toml";
/// The branch a checkout starts on.
pub const MAIN_BRANCH: &str = "main";

/// A folder with a `project.toml`.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder's name.
    pub name: String,
    /// The folder.
    pub dir: PathBuf,
    /// What `project.toml` says.
    pub settings: ProjectSettings,
}

/// What `project.toml` says; the deploy daemon reads the same file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectSettings {
    /// How it is built.
    pub build_type: BuildType,
    /// The file that says how, where it is not the build type's usual one.
    pub build_file_path: Option<String>,
    /// The port of the VPS it is served on.
    pub port: u16,
    /// The port it listens on in its container, where that is another.
    pub container_port: Option<u16>,
    /// The service of a compose project that the port leads to, where the compose file leaves that open.
    pub service: Option<String>,
    /// How many MiB of memory it may use, where that is limited.
    pub memory_mib: Option<u64>,
    /// How it is seen to be healthy.
    #[serde(default)]
    pub health: Health,
    /// What deployd's own client keeps there; of no meaning here.
    #[serde(default)]
    pub client: IgnoredAny,
}

/// How a project is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildType {
    /// By its Dockerfile.
    Dockerfile,
    /// By its compose file.
    Compose,
    /// By a buildpack; its Procfile says how it runs.
    Procfile,
    /// By what the repository holds.
    Auto,
}

impl BuildType {
    /// The word for it in `project.toml` and in the daemon's interface.
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

/// The answer of a healthy project.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// The path that is asked.
    pub path: String,
    /// The status it answers with.
    pub status: u16,
    /// A text that the body holds.
    pub contains: Option<String>,
    /// How long it may take to come up.
    pub timeout_seconds: u64,
}

impl Default for Health {
    fn default() -> Self {
        Self { path: "/".to_owned(), status: 200, contains: None, timeout_seconds: 30 }
    }
}

impl Project {
    /// Reads the project in `dir`.
    pub fn open(dir: &Path) -> Result<Self> {
        let file = dir.join(SETTINGS_FILE);
        let failure = |seen: String| {
            let hint = "a project is a folder with a project.toml (build_type, port); see projects/dockerfile-web";
            Error::Name(Failure::new(file.display().to_string(), "read the project").saw(seen).hint(hint))
        };
        let text = std::fs::read_to_string(&file).map_err(|error| failure(error.to_string()))?;
        let settings = toml::from_str(&text).map_err(|error| failure(error.to_string()))?;
        let dir = dir.canonicalize().map_err(|error| failure(error.to_string()))?;
        let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { name, dir, settings })
    }

    /// The project that a person means: a folder, or where there is none of this name, one in the folder of the fixtures.
    pub fn find(word: &str, fixtures: &Path) -> Result<Self> {
        if Path::new(word).exists() {
            return Self::open(Path::new(word));
        }
        let names = names_in(fixtures);
        if names.iter().any(|name| name == word) {
            return Self::open(&fixtures.join(word));
        }
        let seen = if names.is_empty() { String::new() } else { format!("; fixtures: {}", names.join(", ")) };
        let failure = Failure::new(word, "find the project").saw(format!("no such folder{seen}"));
        Err(Error::Name(failure.hint("a project is a folder with a project.toml (build_type, port)")))
    }

    /// A copy of it in a git repository of its own, with everything in one commit.
    pub async fn checkout(&self) -> Result<Checkout> {
        let folder = tempfile::tempdir().map_err(|error| self.failed("make a folder", &error))?;
        self.copy_to(folder.path())?;
        let checkout = Checkout { name: self.name.clone(), folder };
        checkout.git(&["init", "--quiet", "--initial-branch", MAIN_BRANCH]).await?;
        checkout.commit_all(&format!("Add {}", self.name)).await?;
        Ok(checkout)
    }

    fn copy_to(&self, folder: &Path) -> Result<()> {
        for entry in
            walkdir::WalkDir::new(&self.dir).min_depth(1).into_iter().filter_entry(|it| it.file_name() != ".git")
        {
            let entry = entry.map_err(|error| self.failed("copy", &error))?;
            let Ok(inside) = entry.path().strip_prefix(&self.dir) else { continue };
            let target = folder.join(inside);
            let copied = if entry.file_type().is_dir() {
                std::fs::create_dir_all(&target)
            } else {
                std::fs::copy(entry.path(), &target).map(|_| ())
            };
            copied.map_err(|error| self.failed(&format!("copy {}", inside.display()), &error))?;
        }
        Ok(())
    }

    fn failed(&self, action: &str, error: &dyn std::error::Error) -> Error {
        Error::File(Failure::new(format!("project {}", self.name), action).saw(error))
    }
}

/// The names of the projects in a folder.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let projects = entries.filter(|entry| entry.path().join(SETTINGS_FILE).is_file());
    let mut names: Vec<String> = projects.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// A project's git repository in a temporary folder, which goes with it.
#[derive(Debug)]
pub struct Checkout {
    name: String,
    folder: TempDir,
}

impl Checkout {
    /// The project's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The work tree.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Removes every file of the work tree.
    pub fn clear(&self) -> Result<()> {
        let failed = |error: std::io::Error| {
            Error::File(Failure::new(format!("project {}", self.name), "clear the work tree").saw(error))
        };
        for entry in std::fs::read_dir(self.path()).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let is_dir = entry.file_type().map_err(failed)?.is_dir();
            let removed = match entry.file_name() {
                name if name == ".git" => Ok(()),
                _ if is_dir => std::fs::remove_dir_all(entry.path()),
                _ => std::fs::remove_file(entry.path()),
            };
            removed.map_err(failed)?;
        }
        Ok(())
    }

    /// Makes the work tree hold exactly the files of a project.
    pub fn replace_by(&self, project: &Project) -> Result<()> {
        self.clear()?;
        project.copy_to(self.path())
    }

    /// Writes a file of the work tree.
    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let path = self.path().join(file);
        let written =
            path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, content));
        written.map_err(|error| {
            Error::File(Failure::new(format!("project {}", self.name), format!("write {file}")).saw(error))
        })
    }

    /// Commits all changes (an empty commit if there are none); answers the new commit's hash.
    pub async fn commit_all(&self, message: &str) -> Result<String> {
        self.git(&["add", "--all"]).await?;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]).await?;
        self.head().await
    }

    /// The hash of the present commit.
    pub async fn head(&self) -> Result<String> {
        self.git(&["rev-parse", "HEAD"]).await
    }

    /// Runs git in the work tree; answers what it printed.
    pub async fn git(&self, arguments: &[&str]) -> Result<String> {
        self.git_with(arguments, &[]).await
    }

    /// The same with environment variables.
    pub(crate) async fn git_with(&self, arguments: &[&str], variables: &[(&str, String)]) -> Result<String> {
        git_in(&self.name, self.path(), arguments, variables).await
    }
}

/// The hash of the present commit of the checkout in a folder.
pub(crate) async fn head_of(folder: &Path) -> Result<String> {
    git_in(&folder.display().to_string(), folder, &["rev-parse", "HEAD"], &[]).await
}

/// Runs git in the work tree of a project; answers what it printed.
async fn git_in(name: &str, folder: &Path, arguments: &[&str], variables: &[(&str, String)]) -> Result<String> {
    let identity = ["AUTHOR", "COMMITTER"].into_iter().flat_map(|who| {
        [
            (format!("GIT_{who}_NAME"), "testvps".to_owned()),
            (format!("GIT_{who}_EMAIL"), "testvps@localhost".to_owned()),
        ]
    });
    let output = Command::new("git")
        .args(["-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null"])
        .args(arguments)
        .current_dir(folder)
        .envs(identity)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let failure = || Failure::new(format!("project {name}"), format!("git {}", arguments.join(" ")));
    let output = output.map_err(|error| {
        Error::Machine(failure().saw(error).hint("git is needed on this machine: apt-get install git"))
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::Deploy(failure().saw(format!("{}\n{said}", output.status))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(settings: &str) -> (TempDir, Result<Project>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(SETTINGS_FILE), settings).unwrap();
        let project = Project::open(folder.path());
        (folder, project)
    }

    #[test]
    fn settings_have_the_defaults_of_the_daemon() {
        let (_folder, project) = project("build_type = 'dockerfile'\nport = 8080\n[health]\ncontains = 'commit'");
        let settings = project.unwrap().settings;
        assert_eq!((settings.health.path.as_str(), settings.health.status), ("/", 200));
        assert_eq!(settings.health.contains.as_deref(), Some("commit"));
    }

    #[test]
    fn a_wrong_setting_is_named_with_its_file() {
        let (_folder, project) = project("build_type = 'dockerfile'\nport = 8080\ncolour = 'red'");
        let error = project.unwrap_err().to_string();
        assert!(error.contains("project.toml") && error.contains("colour"), "{error}");
    }

    #[test]
    fn a_project_is_found_by_its_folder_or_as_a_fixture_and_a_wrong_name_is_told_the_fixtures() {
        let fixtures = tempfile::tempdir().unwrap();
        for name in ["shop", "blog"] {
            std::fs::create_dir(fixtures.path().join(name)).unwrap();
            std::fs::write(fixtures.path().join(name).join(SETTINGS_FILE), "build_type = 'auto'\nport = 1").unwrap();
        }
        // part of a system of several projects, none itself
        std::fs::create_dir(fixtures.path().join("balancer")).unwrap();
        let find = |word: &str| Project::find(word, fixtures.path());
        assert_eq!(find("shop").unwrap().name, "shop");
        assert_eq!(find(&fixtures.path().join("blog").display().to_string()).unwrap().name, "blog");
        for wrong in ["shoop", "balancer", "../shop"] {
            let error = find(wrong).unwrap_err();
            assert!(matches!(&error, Error::Name(it) if it.to_string().contains("fixtures: blog, shop")), "{error}");
        }
    }

    #[tokio::test]
    async fn a_checkout_is_a_repository_of_its_own_that_can_be_committed_to() {
        let (_folder, project) = project("build_type = 'auto'\nport = 1");
        let checkout = project.unwrap().checkout().await.unwrap();
        let first = checkout.head().await.unwrap();
        checkout.write("sub/file", "text").unwrap();
        let second = checkout.commit_all("Change it").await.unwrap();
        assert_ne!(first, second);
        assert_eq!(checkout.git(&["show", "HEAD:sub/file"]).await.unwrap(), "text");
    }

    #[tokio::test]
    async fn a_checkout_becomes_another_project_and_keeps_its_history() {
        let ((_one, one), (_two, two)) =
            (project("build_type = 'auto'\nport = 1"), project("build_type = 'auto'\nport = 2"));
        let checkout = one.unwrap().checkout().await.unwrap();
        checkout.write("sub/file", "text").unwrap();
        let first = checkout.commit_all("Change it").await.unwrap();
        checkout.replace_by(&two.unwrap()).unwrap();
        let second = checkout.commit_all("Be another").await.unwrap();
        let changed = checkout.git(&["diff", "--name-status", &first, &second]).await.unwrap();
        assert_eq!(changed, "M\tproject.toml\nD\tsub/file");
    }
}

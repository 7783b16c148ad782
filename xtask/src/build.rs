//! Building the programs of a workspace: of the one that this program comes from, or of a copy of it.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context, ensure};
use harness::lease::Lease;
use harness::{Error, Failure};
use tokio::process::Command;

/// A workspace, and where what is built of it goes.
pub struct Build {
    root: PathBuf,
    target: PathBuf,
}

impl Build {
    /// The workspace that this program was built from.
    pub fn here() -> anyhow::Result<Self> {
        let root = sources()?;
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self::of(root, &target))
    }

    /// Another one.
    pub fn of(root: &Path, target: &Path) -> Self {
        Self { root: root.to_owned(), target: target.to_owned() }
    }

    /// The deploy daemon by a profile, linked statically, so that it runs in an image of any distribution.
    pub async fn daemon(&self, lease: &Lease, profile: &str) -> anyhow::Result<PathBuf> {
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        self.daemon_at(lease, &platform, &[], profile).await
    }

    /// The same for a platform, with the variables that its compiler needs.
    pub async fn daemon_at(
        &self,
        lease: &Lease,
        platform: &str,
        variables: &[(String, String)],
        profile: &str,
    ) -> anyhow::Result<PathBuf> {
        let mut command = self.cargo();
        command
            .args(words(profile, platform))
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("RUSTFLAGS", "-C target-feature=+crt-static")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        run(lease, &mut command, "build deployd").await?;
        Ok(self.target.join(platform).join(profile).join("deployd"))
    }

    /// The test binary of the scenarios.
    pub async fn scenarios(&self, lease: &Lease) -> anyhow::Result<PathBuf> {
        let mut command = self.cargo();
        command
            .args(["test", "--quiet", "--workspace", "--test", "scenarios", "--no-run"])
            .args(["--message-format", "json-render-diagnostics"]);
        let output = run(lease, &mut command, "build the scenarios").await?;
        let messages = String::from_utf8_lossy(&output.stdout).into_owned();
        let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let mut executables = messages.filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?)));
        executables.next_back().context("cargo named no test binary")
    }

    /// The workspace's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where what is built of it goes.
    pub fn target(&self) -> &Path {
        &self.target
    }

    fn cargo(&self) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        command
    }
}

/// Cargo's words for building the deploy daemon.
pub fn words(profile: &str, platform: &str) -> Vec<String> {
    ["build", "--quiet", "--package", "deployd", "--bin", "deployd", "--profile", profile, "--target", platform]
        .map(str::to_owned)
        .to_vec()
}

/// Runs cargo; what it says is the error, if it fails.
async fn run(lease: &Lease, command: &mut Command, what: &str) -> anyhow::Result<Output> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = lease.run_guarded(command).await.with_context(|| format!("run cargo to {what}"))?;
    ensure!(output.status.success(), "{what}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(output)
}

/// The folder of the workspace that this program was built from.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The same, where it is still there: a program that was installed outlives it, and need not know a way to it.
pub fn sources() -> anyhow::Result<&'static Path> {
    let root = root();
    if root.join("deployd/Cargo.toml").is_file() {
        return Ok(root);
    }
    let failure =
        Failure::new("this command", "find the sources that it builds from").saw("this program has none at hand");
    let hint = "start it in a checkout of the repository, through cargo; for bootstrap and deploy alone, \
                TESTENV_DEPLOYD_BINARY=FILE names a deployd that was built already";
    Err(Error::Machine(failure.hint(hint)).into())
}

/// The cargo that started this program, in the workspace that it was built from.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // it told this program of its package; ring's build script looks at that, and with it would be built anew each time
    // whatever stands on ring, which is half of the workspace
    let of_a_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_a_package)) {
        command.env_remove(name);
    }
    command
}

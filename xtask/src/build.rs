//! Building the programs of a workspace: of the one that this program comes from, or of a copy of it.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context, ensure};
use harness::lease::Lease;
use tokio::process::Command;

/// A workspace, and where what is built of it goes.
pub struct Build {
    root: PathBuf,
    target: PathBuf,
}

impl Build {
    /// The workspace that this program was built from.
    pub fn here() -> Self {
        let root = root();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Self::of(root, &target)
    }

    /// Another one.
    pub fn of(root: &Path, target: &Path) -> Self {
        Self { root: root.to_owned(), target: target.to_owned() }
    }

    /// The deploy daemon by a profile, linked statically, so that it runs in an image of any distribution.
    pub async fn daemon(&self, lease: &Lease, profile: &str) -> anyhow::Result<PathBuf> {
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let mut command = self.cargo();
        command
            .args(["build", "--quiet", "--package", "deployd", "--bin", "deployd"])
            .args(["--profile", profile, "--target", &platform])
            .env("RUSTFLAGS", "-C target-feature=+crt-static")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        run(lease, &mut command, "build deployd").await?;
        Ok(self.target.join(platform).join(profile).join("deployd"))
    }

    /// The test binary of the scenarios.
    pub async fn scenarios(&self, lease: &Lease) -> anyhow::Result<PathBuf> {
        let mut command = self.cargo();
        command
            .args(["test", "--quiet", "--package", "scenarios", "--test", "scenarios", "--no-run"])
            .args(["--message-format", "json-render-diagnostics"]);
        let output = run(lease, &mut command, "build the scenarios").await?;
        let messages = String::from_utf8_lossy(&output.stdout).into_owned();
        let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let mut executables = messages.filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?)));
        executables.next_back().context("cargo named no test binary")
    }

    fn cargo(&self) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        command
    }
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

/// The cargo that started this program, in the workspace that it was built from.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

//! Building the deploy daemon for another architecture than this machine's.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use harness::TestEnv;
use harness::catalog::Arch;
use harness::cross::{self, CrossBuild, Target};
use harness::provision::find_program;

use crate::build::{Build, cargo, words};
use crate::commands::say;

impl Build {
    /// The deploy daemon for an architecture, by the compiler of this machine where that knows it, else by Debian's.
    pub async fn daemon_for(&self, env: &TestEnv, arch: Arch, profile: &str) -> anyhow::Result<PathBuf> {
        if arch == env.engine().arch() {
            return self.daemon(env.lease(), profile).await;
        }
        let target = cross::target(arch);
        if knows(target).await {
            return self.daemon_at(env.lease(), target.triple, &target.variables(), profile).await;
        }
        self.fetch(env, target).await?;
        say(&format!("compile deployd for {arch} in a container: this machine's Rust has no {}", target.triple));
        let build = CrossBuild {
            workspace: self.root().to_owned(),
            // of another compiler: nothing that it makes serves this machine's
            target: self.target().join("cross"),
            cargo_home: cargo_home()?,
            words: words(profile, target.triple).into_iter().chain(["--offline".to_owned()]).collect(),
        };
        std::fs::create_dir_all(&build.target).with_context(|| format!("make {}", build.target.display()))?;
        let program = build.target.join(target.triple).join(profile).join("deployd");
        cross::cargo(env, arch, build).await?;
        Ok(program)
    }

    /// Fetches the crates of a platform: the container has no way to a registry.
    async fn fetch(&self, env: &TestEnv, target: Target) -> anyhow::Result<()> {
        let mut command = cargo();
        command.current_dir(self.root()).args(["fetch", "--quiet", "--target", target.triple]);
        let output = env.lease().run_guarded(&mut command).await.context("run cargo fetch")?;
        ensure!(output.status.success(), "cargo fetch: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

/// Whether this machine's toolchain has the platform's standard library, and its C compiler is there.
async fn knows(target: Target) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut asked = tokio::process::Command::new(rustc);
    let libraries = asked.args(["--print", "target-libdir", "--target", target.triple]).output();
    let has_std = libraries.await.is_ok_and(|output| {
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success() && Path::new(&folder).is_dir()
    });
    has_std && find_program(&format!("{}-gcc", target.gcc)).is_some()
}

fn cargo_home() -> anyhow::Result<PathBuf> {
    match std::env::var_os("CARGO_HOME") {
        Some(dir) => Ok(dir.into()),
        None => Ok(Path::new(&std::env::var_os("HOME").context("HOME is not set")?).join(".cargo")),
    }
}

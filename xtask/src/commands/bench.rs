//! `bench`: how quick this is, as ratios to the plain tools, run in turns on the same machine.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use harness::catalog::Init;
use harness::image::vps_image;
use harness::provision::find_program;
use harness::ssh::KeyPair;
use serde::Serialize;
use tempfile::TempDir;

use super::common::{print_json, say, table, with_env};
use crate::cli::{Global, Json};

/// How often each side runs; the median counts.
const ROUNDS: usize = 9;
/// The system that is measured.
const SYSTEM: (&str, &str) = ("debian", "12");

/// One comparison.
#[derive(Debug, Serialize)]
struct Comparison {
    what: String,
    against: &'static str,
    goal: f64,
    ratio: f64,
    ours_ms: u128,
    plain_ms: u128,
}

pub async fn run(global: &Global, json: Json) -> anyhow::Result<()> {
    for program in ["docker", "ssh"] {
        ensure!(find_program(program).is_some(), "bench compares with the plain {program}, which is not installed");
    }
    let ratios = with_env(global, async |env| {
        let (os, version) = SYSTEM;
        let system = env.system(os, version)?;
        let base = env.sources().obtain(env.engine(), env.lease(), system, env.progress()).await?;
        let image = vps_image(env.engine(), env.lease(), system, &base, env.progress()).await?;
        env.stock().await?;
        let plain = Plain::new(image, env.lease().labels("bench"))?;
        [Init::Sshd, Init::Systemd]
            .into_iter()
            .map(|init| warm_start(global, &plain, init))
            .collect::<anyhow::Result<Vec<Comparison>>>()
    })
    .await?;
    if json.json {
        return print_json(&ratios);
    }
    show(&ratios);
    Ok(())
}

fn show(ratios: &[Comparison]) {
    let mut table = table(&["WHAT", "AGAINST", "RATIO", "GOAL", "OURS", "PLAIN"]);
    for it in ratios {
        table.add_row([
            it.what.clone(),
            it.against.to_owned(),
            format!("{:.2}", it.ratio),
            format!("<= {}", it.goal),
            format!("{} ms", it.ours_ms),
            format!("{} ms", it.plain_ms),
        ]);
    }
    println!("{table}");
}

/// `testenv` from a warm cache to an authenticated command, against `docker run` and a client that polls.
fn warm_start(global: &Global, plain: &Plain, init: Init) -> anyhow::Result<Comparison> {
    let state = tempfile::tempdir()?;
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        say(&format!("warm start, {init}, round {} of {ROUNDS}", round + 1));
        ours.push(testenv(global, state.path(), init)?);
        others.push(plain.start(init)?);
    }
    let (ours, plain) = (median(ours), median(others));
    Ok(Comparison {
        what: format!("warm testenv to an authenticated command, {init}"),
        against: "docker run and an OpenSSH client polling, same image",
        goal: 1.0,
        ratio: ours.as_secs_f64() / plain.as_secs_f64(),
        ours_ms: ours.as_millis(),
        plain_ms: plain.as_millis(),
    })
}

/// Runs this program's own `testenv`, as a person does, and takes the VPS down again outside the measured time.
fn testenv(global: &Global, state: &Path, init: Init) -> anyhow::Result<Duration> {
    let program = std::env::current_exe()?;
    let command = |words: &[&str]| -> anyhow::Result<()> {
        let mut command = Command::new(&program);
        command.args(words).arg("--state-dir").arg(state);
        if global.no_install {
            command.arg("--no-install");
        }
        let output = command.stdin(Stdio::null()).output()?;
        ensure!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    };
    let start = Instant::now();
    command(&["testenv", SYSTEM.0, SYSTEM.1, "--name", "bench", "--init", &init.to_string(), "--json"])?;
    let elapsed = start.elapsed();
    command(&["down", "bench"])?;
    Ok(elapsed)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// How somebody does it by hand: the engine's command line and an OpenSSH client.
struct Plain {
    image: String,
    labels: HashMap<String, String>,
    files: TempDir,
}

impl Plain {
    fn new(image: String, labels: HashMap<String, String>) -> anyhow::Result<Self> {
        let files = tempfile::tempdir()?;
        let (login, host) = (KeyPair::generate()?, KeyPair::generate()?);
        login.write_private(&files.path().join("login"))?;
        host.write_private(&files.path().join("host"))?;
        std::fs::write(files.path().join("authorized_keys"), login.public_line())?;
        Ok(Self { image, labels, files })
    }

    fn start(&self, init: Init) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let container = Container::run(self, init)?;
        let port = container.port()?;
        let deadline = Instant::now() + Duration::from_mins(1);
        while !self.login(&port)? {
            ensure!(Instant::now() < deadline, "the plain container accepts no login");
        }
        Ok(start.elapsed())
    }

    /// One try of the client; the next follows at once, which is the quickest that polling can be.
    fn login(&self, port: &str) -> anyhow::Result<bool> {
        let status = Command::new("ssh")
            .args(["-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
            .args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-i"])
            .arg(self.files.path().join("login"))
            .args(["-p", port, "root@127.0.0.1", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .context("run ssh")?;
        Ok(status.success())
    }
}

/// A container of the plain command line, removed when this is dropped.
struct Container(String);

impl Container {
    fn run(plain: &Plain, init: Init) -> anyhow::Result<Self> {
        let mount = |file: &str, at: &str| format!("{}:{at}:ro", plain.files.path().join(file).display());
        let mut command = Command::new("docker");
        command.args(["run", "--detach", "--cap-drop", "ALL"]);
        // a run that is killed, or that the engine refuses half way, leaves a container: the reaper finds it by these
        for (key, value) in &plain.labels {
            command.arg("--label").arg(format!("{key}={value}"));
        }
        for capability in harness::vps::CAPABILITIES {
            command.args(["--cap-add", capability]);
        }
        command
            .args(["--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"])
            .args(["--cgroupns", "private", "--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec"])
            .args(["--volume", "/var/lib/docker", "--volume", "/var/lib/containerd", "--publish", "127.0.0.1::22"])
            .args(["--volume", &mount("authorized_keys", "/root/.ssh/authorized_keys")])
            .args(["--volume", &mount("host", "/etc/ssh/ssh_host_ed25519_key")])
            .args([&plain.image, &init.to_string()]);
        Ok(Self(stdout(&mut command)?))
    }

    fn port(&self) -> anyhow::Result<String> {
        let address = stdout(Command::new("docker").args(["port", &self.0, "22/tcp"]))?;
        Ok(address.rsplit(':').next().unwrap_or_default().to_owned())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = stdout(Command::new("docker").args(["rm", "--force", "--volumes", &self.0]));
    }
}

fn stdout(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

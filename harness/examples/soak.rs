//! Starts and closes VPSes for many rounds, kills the process that does it at random moments, and asks the engine after each
//! kill what is left: `cargo run -p harness --example soak ROUNDS`. Every third round is killed.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use harness::wait::{Seen, TimedOut, wait_until};
use harness::{Engine, TestEnv};
use tokio::process::Command;

/// Says to this program, started again, that it is one round of the soak.
const ROUND: &str = "SOAK_ROUND";
/// The label of a VPS that says whose it is: others may use the same engine meanwhile.
const WORKSPACE: &str = "org.testvps.workspace";
/// Within this time after its start a round is killed.
const LONGEST_LIFE: Duration = Duration::from_millis(2500);
/// How long the reaper may take to remove what a killed round left.
const REAPED: Duration = Duration::from_mins(1);

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    if std::env::var_os(ROUND).is_some() {
        round().await?;
        return Ok(ExitCode::SUCCESS);
    }
    let rounds: u32 = std::env::args().nth(1).unwrap_or_else(|| "30".to_owned()).parse()?;
    let engine = Engine::connect().await?;
    let state = tempfile::tempdir()?;
    let workspace = state.path().canonicalize()?.display().to_string();
    let (mut killed, start) = (0, Instant::now());
    for number in 1..=rounds {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.env(ROUND, "1").env("TESTENV_STATE_DIR", &workspace).kill_on_drop(true).spawn()?;
        if number % 3 == 0 {
            if tokio::time::timeout(LONGEST_LIFE.mul_f64(rand::random()), child.wait()).await.is_err() {
                child.kill().await?;
                killed += 1;
            }
        } else if !child.wait().await?.success() {
            return Err(format!("round {number} failed").into());
        }
        nothing_left(&engine, &workspace).await?;
        if number % 10 == 0 {
            println!("{number} rounds, {killed} of them killed, nothing left, {:?}", start.elapsed());
        }
    }
    println!("{rounds} rounds, {killed} of them killed, nothing left");
    Ok(ExitCode::SUCCESS)
}

/// What a test does: a VPS, a command on it, and an end.
async fn round() -> harness::Result<()> {
    let env = TestEnv::open().await?;
    let vps = env.vps("debian", "12")?.start(&env).await?;
    vps.ssh().await?.run("true").await?;
    vps.close().await?;
    env.close().await
}

/// Waits until the engine has no VPS of the workspace.
async fn nothing_left(engine: &Engine, workspace: &str) -> Result<(), TimedOut> {
    let waited = wait_until(REAPED, "the engine to have nothing of the round", async || {
        let there = match engine.vps_containers().await {
            Ok(there) => there,
            Err(error) => return Seen::NotYet(error.to_string()),
        };
        let ours = there.into_iter().filter(|it| it.labels.get(WORKSPACE).is_some_and(|dir| dir == workspace));
        match ours.map(|it| it.name).collect::<Vec<_>>() {
            left if left.is_empty() => Seen::Ready(()),
            left => Seen::NotYet(left.join(", ")),
        }
    });
    waited.await
}

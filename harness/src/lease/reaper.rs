//! The reaper: a second process of the same program that outlives the first, however that one ends.
//!
//! It is the same executable, because a library has no other program at hand in a test of somebody's repository: a
//! constructor that runs before `main` sees the variable and does this instead.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::runs::MachineDir;
use super::sweep;
use crate::Engine;
use crate::error::Result;
use crate::wait::{Seen, wait_until};

/// Set in the environment of a reaper: the run it waits for.
pub(super) const RUN_VARIABLE: &str = "TESTVPS_REAPER_OF_RUN";
/// What it says when it is there.
pub(super) const READY: &str = "ready";
/// How long after a kill -9 the engine may still carry out what the dead process had asked for.
const AFTERMATH: Duration = Duration::from_secs(3);
/// How long an engine that answers and cannot remove something, being busy, is asked again.
const STRUGGLE: Duration = Duration::from_mins(2);
/// How long an engine that does not answer is waited for; past that the next command does the work.
const PATIENCE: Duration = Duration::from_secs(10);

#[ctor::ctor(unsafe)]
fn become_reaper() {
    if let Ok(run) = std::env::var(RUN_VARIABLE) {
        std::process::exit(i32::from(reap_when_it_ends(&run).is_err()));
    }
}

/// What the run said through the pipe before it ended.
#[derive(Default)]
struct LastWords {
    orderly: bool,
    guarded: BTreeSet<i32>,
}

fn reap_when_it_ends(run: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let Ok(runtime) = runtime else { return Ok(()) };
    runtime.block_on(async {
        outlive_signals();
        // made while there is time, so that an orderly end need not wait for it
        let early = tokio::spawn(Engine::connect());
        let words = tokio::task::spawn_blocking(listen).await.unwrap_or_default();
        end_children(&words.guarded).await;
        let ended = Instant::now();
        let engine = match early.await {
            Ok(Ok(engine)) if engine.is_there().await => engine,
            _ => match wait_until(PATIENCE, "the container engine", connect).await {
                Ok(engine) => engine,
                Err(_) => return Ok(()),
            },
        };
        let machine = MachineDir::find(&engine)?;
        // children that were ended have asked the engine for things, too
        let violent = !words.orderly || !words.guarded.is_empty();
        while violent && ended.elapsed() < AFTERMATH {
            for run in machine.dead_runs().iter().map(String::as_str).chain([run]) {
                // what fails is tried again, here or below
                let _ = sweep::remove_of_run(&engine, run).await;
            }
            let settled = wait_until(Duration::from_millis(250), "the engine to settle", || {
                std::future::ready(Seen::<()>::NotYet(String::new()))
            });
            let _ = settled.await;
        }
        // the children's runs died with them
        let runs = [vec![run.to_owned()], machine.dead_runs()].concat();
        let reaped = wait_until(STRUGGLE, "what the run left to go", || async {
            for run in &runs {
                if let Err(error) = sweep::reap_run(&engine, &machine, run).await {
                    return Seen::NotYet(error.to_string());
                }
            }
            Seen::Ready(())
        });
        // past that the next sweep does the work
        let _ = reaped.await;
        Ok(())
    })
}

async fn connect() -> Seen<Engine> {
    Engine::connect().await.map_or_else(|error| Seen::NotYet(error.to_string()), Seen::Ready)
}

/// A terminal that closes, or a process group that is told to end, does not end the reaper.
fn outlive_signals() {
    use tokio::signal::unix::{SignalKind, signal};
    // a pipe to a process that was killed, too: before `main` nobody has made that an error instead of a signal
    for kind in [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::terminate(), SignalKind::pipe()] {
        if let Ok(mut stream) = signal(kind) {
            tokio::spawn(async move { while stream.recv().await.is_some() {} });
        }
    }
}

/// Reads the pipe until the run has ended.
fn listen() -> LastWords {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{READY}").and_then(|()| out.flush());
    let mut words = LastWords::default();
    for line in std::io::stdin().lock().lines().map_while(std::result::Result::ok) {
        match line.split_once(' ') {
            Some(("guard", group)) => words.guarded.extend(group.parse::<i32>()),
            Some(("unguard", group)) => words.guarded.retain(|guarded| group.parse() != Ok(*guarded)),
            _ => words.orderly |= line == "bye",
        }
    }
    words
}

/// Ends the process groups that the run had started, gently first so that they clean up after themselves.
async fn end_children(groups: &BTreeSet<i32>) {
    for group in groups.iter().map(|group| Pid::from_raw(*group)) {
        if killpg(group, Signal::SIGTERM).is_err() {
            continue;
        }
        let gone = wait_until(Duration::from_secs(4), "a child process to end", || {
            std::future::ready(killpg(group, None).map_or(Seen::Ready(()), |()| Seen::NotYet("still there".to_owned())))
        });
        if gone.await.is_err() {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

//! How a command's end becomes an exit status: 0 done, 1 failed, 2 wrong words, 3 this machine cannot, 130 Ctrl-C.

use std::future::Future;
use std::process::ExitCode;

use harness::Error;

/// The exit status after Ctrl-C: 128 and the number of SIGINT.
pub const INTERRUPTED: u8 = 130;

/// A command ends with this status of its own and has said everything already.
#[derive(Debug, thiserror::Error)]
#[error("exit status {0}")]
pub struct Status(pub u8);

/// Wrong words, found after the parser of the command line was satisfied.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Runs a command to its end, which is the process's.
pub fn of<F: Future<Output = anyhow::Result<()>>>(command: impl FnOnce() -> F) -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("TESTENV_LOG"))
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&anyhow::Error::from(error)),
    };
    let code = runtime.block_on(async {
        match command().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => report(&error),
        }
    });
    // a thread that reads standard input cannot be waited for: it ends with the process
    runtime.shutdown_background();
    code
}

/// Does some work to its end or to Ctrl-C; either way its lease is closed before the process ends.
pub async fn unless_interrupted<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::select! {
        result = work => result,
        () = interrupted() => Err(Status(INTERRUPTED).into()),
    }
}

/// The same for work that makes nothing, so that there is nothing to say.
pub async fn until_interrupted(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::select! {
        result = work => result,
        () = signalled() => Err(Status(INTERRUPTED).into()),
    }
}

/// Ctrl-C, or being told to end.
pub async fn interrupted() {
    signalled().await;
    eprintln!("interrupted: removing what this command made");
}

async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::terminate()), signal(SignalKind::hangup())) {
        (Ok(mut terminate), Ok(mut hangup)) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        },
        _ => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

/// Says why a command failed; answers its exit status.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(Status(code)) = error.downcast_ref() {
        return ExitCode::from(*code);
    }
    eprintln!("error: {error:#}");
    ExitCode::from(code_of(error))
}

fn code_of(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() {
        return 2;
    }
    match error.downcast_ref::<Error>() {
        Some(Error::Name(_)) => 2,
        Some(Error::Machine(_)) => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use harness::Failure;

    use super::*;

    #[test]
    fn each_kind_of_error_has_its_status() {
        let failure = || Failure::new("x", "y");
        for (error, code) in [
            (anyhow::Error::from(Error::Name(failure())), 2),
            (anyhow::Error::from(Usage("wrong".to_owned())), 2),
            (anyhow::Error::from(Error::Machine(failure())), 3),
            (anyhow::Error::from(Error::Boot(failure())), 1),
            (anyhow::anyhow!("anything"), 1),
            (anyhow::Error::from(Error::Machine(failure())).context("more"), 3),
        ] {
            assert_eq!(code_of(&error), code, "{error:#}");
        }
    }
}

//! Commands: streams, ends, input, deadlines, lost connections.

use std::time::{Duration, Instant};

use harness::ssh::{Exec, ExitStatus, Stream};
use harness::{Error, Result};

use crate::server::{Line, Mood, SOON, Server, pattern};

#[tokio::test]
async fn the_two_streams_and_the_status_come_apart() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let session = server.connect().await;
    let output = session.run("both").await?;
    assert_eq!((&*output.stdout_text(), &*output.stderr_text()), ("to stdout\n", "to stderr\n"));
    assert!(output.success());
    let output = session.exec("status 3").await?;
    assert_eq!(output.status, ExitStatus::Code(3));
    assert!(!output.success());
    Ok(())
}

#[tokio::test]
async fn run_makes_an_error_of_a_bad_status_and_quotes_the_output() {
    let server = Server::start(Mood::default()).await;
    let error = server.connect().await.run("status 3").await.unwrap_err();
    assert!(matches!(error, Error::Exec(_)), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("exec: mock (a): run `status 3` (after "), "{text}");
    assert!(text.ends_with("status 3\n  stderr: it went wrong"), "{text}");
}

#[tokio::test]
async fn a_signal_is_told_by_its_name() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let session = server.connect().await;
    assert_eq!(session.exec("signal").await?.status, ExitStatus::Signal("TERM".to_owned()));
    assert!(session.run("signal").await.unwrap_err().to_string().contains("signal TERM"));
    Ok(())
}

#[tokio::test]
async fn eight_megabytes_on_each_stream_arrive_whole() -> Result<()> {
    const SIZE: usize = 8 << 20;
    let server = Server::start(Mood::default()).await;
    let output = server.connect().await.run(&format!("big {SIZE}")).await?;
    let expected = pattern(SIZE);
    assert!(output.stdout == expected, "{} bytes", output.stdout.len());
    assert!(output.stderr == expected, "{} bytes", output.stderr.len());
    Ok(())
}

#[tokio::test]
async fn only_the_end_of_endless_output_is_kept_when_asked() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let output = server.connect().await.run_with("big 1000000", Exec::new().keep_last(1000)).await?;
    assert!((1000..=3000).contains(&output.stdout.len()), "{}", output.stdout.len());
    assert!(pattern(1_000_000).ends_with(&output.stdout));
    Ok(())
}

#[tokio::test]
async fn output_is_passed_on_while_the_command_still_runs() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let mut seen = Vec::new();
    let exec = Exec::new().deadline(SOON).on_output(|stream, bytes| {
        seen.push((stream, String::from_utf8_lossy(bytes).into_owned()));
        // The command waits for this: it would never end if the first line came only with its end.
        server.shared.go.notify_one();
    });
    server.connect().await.run_with("ask", exec).await?;
    assert_eq!(seen, [(Stream::Stdout, "first\n".to_owned()), (Stream::Stdout, "second\n".to_owned())]);
    Ok(())
}

#[tokio::test]
async fn input_larger_than_any_window_comes_back_whole() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let bytes = pattern(5 << 20);
    let output = server.connect().await.run_with("cat", Exec::new().stdin(bytes.clone())).await?;
    assert!(output.stdout == bytes, "{} bytes", output.stdout.len());
    Ok(())
}

#[tokio::test]
async fn variables_are_exported_and_quoted() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let exec = Exec::new().env("A", "it's").env("B", "plain");
    let output = server.connect().await.run_with("true", exec).await?;
    assert_eq!(output.stdout_text(), r"export A='it'\''s'; export B=plain; true");
    Ok(())
}

#[tokio::test]
async fn a_command_past_its_deadline_is_killed_and_its_output_told() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let session = server.connect().await;
    let error = session.exec_with("hang", Exec::new().deadline(Duration::from_millis(100))).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the deadline passed, and it was killed\n  stdout: hanging"), "{text}");
    assert!(server.shared.signals.borrow().contains(&"kill script".to_owned()));
    session.run("both").await?;
    Ok(())
}

#[tokio::test]
async fn a_connection_cut_in_mid_command_is_an_error_at_once() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let session = server.connect().await;
    let start = Instant::now();
    let cut = |_: Stream, _: &[u8]| {
        server.line.send_replace(Line::Cut);
    };
    let error = session.exec_with("hang", Exec::new().on_output(cut)).await.unwrap_err();
    assert!(matches!(error, Error::Exec(_)), "{error}");
    assert!(error.to_string().contains("connection lost"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(!session.is_alive());
    let error = session.exec("both").await.unwrap_err().to_string();
    assert!(error.contains("connection lost"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_falls_silent_is_noticed_by_keepalives() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let target = server.target().keepalive(Duration::from_millis(50));
    let session = harness::ssh::Session::connect(&target, SOON).await?;
    let die = |_: Stream, _: &[u8]| {
        server.line.send_replace(Line::Dead);
    };
    let error = session.exec_with("hang", Exec::new().deadline(SOON).on_output(die)).await.unwrap_err().to_string();
    assert!(error.contains("connection lost: the server stopped answering"), "{error}");
    Ok(())
}

#[tokio::test]
async fn input_that_nobody_takes_any_more_does_not_hold_a_lost_connection() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let target = server.target().keepalive(Duration::from_millis(50));
    let session = harness::ssh::Session::connect(&target, SOON).await?;
    let die = |_: Stream, _: &[u8]| {
        server.line.send_replace(Line::Dead);
    };
    let exec = Exec::new().stdin(vec![0; 32 << 20]).deadline(SOON).on_output(die);
    let error = session.exec_with("cat", exec).await.unwrap_err().to_string();
    assert!(error.contains("connection lost: the server stopped"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_channel_closed_without_a_status_and_a_refusal_are_errors() {
    let server = Server::start(Mood::default()).await;
    let session = server.connect().await;
    let error = session.exec("vanish").await.unwrap_err().to_string();
    assert!(error.contains("without telling how the command ended"), "{error}");
    let error = session.exec("refused").await.unwrap_err().to_string();
    assert!(error.contains("refuses to run commands"), "{error}");
}

#[tokio::test]
async fn more_commands_at_once_than_one_connection_takes_use_further_ones() -> Result<()> {
    let server = Server::start(Mood { max_sessions: 3, ..Mood::default() }).await;
    let session = server.connect().await;
    let mut commands = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let session = session.clone();
        commands.spawn(async move { session.run("ask").await });
    }
    // All twelve run at the same time, or this would not be reached.
    let connections = || server.shared.connections.load(std::sync::atomic::Ordering::SeqCst);
    let twelve = harness::wait::wait_until(SOON, "four connections", async || {
        if connections() >= 4 {
            harness::wait::Seen::Ready(())
        } else {
            harness::wait::Seen::NotYet(connections().to_string())
        }
    });
    twelve.await.expect("in time");
    while let Some(done) = {
        server.shared.go.notify_waiters();
        server.shared.go.notify_one();
        commands.join_next().await
    } {
        done.expect("no panic")?;
    }
    session.close().await;
    assert!(!session.is_alive());
    Ok(())
}

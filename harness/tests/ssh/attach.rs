//! A command on the caller's streams, with a terminal and without.

use std::time::Duration;

use harness::Result;
use harness::ssh::{Attach, ExitStatus, Size, Terminal};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, duplex, sink};
use tokio::sync::watch;

use crate::server::{Mood, SOON, Server};

#[tokio::test]
async fn a_shell_has_the_size_of_the_terminal_and_learns_when_it_changes() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let session = server.connect().await;
    let (size, changes) = watch::channel(Size { columns: 80, rows: 24 });
    let (mut keyboard, input) = duplex(100);
    let (output, screen) = duplex(1000);
    let terminal = Some(Terminal { kind: "xterm".to_owned(), size: changes });
    let shell = session.attach(None, Attach { input, output, errors: sink(), terminal });
    let person = async {
        let mut lines = BufReader::new(screen).lines();
        let mut seen = Vec::new();
        while let Ok(Some(line)) = lines.next_line().await {
            match line.as_str() {
                "80x24" => _ = size.send_replace(Size { columns: 100, rows: 50 }),
                "now 100x50" => keyboard.write_all(b"typed\n").await.unwrap(),
                "typed" => keyboard.write_all(b"exit\n").await.unwrap(),
                _ => {}
            }
            seen.push(line);
        }
        seen
    };
    let both = async { tokio::join!(shell, person) };
    let (status, seen) = tokio::time::timeout(SOON, both).await.expect("in time");
    assert_eq!(status?, ExitStatus::Code(7));
    assert_eq!(seen, ["80x24", "now 100x50", "typed"]);
    Ok(())
}

#[tokio::test]
async fn without_a_terminal_the_streams_stay_apart() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let session = server.connect().await;
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let attach = Attach { input: tokio::io::empty(), output: &mut output, errors: &mut errors, terminal: None };
    assert_eq!(session.attach(Some("both"), attach).await?, ExitStatus::Code(0));
    assert_eq!((&*output, &*errors), (&b"to stdout\n"[..], &b"to stderr\n"[..]));

    let mut output = Vec::new();
    let attach = Attach { input: &b"passed through"[..], output: &mut output, errors: sink(), terminal: None };
    assert!(session.attach(Some("cat"), attach).await?.success());
    assert_eq!(output, b"passed through");
    Ok(())
}

#[tokio::test]
async fn a_reader_who_goes_away_ends_the_command() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let session = server.connect().await;
    let (output, screen) = duplex(10);
    drop(screen);
    let attach = Attach { input: tokio::io::empty(), output, errors: sink(), terminal: None };
    let error = tokio::time::timeout(Duration::from_secs(10), session.attach(Some("hang"), attach)).await;
    let error = error.expect("in time").unwrap_err().to_string();
    assert!(error.contains("its output could not be passed on"), "{error}");
    let mut signals = server.shared.signals.subscribe();
    let signals = tokio::time::timeout(SOON, signals.wait_for(|signals| !signals.is_empty())).await;
    assert_eq!(*signals.expect("in time").expect("server is up"), ["KILL"]);
    Ok(())
}

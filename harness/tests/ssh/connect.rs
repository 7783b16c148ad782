//! Connecting: retries while a server starts, host keys, refused keys, deadlines.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use harness::ssh::{HostKey, KeyPair, Learned, Session, Target, scan_host_key};
use harness::{Error, Result};
use tokio::net::TcpListener;

use crate::server::{Mood, SOON, Server};

#[tokio::test]
async fn a_server_that_listens_late_is_waited_for() -> Result<()> {
    // The port is known before the server is there, and refuses meanwhile.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let learned = Learned::default();
    let key = KeyPair::generate()?;
    let target = Target::new("127.0.0.1", port, key, HostKey::Learn(learned.clone()));
    let early = Session::connect(&target, Duration::from_millis(100)).await.unwrap_err();
    assert!(matches!(early, Error::Connect(_)), "{early}");
    assert!(early.to_string().contains("refused"), "{early}");

    let late = async {
        // Bound again only once a connection has been refused for certain.
        assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
        Server::on(TcpListener::bind(("127.0.0.1", port)).await.unwrap(), Mood::default())
    };
    let (scanned, server) = tokio::join!(scan_host_key("mock", "127.0.0.1", port, SOON), late);
    assert_eq!(scanned?, server.host_key);
    server.connect().await.run("both").await?;
    Ok(())
}

#[tokio::test]
async fn connections_that_are_accepted_and_closed_are_tried_again() -> Result<()> {
    let server = Server::start(Mood { close_first: 5, ..Mood::default() }).await;
    let start = Instant::now();
    let session = Session::connect(&server.target(), SOON).await?;
    assert!(session.is_alive());
    assert_eq!(server.shared.connections.load(Ordering::SeqCst), 6);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    Ok(())
}

#[tokio::test]
async fn what_a_server_says_instead_of_a_banner_is_in_the_error() {
    let server =
        Server::start(Mood { close_first: usize::MAX, words: "Not allowed at this time\r\n", ..Mood::default() }).await;
    let error = Session::connect(&server.target(), Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error}");
    assert!(error.to_string().contains("Not allowed at this time"), "{error}");
}

#[tokio::test]
async fn a_login_cut_off_by_a_booting_system_is_tried_again() -> Result<()> {
    let server = Server::start(Mood { cut_logins: 3, ..Mood::default() }).await;
    Session::connect(&server.target(), SOON).await?;
    assert_eq!(server.shared.logins.load(Ordering::SeqCst), 4);

    let server = Server::start(Mood { cut_logins: usize::MAX, ..Mood::default() }).await;
    let error = Session::connect(&server.target(), Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, Error::Authenticate(_)), "{error}");
    assert!(error.to_string().contains("System is booting up."), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_key_that_arrives_a_moment_late_still_logs_in() -> Result<()> {
    let server = Server::start(Mood { refuse_first: 1, ..Mood::default() }).await;
    Session::connect(&server.target(), SOON).await?;
    Ok(())
}

#[tokio::test]
async fn a_refused_key_is_final_long_before_the_deadline() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let stranger = KeyPair::generate()?;
    let target = Target::new("127.0.0.1", server.port, stranger.clone(), HostKey::Pinned(server.host_key.clone()))
        .named("mock (a)");
    let start = Instant::now();
    let error = Session::connect(&target, Duration::from_mins(10)).await.unwrap_err();
    assert!(matches!(error, Error::Authenticate(_)), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let text = error.to_string();
    assert!(text.starts_with("authenticate: mock (a): log in as root at 127.0.0.1:"), "{text}");
    assert!(text.contains("refuses the key and offers publickey"), "{text}");
    assert!(text.contains(&stranger.public_line()), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_wrong_host_key_ends_it_at_once_and_names_both_keys() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let other = KeyPair::generate()?;
    let target = Target::new("127.0.0.1", server.port, server.key.clone(), HostKey::Pinned(other.public_line()));
    let error = Session::connect(&target, Duration::from_mins(10)).await.unwrap_err();
    assert!(matches!(error, Error::Authenticate(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("expected the host key {}", other.fingerprint())), "{text}");
    assert!(text.contains("saw SHA256:") && text.contains("in the middle"), "{text}");
    assert_eq!(server.shared.connections.load(Ordering::SeqCst), 1);
    assert_eq!(server.shared.logins.load(Ordering::SeqCst), 0, "nothing is said to a stranger");
    Ok(())
}

#[tokio::test]
async fn a_learned_host_key_counts_from_then_on() -> Result<()> {
    let learned = Learned::default();
    let first = Server::start(Mood::default()).await;
    let at =
        |server: &Server| Target::new("127.0.0.1", server.port, server.key.clone(), HostKey::Learn(learned.clone()));
    Session::connect(&at(&first), SOON).await?;
    assert_eq!(learned.get().as_ref(), Some(&first.host_key));
    Session::connect(&at(&first), SOON).await?;

    let second = Server::start(Mood::default()).await;
    let error = Session::connect(&at(&second), SOON).await.unwrap_err();
    assert!(matches!(error, Error::Authenticate(_)), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_pinned_line_that_is_no_key_is_said_at_once() {
    let server = Server::start(Mood::default()).await;
    let target = Target::new("127.0.0.1", server.port, server.key.clone(), HostKey::Pinned("nonsense".to_owned()));
    let error = Session::connect(&target, SOON).await.unwrap_err().to_string();
    assert!(error.contains("\"nonsense\" is no key"), "{error}");
}

#[tokio::test]
async fn a_server_that_never_speaks_is_given_up_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let key = KeyPair::generate().unwrap();
    let target = Target::new("127.0.0.1", port, key, HostKey::Learn(Learned::default()));
    let error = Session::connect(&target, Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error}");
    assert!(error.to_string().contains("still waiting for the SSH handshake"), "{error}");
}

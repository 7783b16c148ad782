//! Local forwards: bytes both ways, half-closed connections, refusals.

use std::net::SocketAddr;

use harness::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{Mood, SOON, Server, pattern};

/// Answers each connection, once its sender has finished, with what it sent.
async fn echo_at_the_end() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                stream.read_to_end(&mut bytes).await.expect("readable");
                stream.write_all(&bytes).await.expect("writable");
            });
        }
    });
    address
}

async fn say(to: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let talk = async {
        let mut stream = TcpStream::connect(to).await.expect("the forward listens");
        stream.write_all(bytes).await.expect("writable");
        stream.shutdown().await.expect("half-closed");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        answer
    };
    tokio::time::timeout(SOON, talk).await.expect("in time")
}

#[tokio::test]
async fn two_connections_at_once_each_get_their_own_answer_after_a_half_close() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let far = echo_at_the_end().await;
    let forward = server.connect().await.forward_local("127.0.0.1", far.port()).await?;
    assert!(forward.local_addr().ip().is_loopback());
    let (small, large) = (b"hello".to_vec(), pattern(3 << 20));
    let answers = tokio::join!(say(forward.local_addr(), &small), say(forward.local_addr(), &large));
    assert_eq!(answers.0, small);
    assert!(answers.1 == large, "{} bytes", answers.1.len());
    Ok(())
}

#[tokio::test]
async fn a_closed_far_port_resets_the_connection_and_is_remembered() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let forward = server.connect().await.forward_local("127.0.0.1", closed).await?;
    assert_eq!(forward.last_error(), None);
    let mut stream = TcpStream::connect(forward.local_addr()).await.unwrap();
    let read = tokio::time::timeout(SOON, stream.read(&mut [0; 1])).await.expect("in time");
    assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let why = forward.last_error().expect("remembered");
    assert_eq!(why, format!("127.0.0.1:{closed}: the server answered: Connect failed"));
    Ok(())
}

#[tokio::test]
async fn a_dropped_forward_closes_its_port_and_its_connections() -> Result<()> {
    let server = Server::start(Mood::default()).await;
    let far = echo_at_the_end().await;
    let session = server.connect().await;
    let forward = session.forward_local("127.0.0.1", far.port()).await?;
    let address = forward.local_addr();
    let mut open = TcpStream::connect(address).await.unwrap();
    open.write_all(b"x").await.unwrap();
    drop(forward);
    let end = tokio::time::timeout(SOON, open.read(&mut [0; 1])).await.expect("in time");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    harness::wait::wait_until(SOON, "the port to close", async || match TcpStream::connect(address).await {
        Ok(_) => harness::wait::Seen::NotYet("it accepts".to_owned()),
        Err(_) => harness::wait::Seen::Ready(()),
    })
    .await
    .expect("in time");
    session.run("both").await?;
    Ok(())
}
